"""The samples of a table: which columns are read, as what, and one line that says so."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphcore.datasets.dataset import Array, RawColumn
from graphcore.datasets.registry import Request, Samples
from graphcore.datasets.table.columns import MOST_WORDS, Column, decimal_marks, judged
from graphcore.datasets.table.numbers import GAPS, number_of, words
from graphcore.datasets.table.rows import Table, read_table
from graphcore.datasets.table.target import classes_of, propose
from graphcore.datasets.table.text import DELIMITERS
from graphcore.errors import DataError, short

_MOST_CODED = 4
"""Columns of words of which each has a sentence."""
_MOST_NAMED = 8
"""Columns, rows and words that a sentence names."""


def read(request: Request) -> Samples:
    """Return the samples of a table; raises DataError."""
    o = request.options
    path = request.path("path")
    progress = request.progress
    told = None if progress is None else lambda done, all_: progress(path.name, done, all_)
    table = read_table(
        path, DELIMITERS.get(o["delimiter"]), header=o["header"], encoding=o["encoding"], told=told
    )
    skipped = {_named(table, name) for name in _listed(o["ignore"])}
    skipped |= {_named(table, o["id"])} if o["id"] else set()
    gaps = GAPS | {word.lower() for word in _listed(o["gaps"])}
    columns = judged(table, o["decimal"], gaps, skipped)
    wanted = _named(table, o["target"]) if o["target"] else None
    if wanted in skipped:
        raise DataError(
            f"{table.name}: the column {short(o['target'])!r} is to be predicted and left out."
        )
    target = columns[propose(table, columns) if wanted is None else wanted]
    return _Understood(table, columns, target, o).samples()


def raw_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table, numbers with a point; raises DataError."""
    table = read_table(path)
    marks = decimal_marks(table, "auto", set())
    columns = [
        [_pointed(cell, mark) for cell in words(chunks)]
        for chunks, (mark, _) in zip(table.columns, marks, strict=True)
    ]
    return table.header, [list(row) for row in zip(*columns, strict=True)]


def _pointed(cell: str, mark: str) -> str:
    """A cell's text; a number, however it is written, as Python writes it."""
    number = number_of(cell, mark)
    return cell if math.isnan(number) else repr(number)


def raw_number(text: str) -> float:
    """Return the number that a cell holds, or NaN."""
    found = number_of(text, ".")
    return number_of(text, ",") if math.isnan(found) else found


def _why_not(column: Column) -> str:
    """Why a column is no input, behind its name."""
    count = len(column.vocabulary[0]) if column.vocabulary is not None else 0
    if column.kind == "id" and count > MOST_WORDS:
        return f"has {count:,} different words, too many for categories ({MOST_WORDS} at most)"
    return f"is left out ({column.why})" if column.kind != "words" else f"has {column.why}"


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _named(table: Table, name: str) -> int:
    """The column of that name, or number; raises DataError."""
    name = unicodedata.normalize("NFC", name.strip())
    if name in table.header:
        return table.header.index(name)
    alike = [i for i, own in enumerate(table.header) if own.casefold() == name.casefold()]
    if len(alike) == 1:
        return alike[0]
    if name.isdecimal() and 1 <= int(name[:6]) <= len(table.header):
        return int(name) - 1
    listed = ", ".join(map(short, table.header[:20]))
    raise DataError(f"{table.name} has no column {name!r}; it has: {listed}.")


