"""JSON laid out for people: two spaces, one fact per line, short lists on one line."""

from __future__ import annotations

import json
from typing import Any

_WIDTH = 96


def format_json(value: Any, indent: int = 0) -> str:
    """JSON text of plain dicts, lists, strings and numbers.

    Numbers stay together on one line while they fit, so that moving a node changes one line;
    texts and objects have a line each.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    if not isinstance(value, dict | list | tuple) or not value:
        return _compact(value)
    if indent > 0 and _numbers_only(value):
        line = _compact(value)
        if len(line) + indent <= _WIDTH:
            return line
    pad = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{pad}{_compact(k)}: {format_json(v, indent + 2)}" for k, v in value.items()]
        opening, closing = "{", "}"
    else:
        rows = [pad + format_json(v, indent + 2) for v in value]
        opening, closing = "[", "]"
    return f"{opening}\n" + ",\n".join(rows) + f"\n{' ' * indent}{closing}"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _numbers_only(value: Any) -> bool:
    if isinstance(value, dict):
        return all(not isinstance(v, dict) and _numbers_only(v) for v in value.values())
    if isinstance(value, list | tuple):
        return all(map(_numbers_only, value))
    return not isinstance(value, str)
