"""Aten calls as they are written: each is tried on shapes alone, for several batch sizes.

A tensor is followed for each batch size. Where its numbers are known (constants, sizes, weights)
it holds them; elsewhere it is a tensor of the device "meta", which has a shape and no numbers. What
depends on known numbers alone is worked out at once, so that arithmetic with sizes is gone
afterwards; a size that differs from batch to batch becomes a multiple of N.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from graphcore.errors import FileError, short
from graphcore.exchange.program import (
    PLACEHOLDER,
    Call,
    Kind,
    Lin,
    Module,
    Number,
    Opaque,
    Program,
    Ref,
    Size,
    Tensor,
    Value,
)
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor as Numbers

Held = TypeVar("Held")
BATCHES = (2, 3, 5)
MOST_WORKED_OUT = 1 << 24
"""Numbers of a constant that is worked out while the file is read."""
MOST_SETTINGS = 1 << 16
MOST_AXES = 32
MOST_TOGETHER = 1 << 28
LARGEST = 1 << 33
WEIGHTS = frozenset({"weight", "bias", "params"})
"""Arguments that hold what is learned."""
STATISTICS = frozenset({"running_mean", "running_var"})
_FREE = frozenset({"t", "permute", "reshape", "squeeze", "unsqueeze", "transpose", "expand"})
"""Operations that copy no numbers."""
_NAMELESS = re.compile(r".*/|val_|onnx::|const|_|\d+$", re.IGNORECASE)
"""How names begin that exporters make up for constants."""
FAULTS = (
    RuntimeError, IndexError, ValueError, TypeError, NotImplementedError, ArithmeticError,
)  # fmt: skip


class Untraced(Exception):  # noqa: N818 - a signal inside the reader, never shown
    """A call that cannot be made; says why."""


@dataclass(frozen=True)
class Many:
    """A size that differs from batch to batch."""

    values: tuple[int, ...]


def sizes(values: Sequence[int]) -> int | Many:
    """A size at each batch as a number where all are equal."""
    return values[0] if len(set(values)) == 1 else Many(tuple(values))


@dataclass(eq=False)
class Traced:
    """A tensor of the file.

    Attributes:
        at: the tensor for each batch size.
        name: in the program; "" for one that no call has needed yet.
        origin: name of the weight that it holds, or "".
        stored: type of its numbers in the file, where it is known and whole numbers count.
    """

    at: tuple[Numbers, ...]
    name: str = ""
    origin: str = ""
    stored: str = ""

    @property
    def known(self) -> bool:
        """Whether its numbers are known."""
        return self.at[0].device.type != "meta"

    @property
    def fixed(self) -> bool:
        """Whether its numbers are known and the same for every batch size."""
        first = self.at[0]
        return self.known and all(t is first or torch.equal(t, first) for t in self.at[1:])

    @property
    def rank(self) -> int:
        return self.at[0].dim()

    @property
    def dims(self) -> list[int | Many]:
        return [sizes([t.shape[i] for t in self.at]) for i in range(self.rank)]

    @property
    def number(self) -> Number:
        return number_of(self.at[0])

    def dim(self, axis: int) -> int:
        """The length of an axis that does not follow the batch; raises Untraced."""
        length = self.dims[axis]
        if isinstance(length, Many):
            raise Untraced("an axis that follows the batch has no fixed length")
        return length

    def array(self) -> np.ndarray[Any, Any]:
        """Its numbers; raises Untraced where they are not fixed."""
        if not self.fixed:
            raise Untraced("a setting of it is computed from the net's own numbers")
        found: np.ndarray[Any, Any] = self.at[0].numpy()
        return found

    def ints(self) -> list[Any]:
        """Sizes or places that it lists, one for each number; raises Untraced."""
        if not self.known:
            raise Untraced("a setting of it is computed from the net's own numbers")
        if self.at[0].numel() > MOST_SETTINGS:
            raise Untraced("it has too many settings")
        columns = [t.reshape(-1).tolist() for t in self.at]
        if len({len(c) for c in columns}) > 1:
            raise Untraced("how many settings it has follows the batch")
        return [sizes([int(v) for v in row]) for row in zip(*columns, strict=True)]

    def scalar(self) -> float:
        """The one number that it holds; raises Untraced."""
        array = self.array()
        if array.size != 1:
            raise Untraced("a setting of it is a table where it takes one number")
        found: float = array.reshape(()).item()
        return found


def number_of(tensor: Numbers) -> Number:
    """The kind of number in a tensor; raises Untraced."""
    if tensor.is_floating_point():
        return "float"
    if tensor.is_complex():
        raise Untraced("it has complex numbers")
    return "bool" if tensor.dtype == torch.bool else "int"


@dataclass
class Tracer:
    """Writes calls into a program.

    Attributes:
        batches: the batch sizes that are tried; a single one where N is fixed.
        shared: weights that several nodes read.
        choice: which of the axes that may hold the samples is taken to hold them.
        traced: the tensors by their names in the program.
        modules, label: what the calls that are written now stand in, and where they come from.
    """

    program: Program
    batches: tuple[int, ...]
    double: bool = False
    shared: frozenset[str] = frozenset()
    choice: int = 0
    modules: tuple[Module, ...] = ()
    label: str = ""
    traced: dict[str, Traced] = field(default_factory=dict)
    _count: int = 0
    _worked_out: int = 0

    @property
    def floats(self) -> Any:
        """The dtype of the net's own numbers."""
        return torch.float64 if self.double else torch.float32

    # -- tensors ----------------------------------------------------------------------------------

    def input(self, name: str, shapes: Sequence[Sequence[int]], number: Number) -> Traced:
        """A tensor that is fed, of one shape for each batch size."""
        kinds = {"float": self.floats, "int": torch.int64, "bool": torch.bool}
        at = tuple(torch.empty(tuple(s), dtype=kinds[number], device="meta") for s in shapes)
        made = Traced(at, name)
        self._note(name, made)
        return made

    def known(self, value: Any, origin: str = "") -> Traced:
        """A tensor whose numbers are known."""
        array = np.asarray(value)
        stored = array.dtype.name
        if array.dtype.kind in "iu":
            array = array.astype(np.int64)
        elif array.dtype.kind == "f":
            array = array.astype(np.float64 if self.double else np.float32)
        elif array.dtype.kind != "b":
            raise Untraced("it has numbers of a kind that is not read")
        array = np.ascontiguousarray(array).reshape(array.shape)
        tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        return Traced((tensor,) * len(self.batches), "", origin, stored)

    def known_at(self, tensors: Sequence[Any]) -> Traced:
        """A tensor whose numbers are known and differ from batch to batch."""
        first = tensors[0]
        if all(t.shape == first.shape and torch.equal(t, first) for t in tensors[1:]):
            return Traced((first,) * len(tensors))
        return Traced(tuple(tensors))

    def worked_out(self, make: Callable[..., Any], *given: Traced) -> Traced:
        """A tensor that a function makes of known ones; raises Untraced."""
        if not all(g.known for g in given):
            raise Untraced("it can only be worked out from known numbers")
        with _explained():
            return self.known_at([
                make(*(g.at[i] for g in given)) for i in range(len(self.batches))
            ])  # fmt: skip

    # -- calls ------------------------------------------------------------------------------------

    def call(self, target: str, /, **arguments: Any) -> Any:
        """Write a call, or work it out at once where all that it takes is known.

        Args:
            target: the overload, "aten." left out, ".default" too.

        Returns:
            A Traced, or a list of them.

        Raises:
            Untraced: the shapes do not fit, or torch cannot tell them.
        """
        full = target if "." in target else f"{target}.default"
        given = list(_inside(arguments, Traced))
        metas, listed = self._tried(full, arguments, meta=True)
        if sum(t.numel() for row in metas for t in row) > LARGEST * len(self.batches):
            raise Untraced("its result would be too large")
        if any(t.dim() > MOST_AXES for t in metas[0]):
            raise Untraced("its result would have too many axes")
        if given and all(g.known for g in given) and self._may_work_out(full, metas, arguments):
            results = self._evaluated(full, arguments, given)
        else:
            results = [Traced(row) for row in zip(*metas, strict=True)]
            self._emit(full, arguments, results, listed)
        return results if listed or len(results) > 1 else results[0]

    def _may_work_out(
        self, full: str, metas: Sequence[Sequence[Any]], arguments: dict[str, Any]
    ) -> bool:
        """Whether a result is a constant; a weight that others use too stays the same weight."""
        operation, given = full.split(".", maxsplit=1)[0], list(_inside(arguments, Traced))
        if any(g.origin for k in WEIGHTS for g in _inside(arguments.get(k), Traced)):
            return False
        if given[0].number == "float" and (
            (operation in ("transpose", "permute") and given[0].origin in self.shared)
            or (operation == "expand" and is_named(given[0].origin))
        ):
            return False
        if operation in _FREE:
            return True
        self._worked_out += metas[0][0].numel()
        if self._worked_out > MOST_TOGETHER:
            raise Untraced("too many constants would have to be worked out")
        return bool(metas[0][0].numel() <= MOST_WORKED_OUT)

    def _evaluated(
        self, full: str, arguments: dict[str, Any], given: Sequence[Traced]
    ) -> list[Traced]:
        if all(g.fixed for g in given) and not list(_inside(arguments, Many)):
            (row,), _ = self._tried(full, arguments, meta=False, only=1)
            results = [Traced((t,) * len(self.batches)) for t in row]
        else:
            rows, _ = self._tried(full, arguments, meta=False)
            results = [self.known_at(row) for row in zip(*rows, strict=True)]
        origins = {g.origin for g in given if g.origin}
        if len(results) == len(given) == 1 and full.split(".", maxsplit=1)[0] in _FREE:
            results[0].origin = next(iter(origins), "")
        return results

    def _tried(
        self, full: str, arguments: dict[str, Any], *, meta: bool, only: int = 0
    ) -> tuple[list[tuple[Any, ...]], bool]:
        """Results for each batch size, and whether they are a list of tensors."""
        name, kind = full.split(".")
        operation = getattr(getattr(torch.ops.aten, name), kind)
        rows, listed = [], False
        with _explained(), torch.no_grad():
            for i in range(only or len(self.batches)):
                given = {k: self._argument(v, i, meta) for k, v in arguments.items()}
                first = given.pop(next(iter(given)))
                result = operation(first, **given)
                listed = isinstance(result, list)
                rows.append(tuple(result) if isinstance(result, list | tuple) else (result,))
        if len({len(r) for r in rows}) > 1:
            raise Untraced("how many results it has follows the batch")
        return rows, listed

    def _argument(self, value: Any, i: int, meta: bool) -> Any:
        if isinstance(value, Traced):
            tensor = value.at[i]
            return tensor.to("meta") if meta and tensor.device.type != "meta" else tensor
        if isinstance(value, list):
            return [self._argument(v, i, meta) for v in value]
        if isinstance(value, Many):
            return value.values[i]
        return self.dtype(value) if isinstance(value, Kind) else value

    def dtype(self, kind: Kind) -> Any:
        """The dtype of a kind of number."""
        return {"float": self.floats, "int": torch.int64, "bool": torch.bool}[kind.number]

    # -- the program ------------------------------------------------------------------------------

    def _emit(
        self, full: str, arguments: dict[str, Any], results: list[Traced], listed: bool
    ) -> None:
        written = {k: self._written(k, v) for k, v in arguments.items()}
        for result in results:
            result.name = self.new_name(full.split(".", maxsplit=1)[0])
            self._note(result.name, result)
        names = tuple(r.name for r in results)
        self.program.calls.append(
            Call(f"aten.{full}", written, names, self.modules, self.label, listed)
        )

    def placeholder(
        self, kind: str, settings: str, inputs: Sequence[Traced],
        results: Sequence[tuple[Sequence[int | Many], Number]],
    ) -> list[Traced]:  # fmt: skip
        """Write a call that nothing computes.

        Args:
            results: sizes and kind of number of what it gives.
        """
        made = []
        for dims, number in results:
            each = [[self.at(d, i) for d in dims] for i in range(len(self.batches))]
            name = self.new_name("placeholder")
            made.append(self.input(name, each, number))
        arguments = {"inputs": [Ref(self.reference(x)) for x in inputs], "kind": kind,
                     "settings": settings}  # fmt: skip
        names = tuple(t.name for t in made)
        self.program.calls.append(
            Call(PLACEHOLDER, arguments, names, self.modules, self.label, len(made) > 1)
        )
        return made

    @staticmethod
    def at(size: int | Many, i: int) -> int:
        """A size at one of the batch sizes."""
        return size.values[i] if isinstance(size, Many) else size

    def new_name(self, base: str) -> str:
        """A name that no other tensor has."""
        self._count += 1
        return f"{base}__{self._count}"

    def _note(self, name: str, made: Traced) -> None:
        shape = tuple(self.size(d) for d in made.dims)
        self.traced[name] = made
        self.program.values[name] = Value(shape, made.number)

    def size(self, size: int | Many) -> Size:
        """A size as a multiple of N plus a number; raises Opaque where it is none."""
        if not isinstance(size, Many):
            return int(size)
        (a, b), (x, y) = self.batches[:2], size.values[:2]
        count = (y - x) // (b - a)
        plus = x - count * a
        if any(count * n + plus != v for n, v in zip(self.batches, size.values, strict=True)):
            raise Opaque
        return Lin(count, plus)

    def _written(self, key: str, value: Any) -> Any:
        if isinstance(value, Traced):
            return Ref(self.reference(value, key))
        if isinstance(value, list):
            return [self._written(key, v) for v in value]
        return self.size(value) if isinstance(value, Many) else value

    def reference(self, made: Traced, key: str = "") -> str:
        """The name of a tensor in the program; a known one becomes a weight or a constant."""
        if made.name:
            return made.name
        if not made.fixed:
            return self._spread(made)
        array, named = made.array(), is_named(made.origin)
        kept = bool(made.origin) or key in WEIGHTS or key in STATISTICS
        if not kept and array.size > 1 and (array == array.flat[0]).all():
            return self._spread(made)
        single = array.size == 1 and made.origin.rpartition(".")[2] not in WEIGHTS
        learned = made.number == "float" and (key in WEIGHTS or (named and not single))
        role = "buffer" if key in STATISTICS else "parameter" if learned else "constant"
        made.name = self.new_name(made.origin or role)
        called = made.origin if named else self._place(key or role)
        self.program.tensors[made.name] = Tensor(called, role, made.name, array)  # type: ignore[arg-type]
        self.program.values[made.name] = Value(array.shape, made.number)
        self.traced[made.name] = made
        return made.name

    def _place(self, key: str) -> str:
        inner = self.modules[-1].path if self.modules else ""
        return f"{inner}.{key}" if inner else key

    def _spread(self, made: Traced) -> str:
        """A tensor that repeats itself along the axes that follow the batch."""
        made.name = self.new_name("spread")
        self._note(made.name, made)
        shape = [self.size(d) for d in made.dims]
        first = made.at[0].reshape(-1)[:1]
        if all(t.numel() and bool((t == first).all()) for t in made.at):
            target = "full"
            arguments: dict[str, Any] = {"size": shape, "fill_value": first.item()}
        else:
            once = made
            for axis, d in enumerate(made.dims):
                once = self.once(once, axis) if isinstance(d, Many) else once
            if not once.fixed:
                raise Opaque("numbers of it are others for each number of samples")
            target, arguments = "expand", {"self": Ref(self.reference(once)), "size": shape}
        self.program.calls.append(
            Call(f"aten.{target}.default", arguments, (made.name,), self.modules, self.label)
        )
        return made.name

    def once(self, made: Traced, axis: int) -> Traced:
        """A known tensor whose parts along an axis are all the same, with one of them; else it."""
        if not made.known or any(t.shape[axis] == 0 for t in made.at):
            return made
        parts = [t.narrow(axis, 0, 1) for t in made.at]
        if not all(bool((t == p).all()) for t, p in zip(made.at, parts, strict=True)):
            return made
        return self.known_at(parts)


def is_named(origin: str) -> bool:
    """Whether a weight has a name of its author's."""
    return bool(origin) and not _NAMELESS.match(origin)


def _inside(value: Any, kind: type[Held]) -> Iterator[Held]:
    """What of a kind an argument holds, in whatever lists and tables."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _inside(part, kind)


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """What torch says of shapes that do not fit, as a reason."""
    try:
        yield
    except FAULTS as error:
        text = str(error).split("\n", 1)[0].split(". ")[0]
        raise Untraced(short(text, 120).rstrip(".")) from None


def product(dims: Sequence[int | Many]) -> int | Many:
    """The product of sizes."""
    width = next((len(d.values) for d in dims if isinstance(d, Many)), 1)
    each = [d.values if isinstance(d, Many) else (d,) * width for d in dims]
    return sizes([math.prod(column) for column in zip(*each, strict=True)] or [1])


def refused(label: str, why: str) -> FileError:
    """A FileError that names a node."""
    return FileError(f"{label}: {why}.")
