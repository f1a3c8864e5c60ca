"""Tables from text files (CSV): numbers and words in columns, one sample per row."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from graphcore.datasets.dataset import Array, RawColumn
from graphcore.datasets.registry import Option, Request, Samples, dataset
from graphcore.errors import DataError, quote, short
from graphcore.system import reading

MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
LARGEST = 128 << 20
LONGEST_LINE = 4 << 20
MOST_BLANKS = 10_000  # lines above the header
MOST_ROWS, MOST_COLUMNS, MOST_CELLS = 1 << 20, 10_000, 4_000_000
_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
_MOST_WORDS = 32  # different words in one column, past which it is no kind of category
_MOST_CLASSES = 20  # different whole numbers in the target, past which they are quantities


class Table:
    """A table as it stands in the file.

    Attributes:
        name: of the file, for messages.
        header: names of the columns.
        rows: cells of each row, without the blanks around them, and the line it ends on.
        comma: whether numbers may be written with a decimal comma.
    """

    def __init__(
        self, name: str, header: list[str], rows: list[tuple[int, list[str]]], comma: bool
    ) -> None:
        self.name, self.header, self.rows, self.comma = name, header, rows, comma

    def column(self, i: int) -> list[str]:
        return [cells[i] for _, cells in self.rows]

    def number(self, text: str) -> float:
        """The number a cell holds, or NaN if it holds none."""
        if self.comma:
            text = text.replace(",", ".")
        try:
            # Python's own spelling 1_000 is no number in a table.
            return math.nan if "_" in text else float(text)
        except ValueError:
            return math.nan

    def numbers(self, i: int) -> Array | None:
        """A column as float64; None if it holds words.

        Raises:
            DataError: a few cells are no numbers among many that are, or a number is infinite.
        """
        values = np.array([self.number(text) for text in self.column(i)])
        words = np.flatnonzero(np.isnan(values))
        if len(words) > len(values) // 10:
            return None
        odd = [*words, *np.flatnonzero(np.abs(values) > np.finfo(np.float32).max)]
        if odd:
            raise DataError(
                f"{self.where(int(odd[0]), i)}: {self.column(i)[odd[0]]!r} is not a number "
                "that can be used."
            )
        return values

    def where(self, row: int, i: int) -> str:
        """Place of a cell in words; rows count from 1 below the header."""
        return f"{self.name}, row {row + 1} (line {self.rows[row][0]}), column {self.header[i]!r}"


@dataset(
    "csv", "Table (CSV)", task=None, shape=None, classes=None,
    options=(Option("path", "", "Text file with a header line.", path="file"),
             Option("target", "", "Column that is to be predicted; the last if empty."),
             Option("task", "auto", "auto: words or few whole numbers in the target are classes.",
                    choices=("auto", "classification", "regression")),
             Option("delimiter", "auto", "What stands between two columns.",
                    choices=("auto", *_DELIMITERS)),
             Option("missing", "refuse", "What becomes of rows with a missing value.",
                    choices=("refuse", "leave out")),
             Option("train_share", 0.8, "Share that is trained on.", 0.1, 0.9)),
)  # fmt: skip
def load_csv(request: Request) -> Samples:
    """A table from a text file: one column is predicted from all the others.

    Columns of numbers are taken as they are. A column of words becomes one column of 0 and 1
    per word. Missing values (nothing, ?, NA, NaN, null, none) are refused or their rows left
    out, and the note says what was done.
    """
    o = request.options
    table = read_table(request.path("path"), _DELIMITERS.get(o["delimiter"]))
    notes = _settle_missing(table, o["missing"] == "leave out")
    target = _target_column(table, o["target"])
    places = [i for i in range(len(table.header)) if i != target]
    columns = [_feature(table, i, notes) for i in places]
    inputs = np.concatenate([block for block, _ in columns], axis=1)
    targets, classes = _targets(table, target, o["task"])
    raw = tuple(
        RawColumn(table.header[i], words) for i, (_, words) in zip(places, columns, strict=True)
    )
    return Samples(
        inputs, targets, stratify=bool(classes), classes=classes, note=" ".join(notes),
        raw_columns=raw, target=table.header[target],
    )  # fmt: skip


def raw_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table, numbers with a point; raises DataError."""
    table = read_table(path)
    return table.header, [[_pointed(table, cell) for cell in cells] for _, cells in table.rows]


