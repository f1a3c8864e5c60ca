"""Nodes as they are made from calls, before they are put into graphs and composites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphcore import ops
from graphcore.dims import Batch, Dim, Shape
from graphcore.errors import FileError
from graphcore.exchange.program import (
    Call,
    Lin,
    Module,
    Number,
    Program,
    Ref,
    Size,
    Tensor,
    Value,
    as_dim,
)
from graphcore.graph.shapes import each_output

MOST_IN_FILE = 20_000
"""Numbers of a constant that lie in the graph file; a larger table lies with the weights."""


class NotOurs(Exception):  # noqa: N818 - a signal of a rule, never shown
    """The operators here do not compute this call."""


@dataclass(eq=False)
class Made:
    """A node to be.

    Attributes:
        inputs: input name -> the port that feeds it, in order.
        shapes: shape of each output.
        numbers: kind of number of each output.
        modules: the calls of modules that it stands in.
        tensor: of a Parameter or Buffer: what it holds.
        buffers: running statistics that it starts with.
    """

    operator: str
    attributes: dict[str, Any]
    inputs: dict[str, Port]
    shapes: tuple[Shape, ...]
    numbers: tuple[Number, ...]
    modules: tuple[Module, ...] = ()
    name: str = ""
    tensor: Tensor | None = None
    buffers: dict[str, Tensor] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ops.get(self.operator).outputs_for(self.attributes)

    def port(self, place: int = 0) -> Port:
        """One of its outputs."""
        return Port(self, place)


@dataclass(frozen=True)
class Port:
    """An output of a node to be."""

    made: Made
    place: int = 0

    @property
    def shape(self) -> Shape:
        return self.made.shapes[self.place]

    @property
    def number(self) -> Number:
        return self.made.numbers[self.place]

    @property
    def output(self) -> str:
        return self.made.outputs[self.place]


Result = Port | Sequence[Port]


class Builder:
    """Makes nodes for one call after the other, and knows what each tensor has become.

    Attributes:
        made: all nodes, in order.
        ports: tensor -> the port that gives it.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.made: list[Made] = []
        self.ports: dict[str, Port] = {}
        self.call = Call("", {}, ())
        self._kept: dict[str, Port] = {}

    # -- tensors ----------------------------------------------------------------------------------

    def port(self, argument: Any) -> Port:
        """The port of a tensor argument; raises NotOurs where it is none."""
        if not isinstance(argument, Ref):
            raise NotOurs
        name = argument.name
        if name not in self.ports:
            if name not in self.program.tensors:
                raise FileError(f"The file does not say where {name!r} comes from.")
            self.ports[name] = self._of_tensor(self.program.tensors[name])
        return self.ports[name]

    def maker(self, argument: Any) -> Call | None:
        """The call whose result a tensor argument is, or None."""
        name = argument.name if isinstance(argument, Ref) else None
        return next((c for c in self.program.calls if name in c.outputs), None)

    def tensor(self, argument: Any) -> Tensor | None:
        """What a tensor argument holds, if it is a parameter, buffer or constant."""
        if isinstance(argument, Ref) and argument.name in self.program.tensors:
            return self.program.tensors[argument.name]
        return None

    def _of_tensor(self, tensor: Tensor) -> Port:
        if tensor.key not in self._kept:
            self._kept[tensor.key] = self._holding(tensor)
        return self._kept[tensor.key]

    def _holding(self, tensor: Tensor) -> Port:
        shape = tensor.array.shape
        name = tensor.name.rpartition(".")[2]
        if 0 in shape:
            raise FileError(f"{tensor.name} is empty, which is not understood.")
        if tensor.role == "parameter":
            made = Made("Parameter", {"shape": shape}, {}, (shape,), ("float",), (), name, tensor)
        elif tensor.array.size <= MOST_IN_FILE and not tensor.of_state:
            return self.constant(tensor.array, name=name)
        else:
            number = number_of(tensor.array)
            small = tensor.array.size <= MOST_IN_FILE
            start = ops.get("Buffer").complete(
                {"shape": shape, "start": tensor.array.tolist() if small else None}
            )["start"]
            a = {"shape": shape, "dtype": number, "start": start}
            made = Made("Buffer", a, {}, (shape,), (number,), (), name, tensor)
        self.made.append(made)
        return made.port()

    def constant(self, value: Any, *, name: str = "") -> Port:
        """A node that holds a number or a table of numbers."""
        array = np.asarray(value)
        number = number_of(array)
        a = ops.get("Constant").complete({"value": (array * 1).tolist(), "dtype": number})
        made = Made("Constant", a, {}, (array.shape,), (number,), self.call.modules, name)
        self.made.append(made)
        return made.port()

    # -- nodes ------------------------------------------------------------------------------------

    def add(
        self, operator: str, *inputs: Port, number: Number | Sequence[Number] | None = None,
        parameters: dict[str, Port] | None = None, name: str = "", **attributes: Any,
    ) -> Port:  # fmt: skip
        """Make a node and return its first output; raises a GradscapeError where shapes differ.

        Args:
            inputs: what feeds its data inputs, in order.
            number: kind of number of the outputs; left out, that of the first input.
            parameters: what feeds its parameter inputs.
        """
        op = ops.get(operator)
        full = op.complete(attributes)
        shapes = each_output(op.infer_shape(*(p.shape for p in inputs), **full))
        names = [f"x{i}" for i in range(len(inputs))] if op.variadic else op.inputs
        fed = dict(zip(names, inputs, strict=False))
        wanted = op.parameter_shapes(*(p.shape for p in inputs), **full)
        for key, shape in wanted.items():
            port = (parameters or {})[key]
            if port.shape != tuple(shape):
                raise NotOurs
            fed[key] = port
        kind = number or (inputs[0].number if inputs else "float")
        kinds = (kind,) * len(shapes) if isinstance(kind, str) else tuple(kind)
        made = Made(operator, full, fed, tuple(shapes), kinds, self.call.modules, name)
        self.made.append(made)
        return made.port()

    def outputs(self, port: Port) -> tuple[Port, ...]:
        """All outputs of the node that a port belongs to."""
        return tuple(port.made.port(i) for i in range(len(port.made.shapes)))

    def value_of(self, place: int = 0) -> Value:
        """What the file says of a result of the call."""
        name = self.call.outputs[place]
        if name is None:
            raise NotOurs
        return self.program.value(name)


def number_of(array: np.ndarray[Any, Any]) -> Number:
    """The kind of number in an array; raises FileError for one that is not understood."""
    kinds: dict[str, Number] = {"f": "float", "i": "int", "u": "int", "b": "bool"}
    if array.dtype.kind not in kinds:
        raise FileError(f"Numbers of the type {array.dtype} are not understood.")
    return kinds[array.dtype.kind]


def shape_of(value: Value) -> Shape:
    """A shape of the file as one of ours; raises Opaque."""
    return tuple(as_dim(d) for d in value.shape)


def known(size: Size) -> int:
    """A size that is a number; raises NotOurs where it follows the batch."""
    if isinstance(size, Lin):
        raise NotOurs
    return size


def written(size: Any) -> Any:
    """A size as the Aten operator has it."""
    return str(size) if isinstance(size, Lin) else size


def plain_dim(dim: Dim) -> int:
    """A dimension that is a number; raises NotOurs for the batch."""
    if isinstance(dim, Batch):
        raise NotOurs
    return dim
