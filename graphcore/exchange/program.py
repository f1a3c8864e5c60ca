"""An exported net as a plain list of aten calls, whichever file it came from.

Sizes are ints or multiples of the batch size plus a number (``Lin``). Everything else that a call
takes is a tensor (``Ref``), a kind of number (``Kind``), a Python number or word, or a list.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from graphcore.dims import Batch, Dim
from graphcore.errors import FileError

Number = Literal["float", "int", "bool", "complex"]


PLACEHOLDER = "onnx.placeholder.default"
"""Target of a call that nothing here computes: its inputs, operator and settings are arguments."""


class Opaque(Exception):  # noqa: N818 - a signal inside the reader, never shown
    """A size that is no multiple of the batch size plus a number."""


@dataclass(frozen=True)
class Lin:
    """``count · N + plus``, a size that follows the batch."""

    count: int
    plus: int = 0

    def __str__(self) -> str:
        head = "N" if self.count == 1 else f"{self.count}N"
        return head + (f"{self.plus:+d}" if self.plus else "")


Size = int | Lin


def linear(count: int, plus: int) -> Size:
    """Return ``count · N + plus``, as an int where N does not matter."""
    return Lin(count, plus) if count else plus


def add_sizes(a: Size, b: Size, sign: int = 1) -> Size:
    """Return a + sign · b."""
    p, q = _parts(a), _parts(b)
    return linear(p[0] + sign * q[0], p[1] + sign * q[1])


def multiply_sizes(a: Size, b: Size) -> Size:
    """Return a · b; raises Opaque for a square of N."""
    p, q = _parts(a), _parts(b)
    if p[0] and q[0]:
        raise Opaque
    return linear(p[0] * q[1] + q[0] * p[1], p[1] * q[1])


def divide_sizes(a: Size, b: Size) -> Size:
    """Return a // b where that is exact for every N; raises Opaque elsewhere."""
    p, q = _parts(a), _parts(b)
    if not p[0] and not q[0] and q[1]:
        return p[1] // q[1]
    if not q[0] and q[1] and p[0] % q[1] == 0:
        return linear(p[0] // q[1], p[1] // q[1])
    if q[0] and not q[1] and not p[1] and p[0] % q[0] == 0:
        return p[0] // q[0]
    raise Opaque


def _parts(a: Size) -> tuple[int, int]:
    return (a.count, a.plus) if isinstance(a, Lin) else (0, a)


def as_dim(size: Size) -> Dim:
    """Return a size as a dimension of a shape; raises Opaque for N plus a number."""
    if isinstance(size, int):
        return size
    if size.plus:
        raise Opaque
    return Batch(size.count)


@dataclass(frozen=True)
class Ref:
    """A tensor by its name in the file."""

    name: str


@dataclass(frozen=True)
class Kind:
    """A dtype as an argument."""

    number: Number


@dataclass(frozen=True)
class Value:
    """What the file says of a tensor."""

    shape: tuple[Size, ...]
    number: Number


@dataclass(frozen=True)
class Module:
    """One call of a module: where it lies ("layer1.0.bn1"), its class, which call of it it is."""

    path: str
    title: str
    key: str

    @property
    def is_torch_layer(self) -> bool:
        """Whether it is a layer of torch's own, shown as one node where it becomes one."""
        return self.title.startswith("torch.nn.") and ".container." not in self.title


@dataclass
class Call:
    """One aten call.

    Attributes:
        target: "aten.conv2d.default", or the name of a Python operator on sizes.
        arguments: by name, in the order of the schema; those left out have their default.
        outputs: names of the tensors; None for one that is not read.
        modules: the calls of modules that it stands in, the innermost last.
        where: the line of the user's source, or "".
        listed: whether the outputs are one list of tensors.
    """

    target: str
    arguments: dict[str, Any]
    outputs: tuple[str | None, ...]
    modules: tuple[Module, ...] = ()
    where: str = ""
    listed: bool = False


@dataclass(frozen=True)
class Tensor:
    """A parameter, buffer or constant.

    Attributes:
        name: in the module: "layer1.0.bn1.weight".
        key: the same for tied ones.
        kept: whether a state dict of the module has it.
    """

    name: str
    role: Literal["parameter", "buffer", "constant"]
    key: str
    array: np.ndarray[Any, Any]
    trained: bool = True
    kept: bool = False

    @property
    def of_state(self) -> bool:
        """Whether a state dict of the module brings numbers for it that no gradient changes."""
        return self.role == "buffer" and self.kept and self.array.dtype.kind == "f"


@dataclass
class Program:
    """A net as it was exported.

    Attributes:
        tensors: what it brings, by the name that calls use.
        inputs: names of the tensors that are fed, in order.
        outputs: names of the results, in order, with the user's own name ("" for none).
        notes: what a reader of the report should know.
        hint: number of samples in the example.
        inert: every parameter of the module, also where no call reads it.
        target: the input that a loss compares with, or "".
        guessed: whether a shape in it was rewritten for other numbers of samples.
        double: whether the net's own numbers are float64, also where it has no weights.
        named: whether tensors are called as in the module that they come from.
    """

    calls: list[Call] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    notes: list[str] = field(default_factory=list)
    hint: int = 0
    inert: dict[str, Tensor] = field(default_factory=dict)
    target: str = ""
    double: bool = False
    guessed: bool = False
    named: bool = False

    def value(self, name: str) -> Value:
        """What is known of a tensor; raises FileError."""
        try:
            return self.values[name]
        except KeyError:
            raise FileError(f"The file does not say what {name!r} is.") from None


def references(argument: Any) -> Iterator[str]:
    """Names of the tensors in an argument, in order."""
    if isinstance(argument, Ref):
        yield argument.name
    elif isinstance(argument, list | tuple):
        for part in argument:
            yield from references(part)


def replaced(argument: Any, names: Mapping[str, str]) -> Any:
    """An argument with other tensors in it."""
    if isinstance(argument, Ref):
        return Ref(names.get(argument.name, argument.name))
    if isinstance(argument, list | tuple):
        return [replaced(part, names) for part in argument]
    return argument


def count_numbers(shape: tuple[Size, ...], batch: int) -> int:
    """Return how many numbers a value has for a batch size."""
    return math.prod(d if isinstance(d, int) else d.count * batch + d.plus for d in shape)