@dataclass
class _Understood:
    """A table of which it is known what each column is for."""

    table: Table
    columns: list[Column]
    target: Column
    options: Mapping[str, Any]

    def samples(self) -> Samples:
        inputs = self._inputs()
        self.notes = [*self.table.notes]
        self.coded: list[tuple[str, int]] = []
        self._check_target()
        keep = self._kept([*inputs, self.target])
        blocks, names, raw = [], list[str](), list[RawColumn]()
        for column in inputs:
            block, words = self._block(column, keep)
            blocks.append(block)
            names += [f"{short(column.name)} = {short(w)}" for w in words] or [column.label]
            raw.append(RawColumn(column.name, words))
        targets, classes = classes_of(self.table, self.target, keep, self.options["task"])
        self._note_columns([c.notes for c in [*inputs, self.target]])
        self._note_lone(targets, classes)
        self._note_alike(classes)
        line = self._line(names, inputs, classes, int(keep.sum()))
        return Samples(
            np.concatenate(blocks, axis=1), targets, stratify=bool(classes), classes=classes,
            note=" ".join([line, *self.notes]), columns=tuple(names), target=self.target.label,
            raw_columns=tuple(raw), header=tuple(self.table.header),
        )  # fmt: skip

    def _inputs(self) -> list[Column]:
        others = [c for c in self.columns if c is not self.target]
        self._leave_out_sparse(others)
        inputs = [c for c in others if not c.why]
        # Numbers that look like an id are better than nothing to predict from.
        inputs = inputs or [c for c in others if c.kind == "id" and c.values is not None]
        if not inputs:
            why = ", ".join(f"{short(c.name)!r} {_why_not(c)}" for c in others[:3])
            raise DataError(
                f"{self.table.name} has no column to predict {short(self.target.name)!r} from: "
                f"{why}."
            )
        chosen = {c.index for c in inputs}
        self.out = [c for c in others if c.index not in chosen]
        return inputs

    def _leave_out_sparse(self, others: list[Column]) -> None:
        """Where gaps are left out, a column with hardly a value goes rather than most rows."""
        for column in others:
            count, rows = int(column.gaps.sum()), len(column.gaps)
            if self.options["missing"] == "leave out" and not column.why and 2 * count > rows:
                column.why = f"no value in {count:,} of {rows:,} rows"

    def _check_target(self) -> None:
        if self.target.kind == "empty":
            raise DataError(
                f"{self.table.name}, column {short(self.target.name)!r} has no values to learn."
            )

    def _kept(self, used: list[Column]) -> Array:
        """Which rows have all their values; raises DataError if gaps are to be refused."""
        gaps: Array = np.any([c.gaps for c in used], axis=0)
        rows = np.flatnonzero(gaps)
        if not len(rows):
            return np.ones(len(self.table), bool)
        column = next(c for c in used if c.gaps[rows[0]])
        if self.options["missing"] == "refuse":
            self._refuse_sparse(used)
            more = f" ({len(rows):,} rows have a gap)" if len(rows) > 1 else ""
            raise DataError(
                f"{self.table.where(int(rows[0]), column.index)}: the value is missing{more}; fill "
                "it in, or set the option 'missing' to 'leave out'."
            )
        if gaps.all():
            raise DataError(f"{self.table.name} has a missing value in every row.")
        listed = ", ".join(str(self.table.lines[r]) for r in rows[:_MOST_NAMED])
        more = ", …" if len(rows) > _MOST_NAMED else ""
        lines = "line" if len(rows) == 1 else "lines"
        self.table.left_out.append(f"{lines} {listed}{more} (a missing value)")
        self.table.omitted += len(rows)
        kept: Array = ~gaps
        return kept

    def _refuse_sparse(self, used: list[Column]) -> None:
        """Name an input that has hardly a value: its rows are not worth leaving out."""
        worst = max(used, key=lambda c: int(c.gaps.sum()))
        count, rows = int(worst.gaps.sum()), len(worst.gaps)
        if worst is not self.target and 2 * count > rows:
            raise DataError(
                f"{self.table.name}: {short(worst.name)!r} has no value in {count:,} of {rows:,} "
                "rows: leave the column out with the option 'ignore'."
            )

    def _block(self, column: Column, keep: Array) -> tuple[Array, tuple[str, ...]]:
        """Numbers (n, 1) and no words, or a column of 0 and 1 per word (one-hot), and the words."""
        if column.values is not None:
            return column.values[keep, None], ()
        assert column.vocabulary is not None
        known, codes = column.vocabulary
        codes = codes[keep]
        left = [k for k in range(len(known)) if k in set(codes.tolist())]
        self.coded.append((short(column.name), len(left)))
        block = (codes[:, None] == np.array(left)).astype(np.float64)
        return block, tuple(known[k] for k in left)

    def _note_columns(self, notes: list[list[str]]) -> None:
        """Say how the inputs were read; of many columns with the same, in one sentence."""
        said = [sentence for listed in notes for sentence in listed]
        self.notes += said[:_MOST_NAMED]
        if len(said) > _MOST_NAMED:
            self.notes.append(f"Of other columns there is more to say ({len(said) - _MOST_NAMED}).")
        if len(self.coded) > _MOST_CODED:
            count = sum(n for _, n in self.coded)
            self.notes.append(
                f"The words in {len(self.coded):,} columns became {count:,} columns of 0 and 1."
            )
        else:
            self.notes += [
                f"The words in {name!r} became {n} columns of 0 and 1." for name, n in self.coded
            ]

    def _note_lone(self, targets: Array, classes: tuple[str, ...]) -> None:
        """Name the classes that have a single sample: it can be learned, but not tested."""
        if classes:
            counts = np.bincount(targets, minlength=len(classes))
            lone = [short(classes[k]) for k in np.flatnonzero(counts == 1)[:_MOST_NAMED]]
            if lone:
                which = "class has" if len(lone) == 1 else "classes have"
                self.notes.append(
                    f"{len(lone)} {which} a single row, which is trained on and never tested: "
                    f"{', '.join(lone)}."
                )

    def _note_alike(self, classes: tuple[str, ...]) -> None:
        """Name two classes that are one word but for capitals."""
        spelt: dict[str, str] = {}
        for name in classes:
            other = spelt.setdefault(name.casefold(), name)
            if other != name:
                self.notes.append(
                    f"The classes {short(other)!r} and {short(name)!r} differ in capitals alone: "
                    "write them alike if they are one."
                )
                return

    def _line(
        self, names: list[str], inputs: list[Column], classes: tuple[str, ...], rows: int
    ) -> str:
        """What was understood, in one line."""
        shown = _some([c.label for c in inputs])
        count = f"{len(names):,} input{'s' if len(names) > 1 else ''}"
        said = (
            f"{len(classes)} classes: {_some([short(c, 40) for c in classes])}"
            if classes
            else "numbers"
        )
        parts = [f"{rows:,} rows, {count}: {shown}, target {self.target.label} ({said})"]
        if not self.table.named:
            parts.append("no header line")
        if self.out:
            listed = _some([f"{short(c.name)} ({c.why})" for c in self.out])
            columns = "column" if len(self.out) == 1 else "columns"
            parts.append(f"{len(self.out)} {columns} left out: {listed}")
        if self.table.omitted:
            noun = "row" if self.table.omitted == 1 else "rows"
            parts.append(f"{self.table.omitted:,} {noun} left out: {_some(self.table.left_out)}")
        return ", ".join(parts) + "."


def _some(names: list[str]) -> str:
    """The first few of many names, and the last."""
    if len(names) <= _MOST_NAMED:
        return ", ".join(names)
    return ", ".join([*names[: _MOST_NAMED - 2], "…", names[-1]])
