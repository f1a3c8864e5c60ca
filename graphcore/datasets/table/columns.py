"""What each column of a table is: numbers, words, dates or an id, judged by all of its cells."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from graphcore.datasets.dataset import in_order
from graphcore.datasets.table import numbers
from graphcore.datasets.table.rows import Table
from graphcore.datasets.table.text import MARK
from graphcore.errors import DataError, quote, short

Kind = Literal["numbers", "words", "dates", "id", "empty"]
MOST_WORDS = 32
"""Different words in one column, past which it is no kind of category."""
FEW_ROWS = 8  # in fewer rows all words may differ by chance
_TIMESTAMP = 1e8  # seconds since 1970, at least
_STAND_INS = np.array([sign * v for v in (99, 999, 9999, 99999, 999.9, 9999.9) for sign in (-1, 1)])
"""Numbers that are written where there is no value."""
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"
    r"(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s?(?:Z|[+-]\d\d:?\d\d)?)?|"
    r"\d{1,2}([./-])\d{1,2}\1(?:\d{4}|\d{2})(?:,? \d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?)?|"
    r"(?:1[89]|2[01])\d\d[-/](?:0?[1-9]|1[0-2])|(?:Q[1-4][ /-]?\d{4}|\d{4}[ /-]?Q[1-4])|"
    r"(?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])[a-z]{0,6}\.?[ -]'?\d{2,4}|"
    r"\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp][Mm])?|\d{1,2}\.? [A-Za-zäé]{3,9}\.? \d{4}|"
    r"[A-Z][a-z]{2,8} \d{1,2}, \d{4}"
)
_ID_NAME = re.compile(
    r"(?:.*[ _])?(?:id|ids|uuid|nr|no|no\.|index|idx|key|row|rowname|rownames|unnamed: 0|lfd|"
    r"#)|[a-z]+Id|[a-z]+ID|ID|.*nummer|(?:student|customer|order|account|serial|phone|invoice|"
    r"patient|sample|case|record|ticket)[ _]?(?:number|no\.?)", re.IGNORECASE,
)  # fmt: skip
_CODE_NAME = re.compile(
    r"plz|postleitzahl|zip|zip[ _-]?code|post[ _-]?code|postal[ _-]?code", re.IGNORECASE
)
_CODE = re.compile(rf"(?:^|{MARK})0\d{{3,}}(?:{MARK}|$)")
"""A number of one length for all that may begin with 0, such as a postal code."""
_TIME_NAME = re.compile(r".*(time|date|datum|zeit|stamp).*", re.IGNORECASE)


_SAME = "the same in every row"


@dataclass
class Column:
    """One column as it was judged.

    Attributes:
        values: float64 where its kind is numbers.
        gaps: rows without a value.
        unit: what its numbers are followed by, or "".
        why: of a column that is no input by itself, in words; else "".
        notes: sentences on how it was read.
        vocabulary: the different words, in order, and for each row its place among them (-1: gap).
    """

    index: int
    name: str
    kind: Kind
    gaps: NDArray[np.bool_]
    values: NDArray[np.float64] | None = None
    unit: str = ""
    why: str = ""
    notes: list[str] = field(default_factory=list)
    vocabulary: tuple[list[str], NDArray[np.int64]] | None = None

    @property
    def label(self) -> str:
        """Its name, with the unit where the name does not say it."""
        named = not self.unit or self.unit.lower() in self.name.lower()
        return short(self.name) if named else f"{short(self.name)} ({self.unit})"


def judged(table: Table, wanted: str, gaps: frozenset[str], skipped: set[int]) -> list[Column]:
    """Judge every column by all of its cells.

    Args:
        wanted: what parts decimals: "auto", "point" or "comma".
        gaps: what means that there is no value, in small letters.
        skipped: unused columns: they are not read.
    """
    marks = decimal_marks(table, wanted, skipped)
    return [
        Column(i, name, "empty", np.zeros(len(table), bool), why="left out")
        if i in skipped
        else _judge(table, i, marks[i], gaps)
        for i, name in enumerate(table.header)
    ]


def decimal_marks(table: Table, wanted: str, skipped: set[int]) -> list[tuple[str, bool]]:
    """What parts decimals in each column, and whether that is a guess."""
    if wanted != "auto":
        return [("." if wanted == "point" else ",", False)] * len(table.header)
    used = range(len(table.header))
    shown = ["" if i in skipped else numbers.shown_mark(table.columns[i]) for i in used]
    clear = {mark for mark in shown if len(mark) == 1}
    # A table is written in one way: what one column shows holds for those that show nothing.
    whole = clear.pop() if len(clear) == 1 else "," if table.delimiter == ";" and not clear else "."
    result = []
    for i, mark in enumerate(shown):
        commas = any("," in chunk for chunk in table.columns[i])
        dots = any("." in chunk for chunk in table.columns[i])
        if mark == ".,":  # both: whichever leaves fewer cells over
            few = min(".,", key=lambda m: len(numbers.read(table.columns[i], m).odd))
            result.append((few, False))
        elif mark:
            result.append((mark, False))
        elif dots and not commas and whole == "," and "," not in "".join(shown):
            # The delimiter alone does not make 1.500 a thousand; money is seldom in thousandths.
            money = numbers.names_money(table.header[i], *table.columns[i])
            result.append((whole if money else ".", not money))
        else:
            result.append((whole, commas or (dots and whole == ",")))
    return result


def _judge(table: Table, i: int, mark: tuple[str, bool], gaps: frozenset[str]) -> Column:
    chunks = table.columns[i]
    if not any(c in chunk for chunk in chunks for c in "0123456789"):
        return _of_words(table, i, gaps)
    if _are_codes(table, i):
        return _of_words(table, i, gaps)
    found = numbers.read(chunks, mark[0], gaps)
    multiplied = _multiply(table, i, found)
    _settle_units(table, i, found)
    if not _are_numbers(found):
        return _of_words(table, i, gaps)
    if found.odd or not _usable(found.values):
        _refuse(table, i, found)
    column = Column(i, table.header[i], "numbers", found.gaps, found.values)
    column.notes += [*multiplied, *_unit_notes(table, i, found), *_stand_in_notes(column)]
    column.unit = next((unit for unit in found.units if unit), "")
    if mark[1] and (first := _first_marked(chunks)):
        value = numbers.read([first], mark[0]).values[0]
        column.notes.append(
            f"In {quote(column.name)} {first} was read as {value:.10g}: the option 'decimal' "
            "can say otherwise."
        )
    column.why = _why_no_input(table, column)
    return column


def _are_codes(table: Table, i: int) -> bool:
    """Whether the digits of a column are no quantity, such as postal codes."""
    chunks = table.columns[i]
    named = bool(_CODE_NAME.fullmatch(table.header[i]))
    if not named and not any(map(_CODE.search, chunks)):
        return False
    cells = [cell for cell in numbers.words(chunks) if cell]
    return all(map(str.isdecimal, cells)) and (named or len(set(map(len, cells))) == 1)


def _multiply(table: Table, i: int, found: numbers.Numbers) -> list[str]:
    """Say which letters multiplied numbers; among others K means thousands, not kelvin."""
    chunks = table.columns[i]
    letters = {letter for chunk in chunks for letter in numbers.LETTERS.findall(chunk)}
    if not letters - {"K"} or found.share < 1:
        return []
    if "K" in letters:
        ends = [cell.endswith("K") for cell in numbers.words(chunks)]
        found.values[ends] *= 1e3
        found.units[""] += found.units.pop("K", 0)
    said = ", ".join(f"{x} as {numbers.MULTIPLES.get(x, 1e3):,.0f}" for x in sorted(letters))
    return [f"Letters behind the numbers of {quote(table.header[i])} were read: {said}."]


def _usable(values: NDArray[np.float64]) -> bool:
    return not np.any(np.abs(values) > np.finfo(np.float32).max)


def _are_numbers(found: numbers.Numbers) -> bool:
    """Whether a column holds numbers, if perhaps with a few cells that are none."""
    held = len(found.values) - int(found.gaps.sum())
    if not held or found.share == 0:
        return False
    if len(found.odd) <= held // 10:
        return True
    count = held - len(found.odd)
    different = len(np.unique(found.values[~np.isnan(found.values)]))
    return found.share >= 0.5 and count >= 10 and 2 * different > count


def _settle_units(table: Table, i: int, found: numbers.Numbers) -> None:
    """Take cells whose letters are no unit for words; raises DataError for a mixture of units."""
    units = [unit for unit in found.units if unit]
    strange = [u for u in units if u not in numbers.UNITS]
    if strange and (len(units) > 1 or found.units[""]):
        _as_odd(found, table, i, strange)
        units = [u for u in units if u in numbers.UNITS]
    mixed = (
        units[:2] if len(units) > 1 else [*units, ""] if found.units[""] and "%" in units else []
    )
    if not mixed:
        return
    first, second = (found.first_with.get(u, [0])[0] for u in mixed)
    other = "without" if not mixed[1] else f"in {mixed[1]}"
    raise DataError(
        f"{table.where(first, i)}: {table.cell(first, i)!r} is in {mixed[0]} and "
        f"{table.cell(second, i)!r} (line {table.lines[second]}) {other}: write the column in one."
    )


def _as_odd(found: numbers.Numbers, table: Table, i: int, strange: list[str]) -> None:
    ends = tuple(strange)
    for row, cell in enumerate(numbers.words(table.columns[i])):
        if cell.endswith(ends) and not np.isnan(found.values[row]):
            found.values[row] = np.nan
            found.odd.append(row)
    found.odd.sort()


def _unit_notes(table: Table, i: int, found: numbers.Numbers) -> list[str]:
    """What is said of a column of which only some cells have a unit."""
    unit = next((u for u in found.units if u), "")
    bare = found.units[""]
    if not unit or not bare:
        return []
    with_unit = found.units[unit]
    few, count = (unit, with_unit) if with_unit <= bare else ("", bare)
    rows = [str(row + 1) for row in found.first_with.get(few, [])]
    more = ", …" if count > len(rows) else ""
    said = f"have '{unit}' behind the number" if few else f"have no '{unit}' behind the number"
    listed = f" (row {', '.join(rows)}{more})" if rows else ""
    return [f"{count} cells of {quote(table.header[i])} {said}{listed}; all were read as one unit."]


def _stand_in_notes(column: Column) -> list[str]:
    """What is said of numbers such as -999 that lie far from all others of the column."""
    assert column.values is not None
    held = column.values[~column.gaps]
    rest = held[~np.isin(held, _STAND_INS)]
    if len(rest) < 2:
        return []
    low, high = float(rest.min()), float(rest.max())
    notes = []
    for number in np.unique(held[np.isin(held, _STAND_INS)]):
        if max(low - number, number - high) > high - low:
            count = int((held == number).sum())
            cells = "1 cell is" if count == 1 else f"{count} cells are"
            notes.append(
                f"In {quote(column.name)} {cells} {number:g}, far from all others: name it in the "
                "option 'gaps' if it means no value."
            )
    return notes


def _first_marked(chunks: list[str]) -> str:
    """The first cell with a comma or a dot in it."""
    for chunk in chunks:
        for cell in chunk.split(MARK):
            if ("," in cell or "." in cell) and any(c.isdigit() for c in cell):
                return cell
    return ""


def _refuse(table: Table, i: int, found: numbers.Numbers) -> None:
    large = np.flatnonzero(np.abs(found.values) > np.finfo(np.float32).max)
    rows = sorted([*found.odd, *map(int, large)])
    more = f" ({len(rows):,} cells of the column are none)" if len(rows) > 1 else ""
    raise DataError(
        f"{table.where(rows[0], i)}: {quote(table.cell(rows[0], i))} is not a number that can be "
        f"used{more}; mend it, or name it in the option 'gaps'."
    )


def _of_words(table: Table, i: int, gaps: frozenset[str]) -> Column:
    chunks, places = table.columns[i], dict[str, int]()
    codes = np.array([places.setdefault(c, len(places)) for c in numbers.words(chunks)], np.int64)
    present = set(places)
    # Where there is a + a - is no gap: the two are classes.
    gaps = gaps - {"-", "–", "—"} if "+" in present else gaps
    words = in_order(word for word in present if word.lower() not in gaps)
    order = {word: k for k, word in enumerate(words)}
    ranks = np.array([order.get(word, -1) for word in places], np.int64)
    codes = ranks[codes] if len(codes) else codes
    missing = codes < 0
    column = Column(i, table.header[i], "words", missing, vocabulary=(words, codes))
    held = len(codes) - int(missing.sum())
    if not held:
        column.kind, column.why = "empty", "no values"
    elif sum(map(bool, map(_DATE.fullmatch, words))) >= 0.9 * len(words):
        column.kind, column.why = "dates", "times" if all(":" in w[:3] for w in words) else "dates"
    elif len(words) == held >= FEW_ROWS:
        column.kind, column.why = "id", "a different word in every row"
    elif len(words) == 1 and held > 1:
        column.why = _SAME
    elif len(words) > MOST_WORDS:
        column.why = (
            f"{len(words):,} different words, too many for categories ({MOST_WORDS} at most)"
        )
    return column


def _why_no_input(table: Table, column: Column) -> str:
    """Why numbers are no input by themselves: they number the rows, or tell the time."""
    values = column.values
    assert values is not None
    held = values[~column.gaps]
    named = table.named and not column.name.startswith("column ")
    whole = bool((held == np.round(held)).all()) and len(np.unique(held)) == len(held)
    counted = whole and bool((np.abs(np.diff(held)) == 1).all())
    says_so = bool(_ID_NAME.fullmatch(column.name)) if named else counted
    if table.named and whole and len(held) > 2 and says_so:
        column.kind = "id"
        return "numbers the rows" if counted else "names the rows"
    if named and len(held) and held.min() > _TIMESTAMP and _TIME_NAME.fullmatch(column.name):
        column.kind = "dates"
        return "time stamps"
    if _are_dates(held):
        column.kind = "dates"
        return "dates"
    return _SAME if len(held) > 1 and bool((held == held[0]).all()) else ""


def _are_dates(held: NDArray[np.float64]) -> bool:
    """Whether numbers are dates that are written in one, such as 20240131."""
    if len(held) < 3 or held.min() < 18_000_101 or held.max() > 22_001_231:
        return False
    month, day = held // 100 % 100, held % 100
    fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (held == np.round(held))
    return bool(fits.all()) and len(np.unique(held)) > 1
