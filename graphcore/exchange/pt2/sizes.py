"""Sizes as torch writes them, text of sympy's, as multiples of the batch size."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from graphcore.exchange.program import (
    Opaque,
    Size,
    add_sizes,
    divide_sizes,
    multiply_sizes,
)

LONGEST = 2000
"""Characters of an expression."""


def size_of(record: Any, known: Mapping[str, Size]) -> Size:
    """Return a size record of the file: a number, or an expression in symbols.

    Args:
        known: what each symbol is; one that is missing stays at the example's size.

    Raises:
        Opaque: it is no multiple of N plus a number.
        ValueError, KeyError, TypeError: it is no size.
    """
    if "as_int" in record:
        return _whole(record["as_int"])
    expression = record["as_expr"]
    text = expression["expr_str"]
    if not isinstance(text, str) or len(text) > LONGEST:
        raise ValueError(text)
    hint = expression.get("hint") or {}
    tree = ast.parse(text, mode="eval").body
    names = {n for n in symbols(tree) if n not in known}
    if names:  # none of them is the batch: the example's size holds
        return _whole(hint["as_int"])
    return _evaluated(tree, known)


def symbols(tree: ast.AST) -> set[str]:
    """Names of the symbols in an expression."""
    return {
        n.args[0].value
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and _name(n.func) == "Symbol" and n.args
        and isinstance(n.args[0], ast.Constant) and isinstance(n.args[0].value, str)
    }  # fmt: skip


def symbol_of(record: Any) -> str:
    """Return the symbol that a size record consists of, or "" where it is something else."""
    text = record.get("as_expr", {}).get("expr_str", "")
    if not isinstance(text, str) or not text.startswith("Symbol(") or len(text) > LONGEST:
        return ""
    try:
        found = symbols(ast.parse(text, mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return found.pop() if len(found) == 1 else ""


def hint_of(record: Any) -> int:
    """Return the size in the example; raises ValueError, KeyError, TypeError."""
    if "as_int" in record:
        return _whole(record["as_int"])
    return _whole(record["as_expr"]["hint"]["as_int"])


def _whole(number: Any) -> int:
    if type(number) is not int or abs(number) > 2**63:
        raise ValueError(number)
    return number


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _evaluated(node: ast.AST, known: Mapping[str, Size]) -> Size:
    if isinstance(node, ast.Constant):
        return _whole(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return multiply_sizes(-1, _evaluated(node.operand, known))
    if not isinstance(node, ast.Call):
        raise Opaque
    kind = _name(node.func)
    if kind == "Symbol":
        name = node.args[0]
        assert isinstance(name, ast.Constant)
        assert isinstance(name.value, str)
        return known[name.value]
    parts = [_evaluated(a, known) for a in node.args]
    if kind in ("Integer", "Identity") and len(parts) == 1:
        return parts[0]
    if kind in ("FloorDiv", "PythonFloorDiv", "CleanDiv") and len(parts) == 2:
        return divide_sizes(*parts)
    join = {"Add": add_sizes, "Mul": multiply_sizes}.get(kind)
    if join is None or not parts:
        raise Opaque
    total = parts[0]
    for part in parts[1:]:
        total = join(total, part)
    return total
