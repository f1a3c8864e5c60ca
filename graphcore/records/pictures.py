"""A tensor as it is shown in a node."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.arrays import Array


class Picture(msgspec.Struct, tag=True, frozen=True):
    """One tensor, downscaled to be drawn in a node.

    Attributes:
        kind: "tiles" (C, H, W), "matrix" (H, W), "bars" (n,) or "number" ().
        low, high: smallest and largest number of the tensor at full size.
        shape: of the whole tensor, as text.
    """

    kind: Literal["tiles", "matrix", "bars", "number"]
    array: Array
    low: float
    high: float
    shape: str


class Flow(msgspec.Struct, tag=True, frozen=True):
    """Root mean square of what runs along one edge: the value, and the gradient that came back."""

    source: str
    output: str
    target: str
    input: str
    value: float
    gradient: float
