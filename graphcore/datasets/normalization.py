"""Bringing inputs to a common scale, measured on the train split alone and never silently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphcore.errors import DataError

Array = NDArray[Any]
KINDS = ("none", "standardize", "min-max", "imagenet")
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green and blue of ImageNet's pictures (brightness 0 to 1):
published weights expect them, whatever other pictures a net is given."""
_CHUNK = 1 << 16  # numbers that are measured at a time


@dataclass(frozen=True, eq=False)
class Normalization:
    """The map x -> (x - shift) / scale.

    Attributes:
        kind: "none", "standardize" (mean 0, standard deviation 1), "min-max" (0 to 1) or
            "imagenet" (that data set's colours).
        shift, scale: one number (images), one per feature (tables, points), or one per colour,
            shape (3, 1, 1).
    """

    kind: str
    shift: Array
    scale: Array

    def apply(self, inputs: Array) -> Array:
        """Normalised inputs, float32; any batch shape in front is kept."""
        if self.kind == "none":
            return np.asarray(inputs, np.float32)
        if self.shift.ndim == 0:
            result = np.subtract(inputs, np.float32(self.shift), dtype=np.float32)
            return np.divide(result, np.float32(self.scale), out=result)
        # Float64 in between: a feature such as a year, far from 0 and narrow, keeps its digits.
        wide = (np.asarray(inputs, np.float64) - self.shift) / self.scale
        return wide.astype(np.float32)

    def invert(self, inputs: Array) -> Array:
        """The inputs that ``apply`` was given, float32; what only rounding leaves of a 0 is 0."""
        if self.kind == "none":
            return np.asarray(inputs, np.float32)
        scaled = np.asarray(inputs, np.float64) * self.scale
        wide = scaled + self.shift
        rounding = 2 * np.finfo(np.float32).eps * np.abs(scaled)
        return np.where(np.abs(wide) <= rounding, 0.0, wide).astype(np.float32)

    def describe(self) -> str:
        """One sentence that says what was done, with the numbers where there are few."""
        if self.kind == "none":
            return "Inputs are as the data set defines them."
        if self.kind == "imagenet":
            return "Inputs are (x - mean) / std of ImageNet's red, green and blue."
        first, second = ("mean", "std") if self.kind == "standardize" else ("minimum", "range")
        if self.shift.size <= 2:
            numbers = f"{first} {_listed(self.shift)} and {second} {_listed(self.scale)}"
        else:
            numbers = f"the {first} and {second} of each of the {self.shift.size} features"
        return f"Inputs are (x - {first}) / {second}, with {numbers} of the train split."

    def describe_targets(self, name: str) -> str:
        """One sentence on targets that were normalised, or ""."""
        if self.kind == "none":
            return ""
        what = name or "the targets"
        return (
            f"Training is on ({what} - mean) / std, with mean {_listed(self.shift)} and std "
            f"{_listed(self.scale)} of the train split; the loss is of those, errors and answers "
            "are shown undone."
        )


def fit(kind: str, inputs: Array) -> Normalization:
    """Measure shift and scale on the inputs of the train split, shape (n, *input_shape).

    Samples with one axis get numbers per feature; all others, such as images, one number.
    A feature that never varies is only shifted.

    Raises:
        DataError: no such kind, or "imagenet" for other samples than pictures in colour.
    """
    check(kind)
    if kind == "imagenet":
        if inputs.ndim != 4 or inputs.shape[1] != 3:
            raise DataError(
                "The normalization 'imagenet' is for pictures in colour, of shape (3, height, "
                f"width); these samples have the shape {inputs.shape[1:]}."
            )
        return of_numbers(kind, *IMAGENET)
    if kind == "none":
        return Normalization(kind, np.zeros(()), np.ones(()))
    if kind == "min-max":
        axis = 0 if inputs.ndim == 2 else None
        shift = np.asarray(inputs.min(axis), np.float64)
        scale = np.asarray(inputs.max(axis) - shift)
    elif inputs.ndim == 2:
        wide = inputs.astype(np.float64)
        shift, scale = wide.mean(0), wide.std(0)
    else:
        shift, scale = _moments(inputs.reshape(-1))
    return Normalization(kind, shift, np.where(scale > 0, scale, 1.0))


def of_numbers(kind: str, shift: Any, scale: Any) -> Normalization:
    """Return the map with these numbers, one or a row of them."""
    arrays = np.asarray(shift, np.float64), np.asarray(scale, np.float64)
    if kind == "imagenet":
        arrays = arrays[0].reshape(-1, 1, 1), arrays[1].reshape(-1, 1, 1)
    return Normalization(kind, *arrays)


def check(kind: str) -> None:
    """Raise DataError unless ``kind`` is a kind of normalisation."""
    if kind not in KINDS:
        raise DataError(f"There is no normalization {kind!r}; there are: {', '.join(KINDS)}.")


def _moments(numbers: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of very many numbers, without a float64 copy of them."""
    parts = [numbers[i : i + _CHUNK] for i in range(0, len(numbers), _CHUNK)]
    mean = sum(float(p.sum(dtype=np.float64)) for p in parts) / len(numbers)
    centred = (p - np.float32(mean) for p in parts)
    variance = sum(float(np.dot(d, d)) for d in centred) / len(numbers)
    return np.asarray(mean), np.sqrt(np.asarray(variance))


def _listed(numbers: Array) -> str:
    return ", ".join(f"{v:.4g}" for v in numbers.reshape(-1))
