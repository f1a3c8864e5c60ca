"""What was learned about data: all that turns a raw row or picture into what a net is fed.

The record travels with the weights: in the folder of a run, in saved runs and in every export, so
that a net gives the same answers elsewhere.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import numpy as np

from graphcore.datasets.dataset import Array, Dataset, RawColumn, Task
from graphcore.datasets.normalization import Normalization, of_numbers

Coding = Literal["classes", "signs", "zero-one", "numbers"]
"""How targets are written: class indices; -1 and +1; 0 and 1; quantities."""
FORMAT_VERSION = 1


class Scale(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The map x -> (x - shift) / scale, one number each, or one per feature or colour."""

    kind: str = "none"
    shift: float | tuple[float, ...] = 0.0
    scale: float | tuple[float, ...] = 1.0

    @classmethod
    def of(cls, normalization: Normalization) -> Scale:
        """Return the record of a normalisation."""
        return cls(normalization.kind, *map(_row, (normalization.shift, normalization.scale)))

    @property
    def normalization(self) -> Normalization:
        """The map itself."""
        return of_numbers(self.kind, self.shift, self.scale)


def _row(numbers: Array) -> float | tuple[float, ...]:
    """One number, or those of each feature or colour."""
    return tuple(numbers.ravel().tolist()) if numbers.ndim else float(numbers)


class ImageForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Pictures as the net takes them: scaled to this size, brightness divided by 255."""

    height: int
    width: int
    color: Literal["grey", "rgb"] = "grey"


class Learned(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the data that a net was trained on.

    Attributes:
        dataset: name of the data set.
        input_shape: shape of one sample.
        classes: name of each class; empty for quantities.
        coding: how the targets are written.
        normalization: done to inputs; ``target_scale`` to targets that are quantities.
        columns: of a table, in the order in which they are fed.
        target: what the answer is called, or "".
        image: how pictures are read, or None.
    """

    format_version: int = FORMAT_VERSION
    dataset: str = ""
    task: Task = "classification"
    input_shape: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    coding: Coding = "classes"
    normalization: Scale = Scale()
    columns: tuple[RawColumn, ...] = ()
    target: str = ""
    target_scale: Scale = Scale()
    image: ImageForm | None = None


def learned(data: Dataset) -> Learned:
    """Return what there is to know of a data set to feed a net elsewhere."""
    return Learned(
        dataset=data.name, task=data.task, input_shape=tuple(data.input_shape),
        classes=tuple(data.classes), coding=_coding(data),
        normalization=Scale.of(data.normalization), columns=data.raw_columns, target=data.target,
        target_scale=Scale.of(data.target_scale),
        image=_image(tuple(data.input_shape)),
    )  # fmt: skip


def _coding(data: Dataset) -> Coding:
    targets: Array = data.train.targets
    if not np.issubdtype(targets.dtype, np.floating):
        return "classes"
    if not data.classes:
        return "numbers"
    return "signs" if bool((targets < 0).any()) else "zero-one"


def _image(shape: tuple[int, ...]) -> ImageForm | None:
    if len(shape) != 3 or shape[0] not in (1, 3):
        return None
    return ImageForm(shape[1], shape[2], "rgb" if shape[0] == 3 else "grey")
