"""A number of a node's output as the sum that it is: typeset, and as rows of its factors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.widgets.numbers import at_least, format_number
from graphcore.views.stepper import ElementFrame, Factor

FIRST, MOST = 2, 4
"""Terms written before the dots; the most that are written without dots."""
WIDE = 48
"""Letters of a line that is broken."""


def written_out(frame: ElementFrame, name: str) -> tuple[str, ...]:
    """The sum in letters and in numbers, as LaTeX; nothing for what is no sum.

    Args:
        name: the letter of the output.
    """
    if not frame.left:
        return ()
    if frame.backward:
        name = r"\partial L/\partial W"
    letters = _joined(frame, _terms(frame, lambda f: _indexed(f.letter, f.index)))
    terms = _terms(frame, _bracketed)
    numbers, total = _joined(frame, terms), _number(frame.total, 4)
    first = f"{_indexed(name, frame.index)} = {letters}"
    if len(numbers) <= WIDE or len(terms) <= FIRST or frame.share != 1:
        return first, f"= {numbers} = {total}"
    return first, f"= {' + '.join(terms[:FIRST])}", f"+ {' + '.join(terms[FIRST:])} = {total}"


def factor_rows(frame: ElementFrame) -> dict[str, np.ndarray]:
    """What is multiplied, and the products, as rows under each other."""
    left = np.array([f.value for f in frame.left])
    if len(left) < 2 or not frame.right:
        return {_row(frame.left): left} if len(left) > 1 else {}
    right = np.array([f.value for f in frame.right])
    rows = {_row(frame.left): left, _row(frame.right): right}
    if frame.squares:
        return {**rows, "(x − t)²": (left - right) ** 2}
    return {**rows, "product": left * right}


def _row(factors: tuple[Factor, ...]) -> str:
    """What a row holds: "W[2, k]", k being the index that runs."""
    first, last = factors[0], factors[-1]
    places = (str(a) if a == b else "k" for a, b in zip(first.index, last.index, strict=True))
    return f"{first.letter}[{', '.join(places)}]"


def _terms(frame: ElementFrame, text: Callable[[Factor], str]) -> list[str]:
    """The summands, dots for those in the middle, and the bias."""
    terms = []
    for i, left in enumerate(frame.left):
        right = text(frame.right[i]) if frame.right else ""
        if frame.squares:
            terms.append(f"({text(left)} - {right})^2")
        else:
            terms.append(rf"{text(left)} \cdot {right}" if right else text(left))
    if frame.count > MOST:
        last = [] if len(frame.left) < frame.count else terms[-1:]
        terms = [*terms[:FIRST], r"\dots", *last]
    return terms if frame.bias is None else [*terms, text(frame.bias)]


def _joined(frame: ElementFrame, terms: list[str]) -> str:
    total = " + ".join(terms)
    return total if frame.share == 1 else rf"\frac{{1}}{{{frame.count}}} ({total})"


def _indexed(letter: str, index: tuple[int, ...]) -> str:
    return f"{letter}_{{{','.join(map(str, index))}}}" if index else letter


def _bracketed(factor: Factor) -> str:
    text = _number(factor.value, 3)
    return f"({text})" if text.startswith("-") else text


def _number(x: float, digits: int) -> str:
    text = format_number(x, at_least(digits)).replace("−", "-")
    mantissa, e, power = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{power}}}" if e else text.replace("∞", r"\infty")
