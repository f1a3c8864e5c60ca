"""The table of ONNX operators, and a node as its function gets it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced
from graphcore.exchange.program import Number

NUMBERS: dict[int, Number] = {
    **dict.fromkeys((1, 10, 11, 16), "float"), **dict.fromkeys((2, 3, 4, 5, 6, 7, 12, 13), "int"),
    9: "bool",
}  # fmt: skip
"""Types of ONNX as kinds of number."""
Results = Traced | list[Traced] | list[Any]


@dataclass
class OnnxNode:
    """A node of the file.

    Attributes:
        inputs: what feeds it; None for one that is left out.
        attributes: words, numbers, lists and arrays by name.
        version: of the standard operators.
        outputs: how many results it has; reads: which of them anything reads.
        batch: first size of the inputs where the file fixes it and N is tried; else 0.
    """

    operator: str
    inputs: list[Any]
    attributes: dict[str, Any]
    version: int
    outputs: int = 1
    reads: tuple[bool, ...] = (True,)
    batch: int = 0

    def input(self, place: int) -> Traced:
        """An input that it needs; raises Untraced."""
        found: Traced | None = self.optional(place)
        if found is None:
            raise Untraced(f"its input {place} is missing")
        return found

    def optional(self, place: int) -> Any:
        """An input, or None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute."""
        return self.attributes.get(name, default)

    def listed(self, name: str, place: int, since: int) -> list[Any] | None:
        """Sizes that are an attribute in older files and an input since a version."""
        if self.version < since:
            found = self.attributes.get(name)
            return None if found is None else list(found)
        given = self.optional(place)
        return None if given is None else given.ints()

    def axis(self, rank: int, default: int = 0) -> int:
        """The attribute ``axis`` counted from the front; raises Untraced."""
        return counted(int(self.get("axis", default)), rank)


def counted(axis: int, rank: int) -> int:
    """An axis counted from the front; raises Untraced where there is none."""
    if not -rank <= axis < max(rank, 1):
        raise Untraced(f"there is no axis {axis} of {rank}")
    return axis % rank if rank else 0


Function = Callable[[Tracer, OnnxNode], Results]
OPERATORS: dict[str, Function] = {}
"""Operator of ONNX -> function that writes its calls."""
_F = TypeVar("_F", bound=Function)


def operator(*names: str) -> Callable[[_F], _F]:
    """Decorator: the function of these operators."""

    def keep(function: _F) -> _F:
        for name in names:
            OPERATORS[name] = function
        return function

    return keep
