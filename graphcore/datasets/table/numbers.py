"""Numbers as people write them in tables: decimal commas, thousands, units, percent, gaps.

A column is judged as a whole: whether a comma parts decimals or thousands shows itself in some
cell of the column, else in another column of the table.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graphcore.datasets.table.text import MARK

GAPS = frozenset({
    "", "?", "na", "n/a", "nan", "null", "none", "#n/a", "#na", "<na>", "n.a.", "k.a.", "nil",
    "-", "--", "---", "–", "—", ".", "..", "...", "…", "#value!", "#div/0!", "#ref!", "#name?",
    "#num!", "#null!", "#wert!", "#nv", "#bezug!",
})  # fmt: skip
"""What stands in a cell without a value, in small letters."""
UNITS = frozenset((
    "%", "‰", "€", "$", "£", "¥", "₹", "₽", "EUR", "USD", "GBP", "CHF", "JPY", "kg", "g", "mg", "t",
    "lb", "lbs", "oz", "m", "cm", "mm", "km", "in", "ft", "mi", "yd", "m²", "m2", "cm²", "cm2",
    "km²", "km2", "sqm", "qm", "ha", "m³", "m3", "l", "L", "ml", "cl", "dl", "°", "°C", "°F", "K",
    "s", "sec", "ms", "min", "h", "d", "y", "yr", "years", "Jahre", "km/h", "m/s", "mph", "W", "kW",
    "kWh", "J", "kJ", "kcal", "cal", "Hz", "kHz", "MHz", "GHz", "V", "mV", "A", "mA", "Pa", "hPa",
    "bar", "N", "Nm", "dB", "KB", "MB", "GB", "TB", "px", "pt",
))  # fmt: skip
"""Units that are known; other letters behind a number are one if all cells have them."""
MULTIPLES = {
    "k": 1e3, "Tsd": 1e3, "M": 1e6, "Mio": 1e6, "mln": 1e6, "B": 1e9, "bn": 1e9, "Mrd": 1e9,
}  # fmt: skip
"""What letters behind a number multiply it by; K does too, but kelvin where it is alone."""
LETTERS = re.compile(rf"\d ?({'|'.join([*MULTIPLES, 'K'])})(?={MARK}|$)")
_SPACES = dict.fromkeys(map(ord, "\u00a0\u2007\u2009\u202f'\u2019"), " ")
_NO_CENTS = re.compile(r"(?<=\d)[.,] ?[-\u2013\u2014]{1,2}(?=\s|$)")
"""What stands for no cents: 1'500.- or 5,– €."""
_MINUS = {ord("\u2212"): "-"}
_CURRENCY = "€$£¥₹₽"
_MONEY = re.compile(rf"[{_CURRENCY}]|\b(?:EUR|Euro|USD|GBP|CHF)\b")
_UNIT = r"[%‰°]|[A-Za-zµμΩÅäöüÄÖÜß°€$£¥₹₽%‰/·*]{1,12}[23²³]?(?:/[A-Za-zµ]{1,6}[23²³]?)?"
_CELL = re.compile(
    rf"(?P<before>[{_CURRENCY}]|[A-Z]{{3}}(?=[ \d+-]))?\s*(?P<sign>[+-]?)\s*"
    rf"(?P<money>[{_CURRENCY}])?\s*"
    r"(?P<digits>\d[\d., ]*|[.,]\d+)(?P<power>[eE][+-]?\d+)?"
    rf"\s*(?P<unit>{_UNIT})?"
)
_GROUPED = {
    mark: re.compile(
        rf"\d{{1,3}}(?:[ {other}]\d{{3}})+(?:{point}\d*)?|\d+(?:{point}\d*)?|{point}\d+|"
        rf"\d{{1,2}}(?:{other}\d\d)+{other}\d{{3}}(?:{point}\d*)?"  # as in India: 12,34,567
    )
    for mark, point, other in ((".", r"\.", ","), (",", ",", r"\."))
}  # fmt: skip
_BEFORE = rf"(?:^|(?<=[{MARK}\s+\-{_CURRENCY}]))"
_AFTER = rf"(?=$|[{MARK}\s%{_CURRENCY}A-Za-z])"
_SHOWS = {
    mark: re.compile(
        rf"{_BEFORE}(?:\d{{1,3}}(?:{other}\d{{3}})+{point}\d|0{point}\d|\d{{4,}}{point}\d|"
        rf"\d*{point}(?:\d{{0,2}}|\d{{4,}}){_AFTER})"
    )
    for mark, point, other in ((".", r"\.", ","), (",", ",", r"\."))
}  # fmt: skip
"""What shows which mark parts decimals: 1.000,5 or 2,75 show the comma."""
_MANY_GROUPS = {
    ".": re.compile(r",\d{3},\d{3}(?!\d)"), ",": re.compile(r"\.\d{3}\.\d{3}(?!\d)")
}  # fmt: skip
"""So does 1.000.000."""


@dataclass
class Numbers:
    """What the cells of a column are, read as numbers.

    Attributes:
        values: float64, NaN where there is no number.
        gaps: where there is no value.
        odd: rows of cells that hold something else.
        units: how many cells carry which unit; "" is none.
        first_with: a row for each unit.
    """

    values: NDArray[np.float64]
    gaps: NDArray[np.bool_]
    odd: list[int] = field(default_factory=list)
    units: Counter[str] = field(default_factory=Counter)
    first_with: dict[str, list[int]] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """Share of the cells with a value that are numbers."""
        held = len(self.values) - int(self.gaps.sum())
        return (held - len(self.odd)) / held if held else 0.0


