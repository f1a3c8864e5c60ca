"""What a loaded data set is: arrays, cut into splits, and how their inputs were normalised."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from graphcore.datasets.normalization import Normalization

Task = Literal["classification", "regression"]
Array = NDArray[Any]


class RawColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table before it is fed to a net.

    Attributes:
        words: the words that became columns of 0 and 1, in this order; empty for numbers.
    """

    name: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Split:
    """Samples that belong together; row i of ``inputs`` has row i of ``targets`` as its answer.

    Attributes:
        inputs: float32, shape (n, *input_shape), contiguous.
        targets: int64 (n,) class indices; or float32 (n, k) for regression, and (n, 1) for two
            classes as numbers (-1 and +1, or 0 and 1, the first class below the second);
            contiguous.
    """

    inputs: Array
    targets: Array

    def __len__(self) -> int:
        return len(self.inputs)

    def take(self, rows: Array) -> Split:
        """The samples at these row numbers, in their order."""
        return Split(self.inputs[rows], self.targets[rows])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set that is ready to be trained on.

    Attributes:
        name: name under which the data are registered; with a fallback, that of the fallback.
        validation: samples held back from training, or None if no share was asked for.
        input_shape: shape of one sample.
        classes: name of each class; empty for regression.
        normalization: what was done to the inputs of every split.
        note: what the user should know about these data, as a sentence; or "".
        columns: what each number of a sample with one axis is called; empty if it has no name.
        target: what the answer is called, with its unit; or "".
        target_scale: what was done to the numbers of the targets, of every split.
        header: all columns of a table, in the order of the file.
        raw_columns: the columns of a table that are inputs, in the order in which they are fed.
        fixed_order: whether batches keep the order of the samples, and are not shuffled.
    """

    name: str
    task: Task
    train: Split
    test: Split
    validation: Split | None
    input_shape: tuple[int, ...]
    classes: tuple[str, ...]
    normalization: Normalization
    note: str = ""
    columns: tuple[str, ...] = ()
    target: str = ""
    target_scale: Normalization = field(
        default_factory=lambda: Normalization("none", np.zeros(()), np.ones(()))
    )
    raw_columns: tuple[RawColumn, ...] = ()
    header: tuple[str, ...] = ()
    fixed_order: bool = False


def in_order(names: Iterable[str]) -> list[str]:
    """Return names sorted as people do: 2 before 10, also inside words."""

    def key(name: str) -> tuple[tuple[int, int, str], ...]:
        parts = re.split(r"([0-9]{1,18})", name)
        return tuple((0, int(p), p) if p.isdigit() else (1, 0, p) for p in parts if p)

    return sorted(names, key=key)


def called(data: Dataset, names: Sequence[str]) -> Dataset:
    """Return the data with these names of the classes; the same data where they do not fit."""
    if not names or tuple(names) == data.classes:
        return data
    if len(names) != len(data.classes):
        note = (
            f"The graph has {len(names):,} names of classes and the data {len(data.classes):,} "
            "classes: the names of the data are used."
        )
        return replace(data, note=f"{data.note} {note}".strip())
    return replace(data, classes=tuple(names))
