"""From the lines of a text file to named columns: delimiter, header line, and lines left out."""

from __future__ import annotations

import csv
import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphcore.datasets.table import text as texts
from graphcore.datasets.table.numbers import GAPS, UNITS, is_number
from graphcore.errors import DataError, quote, short
from graphcore.system import reading

LARGEST = 128 << 20
MOST_BLANKS = 10_000  # lines above the header
MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 1 << 20, 10_000, 4_000_000
_SAMPLE = 200  # rows by which delimiter, width and header are judged
_CHUNK = 1 << 14  # rows that are read at a time
_MOST_SAID = 5  # lines left out that are named one by one
_COMMENTS = ("#", "//", "%", "!")
_MARKS = {mark[0] for mark in _COMMENTS}
_TOTALS = re.compile(
    r"(grand |sub)?total[es]*|sum(me|ma|s)?|gesamt(summe)?|insgesamt|somme|suma|totaal|"
    r"mean|average|mittel(wert)?|durchschnitt|moyenne|promedio|media", re.IGNORECASE,
)  # fmt: skip

_SEPARATOR = re.compile(r'"?sep=(.)"?[,;\t|]*', re.IGNORECASE)
"""What a spreadsheet program puts above a table to say its delimiter."""
_RULE = re.compile(r":?[-=+]{3,}:?")

Told = Callable[[int, int], None]
Row = list[str]


class Table:
    """A table as it stands in the file.

    Attributes:
        name: of the file, for messages.
        header: names of the columns.
        columns: for each column its cells, as texts of many cells parted by ``text.MARK``.
        lines: for each row the line of the file that it ends on.
        delimiter: what stands between two columns.
        named: whether the file names the columns itself.
        left_out: sentences' parts that say which lines are no rows, such as "line 9 (a total)".
        omitted: how many lines those are.
        notes: sentences on how the file was read.
    """

    def __init__(self, name: str, header: Row, delimiter: str, named: bool) -> None:
        self.name, self.header, self.delimiter, self.named = name, header, delimiter, named
        self.columns: list[list[str]] = [[] for _ in header]
        self.lines: NDArray[np.int32] = np.zeros(0, np.int32)
        self.left_out: list[str] = []
        self.omitted = 0
        self.notes: list[str] = []

    def __len__(self) -> int:
        return len(self.lines)

    def cell(self, row: int, column: int) -> str:
        """The text of one cell."""
        at = 0
        for chunk in self.columns[column]:
            cells = chunk.split(texts.MARK)
            if row < at + len(cells):
                return cells[row - at]
            at += len(cells)
        raise IndexError(row)

    def where(self, row: int, column: int) -> str:
        """Place of a cell in words; rows count from 1 below the header."""
        line = self.lines[row]
        return f"{self.name}, row {row + 1} (line {line}), column {quote(self.header[column])}"

    def leave_out(self, line: int, why: str) -> None:
        self.omitted += 1
        if self.omitted <= _MOST_SAID:
            self.left_out.append(f"line {line} ({why})")


def read_table(
    path: Path, delimiter: str | None = None, *, header: str = "auto", encoding: str = "auto",
    told: Told | None = None,
) -> Table:  # fmt: skip
    """Read a table of text.

    Args:
        delimiter: what stands between two columns; None: what cuts most rows alike.
        header: "yes" and "no" say whether the first row names the columns; "auto" takes a row
            that holds no number for names.
        encoding: one of ``text.ENCODINGS``.
        told: called with the rows read and the lines of the file; if it raises, reading ends.

    Raises:
        DataError: the file cannot be read, is not a table, or a row has too many or few cells.
    """
    name = short(path.name)
    with reading.opened(path, LARGEST, DataError) as file:
        data, note = texts.as_utf8(file.read(LARGEST), name, encoding)
    if not data.strip():
        raise DataError(f"{name} is empty.")
    layout = _Layout(data, name, delimiter, header)
    count = _check_size(data, layout.delimiter, name)
    table = Table(name, layout.header, layout.delimiter, layout.named)
    table.notes += [*layout.notes, *([note] if note else [])]
    for line, why in layout.above:
        table.leave_out(line, why)
    _fill(table, layout, data, lambda done: None if told is None else told(done, count))
    if not len(table):
        raise DataError(f"{name} has a header but no rows below it.")
    return table