def is_number(text: str) -> bool:
    """Whether a cell can be read as a number in either way of writing."""
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        found = [_number(text, mark) for mark in ".,"]
        return any(not math.isnan(v) and (not unit or unit in UNITS) for v, unit in found)


def names_money(*texts: str) -> bool:
    """Whether texts have a currency in them."""
    return any(_MONEY.search(text) for text in texts)


def number_of(text: str, mark: str) -> float:
    """Return the number that a cell holds, whose decimals follow ``mark``, or NaN."""
    if mark == "." and "_" not in text:
        with contextlib.suppress(ValueError):
            return float(text)
    value, unit = _multiplied(text, mark)
    # Kelvin or thousands: in a column others tell which.
    return math.nan if unit == "K" and text[-2:-1].isdigit() else value


def shown_mark(chunks: Sequence[str]) -> str:
    """Which mark parts decimals as the cells show it: "." or ",", both, or "" if none does."""
    found = "".join(
        mark for mark in ".," if any(mark in c and _SHOWS[mark].search(c) for c in chunks)
    )
    return found or "".join(
        mark for mark in ".," if any(_MANY_GROUPS[mark].search(c) for c in chunks)
    )


def read(chunks: Sequence[str], mark: str, gaps: frozenset[str] = GAPS) -> Numbers:
    """Read a column as numbers whose decimals follow ``mark``.

    Args:
        chunks: cells parted by ``MARK``, as many as a chunk has.
        gaps: what means that there is no value, in small letters.
    """
    parts, found = [], Numbers(np.zeros(0), np.zeros(0, bool))
    at = 0
    for chunk in chunks:
        values = _plain(chunk, mark, gaps)
        if values is None:
            values = _careful(chunk, mark, gaps, at, found)
        else:
            found.units[""] += len(values)
        parts.append(values)
        at += len(values)
    values = np.concatenate(parts) if parts else np.zeros(0)
    found.values, found.gaps = values, np.isnan(values)
    found.gaps[found.odd] = False
    return found


_BAD_GROUPS = {
    mark: re.compile(rf"(?<!\d){other}|{other}(?!\d{{3}}(?!\d))|{point}\d*{other}|\d{{4,}}{other}")
    for mark, point, other in ((".", r"\.", ","), (",", ",", r"\."))
}


def _plain(chunk: str, mark: str, gaps: frozenset[str]) -> NDArray[np.float64] | None:
    """The numbers of a chunk that holds nothing else, or None."""
    if "_" in chunk or "n" in chunk or "N" in chunk:  # 1_000, nan, infinity
        return None
    other = "," if mark == "." else "."
    if other in chunk:
        if _BAD_GROUPS[mark].search(chunk):
            return None
        chunk = chunk.replace(other, "")
    if mark == ",":
        chunk = chunk.replace(",", ".")
    try:
        values = np.array(list(map(float, chunk.split(MARK))))
    except ValueError:
        return None
    # A number such as -999 may have been named as a gap.
    marks = [float(g) for g in gaps - GAPS if is_number(g)]
    if marks:
        values[np.isin(values, marks)] = np.nan
    return values


def _careful(
    chunk: str, mark: str, gaps: frozenset[str], at: int, found: Numbers
) -> NDArray[np.float64]:
    cells = chunk.split(MARK)
    known: dict[str, tuple[float, str]] = {}
    values = np.empty(len(cells))
    for i, cell in enumerate(cells):
        if cell not in known:
            known[cell] = (math.nan, "gap") if cell.lower() in gaps else _multiplied(cell, mark)
        values[i], unit = known[cell]
        if unit == "gap":
            continue
        if math.isnan(values[i]):
            found.odd.append(at + i)
            continue
        found.units[unit] += 1
        places = found.first_with.setdefault(unit, [])
        if len(places) < 4:
            places.append(at + i)
    return values


def _multiplied(cell: str, mark: str) -> tuple[float, str]:
    """Value and unit of a cell; a letter for thousands or more is no unit."""
    value, unit = _number(cell, mark)
    return (value * MULTIPLES[unit], "") if unit in MULTIPLES else (value, unit)


def _number(cell: str, mark: str) -> tuple[float, str]:
    """Value and unit of a cell, NaN if it is no number."""
    text = _NO_CENTS.sub("", cell).translate(_SPACES).translate(_MINUS)
    if text.lower() in ("inf", "+inf", "-inf", "infinity", "-infinity"):
        return float(text), ""
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"  # as book-keepers write what is below zero
    found = _CELL.fullmatch(text)
    if found is None or (found["unit"] and not _is_unit(found["unit"])):
        return math.nan, ""
    digits = found["digits"].strip()
    if not _GROUPED[mark].fullmatch(digits):
        return math.nan, ""
    digits = digits.replace(" ", "").replace("," if mark == "." else ".", "")
    value = float(f"{found['sign']}{digits.replace(',', '.')}{found['power'] or ''}")
    return value, (found["unit"] or found["before"] or found["money"] or "").strip()


def _is_unit(text: str) -> bool:
    """Whether letters behind a number are a unit: not an ordinal, nor an exponent cut short."""
    return text.lower() not in ("st", "nd", "rd", "th", "e", "x")


def words(chunks: Sequence[str]) -> Iterator[str]:
    """Yield the cells of a column as they stand."""
    for chunk in chunks:
        yield from chunk.split(MARK)
