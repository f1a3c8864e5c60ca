"""Messages about the samples of a data set, a page at a time, and the one that is looked at."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.arrays import Array

SplitName = Literal["train", "test"]


class Sample(msgspec.Struct, tag=True, frozen=True):
    """The sample that is looked at: of the data set, drawn, or typed.

    Attributes:
        index: its row in the split.
        given: numbers in place of those of the data set, before normalisation: a drawing of any
            size, shape (H, W), 0 to 1; or as many numbers as the net's input holds.
        drawn: whether ``given`` is a drawing, to be put in the middle as MNIST's digits were.
        label: class or value that it is to have; None: what the net says itself, or, of a sample
            of the data set, what is known.
    """

    index: int = 0
    split: SplitName = "test"
    given: Array | None = None
    drawn: bool = False
    label: float | None = None


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
