"""What one output pixel of a convolution or pooling is made of, with the numbers of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphcore.graph.elements import Node


@dataclass(frozen=True)
class Window:
    """How a window slides: height and width of everything.

    Attributes:
        size, stride, padding, dilation: (down, right).
        groups: of a convolution; a pooling has as many as maps.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @classmethod
    def of(cls, node: Node, maps: int) -> Window:
        """The window of a node that reads a number of maps."""
        a: dict[str, Any] = node.attributes
        size = _pair(a["kernel_size"])
        stride = _pair(a["stride"]) if a["stride"] is not None else size
        return cls(size, stride, _pair(a["padding"]), _pair(a.get("dilation", 1)),
                   a.get("groups", maps) if node.op.window == "sum" else maps)  # fmt: skip

    def seen_by(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Top, left, bottom, right (exclusive) of what an output pixel reads; may lie outside."""
        top = row * self.stride[0] - self.padding[0]
        left = column * self.stride[1] - self.padding[1]
        reach = [(k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True)]
        return top, left, top + reach[0], left + reach[1]

    def fed_by(self, row: int, column: int, output: tuple[int, int]) -> tuple[int, int, int, int]:
        """The rectangle of output pixels that read an input pixel, within ``output``."""
        bounds = []
        for at, k, s, p, d, most in zip(
            (row, column), self.size, self.stride, self.padding, self.dilation, output, strict=True
        ):
            reach = (k - 1) * d
            first = max(0, -((reach - at - p) // s))
            bounds.append((first, min(most, (at + p) // s + 1)))
        (top, bottom), (left, right) = bounds
        return top, left, bottom, right

    def patch(self, image: np.ndarray, row: int, column: int, outside: float = 0.0) -> np.ndarray:
        """The numbers under the window, one map; ``outside`` in the padding."""
        top, left, bottom, right = self.seen_by(row, column)
        height, width = image.shape
        framed = np.full((bottom - top, right - left), outside, image.dtype)
        rows = slice(max(0, top), min(height, bottom))
        columns = slice(max(0, left), min(width, right))
        framed[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = (
            image[rows, columns]
        )
        return framed[:: self.dilation[0], :: self.dilation[1]]

    def maps_read_by(self, output: int, outputs: int, inputs: int) -> range:
        """Which input maps an output map reads."""
        each = inputs // self.groups
        group = output // max(1, outputs // self.groups)
        return range(group * each, (group + 1) * each)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))
