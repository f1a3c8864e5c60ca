"""A step's kernels as one call: noted down once while they run, then repeated by torch itself.

The kernels of a buffered plan (``ops.kernels``) do the same calls on the same tensors at every
step, so the calls can be written down and given to TorchScript's interpreter, which makes them
without Python in between: 24 kernels of 784-16-16-10 at batch 32 take 51 us where the closures
take 79. Numbers are the same to the last digit. Views of tensors that stay in their place are
made once. What cannot be written down (randomness, a number read back, an operator that is not
lowered) is run as the closure that it is; where torch lacks the interpreter, or the environment
variable ``SWITCH`` turns it off, everything is.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure

if TYPE_CHECKING:
    from torch import Tensor


SWITCH = "GRADSCAPE_KERNEL_TRACE"
"""Environment variable; "0" leaves torch's private interpreter alone: training is slower then."""

Loop = Callable[["Tensor", "Tensor", list[float]], None]
"""Called with what is put into the rows, shape (n, *rows); where the kept number is noted, shape
(n,); and the learning rate of each time: what kernels call ``lr``."""


@dataclass(frozen=True)
class Call:
    """One call of a kernel: by which of the closures, of what, and what came of it."""

    closure: int
    function: Any
    arguments: tuple[Any, ...]
    results: tuple[Any, ...]

    @property
    def name(self) -> str:
        """What torch calls the function, without its overload."""
        return str(self.function.overloadpacket.__name__)

    def again(self) -> None:
        """Make the same call once more."""
        named = {
            a.name: value
            for a, value in zip(self.function._schema.arguments, self.arguments, strict=True)
        }
        self.function(**named)

    @property
    def tensors(self) -> list[Tensor]:
        return [a for a in _flat(self.arguments) if isinstance(a, torch.Tensor)]

    @property
    def fresh(self) -> list[Tensor]:
        """The tensors that the call made, other than those it was given to write to."""
        given = {id(a) for a in self.tensors}
        return [
            r for r in _flat(self.results) if isinstance(r, torch.Tensor) and id(r) not in given
        ]

    @property
    def views(self) -> bool:
        """Whether everything that it made lies in a tensor that it was given."""
        stores = {a.untyped_storage().data_ptr() for a in self.tensors}
        changes = self.function._schema.is_mutable
        return not changes and all(r.untyped_storage().data_ptr() in stores for r in self.fresh)


def replayed(closures: Sequence[Closure], plain: Collection[Closure] = ()) -> list[Closure]:
    """Run closures once, in order, and return fewer that do the same.

    Args:
        plain: those of them that need not do the same calls every time.
    """
    if not is_possible():
        _run(closures)
        return list(closures)
    calls = noted(closures)
    writer = _Writer(calls)
    fixed = [c not in plain for c in closures]
    for call in calls:
        fixed[call.closure] &= writer.takes(call)
    while crossing := _crossing(calls, writer, fixed):
        for closure in crossing:
            fixed[closure] = False
    found: list[Closure] = []
    for alike, group in groupby(range(len(closures)), fixed.__getitem__):
        places = list(group)
        script = writer.script([c for c in calls if c.closure in places]) if alike else None
        found += [closures[i] for i in places] if script is None else [script]
    return found


def looped(closures: Sequence[Closure], rows: Tensor, kept: Tensor) -> Loop | None:
    """Run closures once, in order, and return what does the same many times in one call.

    Args:
        rows: a row of what the loop is given stands for it each time.
        kept: a number, shape (), that the closures put out; it is noted each time.

    Returns:
        None where one of the closures has to be run by itself.
    """
    if not is_possible():
        _run(closures)
        return None
    calls = noted(closures)
    writer = _Writer(calls)
    return writer.loop(calls, rows, kept) if all(map(writer.takes, calls)) else None


def is_possible() -> bool:
    """Return whether kernels are traced: torch's private interpreter is there and wanted."""
    return os.environ.get(SWITCH, "1") != "0" and hasattr(torch._C, "parse_ir")


def _run(closures: Sequence[Closure]) -> None:
    for closure in closures:
        closure()


