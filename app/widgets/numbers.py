"""Numbers as text: significant digits, powers of ten where they are far from 1."""

from __future__ import annotations

import math
from collections.abc import Iterable

USUAL = 4


_digits = [USUAL]


def set_digits(count: int) -> None:
    """Default number of significant digits of ``format_number``."""
    _digits[0] = count


def at_least(digits: int) -> int:
    """So many digits, or as many as were picked, once more than usual were picked."""
    return max(digits, _digits[0]) if _digits[0] > USUAL else digits


def format_number(x: float, digits: int | None = None) -> str:
    """``x`` with ``digits`` significant digits; very large and very small ones as powers of ten."""
    if not math.isfinite(x):
        return "NaN" if math.isnan(x) else ("∞" if x > 0 else "−∞")
    if x == 0:
        return "0"
    text = f"{x:.{digits or _digits[0]}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


EXACT = 9
"""Digits that tell every two numbers of single precision apart."""


def told_apart(numbers: Iterable[float], digits: int | None = None) -> list[str]:
    """Write numbers as ``format_number`` does, with more digits where two would look equal."""
    numbers, least = list(numbers), digits or _digits[0]
    found = [format_number(x, least) for x in numbers]
    for more in range(least + 1, EXACT + 1):
        values: dict[str, set[float]] = {}
        for text, x in zip(found, numbers, strict=True):
            values.setdefault(text, set()).add(x)
        if all(len(v) == 1 for v in values.values()):
            break
        found = [
            format_number(x, more) if len(values[text]) > 1 else text
            for text, x in zip(found, numbers, strict=True)
        ]
    return found


def loss_text(loss: float | None) -> str:
    """A loss as every panel writes it, so that two that are equal look equal; None: not known."""
    return "–" if loss is None else format_number(loss, USUAL)


def accuracy_text(share: float | None) -> str:
    """A share of right answers as every panel writes it; None: not known."""
    return "–" if share is None else f"{share:.2%}"


def counted(count: int, one: str, many: str) -> str:
    """Return ``one`` for 1 and ``many`` for all other counts, with the count put in."""
    return (one if count == 1 else many).format(f"{count:,}")


def plain_number(value: float) -> str:
    """Return a quantity of a table as people write it: 245,300 rather than 2.45e5."""
    if 1000 <= abs(value) < 1e9:
        return f"{value:,.0f}".replace("-", "−")
    return format_number(value, USUAL)
