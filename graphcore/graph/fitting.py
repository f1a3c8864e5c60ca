"""Which operators could stand at the loose end of an edge and give a shape."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from graphcore import ops
from graphcore.dims import Shape
from graphcore.errors import GradscapeError
from graphcore.graph.shapes import each_output

MOST = 8
"""Shapes of the graph, and numbers in them, that are tried where one is to be chosen."""


class Fitting:
    """Whether an operator fits at the loose end of an edge; asked by name.

    What the edge does not settle may come from the graph: other inputs get any shape there is,
    and a number that must be chosen (``out_features``) any that stands in one.

    Args:
        port: (node, port) at the other end. side: "output" if that one is an output.
    """

    def __init__(self, document: Any, port: tuple[str, str], side: str) -> None:
        self._shapes, self._port, self._side = document.shapes, port, side
        known = (self._shapes.shape(n.name, o) for n in document.graph for o in n.outputs)
        self._there = list(dict.fromkeys(s for s in known if s is not None))[:MOST]
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        if name not in self._known:
            takes = self._takes if self._side == "output" else self._gives
            self._known[name] = takes(ops.get(name))
        return self._known[name]

    def _takes(self, op: ops.OperatorClass) -> bool:
        """Whether an operator takes what comes out of the port."""
        if not (op.inputs or op.variadic):
            return False
        shape = self._shapes.shape(*self._port)
        return shape is None or any(True for _ in self._results(op, [shape]))

    def _gives(self, op: ops.OperatorClass) -> bool:
        """Whether an operator gives what goes into the port."""
        if not (op.inputs or op.variadic):
            return bool(op.outputs)  # a source gives what one chooses
        return bool(op.outputs) and any(
            self._shapes.misfit(*self._port, shape) is None
            for shape in self._results(op, self._there)
        )

    def _results(self, op: ops.OperatorClass, firsts: list[Shape]) -> Iterator[Shape]:
        """Shapes that the operator's first output may have, with one of these going in first."""
        count = 2 if op.variadic else sum(i not in op.optional_inputs for i in op.inputs)
        for first, number in product(firsts, self._numbers(op)):
            others: list[Shape | None] = [first, *self._there] if count > 1 else [None]
            if op.category == "loss":
                others.append(None)  # a target
            chosen = {a.name: number for a in op.attrs if a.required}
            for other in others:
                try:
                    result = op.infer_shape(first, *[other] * (count - 1), **op.complete(chosen))
                except (GradscapeError, TypeError, ValueError):
                    continue
                yield each_output(result)[0]

    def _numbers(self, op: ops.OperatorClass) -> list[int]:
        if not any(a.required for a in op.attrs):
            return [1]
        there = (d for shape in self._there for d in shape if isinstance(d, int) and d > 0)
        return list(dict.fromkeys([1, *there]))[:MOST]
