"""What a loaded data set is: arrays, cut into splits, and how their inputs were normalised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
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
        raw_columns: the columns of a table that are inputs, in the order in which they are fed.
        target: what the answer is called, or "".
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
    raw_columns: tuple[RawColumn, ...] = ()
    target: str = ""
