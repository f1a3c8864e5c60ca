"""What a source works out with plain values: numbers, texts and lists, within bounds."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from graphcore.files.torch.values import Value, refuse, source

MOST_PARTS = 10_000
"""Bound on the length of what a source may ask to be worked out."""
OPERATORS: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("Add", operator.add), ast.Sub: ("Sub", operator.sub),
    ast.Mult: ("Mul", operator.mul), ast.Div: ("Div", operator.truediv),
    ast.Pow: ("Pow", operator.pow), ast.MatMult: ("MatMul", operator.matmul),
    ast.FloorDiv: ("", operator.floordiv), ast.Mod: ("", operator.mod),
}  # fmt: skip
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip


def plain(value: Value) -> bool:
    """Whether a value is made of numbers and texts alone."""
    if isinstance(value, list | tuple):
        return all(plain(v) for v in value)
    return isinstance(value, bool | int | float | str | range | None)


def check_size(where: ast.AST, how: ast.operator, a: Value, b: Value) -> None:
    """Refuse arithmetic whose result would be too large."""
    sizes = [len(v) if isinstance(v, str | list | tuple) else abs(v or 0) for v in (a, b)]
    text = any(isinstance(v, str | list | tuple) for v in (a, b))
    large = max(sizes) > (MOST_PARTS if text else 2**63)
    if large or (isinstance(how, ast.Pow) and (sizes[1] > 64 or sizes[0] > 2**32)):
        refuse(where, f"{source(where)} is too large")


def guarded(where: ast.AST, act: Callable[[], Value]) -> Value:
    """Return what a calculation comes to; one that fails is refused with its line."""
    try:
        return act()
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        refuse(where, f"{source(where)}: {error}")
