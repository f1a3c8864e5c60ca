"""Names of a net's results, from the nesting of tuples and dicts that it returned."""

from __future__ import annotations

import json
from typing import Any


def leaf_names(text: Any, count: int) -> list[str]:
    """Return a name for each result: keys of dicts; "" where there is none."""
    try:
        version_and_tree = json.loads(text)
        names = _leaves(version_and_tree[1], "", 0)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return [""] * count
    return names if len(names) == count else [""] * count


def _leaves(tree: dict[str, Any], name: str, depth: int) -> list[str]:
    if depth > 50:
        raise ValueError("too deep")
    if tree["type"] is None:
        return [name]
    keys = _keys(tree)
    found: list[str] = []
    for i, child in enumerate(tree["children_spec"]):
        key = keys[i] if i < len(keys) else ""
        inner = "_".join(part for part in (name, key) if part)
        found += _leaves(child, inner, depth + 1)
    return found


def _keys(tree: dict[str, Any]) -> list[str]:
    """Keys of a dict or fields of a record, as far as they are words."""
    try:
        context = json.loads(tree["context"]) if tree["context"] else []
    except ValueError:
        return []
    if isinstance(context, list) and len(context) == 2 and isinstance(context[1], list):
        context = context[1]
    return [k if isinstance(k, str) else "" for k in context] if isinstance(context, list) else []
