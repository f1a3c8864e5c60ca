"""A program's calls as a pattern looks at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from graphcore.exchange.program import Call, Program, Ref, Tensor, Value, references

ADD, SUB, MUL, DIV = (f"aten.{n}.Tensor" for n in ("add", "sub", "mul", "div"))
Pattern = Callable[["Calls", Call], bool]
PATTERNS: dict[str, list[Pattern]] = {}
"""aten overload -> what may be made of such a call, in order."""
_P = TypeVar("_P", bound=Pattern)


def pattern(*targets: str) -> Callable[[_P], _P]:
    """Decorator: a function that tries to write another call in the place of one of these."""

    def keep(function: _P) -> _P:
        for target in targets:
            full = f"aten.{target}" if "." in target else f"aten.{target}.default"
            PATTERNS.setdefault(full, []).append(function)
        return function

    return keep


class Calls:
    """Who makes and who reads each tensor."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._makers = {o: c for c in program.calls for o in c.outputs if o}
        self._added: dict[int, list[Call]] = {}
        self._after: dict[int, list[Call]] = {}
        self._count = 0
        self._readers: dict[str, int] = {}
        for call in program.calls:
            self._count_readers(call, 1)
        for name, _ in program.outputs:
            self._readers[name] = self._readers.get(name, 0) + 1
        self._before: dict[int, list[str]] = {id(c): _names(c) for c in program.calls}

    def _count_readers(self, call: Call, sign: int) -> None:
        for name in _names(call):
            self._readers[name] = self._readers.get(name, 0) + sign

    def changed(self, call: Call) -> None:
        """Note that a call reads other tensors now."""
        for name in self._before.get(id(call), []):
            self._readers[name] -= 1
        self._before[id(call)] = _names(call)
        self._count_readers(call, 1)

    def ordered(self) -> list[Call]:
        """All calls, those that patterns added among them."""
        return [
            c
            for call in self.program.calls
            for c in (*self._added.get(id(call), ()), call, *self._after.get(id(call), ()))
        ]

    # -- looking ----------------------------------------------------------------------------------

    def maker(self, argument: Any, *targets: str) -> Call | None:
        """The call that makes a tensor, if it is one of these."""
        if not isinstance(argument, Ref):
            return None
        call = self._makers.get(argument.name)
        wanted = [f"aten.{t}" if "." in t else f"aten.{t}.default" for t in targets]
        return call if call is not None and call.target in wanted else None

    def once(self, argument: Any) -> bool:
        """Whether one call alone reads a tensor."""
        return isinstance(argument, Ref) and self._readers.get(argument.name, 0) == 1

    def value(self, argument: Any) -> Value | None:
        """What is known of a tensor."""
        return self.program.values.get(argument.name) if isinstance(argument, Ref) else None

    def tensor(self, argument: Any) -> Tensor | None:
        """What a tensor holds, if it is a weight or a constant."""
        return self.program.tensors.get(argument.name) if isinstance(argument, Ref) else None

    def number(self, argument: Any) -> float | None:
        """The number that an argument is, as a constant or by itself."""
        if isinstance(argument, int | float):
            return float(argument)
        held = self.tensor(argument)
        if held is None or held.role != "constant" or held.array.size != 1:
            return None
        return float(held.array.reshape(()))

    def is_number(self, argument: Any, wanted: float) -> bool:
        """Whether an argument is this number, to the precision of float32."""
        found = self.number(argument)
        return found is not None and abs(found - wanted) <= 2e-6 * abs(wanted)

    def pairs(self, call: Call) -> list[tuple[Any, Any]]:
        """Both inputs of a sum or product, in either order."""
        x, y = call.arguments["self"], call.arguments["other"]
        return [(x, y), (y, x)]

    def factors(self, argument: Any, depth: int = 6) -> tuple[float, list[Any]]:
        """A product taken apart: its plain number, and the tensors in it."""
        number = self.number(argument)
        if number is not None:
            return number, []
        call = self.maker(argument, "mul.Tensor", "div.Tensor")
        if call is None or not depth:
            return 1.0, [argument]
        x, y = call.arguments["self"], call.arguments["other"]
        a, xs = self.factors(x, depth - 1)
        if call.target == DIV:
            below = self.number(y)
            return (a / below, xs) if below else (1.0, [argument])
        b, ys = self.factors(y, depth - 1)
        return a * b, xs + ys

    # -- writing ----------------------------------------------------------------------------------

    def write(self, call: Call, target: str, /, **arguments: Any) -> bool:
        """Put another call in the place of one."""
        call.target = f"aten.{target}" if "." in target else f"aten.{target}.default"
        call.arguments, call.listed = arguments, False
        return True

    def same(self, call: Call, argument: Any) -> bool:
        """Have a call give a tensor as it is."""
        return self.write(call, "clone", **{"self": argument})

    def insert(self, before: Call, target: str, value: Value, /, **arguments: Any) -> Ref:
        """Add a call in front of one; returns its result."""
        self._count += 1
        name = f"pattern__{self._count}"
        made = Call(f"aten.{target}", arguments, (name,), before.modules, before.where)
        self._added.setdefault(id(before), []).append(made)
        self._makers[name] = made
        self.program.values[name] = value
        self._count_readers(made, 1)
        return Ref(name)

    def append(self, after: Call, target: str, result: str, /, **arguments: Any) -> None:
        """Add a call behind one, which gives a tensor that others read already."""
        made = Call(f"aten.{target}", arguments, (result,), after.modules, after.where)
        self._after.setdefault(id(after), []).append(made)
        self._makers[result] = made
        self._count_readers(made, 1)

    def as_weight(self, argument: Any, shape: tuple[int, ...]) -> Ref | None:
        """A weight or constant as a parameter of a shape; None where it is something else."""
        held = self.tensor(argument)
        if held is None or held.array.dtype.kind != "f" or held.array.size != int(np.prod(shape)):
            return None
        if held.role == "parameter" and held.array.shape == shape:
            return Ref(argument.name)
        if not self.once(argument):
            return None
        name = argument.name
        array = held.array.reshape(shape)
        self.program.tensors[name] = Tensor(held.name, "parameter", held.key, array)
        self.program.values[name] = Value(shape, "float")
        return Ref(name)


def _names(call: Call) -> list[str]:
    return [n for a in call.arguments.values() for n in references(a)]