def _check_size(data: bytes, delimiter: str, name: str) -> int:
    """Return the number of lines; raises DataError for more rows or cells than are read."""
    rows = max(data.count(b"\n"), data.count(b"\r"))
    cells = 0 if delimiter == " " else data.count(delimiter.encode())
    if rows > MOST_ROWS or rows + cells > MOST_CELLS:
        raise DataError(
            f"{name} has {rows:,} rows and {rows + cells:,} cells; up to {MOST_ROWS:,} and "
            f"{MOST_CELLS:,} are read: use a part of it."
        )
    return rows


class _Layout:
    """How the rows of a file are cut, judged by its first ones.

    Attributes:
        width: cells of a row.
        header: names of the columns; named: whether the file has them; written: the line's cells
            where no row can be the same.
        first: line on which the first row below the header ends.
        above: line and kind of each line above the header that is no row.
        marked: whether lines that begin with a mark are comments.
        notes: sentences on how the columns got their names.
    """

    def __init__(self, data: bytes, name: str, delimiter: str | None, header: str) -> None:
        self._name = name
        begun = list(itertools.islice(texts.lines(data), MOST_BLANKS))
        if not any(line.strip() for line in begun):
            raise DataError(f"{name} begins with {MOST_BLANKS:,} empty lines.")
        sample = [line for line in begun if line.strip()][:_SAMPLE]
        said = _SEPARATOR.fullmatch(sample[0].strip())
        self.delimiter = delimiter or (said[1] if said else _delimiter(sample, name))
        self.above: list[tuple[int, str]] = []
        self.notes: list[str] = []
        rows = self._rows(begun)
        starts = [cells[0].startswith(_COMMENTS) for _, cells in rows if not _is_gap(cells[0])]
        self.marked = 2 * sum(starts) < len(rows)
        widths = Counter(len(cells) for _, cells in rows if not self.is_comment(cells))
        # Titles above a table are cut into fewer cells than its rows: the commonest width counts.
        self.width = max(widths, key=lambda w: (widths[w] if w > 1 else 0, w), default=1)
        self._find_header(rows, header)

    def _rows(self, begun: list[str]) -> list[tuple[int, Row]]:
        found = _first_rows(begun, self.delimiter, self._name)
        for line, cells in found:
            if len(cells) > MOST_COLUMNS:
                raise DataError(
                    f"{self._name} has more than {MOST_COLUMNS:,} columns in line {line}."
                )
        if not found:
            raise DataError(f"{self._name} has no header line.")
        return found

    def is_comment(self, cells: Row) -> bool:
        return self.marked and cells[0].startswith(_COMMENTS) and not _is_gap(cells[0])

    def _find_header(self, rows: list[tuple[int, Row]], header: str) -> None:
        names: Row | None = None
        marked: Row | None = None
        rest = rows
        while rest:
            (line, cells), *rest = rest
            if self.is_comment(cells):
                marked = [cells[0].lstrip("#/%! "), *cells[1:]]
                marked = marked if marked[0] else marked[1:]
                self.above.append((line, "a comment"))
            elif cells[0].lower().startswith("sep=") and not any(cells[1:]) and rest:
                self.above.append((line, "the delimiter"))
            elif self._is_title(cells) and rest:
                self.above.append((line, "a title"))
            else:
                names = cells
                break
        if names is None:
            raise DataError(f"{self._name} has no header line.")
        below = [cells for _, cells in rest if not self.is_comment(cells)]
        self.named = header == "yes" or (header == "auto" and not _holds_data(names, below))
        # In a table of words alone a row may be what the names are.
        self.written = names if any(is_number(c) for cells in below for c in cells) else []
        self.header, self.first = names, line + 1
        if not self.named:
            self.first = self.above[-1][0] + 1 if self.above else 1
            fits = header == "auto" and marked is not None and len(marked) == len(names)
            if fits and marked is not None and not any(map(is_number, marked)):
                self.header, self.named = marked, True
                self.above.pop()
            else:
                self.header = [f"column {i + 1}" for i in range(self.width)]
        elif below and (why := _below_names(names, below)):
            line = next(line for line, cells in rest if cells is below[0])
            self._read_second(names, below[0], line, why)
        self._trim([cells for cells in below if len(cells) == self.width])
        _check_header(self.header, names, self._name, self.named)

    def _read_second(self, names: Row, second: Row, line: int, why: str) -> None:
        """Leave out the line below the names; what it says may tell columns of one name apart."""
        if why == "units" and len(set(names)) < len(names):
            why = _SECOND
        self.above.append((line, why))
        self.first = line + 1
        if why == _SECOND:
            both = itertools.zip_longest(names, second, fillvalue="")
            self.header = [" ".join(filter(None, pair)) for pair in both]

    def _is_title(self, cells: Row) -> bool:
        shorter = len(cells) < self.width - 1 or (len(cells) == self.width > 2)
        return shorter and sum(map(bool, cells)) <= 1

    def _trim(self, below: list[Row]) -> None:
        """Take off cells that a delimiter at the end of each line makes, and name the nameless."""
        while len(self.header) > max(self.width, 1) and not self.header[-1]:
            self.header.pop()
        if len(self.header) == self.width - 1:
            # The rows begin with their names, as R writes them, or end in a delimiter.
            first = _name_rows([cells[0] for cells in below])
            ends = any(cells[-1] for cells in below)
            self.header.insert(0 if first and ends else len(self.header), "")
            if ends:
                self.notes.append(
                    "The header has a name fewer than the rows have cells: the "
                    f"{'first' if first else 'last'} column has none."
                )
        self.width = len(self.header)
        self.header = [unicodedata.normalize("NFC", c) for c in self.header]
        for i, cell in enumerate(self.header):
            if not cell:
                self.header[i] = f"column {i + 1}"


