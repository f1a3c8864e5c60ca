"""The language of checks: comparisons of facts, such as ``accuracy("test") >= 0.97``.

A check is parsed with Python's ``ast`` and accepted only if every part of it is on a short list:
numbers, texts, true and false, ``and or not``, comparisons, ``+ - * /``, the plain functions of
``PLAIN`` and calls of registered functions whose arguments are constants. Nothing is ever run as
Python. Length, depth and the number of parts are limited before and after parsing, and all
arithmetic is done with floats, so no check can take long.
"""

from __future__ import annotations

import ast
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from graphcore.errors import LessonError, quote, short

Value: TypeAlias = float | str | bool

LONGEST = 400
"""Characters of an expression."""
DEEPEST = 20
"""Brackets within brackets, and operators within operators."""
MOST_PARTS = 120
MOST_CALLS = 12

PLAIN: Mapping[str, Callable[..., float]] = {
    "abs": abs, "min": min, "max": max, "round": round, "sqrt": math.sqrt, "log": math.log,
    "exp": math.exp,
}  # fmt: skip
"""Functions of numbers that any expression may be put into."""
_ARITHMETIC: Mapping[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_COMPARISONS: Mapping[type, Callable[[Value, Value], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True)
class Call:
    """One call of a registered function, its arguments being constants.

    Attributes:
        line: of the expression, counted from 1.
    """

    name: str
    arguments: tuple[Value | tuple[Value, ...], ...] = ()
    named: tuple[tuple[str, Value | tuple[Value, ...]], ...] = ()
    line: int = 1

    def __str__(self) -> str:
        given = [_text(a) for a in self.arguments] + [f"{k}={_text(v)}" for k, v in self.named]
        return f"{self.name}({', '.join(given)})"


@dataclass(frozen=True)
class Expression:
    """A check that was found to be in order.

    Attributes:
        text: as it was written, on one line.
        calls: what it asks of the state, in order.
    """

    text: str
    calls: tuple[Call, ...]
    tree: ast.expr

    def __str__(self) -> str:
        return self.text


def parse(text: str, known: Callable[[Call], object]) -> Expression:
    """Return a check; nothing of it has been computed.

    Args:
        known: called with every call of a function that is not plain; raises LessonError if there
            is no such function or the arguments do not fit.

    Raises:
        LessonError: it is not in the language; the sentence says what would fit.
    """
    one_line = " ".join(text.split())
    tree = _tree(one_line)
    calls = list(_checked(tree))
    if len(calls) > MOST_CALLS:
        raise LessonError(f"{quote(one_line)} asks {len(calls)} things; {MOST_CALLS} are allowed.")
    for call in calls:
        known(call)
    return Expression(one_line, tuple(calls), tree)


def parse_call(text: str, line: int = 1) -> Call:
    """Return one call, such as ``train(epochs=3)``; raises LessonError."""
    tree = _tree(text.strip(), longest=8 * LONGEST)
    if not isinstance(tree, ast.Call):
        raise LessonError(f"{quote(text.strip())} is no call, such as train(epochs=3).")
    found = _call(tree)
    return Call(found.name, found.arguments, found.named, line)


def evaluate(expression: Expression, ask: Callable[[Call], Value]) -> Value:
    """Return what an expression comes to.

    Args:
        ask: gives the value of a call; raises GradscapeError if it has none.

    Raises:
        LessonError: a number is compared with a text, divided by zero, or grows too large.
    """
    try:
        return _value(expression.tree, ask)
    except ZeroDivisionError:
        raise LessonError(f"{expression.text} divides by zero.") from None
    except (OverflowError, ValueError):
        raise LessonError(f"{expression.text} has no finite value.") from None
    except TypeError:
        raise LessonError(f"{expression.text} mixes numbers and texts.") from None


# -- text to tree ---------------------------------------------------------------------------------


def _tree(text: str, longest: int = LONGEST) -> ast.expr:
    if not text:
        raise LessonError('The check is empty; write for example accuracy("test") >= 0.97.')
    if len(text) > longest:
        raise LessonError(f"An expression has at most {longest} characters, not {len(text):,}.")
    depth = deepest = 0
    for c in text:
        depth += _BRACKETS.get(c, 0)
        deepest = max(deepest, depth)
    if deepest > DEEPEST:
        raise LessonError(f"{quote(text)} has brackets {deepest} deep; {DEEPEST} are allowed.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        column = min(max(0, (error.offset or 1) - 1), len(text))
        near = short(text[max(0, column - 8) :], 24) or "the end"
        raise LessonError(f"{quote(text)} cannot be read near {near!r}.") from None
    except (ValueError, RecursionError, MemoryError):
        raise LessonError(f"{quote(text)} cannot be read.") from None
    _measure(text, tree)
    return tree


def _measure(text: str, tree: ast.expr) -> None:
    """Refuse what has too many parts, or parts within too many others."""
    level: list[ast.AST] = [tree]
    parts = depth = 0
    while level:
        depth, parts = depth + 1, parts + len(level)
        if depth > 2 * DEEPEST or parts > 3 * MOST_PARTS:
            raise LessonError(f"{quote(text)} is too long-winded: split it in several checks.")
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _checked(tree: ast.expr) -> Iterator[Call]:
    """The calls in a tree, in order; raises LessonError for a part that is not in the language."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Call) and (_name(node) not in PLAIN or node.keywords):
            yield _call(node)
        else:
            waiting += reversed(_operands(node))


def _operands(node: ast.expr) -> list[ast.expr]:
    """What a part of a check is made of; raises LessonError if it is not in the language."""
    if isinstance(node, ast.Constant):
        _constant(node)
        return []
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.UAdd):
        return [node.operand]
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        return [node.left, node.right]
    if isinstance(node, ast.Compare) and all(type(op) in _COMPARISONS for op in node.ops):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call):
        return node.args
    raise LessonError(
        f"{quote(ast.unparse(node))} is not part of a check: there are numbers, texts, calls, "
        "+ - * /, comparisons, and, or, not."
    )


def _name(node: ast.Call) -> str:
    if not isinstance(node.func, ast.Name):
        raise LessonError(f"{quote(ast.unparse(node.func))} is no function of a check.")
    return node.func.id


def _call(node: ast.Call) -> Call:
    named = []
    for keyword in node.keywords:
        if keyword.arg is None:
            raise LessonError(f"{quote(ast.unparse(node))} has ** in it; name the arguments.")
        named.append((keyword.arg, _argument(keyword.value)))
    return Call(_name(node), tuple(_argument(a) for a in node.args), tuple(named))


def _argument(node: ast.expr) -> Value | tuple[Value, ...]:
    if isinstance(node, ast.List | ast.Tuple):
        return tuple(_scalar(item) for item in node.elts)
    return _scalar(node)


def _scalar(node: ast.expr) -> Value:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = _scalar(node.operand)
        if isinstance(value, float):
            return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Constant):
        return _constant(node)
    raise LessonError(
        f"{quote(ast.unparse(node))} is no plain number or text: arguments are written out."
    )


def _constant(node: ast.Constant) -> Value:
    value = node.value
    if isinstance(value, bool | str):
        return value
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise LessonError(f"{quote(value)} is no number, text, True or False.")


def _text(value: Value | tuple[Value, ...]) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_text(v) for v in value)}]"
    if isinstance(value, float) and not isinstance(value, bool):
        return f"{value:.10g}"
    return f'"{value}"' if isinstance(value, str) else str(value)


# -- tree to value --------------------------------------------------------------------------------


def _value(node: ast.expr, ask: Callable[[Call], Value]) -> Value:
    if isinstance(node, ast.Constant):
        return _constant(node)
    if isinstance(node, ast.BoolOp):
        parts = (_value(v, ask) for v in node.values)
        every = isinstance(node.op, ast.And)
        return all(bool(p) for p in parts) if every else any(bool(p) for p in parts)
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, ask)
        if isinstance(node.op, ast.Not):
            return not value
        return -_number(value) if isinstance(node.op, ast.USub) else _number(value)
    if isinstance(node, ast.BinOp):
        both = _number(_value(node.left, ask)), _number(_value(node.right, ask))
        return _ARITHMETIC[type(node.op)](*both)
    if isinstance(node, ast.Compare):
        return _compare(node, ask)
    assert isinstance(node, ast.Call)
    if _name(node) in PLAIN and not node.keywords:
        return float(PLAIN[_name(node)](*(_number(_value(a, ask)) for a in node.args)))
    return ask(_call(node))


def _compare(node: ast.Compare, ask: Callable[[Call], Value]) -> bool:
    left = _value(node.left, ask)
    for op, part in zip(node.ops, node.comparators, strict=True):
        right = _value(part, ask)
        if isinstance(left, str) is not isinstance(right, str):
            raise TypeError
        if not _COMPARISONS[type(op)](left, right):
            return False
        left = right
    return True


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise TypeError
    return float(value)