def _pointed(table: Table, cell: str) -> str:
    """A cell's text; a number with a decimal comma as one with a point."""
    return cell.replace(",", ".") if table.comma and not math.isnan(table.number(cell)) else cell


def raw_number(text: str) -> float:
    """Return the number that a cell holds, or NaN."""
    return Table("", [], [], comma=False).number(text)


def read_table(path: Path, delimiter: str | None = None) -> Table:
    """Read a table; without a delimiter, the one that cuts the header into most columns is used.

    Raises:
        DataError: the file cannot be read, is not a table, or a row has too many or few cells.
    """
    with reading.opened(path, LARGEST, DataError) as file:
        lines = _lines(file, short(path.name))
        begun = itertools.islice(lines, MOST_BLANKS)
        first = next((line for line in begun if line.strip()), None)
        if first is None:
            raise DataError(f"{short(path.name)} is empty.")
        delimiter = delimiter or _delimiter(first, path)
        _check_size(file, delimiter, short(path.name))
        (_, header), *rows = _cells(itertools.chain([first], lines), delimiter, path)
    table = Table(short(path.name), header, rows, comma=delimiter == ";")
    _check_header(table)
    if not rows:
        raise DataError(f"{table.name} has a header but no rows below it.")
    for i, (line, cells) in enumerate(rows):
        if len(cells) != len(header):
            raise DataError(
                f"{table.name}, row {i + 1} (line {line}) does not fit the header: "
                f"{len(cells)} instead of {len(header)} columns."
            )
    return table


def _lines(file: BinaryIO, name: str) -> Iterator[str]:
    """Yield the lines of a text file, at most of ``LONGEST_LINE`` bytes each."""
    done = count = 0
    while raw := file.readline(LONGEST_LINE + 1):
        if len(raw) > LONGEST_LINE:
            raise DataError(
                f"{name}, line {count + 1:,} has more than {LONGEST_LINE >> 20} million "
                "characters: that is no row of a table."
            )
        try:
            text = raw.decode("utf-8" if done else "utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name} is not text in UTF-8 (byte {done + error.start:,} is "
                f"{error.object[error.start]}): save it as CSV UTF-8."
            ) from error
        done += len(raw)
        lines = text.splitlines(keepends=True)
        count += len(lines)
        yield from lines


def _check_size(file: BinaryIO, delimiter: str, name: str) -> None:
    """Raise DataError for more rows or cells than are read; a count is quick, parsing is not."""
    at = file.tell()
    file.seek(0)
    rows, cells = 0, 0
    while chunk := file.read(reading.MIB):
        rows += chunk.count(b"\n")
        cells += chunk.count(delimiter.encode())
    file.seek(at)
    if rows > MOST_ROWS or rows + cells > MOST_CELLS:
        raise DataError(
            f"{name} has {rows:,} rows and {rows + cells:,} cells; up to {MOST_ROWS:,} and "
            f"{MOST_CELLS:,} are read: use a part of it."
        )


def _delimiter(header: str, path: Path) -> str:
    """The one that cuts the header into most columns."""
    name = short(path.name)
    return max(_DELIMITERS.values(), key=lambda d: len(next(_rows([header], d, name))[1]))


