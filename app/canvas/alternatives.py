"""Which operators could stand in a node's place, with the edges that it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.document import edits
from graphcore import ops
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.shapes import each_output


class Alternatives:
    """Whether an operator fits in the place of some nodes; asked by name.

    Args:
        names: of the nodes.

    Attributes:
        akin: operators of the category of the first node, which is what one mostly looks for.
    """

    def __init__(self, document: Any, names: Sequence[str]) -> None:
        self._document = document
        self._nodes = [document.graph.node(n) for n in names]
        category = self._nodes[0].op.category
        self.akin = [n for n in ops.names() if ops.get(n).category == category]
        self._known: dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        if name not in self._known:
            op = ops.get(name)
            self._known[name] = all(self._fits(node, op) for node in self._nodes)
        return self._known[name]

    def _fits(self, node: Node, op: ops.OperatorClass) -> bool:
        old = node.op
        if op is old or op.variadic or old.variadic or not old.inputs:
            return False
        if "composite" in (op.category, old.category):  # its ports are edges' ends further out
            return False
        graph = self._document.graph
        into, out = graph.edges_into(node.name), graph.edges_from(node.name)
        known = {*op.inputs, *op.initializers}
        needed = set(op.inputs) - op.optional_inputs
        if not {e.input for e in into} <= known or not needed <= set(old.inputs):
            return False
        if not {e.output for e in out} <= set(op.outputs):
            return False
        return self._shapes_fit(node, op, into, out)

    def _shapes_fit(
        self, node: Node, op: ops.OperatorClass, into: Sequence[Edge], out: Sequence[Edge]
    ) -> bool:
        """Whether it takes the shapes that arrive, and what it makes of them is taken."""
        shapes = self._document.shapes
        arriving = {e.input: shapes.shape(e.source, e.output) for e in into}
        given = [arriving.get(name) for name in op.inputs]
        if any(given[i] is None and n not in op.optional_inputs for i, n in enumerate(op.inputs)):
            return True  # nothing is known to speak against it
        try:
            attributes = edits.in_place(node, op.name).attributes
            result = each_output(op.infer_shape(*given, **attributes))
        except (GradscapeError, TypeError, ValueError):
            return False
        made = dict(zip(op.outputs, result, strict=False))
        return all(shapes.misfit(e.target, e.input, made[e.output]) is None for e in out)
