"""Messages about the samples of a data set, a page at a time, and the one that is looked at."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.training.sample import SplitName


class SamplesRequest(msgspec.Struct, tag=True, frozen=True):
    """Show a page of the data set.

    Attributes:
        start, count: which of the samples that are asked for, in their order.
        label: a class, or -1 for all.
        wrong: only those that the net gets wrong, of the split's first 10,000.
    """

    split: SplitName = "test"
    start: int = 0
    count: int = 24
    label: int = -1
    wrong: bool = False


class SamplesFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A page of the data set.

    Attributes:
        start, total: where the page begins, and how many samples there are of what was asked for.
        indices: rows of the split.
        labels, answers: what each is, and what the net takes it for; "" where there are no classes.
        images: shape (n, H, W), 0 to 1; None where samples are no pictures.
        rows: the first numbers of each sample, shape (n, k), before normalisation.
        classes: names of all classes.
        problem: why there is no page, or "".
    """

    split: SplitName = "test"
    start: int = 0
    total: int = 0
    indices: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    images: Array | None = None
    rows: Array | None = None
    classes: tuple[str, ...] = ()
    problem: str = ""