def _cells(lines: Iterable[str], delimiter: str, path: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each row; rows with nothing in them are no rows."""
    name = short(path.name)
    found = []
    for line, cells in _rows(lines, delimiter, name):
        if len(cells) > MOST_COLUMNS:
            raise DataError(f"{name} has more than {MOST_COLUMNS:,} columns in line {line}.")
        if any(cells):
            found.append((line, cells))
    if not found:
        raise DataError(f"{name} has no header line.")
    return found


def _rows(lines: Iterable[str], delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        for cells in reader:
            yield reader.line_num, [c.strip() for c in cells]
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num} cannot be read: {error}.") from error


def _check_header(table: Table) -> None:
    header = table.header
    if len(header) < 2:
        raise DataError(
            f"{table.name} has one column, {header[0]!r}; a table needs one to predict "
            "and one to predict it from."
        )
    if not any(math.isnan(table.number(name)) for name in header):
        raise DataError(
            f"{table.name} starts with numbers ({', '.join(header[:3])}); "
            "its first line has to name the columns."
        )
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise DataError(f"{table.name} has two columns called {name!r}.")
        seen.add(name)


def _settle_missing(table: Table, leave_out: bool) -> list[str]:
    """Take rows with missing values out, or refuse them; returns what is to be noted."""
    gaps = [
        (row, i)
        for row, (_, cells) in enumerate(table.rows)
        for i, text in enumerate(cells)
        if text.lower() in MISSING
    ]
    if not gaps:
        return []
    if not leave_out:
        raise DataError(
            f"{table.where(*gaps[0])}: the value is missing; fill it in, or set the option "
            "'missing' to 'leave out'."
        )
    dropped, count = {row for row, _ in gaps}, len(table.rows)
    table.rows = [r for i, r in enumerate(table.rows) if i not in dropped]
    if not table.rows:
        raise DataError(f"{table.name} has a missing value in every row.")
    return [f"Left out of {table.name} for missing values: {len(dropped)} of {count:,} rows."]


def _target_column(table: Table, name: str) -> int:
    if not name:
        return len(table.header) - 1
    if name not in table.header:
        listed = ", ".join(map(short, table.header[:20]))
        raise DataError(f"{table.name} has no column {name!r}; it has: {listed}.")
    return table.header.index(name)


def _feature(table: Table, i: int, notes: list[str]) -> tuple[Array, tuple[str, ...]]:
    """One column of numbers, or a column of 0 and 1 per word (one-hot), (n, k); and the words."""
    values = table.numbers(i)
    if values is not None:
        return values[:, None], ()
    column = table.column(i)
    words = sorted(set(column))
    if len(words) > _MOST_WORDS:
        raise DataError(
            f"{table.name}, column {table.header[i]!r} has {len(words)} different words, too "
            f"many for categories ({_MOST_WORDS} at most): leave the column out."
        )
    notes.append(f"The words in {quote(table.header[i])} became {len(words)} columns of 0 and 1.")
    place = {word: k for k, word in enumerate(words)}
    return np.eye(len(words))[[place[word] for word in column]], tuple(words)


def _targets(table: Table, i: int, task: str) -> tuple[Array, tuple[str, ...]]:
    """Class indices and names, or the numbers and no names."""
    values = None if task == "classification" else table.numbers(i)
    if values is None and task == "regression":
        raise DataError(
            f"{table.name}, column {table.header[i]!r} holds words; regression needs numbers."
        )
    if values is not None and (task == "regression" or not _looks_like_classes(values)):
        return values[:, None], ()
    column = table.column(i)
    numbers = [table.number(text) for text in column]
    if not np.isnan(numbers).any():
        # 1 and 1.0 are the same class, and 10 comes after 9.
        different = sorted(set(numbers))
        labels = np.searchsorted(different, numbers)
        classes = tuple(f"{v:g}" for v in different)
    else:
        classes = tuple(sorted(set(column)))
        labels = np.searchsorted(np.array(classes), np.array(column))
    if len(classes) < 2:
        raise DataError(
            f"{table.name}, column {table.header[i]!r} has one class only, {classes[0]!r}: "
            "there is nothing to tell apart."
        )
    return labels, classes


def _looks_like_classes(values: Array) -> bool:
    whole = bool((values == np.round(values)).all())
    return whole and len(np.unique(values)) <= min(_MOST_CLASSES, len(values) // 2)
