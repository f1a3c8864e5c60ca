"""How operators are written in ONNX (opset 20), where their names do not say it.

Nothing here needs the package ``onnx``: an operator adds rows to an ``OnnxCall``, which the
writer of files turns into a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphcore.dims import Batch, Dim, Shape, overhang
from graphcore.errors import ExportError

FLOAT, BOOL = 1, 9
"""ONNX's numbers of the types float32 and bool."""
LARGEST = 2**63 - 1
"""An end past every axis."""
Array = np.ndarray[Any, Any]


@dataclass
class OnnxNode:
    """A row of the file: an ONNX operator, the names it reads and gives, its attributes."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass
class OnnxCall:
    """One operator on its way into a file.

    Attributes:
        name: of the node, in front of every name that is made for it.
        inputs: names of the data inputs, then of the parameters.
        shapes: of the same; the batch is a ``Batch``.
        attributes: of the node. outputs: names that its outputs are to have.
        values: the arrays of its own parameters and running statistics, by their short names.
        names: short name of a parameter -> its name in the file.
        nodes, tensors: what has been added.
    """

    name: str
    inputs: tuple[str, ...]
    shapes: tuple[Shape, ...]
    attributes: Mapping[str, Any]
    outputs: tuple[str, ...]
    values: Mapping[str, Array]
    names: Mapping[str, str]
    dtype: Any = np.float32
    nodes: list[OnnxNode] = field(default_factory=list)
    tensors: dict[str, Array] = field(default_factory=dict)

    @property
    def x(self) -> str:
        """Name of the first input."""
        return self.inputs[0]

    @property
    def rank(self) -> int:
        """How many axes the first input has."""
        return len(self.shapes[0])

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; returns the output's name."""
        return self.several(operator, inputs, 1, **attributes)[0]

    def several(
        self, operator: str, inputs: Sequence[str], count: int, **attributes: Any
    ) -> tuple[str, ...]:
        """Add a node of several outputs; returns their names."""
        at = len(self.nodes)
        made = tuple(f"{self.name}/{operator}_{at}{f'_{i}' if i else ''}" for i in range(count))
        kept = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(OnnxNode(operator, tuple(inputs), made, kept))
        return made

    def tensor(self, value: Any, dtype: Any = None) -> str:
        """Add numbers to the file; returns their name."""
        name = f"{self.name}/const_{len(self.tensors)}"
        self.tensors[name] = np.asarray(value, self.dtype if dtype is None else dtype)
        return name

    def ints(self, *values: int) -> str:
        """Add a list of whole numbers; returns its name."""
        return self.tensor(values, np.int64)

    def parameter(self, input: str, value: Array) -> str:
        """Keep a parameter of the node under its own name in another layout."""
        name = self.names[input]
        self.tensors[name] = np.ascontiguousarray(value)
        return name

    def state(self, name: str) -> str:
        """Keep a running statistic; returns its name."""
        return self.parameter(name, self.values[name])

    def axis(self, dim: int, rank: int | None = None) -> int:
        """An axis counted from the front."""
        return dim % (self.rank if rank is None else rank)

    def fixed(self, axis: int, input: int = 0) -> int:
        """Length of an axis that does not depend on the batch; raises ExportError."""
        return self.length(self.shapes[input][axis])

    def length(self, length: Dim) -> int:
        """A length that does not depend on the batch; raises ExportError."""
        if isinstance(length, Batch):
            raise ExportError(f"{self.name}: its batch axis has no fixed length in an ONNX file.")
        return length

    def reshaped(self, x: str, shape: Sequence[int]) -> str:
        """Give a value another shape; 0 keeps an axis of x, −1 is what is left."""
        return self.node("Reshape", x, self.ints(*shape))

    def pooled(
        self, operator: str, kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
        dilation: Sequence[int],
    ) -> str:  # fmt: skip
        """Add MaxPool or AveragePool over the first input; raises ExportError.

        Where a last window may stand out over the end, there is as much border more: programs
        differ in how many windows ``ceil_mode`` gives.
        """
        x, over = self.x, [0] * len(padding)
        more: dict[str, Any] = {"dilations": list(dilation)}
        if self.attributes.get("ceil_mode"):
            sizes = zip(kernel, stride, padding, dilation, strict=True)
            over = [overhang(self.fixed(2 + i), *of_axis) for i, of_axis in enumerate(sizes)]
        ends = [p + o for p, o in zip(padding, over, strict=True)]
        if operator == "MaxPool" and any(e >= k for e, k in zip(ends, kernel, strict=True)):
            border = self.ints(0, 0, *padding, 0, 0, *ends)  # onnxruntime takes none as wide
            x = self.node("Pad", x, border, self.tensor(-math.inf))
            padding = ends = [0] * len(padding)
        if operator == "AveragePool":
            counted = self.attributes.get("count_include_pad", True)
            if counted and any(over) and any(padding):  # this border counts, what is over does not
                x = self.node("Pad", x, self.ints(0, 0, *padding, 0, 0, *padding))
                padding, ends = [0] * len(padding), over
            more = {"count_include_pad": int(counted and not any(over))}
        return self.node(
            operator, x, kernel_shape=list(kernel), strides=list(stride),
            pads=[*padding, *ends], **more,
        )  # fmt: skip

    def transposed(self, x: str, *dims: int) -> str:
        """Permute the axes of a value."""
        return self.node("Transpose", x, perm=list(dims))


OnnxForm = Callable[[OnnxCall], str | tuple[str, ...]]


def plain(operator: str, **names: str) -> OnnxForm:
    """The ONNX operator itself: all inputs in their order, these attributes under their names.

    Args:
        names: attribute of ours -> ONNX's.
    """

    def form(call: OnnxCall) -> str:
        attributes = {theirs: call.attributes[ours] for ours, theirs in names.items()}
        return call.node(operator, *call.inputs, **attributes)

    return form