def _name_rows(cells: Row) -> bool:
    """Whether cells may be the names or numbers of rows: all differ, none has a fraction."""
    whole = all(c.isdecimal() or not is_number(c) for c in cells)
    return whole and 2 < len(cells) == len(set(cells))


def _is_gap(cell: str) -> bool:
    return cell.lower() in GAPS


def _below_names(names: Row, below: list[Row]) -> str:
    """What the line below the names is if it is no row, in words; else ""."""
    first, *others = below
    if _are_units(first):
        return "units"
    if any(first) and all(not c or _RULE.fullmatch(c) for c in first):
        return "a rule"
    numeric = [i for i in range(len(first)) if _all_numbers([c[i : i + 1] for c in others])]
    filled = [first[i] for i in numeric if first[i]]
    words = {cell for cell in filled if not _is_gap(cell) and not is_number(cell)}
    # One word alone may be a row whose number is unknown.
    enough = len(words) > (0 if "" in names else 1)
    return _SECOND if enough and len(words) == len(filled) else ""


_SECOND = "more of the names"


def _are_units(cells: Row) -> bool:
    """Whether a row below the header says the units of the columns."""
    filled = [c.strip("[]() ") for c in cells if c]
    return sum(c in UNITS for c in filled) > len(filled) / 2 and not any(map(is_number, filled))


def _are_years(first: Row) -> bool:
    """Whether all numbers of a row are years that follow one another, as in a header."""
    whole = [int(c) for c in first if c.isdecimal() and len(c) == 4]
    return (
        1 < len(whole) == sum(map(is_number, first)) < len(first)
        and all(1800 < year < 2200 for year in whole)
        and {b - a for a, b in itertools.pairwise(whole)} <= {1, 5, 10, -1}
    )


def _holds_data(first: Row, below: list[Row]) -> bool:
    """Whether a first row is data: it has a number where the rows below it have numbers."""
    if _are_years(first):
        return False
    for i, cell in enumerate(first):
        if is_number(cell):
            column = [cells[i] for cells in below if i < len(cells) and not _is_gap(cells[i])]
            if not column or 2 * sum(map(is_number, column)) >= len(column):
                return True
    return False


def _check_header(header: Row, first: Row, name: str, named: bool) -> None:
    if len(header) < 2:
        raise DataError(
            f"{name} has one column, {quote(first[0])}; a table needs one to predict "
            "and one to predict it from."
        )
    if named and all(map(is_number, header)):
        raise DataError(
            f"{name} starts with numbers ({', '.join(map(short, header[:3]))}): set the option "
            "'header' to 'no' if they are the first row."
        )
    seen: set[str] = set()
    for cell in header:
        if cell in seen:
            raise DataError(f"{name} has two columns called {quote(cell)}: rename one.")
        seen.add(cell)


