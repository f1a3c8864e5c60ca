"""Messages about one row of a table as people write it, and what the net says of it."""

from __future__ import annotations

from graphcore.datasets.dataset import RawColumn
from graphcore.records.arrays import Array
from graphcore.records.requests import Look, Shown
from graphcore.training.sample import Sample


class RowRequest(Look, frozen=True):
    """Answer to a row of the table that the net learns from.

    Attributes:
        values: cell by column, as typed; empty for those of the sample.
        sample: the one of the data that the row begins with.
    """

    values: dict[str, str] = {}
    sample: Sample = Sample()


class RowFrame(Shown, frozen=True, kw_only=True):
    """A row and its answer with the weights of the moment.

    Attributes:
        columns: that the net is fed, with their words; none where the data are no table.
        values: cell by column.
        typed: whether these are the values that were asked about, and not those of a sample.
        target: what the answer is called.
        answer: the likeliest class, or "" where the answer is numbers.
        numbers: the answer in the table's own units; none where it is a class.
        shares: probability of each class, the likeliest first.
        given: the row as numbers, before normalisation; None where there is a problem.
        problem: what is wrong with a cell, or why there is no answer; or "".
    """

    columns: tuple[RawColumn, ...] = ()
    values: dict[str, str] = {}
    typed: bool = False
    target: str = ""
    answer: str = ""
    numbers: tuple[float, ...] = ()
    shares: tuple[tuple[str, float], ...] = ()
    given: Array | None = None
    problem: str = ""
