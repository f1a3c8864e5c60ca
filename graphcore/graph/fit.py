"""Whether something fits: an edge between two ports, an operator at its end or in a node's place.

Nothing here changes a graph. Shapes decide as far as they are known; where they are not, nothing
speaks against an edge.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from graphcore import ops
from graphcore.dims import Shape
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.graph.in_place import in_place
from graphcore.graph.shapes import Problem, ShapeInference, each_output

MOST_EDGES = 40
MOST = 8
"""Shapes of the graph, and numbers in them, that are tried where one is to be chosen."""


def refusal(
    graph: Graph, shapes: ShapeInference, edge: Edge, replacing: bool = False
) -> Problem | None:
    """Return why an edge cannot be added; None if it can.

    Args:
        replacing: an edge that is at the input already would give way.
    """
    try:
        graph.check_edge(edge, replacing)
    except GradscapeError as error:
        return Problem(edge.target, str(error), fix=getattr(error, "fix", None))
    return shapes.misfit(edge.target, edge.input, shapes.shape(edge.source, edge.output))


def edges_of(graph: Graph, shapes: ShapeInference, name: str) -> list[Edge]:
    """Return edges that a node could get: from its outputs, then into its free inputs."""
    node = graph.node(name)
    others = [n for n in reversed(graph.nodes) if n.name != name]
    out = [Edge(name, o, n.name, i) for n in others for o in node.outputs for i in graph.inputs(n)]
    into = [Edge(n.name, o, name, i) for n in others for i in graph.inputs(node) for o in n.outputs]
    return [e for e in (*out, *into) if refusal(graph, shapes, e) is None][:MOST_EDGES]


def edge_between(graph: Graph, shapes: ShapeInference, old: str, new: str) -> Edge | None:
    """Return an edge by which a new node reads an old one, or feeds it if it reads nothing."""
    before, node = graph.node(old), graph.node(new)
    if graph.data_inputs(node):
        ways = [Edge(old, o, new, graph.data_inputs(node)[0]) for o in before.outputs[:1]]
    else:
        free = graph.data_inputs(before)
        ways = [Edge(new, o, old, i) for o in node.outputs[:1] for i in free]
    return next((e for e in ways if refusal(graph, shapes, e) is None), None)


def sources_for(graph: Graph, edges: Sequence[Edge]) -> set[str]:
    """Return the nodes at which all of these edges could begin without closing a cycle."""
    targets = {e.target for e in edges}
    return {n.name for n in graph} - targets - graph.descendants(targets)


class Fitting:
    """Whether an operator fits at the loose end of an edge; asked by name.

    What the edge does not settle may come from the graph: other inputs get any shape there is,
    and a number that must be chosen (``out_features``) any that stands in one.

    Args:
        port: (node, port) at the other end. side: "output" if that one is an output.
    """

    def __init__(
        self, graph: Graph, shapes: ShapeInference, port: tuple[str, str], side: str
    ) -> None:
        self._shapes, self._port, self._side = shapes, port, side
        known = (shapes.shape(n.name, o) for n in graph for o in n.outputs)
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


class Alternatives:
    """Whether an operator fits in the place of some nodes, with their edges; asked by name.

    Attributes:
        akin: operators of the category of the first node, which is what one mostly looks for.
    """

    def __init__(self, graph: Graph, shapes: ShapeInference, names: Sequence[str]) -> None:
        self._graph, self._shapes = graph, shapes
        self._nodes = [graph.node(n) for n in names]
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
        into, out = self._graph.edges_into(node.name), self._graph.edges_from(node.name)
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
        arriving = {e.input: self._shapes.shape(e.source, e.output) for e in into}
        given = [arriving.get(name) for name in op.inputs]
        if any(given[i] is None and n not in op.optional_inputs for i, n in enumerate(op.inputs)):
            return True  # nothing is known to speak against it
        try:
            attributes = in_place(node, op.name).attributes
            result = each_output(op.infer_shape(*given, **attributes))
        except (GradscapeError, TypeError, ValueError):
            return False
        made = dict(zip(op.outputs, result, strict=False))
        return all(self._shapes.misfit(e.target, e.input, made[e.output]) is None for e in out)