def _reader(lines: Iterable[str], delimiter: str) -> Any:
    if delimiter == " ":
        lines = (line.strip() + "\n" for line in lines)
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def _unreadable(name: str, reader: Any, error: csv.Error) -> DataError:
    return DataError(f"{name}, line {reader.line_num} cannot be read: {error}.")


def _first_rows(lines: list[str], delimiter: str, name: str) -> list[tuple[int, Row]]:
    """Line number and cells of the first rows that have anything in them; raises DataError."""
    reader = _reader(lines, delimiter)
    found: list[tuple[int, Row]] = []
    try:
        for cells in reader:
            stripped = [c.strip() for c in cells]
            if any(stripped):
                found.append((reader.line_num, stripped))
                if len(found) == _SAMPLE:
                    break
    except csv.Error as error:
        raise _unreadable(name, reader, error) from error
    return found


def _delimiter(sample: list[str], name: str) -> str:
    """The one that cuts most rows alike; of those a comma last, then by the number of columns."""

    def quality(delimiter: str) -> tuple[float, int]:
        try:
            rows = [cells for _, cells in _first_rows(sample, delimiter, name)]
        except DataError:
            return 0.0, 0
        widths = Counter(map(len, rows))
        width = max(widths, key=lambda w: (widths[w] if w > 1 else 0, w), default=1)
        if width < 2 or (delimiter == " " and not _are_aligned(rows)):
            return 0.0, 0
        return widths[width] / len(rows), width

    found = {d: quality(d) for d in texts.DELIMITERS.values()}
    found[" "] = (0.0, 0) if any(q[1] for d, q in found.items() if d != " ") else found[" "]
    # Decimal commas may cut the rows alike too, though not the header.
    return max(found, key=lambda d: (found[d][0], d != ",", found[d][1]))


def _are_aligned(rows: list[Row]) -> bool:
    """Whether rows that are cut at blanks are numbers, or a header and rows of one width."""
    names, *below = rows
    if _all_numbers(below):
        return True
    width = max(map(len, below), default=0)
    columns = [list(cells) for cells in zip(*below, strict=False)]
    return (
        len(names) >= 2 < len(below)
        and {len(cells) for cells in below} == {width}
        and len(names) in (width, width - 1)
        and not any(map(is_number, names))
        and any(_all_numbers([cells]) for cells in columns)
    )


def _all_numbers(rows: list[Row]) -> bool:
    return bool(rows) and all(is_number(c) or _is_gap(c) for cells in rows for c in cells)


def _fill(table: Table, layout: _Layout, data: bytes, told: Callable[[int], None]) -> None:
    """Read the rows below the header, a chunk at a time."""
    reader = _reader(texts.lines(data), layout.delimiter)
    ragged = _Ragged(table, layout)
    numbers: list[NDArray[np.int32]] = []
    done = 0
    while True:
        try:
            while reader.line_num < layout.first - 1:
                next(reader)
            before = reader.line_num
            chunk = list(itertools.islice(reader, _CHUNK))
        except csv.Error as error:
            raise _unreadable(table.name, reader, error) from error
        if not chunk:
            break
        lines = np.arange(before + 1, reader.line_num + 1, dtype=np.int32)
        if len(lines) != len(chunk) or not _is_plain(chunk, layout):
            kept = [row for row in ragged.fitted(_numbered(chunk, before)) if row is not None]
            lines = np.array([line for line, _ in kept], np.int32)
            chunk = [cells for _, cells in kept]
        ragged.check_order(lines)
        _append(table, chunk)
        numbers.append(lines)
        told(done := done + len(chunk))
    table.lines = np.concatenate(numbers) if numbers else table.lines
    ragged.end(done)
    _drop_totals(table)


def _is_plain(chunk: list[Row], layout: _Layout) -> bool:
    """Whether all rows are as wide as the header and none is empty, a comment or the header."""
    return (
        set(map(len, chunk)) == {layout.width}
        and all(map(any, chunk))
        and not (layout.marked and {cells[0][:1] for cells in chunk} & _MARKS)
        and not (layout.named and layout.written in chunk)
    )


