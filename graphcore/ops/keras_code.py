"""How operators are written in Keras 3.

Keras has the channels of images last. So an operator says where it wants the axes of its inputs
to lie (``KerasCode.axes``), and the writer of scripts permutes the values where it has to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from graphcore.dims import Batch, Shape
from graphcore.errors import ExportError

Array = np.ndarray[Any, Any]


class Layer(str):
    """Source of a layer that is called with what the operator reads."""


@dataclass
class KerasCall:
    """One operator on its way into a script.

    Attributes:
        name: of its layer.
        inputs: source of the data inputs, by their names in the operator.
        shapes: of the same, then the outputs', in the order of axes that the graph has.
        attributes: of the node.
        values: the arrays of its own parameters and running statistics, by their short names.
        last: whether channels come last in the inputs.
        made: names of its outputs. read: which of them are needed.
        gives: the outputs that the source returns, in its order.
        graph_order: whether the outputs have the axes of the graph although the inputs have not.
        weights: weight of the layer -> numbers, in Keras's layout.
        helper: source of a function that is used.
    """

    name: str
    inputs: Mapping[str, str]
    shapes: Sequence[Shape]
    outputs: Sequence[Shape]
    attributes: Mapping[str, Any]
    values: Mapping[str, Array]
    last: bool
    made: tuple[str, ...]
    read: frozenset[str]
    gives: tuple[str, ...] = ()
    graph_order: bool = False
    weights: dict[str, Array] = field(default_factory=dict)
    helper: str = ""

    @property
    def rank(self) -> int:
        """How many axes the first input has."""
        return len(self.shapes[0])

    def layer(self, kind: str, *arguments: Any, **keywords: Any) -> Layer:
        """Source of the layer of this node; keywords that are None are left out."""
        return self.unnamed(kind, *arguments, **keywords, name=self.name)

    def unnamed(self, kind: str, *arguments: Any, **keywords: Any) -> Layer:
        """Source of a layer without a name of its own."""
        given = [source(a) for a in arguments]
        given += [f"{k}={source(v)}" for k, v in keywords.items() if v is not None]
        return Layer(f"layers.{kind}({', '.join(given)})")

    def weigh(self, **arrays: Array | None) -> None:
        """Note the weights of the layer; None is one that it has not."""
        self.weights.update({k: a for k, a in arrays.items() if a is not None})

    def axis(self, dim: int, rank: int | None = None) -> int:
        """An axis of the graph as it lies in the script; raises ExportError for the batch."""
        rank = self.rank if rank is None else rank
        place = dim % rank
        if place == 0 and self._batched:
            self.refuse("works along the batch")
        if not self.last:
            return place
        return rank - 1 if place == 1 else place - 1

    @property
    def _batched(self) -> bool:
        return any(isinstance(s[0], Batch) for s in self.shapes if s)

    def refuse(self, why: str) -> None:
        """Raise ExportError for what Keras has not."""
        raise ExportError(f"{self.name}: {why}, which Keras does not have; nothing was written.")


Form = Callable[[KerasCall], str | Layer | Sequence[Layer]]


@dataclass(frozen=True)
class KerasCode:
    """What a script for Keras has to know of an operator.

    Attributes:
        form: an expression filled by ``str.format`` from the names of the inputs, their list
            (``inputs``) and the attributes; or a function that returns one, a ``Layer``, or
            several layers of which each reads what the one before gives.
        axes: "graph" (as in the graph), "last" (channels last) or "any": what is computed number
            by number, or knows by ``KerasCall.axis`` where an axis lies.
        rows: whether it lays images out as rows of numbers, or has weights for each number of a
            row, which can stand in another order.
    """

    form: str | Form
    axes: Literal["graph", "last", "any"] = "graph"
    rows: Literal["", "makes", "takes"] = ""


def layer(kind: str, *given: str, **names: str) -> KerasCode:
    """A layer that works number by number.

    Args:
        given: arguments as they stand, such as "relu".
        names: attribute of ours -> keyword of the layer.
    """

    def form(call: KerasCall) -> Layer:
        keywords = {theirs: call.attributes[ours] for ours, theirs in names.items()}
        return call.layer(kind, *given, **keywords)

    return KerasCode(form, "any")


def source(value: Any) -> str:
    """Return an attribute as Python source: numbers, quoted text and tuples of them."""
    if isinstance(value, str):
        return f'"{value}"' if value.isidentifier() else repr(value)
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def same_numbers(call: KerasCall) -> Layer:
    """Return the layer that gives each sample another shape and keeps its numbers in order."""
    shape = call.outputs[0]
    if not shape or shape[0] != Batch() or not all(isinstance(d, int) for d in shape[1:]):
        call.refuse("its result has no batch as first axis")
    return call.layer("Reshape", tuple(shape[1:]))


def shortest(sizes: Sequence[int], usual: int | None = None) -> Any:
    """Return sizes that are all the same as one number; None where that is the usual one."""
    if len(set(sizes)) > 1:
        return tuple(sizes)
    return None if sizes[0] == usual else sizes[0]


def shifted(array: Array, *axes: int) -> Array:
    """Return a contiguous copy of an array with its axes in another order."""
    return np.ascontiguousarray(np.transpose(array, axes))