def noted(closures: Sequence[Closure]) -> list[Call]:
    """Run closures once, in order, and return the calls of torch that they made."""
    from torch.utils._python_dispatch import TorchDispatchMode

    calls: list[Call] = []

    def note(self: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        results = result if isinstance(result, tuple) else (result,)
        arguments = tuple(_in_order(func._schema, args, kwargs or {}))
        calls.append(Call(running, func, arguments, results))
        return result

    class Noting(TorchDispatchMode):  # type: ignore[no-untyped-call]
        pass

    # Given in the class's body, torch would import its compiler for it, which takes a second.
    Noting.__torch_dispatch__ = note  # type: ignore[method-assign]
    running = 0
    with Noting():  # type: ignore[no-untyped-call]
        for running, closure in enumerate(closures):  # noqa: B007 - note reads it
            closure()
    return calls


def _in_order(schema: Any, args: Sequence[Any], named: dict[str, Any]) -> Iterator[Any]:
    """Every argument of a call, those left out as what they then are."""
    for i, argument in enumerate(schema.arguments):
        yield args[i] if i < len(args) else named.get(argument.name, argument.default_value)


def _crossing(calls: Sequence[Call], writer: _Writer, fixed: Sequence[bool]) -> set[int]:
    """Closures that hand each other tensors allocated at every step, but are not run as one."""
    run = 0
    runs = []
    for i, one in enumerate(fixed):
        run += i > 0 and not (one and fixed[i - 1])
        runs.append(run)
    maker: dict[int, int] = {}
    found: set[int] = set()
    for call in calls:
        for tensor in call.tensors:
            made_by = maker.get(id(tensor), call.closure)
            if runs[made_by] != runs[call.closure]:
                found |= {made_by, call.closure}
        if not writer.lasts(call):
            maker.update((id(r), call.closure) for r in call.fresh)
    return {i for i in found if fixed[i]}


class _Writer:
    """Writes calls down in TorchScript's intermediate representation.

    Args:
        calls: everything that one step does.
    """

    def __init__(self, calls: Sequence[Call]) -> None:
        self._moved = {id(c.arguments[0]) for c in calls if c.function._schema.name == "aten::set_"}
        self._made: set[int] = set()
        self._views: set[int] = set()
        for call in calls:
            if call.views and not any(self._moves(t) for t in call.tensors):
                self._views.add(id(call))
            else:
                self._made |= {id(r) for r in call.fresh}
        self._idle = _unread(calls)

    def _moves(self, tensor: Tensor) -> bool:
        """Whether a tensor lies elsewhere at every step."""
        return id(tensor) in self._moved or id(tensor) in self._made

    def lasts(self, call: Call) -> bool:
        """Whether what a call made is a view that stays right: then it need not be repeated."""
        return id(call) in self._views

    def takes(self, call: Call) -> bool:
        """Whether a call can be written down."""
        if self.lasts(call):
            return True
        random = torch.Tag.nondeterministic_seeded in call.function.tags
        made = all(isinstance(r, torch.Tensor) or r is None for r in _flat(call.results))
        return made and not random and all(_writable(a) for a in _flat(call.arguments))

    def script(self, calls: Sequence[Call]) -> Closure | None:
        """A closure that repeats some calls; None if torch does not take them."""
        text = self._text(calls, _Text())
        if not text.lines:
            return lambda: None
        function = _function(text.whole())
        return function and partial(function, list(text.inputs))

    def loop(self, calls: Sequence[Call], rows: Tensor, kept: Tensor) -> Loop | None:
        """What repeats the calls over many rows; None if torch does not take them."""
        seen = {id(t) for c in calls if self.lasts(c) for t in (*c.tensors, *c.fresh)}
        written = {id(t) for c in calls if c.function._schema.is_mutable for t in c.tensors}
        if id(rows) in seen or id(kept) in seen or id(kept) not in written or self._moves(kept):
            return None  # a view made once is of the tensor that was there then
        text = self._text(calls, _Text("%lr", {id(rows): "%row", id(kept): "%place"}))
        function = _function(text.loop())
        if function is None:
            return None

        def run(given: Tensor, noted: Tensor, rates: list[float]) -> None:
            function(text.inputs, given, noted, rates, len(rates))

        return run

    def _text(self, calls: Sequence[Call], text: _Text) -> _Text:
        for call in calls:
            if not self.lasts(call) and id(call) not in self._idle:
                text.call(call)
        return text


def _unread(calls: Sequence[Call]) -> set[int]:
    """Return calls, by id, that change nothing and whose results no other call reads.

    A vjp computes the gradient of every input, asked for or not.
    """
    found: set[int] = set()
    read: set[int] = set()
    for call in reversed(calls):
        if call.function._schema.is_mutable or not read.isdisjoint(map(id, call.fresh)):
            read.update(map(id, call.tensors))
        else:
            found.add(id(call))
    return found


def _function(text: str) -> Callable[..., None] | None:
    """A script, called as it is written, without torch's passes over it.

    None if there is a call in it that the interpreter has no form for.
    """
    graph = torch._C.parse_ir(text)
    nodes = [n for node in graph.nodes() for n in (node, *_inner(node))]
    kernels = [n for n in nodes if not n.kind().startswith("prim::")]
    if any(n.kind() != n.schema().split("(")[0].split(".")[0] for n in kernels):
        return None
    function = torch._C._create_function_from_graph("step", graph)
    passes, set_passes = (
        torch._C._get_graph_executor_optimize, torch._C._set_graph_executor_optimize,
    )  # fmt: skip

    def run(*arguments: object) -> None:
        before = passes()
        set_passes(False)
        try:
            function(*arguments)
        finally:
            set_passes(before)

    return run


def _inner(node: Any) -> Iterator[Any]:
    for block in node.blocks():
        yield from block.nodes()


class _Text:
    """The text of one script.

    Args:
        rate: what stands for an argument that is called ``lr``; its number if left out.
        places: tensor, by its id -> what stands for it.

    Attributes:
        inputs: tensors that lie where they are at every step, in the order they are handed over.
        lines: one per call.
    """

    def __init__(self, rate: str = "", places: Mapping[int, str] | None = None) -> None:
        self._rate = rate
        self.inputs: list[Tensor] = []
        self.lines: list[str] = []
        self._constants: dict[str, str] = {}
        self._names: dict[int, str] = dict(places or {})

    def call(self, call: Call) -> None:
        """Add a call; a list that it returns is taken apart."""
        schema = call.function._schema
        named = zip(schema.arguments, call.arguments, strict=True)
        arguments = ", ".join(
            [
                self._rate if a.name == "lr" and self._rate else self._argument(v, str(a.type))
                for a, v in named
            ]
        )
        fresh = {id(r) for r in call.fresh}
        outputs, apart = [], []
        for i, result in enumerate(call.results):
            name = f"%r{len(self.lines)}_{i}"
            outputs.append(f"{name} : {'Tensor[]' if isinstance(result, list) else 'Tensor'}")
            if isinstance(result, list):
                parts = [f"{name}_{i}" for i in range(len(result))]
                typed = ", ".join(f"{p} : Tensor" for p in parts)
                apart.append(f"{typed} = prim::ListUnpack({name})")
                self._names.update(zip(map(id, result), parts, strict=True))
            elif id(result) in fresh:
                self._names[id(result)] = name
        made = f"{', '.join(outputs)} = " if schema.returns else ""
        self.lines += [f"{made}{schema.name}({arguments})", *apart]

    def whole(self) -> str:
        """Everything, as ``parse_ir`` reads it."""
        return self._graph("%ts : Tensor[]", self.lines)

    def loop(self) -> str:
        """Everything, as many times as there are rows: of "%row", put into "%place"."""
        zero, true = self._argument(0), self._argument(True)
        first = [
            f"%row : Tensor = aten::select(%given, {zero}, %i)",
            f"%place : Tensor = aten::select(%noted, {zero}, %i)",
            f"{self._rate} : float = aten::__getitem__(%rates, %i)",
        ]
        body = [f"    {line}" for line in (*first, *self.lines, f"-> ({true})")]
        arguments = "%ts : Tensor[], %given : Tensor, %noted : Tensor, %rates : float[], %n : int"
        return self._graph(arguments, [f"prim::Loop(%n, {true})", "  block0(%i : int):", *body])

    def _graph(self, arguments: str, lines: Sequence[str]) -> str:
        inputs = ", ".join(f"%t{i} : Tensor" for i in range(len(self.inputs)))
        unpacked = [f"{inputs} = prim::ListUnpack(%ts)"] if inputs else []
        constants = [f"{name} : {line}" for line, name in self._constants.items()]
        body = [*unpacked, *constants, *lines, "%end : NoneType = prim::Constant()"]
        return "\n".join([f"graph({arguments}):", *(f"  {b}" for b in body), "  return (%end)\n"])

    def _argument(self, value: Any, declared: str = "") -> str:
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, list | tuple):
            parts = [self._argument(v) for v in value]
            kind = _kind(value[0]) if value else "Tensor" if "Tensor" in declared else "int"
            made = f"{kind}[] = prim::ListConstruct({', '.join(parts)})"
            if kind != "Tensor":
                return self._constant(made)
            name = f"%l{len(self.lines)}"
            self.lines.append(f"{name} : {made}")
            return name
        if value is None:
            return self._constant("NoneType = prim::Constant()")
        text = f'"{value}"' if isinstance(value, str) else repr(_number(value))
        return self._constant(f"{_kind(value)} = prim::Constant[value={text}]()")

    def _tensor(self, tensor: Tensor) -> str:
        if id(tensor) not in self._names:
            self._names[id(tensor)] = f"%t{len(self.inputs)}"
            self.inputs.append(tensor)
        return self._names[id(tensor)]

    def _constant(self, line: str) -> str:
        return self._constants.setdefault(line, f"%c{len(self._constants)}")


def _flat(values: Any) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def _writable(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, torch.dtype | torch.memory_format):
        return str(value) in _NUMBERS
    return value is None or isinstance(value, torch.Tensor | bool | int | str)


def _number(value: Any) -> Any:
    """What stands in a script for a number, a type of number or a memory layout."""
    if isinstance(value, torch.dtype | torch.memory_format):
        return _NUMBERS[str(value)]
    return int(value) if isinstance(value, bool) else value


def _kind(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return "Tensor"
    names = {bool: "bool", float: "float", str: "str"}
    return names.get(type(value), "int")


_NUMBERS = {
    "torch.uint8": 0, "torch.int8": 1, "torch.int16": 2, "torch.int32": 3, "torch.int64": 4,
    "torch.float16": 5, "torch.float32": 6, "torch.float64": 7, "torch.bool": 11,
    "torch.bfloat16": 15,
    "torch.contiguous_format": 0, "torch.preserve_format": 1, "torch.channels_last": 2,
}  # fmt: skip
"""c10/core/ScalarType.h and MemoryFormat.h"""
