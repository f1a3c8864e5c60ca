"""Formulas as text: ``3*(a + b*c)`` read into steps in postfix order, never evaluated by Python."""

from __future__ import annotations

import ast
import io
import keyword
import math
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from graphcore.errors import ExpressionError
from graphcore.ops import get

FUNCTIONS = {
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "sin": "Sin",
    "cos": "Cos",
    "tanh": "Tanh",
    "sigmoid": "Sigmoid",
    "relu": "ReLU",
    "max": "Maximum",
    "min": "Minimum",
}


_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "Add",
    ast.Sub: "Sub",
    ast.Mult: "Mul",
    ast.Div: "Div",
    ast.Pow: "Pow",
}


_TYPOGRAPHIC = str.maketrans({"−": "-", "×": "*", "·": "*", "÷": "/"})


_IGNORED = (tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.NL)


@dataclass(frozen=True)
class Step:
    """One step of a postfix program.

    Attributes:
        kind: "name" (push a variable), "number" (push a constant) or "operator" (take as many
            values as the operator has inputs, push its result).
        text: the variable's or the operator's name.
        value: the constant.
    """

    kind: str
    text: str = ""
    value: float = 0.0


def postfix(text: str) -> tuple[Step, ...]:
    """The postfix program of one formula without a name; raises ExpressionError."""
    statements = list(_statements(text))
    if len(statements) != 1:
        raise ExpressionError(f"Exactly one formula is wanted, got {text!r}.")
    name, tokens = _assignment(statements[0])
    if name is not None:
        raise ExpressionError(f"A formula without a name is wanted, got {text!r}.")
    return tuple(_program(tokens))


def _statements(text: str) -> Iterator[list[tokenize.TokenInfo]]:
    """Tokens of each formula in the text."""
    lines = "\n".join(line.strip() for line in text.translate(_TYPOGRAPHIC).splitlines())
    current: list[tokenize.TokenInfo] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(lines + "\n").readline):
            if token.type == tokenize.NEWLINE or token.string == ";":
                if current:
                    yield current
                current = []
            elif token.type not in _IGNORED:
                current.append(token)
    except (tokenize.TokenError, SyntaxError) as error:
        raise ExpressionError(
            f"{_short(text)!r} is not a formula: a bracket is not closed."
        ) from error


def _assignment(tokens: list[tokenize.TokenInfo]) -> tuple[str | None, list[tokenize.TokenInfo]]:
    """The name before ``=``, or None, and the formula itself."""
    places = [i for i, t in enumerate(tokens) if t.string == "="]
    if not places:
        return None, tokens
    if places != [1] or not tokens[0].string.isidentifier():
        if len(places) > 1 and _depth(tokens[: places[1]]) == 0:
            raise ExpressionError(f"{_text(tokens)!r} has more than one =.")
        raise ExpressionError(f"{_text(tokens)!r}: before = stands one name.")
    if len(tokens) == 2:
        raise ExpressionError(f"{_text(tokens)!r}: after = nothing follows.")
    name = tokens[0].string
    _check_name(name)
    if name in FUNCTIONS or keyword.iskeyword(name):
        raise ExpressionError(f"{name} has a meaning already; the result needs another name.")
    return name, tokens[2:]


def _depth(tokens: list[tokenize.TokenInfo]) -> int:
    return sum((t.string in "([{") - (t.string in ")]}") for t in tokens if t.string)


def _terms(tokens: list[tokenize.TokenInfo]) -> Iterator[tuple[str, list[tokenize.TokenInfo]]]:
    """The terms of a sum, each with the sign before it ("" for the first)."""
    sign, term, depth = "", list[tokenize.TokenInfo](), 0
    for token in tokens:
        depth += (token.string in ("(", "[")) - (token.string in (")", "]"))
        after_value = bool(term) and (
            term[-1].type in (tokenize.NAME, tokenize.NUMBER) or term[-1].string == ")"
        )
        if depth == 0 and token.string in ("+", "-") and after_value:
            yield sign, term
            sign, term = token.string, []
        else:
            term.append(token)
    yield sign, term


def _text(tokens: list[tokenize.TokenInfo]) -> str:
    return _short(" ".join(t.string for t in tokens))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _shown(part: ast.expr) -> str:
    try:
        return _short(ast.unparse(part))
    except RecursionError:
        return "..."


def _program(tokens: list[tokenize.TokenInfo]) -> Iterator[Step]:
    for sign, term in _terms(tokens):
        source = " ".join(t.string for t in term)
        try:
            tree = ast.parse(source, mode="eval").body
        except (SyntaxError, ValueError, MemoryError) as error:
            raise ExpressionError(f"{_text(tokens)!r} is not a formula.") from error
        except RecursionError as error:
            raise ExpressionError(
                f"{_short(source)!r} is nested too deeply; give parts of it names of their own."
            ) from error
        yield from _walk(tree)
        if sign:
            yield Step("operator", "Add" if sign == "+" else "Sub")


def _walk(tree: ast.expr) -> Iterator[Step]:
    """Postorder without recursion: a part stands on the stack until its own parts are done."""
    stack: list[ast.expr | Step] = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Step):
            yield part
            continue
        step, operands = _understand(part)
        if step is not None:
            stack.append(step)
        stack.extend(reversed(operands))


def _understand(part: ast.expr) -> tuple[Step | None, list[ast.expr]]:
    """The step of one part of a formula and the parts that it needs first."""
    match part:
        case ast.Constant():
            return Step("number", value=_number(part)), []
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise ExpressionError(f"{name} is a function and needs brackets: {name}(x).")
            _check_name(name)
            return Step("name", name), []
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as number):
            return Step("number", value=-_number(number)), []
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return Step("operator", "Neg"), [operand]
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return None, [operand]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return Step("operator", _BINARY[type(op)]), [left, right]
        case ast.BinOp(op=ast.BitXor()):
            raise ExpressionError("A power is written **, as in x**2, not ^.")
        case ast.Call():
            return _call(part)
    raise ExpressionError(
        f"{_shown(part)!r} is not allowed in a formula: it takes numbers, names, "
        f"+ - * / ** and the functions {', '.join(FUNCTIONS)}."
    )


def _check_name(name: str) -> None:
    if not name.isascii():
        raise ExpressionError(f"{name!r} is not a name: use the letters a to z, digits and _.")


def _call(part: ast.Call) -> tuple[Step, list[ast.expr]]:
    name = part.func.id if isinstance(part.func, ast.Name) else ""
    if name not in FUNCTIONS:
        shown = _shown(part.func)
        raise ExpressionError(f"There is no function {shown}; there are {', '.join(FUNCTIONS)}.")
    wanted = len(get(FUNCTIONS[name]).inputs)
    starred = any(isinstance(a, ast.Starred) for a in part.args)
    if part.keywords or starred or len(part.args) != wanted:
        values = "one value" if wanted == 1 else f"{wanted} values"
        raise ExpressionError(f"{name} takes {values}, got {_shown(part)}.")
    return Step("operator", FUNCTIONS[name]), part.args


def _number(part: ast.Constant) -> float:
    value = part.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExpressionError(f"{value!r} is not a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ExpressionError("A number in the formula is too large.")
    return number