def _numbered(chunk: list[Row], line: int) -> Iterator[tuple[int, Row]]:
    """Yield the line that each row ends on, and its cells, for rows that have anything in them."""
    for cells in chunk:
        line += 1 + sum(
            c.count("\n") + c.count("\r") - c.count("\r\n") for c in cells if "\n" in c or "\r" in c
        )
        stripped = [c.strip() for c in cells]
        if any(stripped):
            yield line, stripped


_BLANKS = " \t\n\r\x0b\x0c\xa0\u3000"


def _append(table: Table, rows: list[Row]) -> None:
    for column, cells in zip(table.columns, zip(*rows, strict=True), strict=False):
        joined = texts.MARK.join(cells)
        if any(blank in joined for blank in _BLANKS):
            joined = texts.MARK.join([c.strip() for c in cells])
        if not joined.isascii():
            joined = unicodedata.normalize("NFC", joined)
        column.append(joined)


class _Ragged:
    """What becomes of rows that are not as wide as the header: trimmed, left out or refused."""

    def __init__(self, table: Table, layout: _Layout) -> None:
        self._table, self._layout = table, layout
        self._rows = 0
        self._waiting: list[tuple[int, Row]] = []

    def fitted(self, rows: Iterable[tuple[int, Row]]) -> Iterator[tuple[int, Row] | None]:
        """Yield rows of the table's width, and None for a comment or one that is to be judged."""
        width, layout = self._layout.width, self._layout
        nameless = layout.header[-1] == f"column {width}"
        for line, cells in rows:
            if layout.is_comment(cells):
                self._table.leave_out(line, "a comment")
            elif layout.named and cells == layout.written:
                self._table.leave_out(line, "the names once more")
            elif len(cells) == width or (len(cells) > width and not any(cells[width:])):
                yield line, cells[:width]
            elif len(cells) == width - 1 and nameless:
                yield line, [*cells, ""]  # where the header ends in a delimiter and rows do not
            else:
                self._waiting.append((line, cells))

    def check_order(self, lines: NDArray[np.int32]) -> None:
        """Refuse a row that was too short or too long where others follow it."""
        if self._waiting and len(lines) and lines[-1] > self._waiting[0][0]:
            self._refuse(*self._waiting[0], int(np.searchsorted(lines, self._waiting[0][0])))
        self._rows += len(lines)

    def end(self, rows: int) -> None:
        """Leave out what stands below the table; a row that is cut short is refused."""
        for line, cells in self._waiting:
            words = [c for c in cells if c]
            alone = len(words) == 1 and len(cells) < self._layout.width
            if not rows or not alone or is_number(words[0]):
                self._refuse(line, cells)
            self._table.leave_out(line, "a note below the table")

    def _refuse(self, line: int, cells: Row, before: int = 0) -> None:
        raise DataError(
            f"{self._table.name}, row {self._rows + before + 1} (line {line}) does not fit the "
            f"header: {len(cells)} instead of {self._layout.width} columns."
        )


def _drop_totals(table: Table) -> None:
    """Leave out rows at the end that hold a total, and a note that is padded to a row."""
    while len(table) > 2:
        tail = [chunks[-1].rsplit(texts.MARK, 1) for chunks in table.columns]
        cells = [part[-1] for part in tail]
        words = [c for c in cells if c]
        label = words[0].rstrip(":. ") if words else ""
        alone = len(words) == 1 and not is_number(words[0]) and len(cells) > 2
        if not (_TOTALS.fullmatch(label) and not _occurs(table, label)) and not alone:
            return
        table.leave_out(int(table.lines[-1]), "a note below the table" if alone else "a total")
        for chunks, part in zip(table.columns, tail, strict=True):
            chunks[-1:] = [part[0]] if len(part) > 1 else []
        table.lines = table.lines[:-1]


def _occurs(table: Table, label: str) -> bool:
    """Whether a word stands in rows before the last one too: then it is a category."""
    count = 0
    for chunks in table.columns:
        for chunk in chunks:
            count += chunk.count(label)
            if count > 1:
                return True
    return False
