"""Shapes of every value in a graph, kept up to date while the graph is edited.

The batch axis stays symbolic. A problem is reported at the node where it first appears;
everything upstream of it keeps its shapes, everything downstream waits. None of this needs torch.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field
from typing import Any, Literal

from graphcore.dims import Batch, Shape, format_shape
from graphcore.errors import Fix, GradscapeError, ShapeError
from graphcore.graph.elements import Change, Node, NodeOrName
from graphcore.graph.graph import Graph

LARGEST = 2**31
"""Numbers of one value: 8 GiB in single precision."""

ParameterShapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Problem:
    """Why a node has no shape.

    Attributes:
        kind: "error" (shapes do not fit) or "open" (an input has no edge yet).
        fix: a change that would help, or None.
    """

    node: str
    message: str
    kind: Literal["error", "open"] = "error"
    fix: Fix | None = None


@dataclass(frozen=True)
class Inferred:
    """What is known of one node.

    Attributes:
        buffers: shape and starting value of each running statistic.
        inner: the same for each node inside a composite.
    """

    outputs: tuple[Shape | None, ...]
    parameters: ParameterShapes = field(default_factory=dict)
    buffers: dict[str, tuple[tuple[int, ...], float]] = field(default_factory=dict)
    problem: Problem | None = None
    inner: dict[str, Inferred] = field(default_factory=dict)


def each_output(result: Any) -> tuple[Shape, ...]:
    """What ``infer_shape`` returned, one shape per output, also where there is only one."""
    several = isinstance(result, tuple) and result and isinstance(result[0], tuple)
    return result if several else (result,)


def numbers(shape: Shape | None, batch: int = 1) -> int:
    """Return how many numbers a value has for a batch size; 0 for an unknown one."""
    if shape is None:
        return 0
    return math.prod(d.count * batch if isinstance(d, Batch) else d for d in shape)


def check_size(node: str, what: str, shape: Shape | None, batch: int = 1) -> None:
    """Raise ShapeError for a value of more than ``LARGEST`` numbers, before there is one."""
    count = numbers(shape, batch)
    if count > LARGEST:
        of = f" for a batch of {batch:,}" if batch > 1 else ""
        raise ShapeError(
            f"{node}: {what} of the shape {format_shape(shape)[:60]} would have "
            f"{_about(count)} numbers{of}; the largest value has {_about(LARGEST)}.",
            node=node,
        )


def check(graph: Graph) -> list[Problem]:
    """Return what is wrong with a graph, node by node in their order; empty if nothing is.

    for problem in gc.check(graph):
        print(problem.node, problem.message, problem.fix)
    """
    shapes = ShapeInference(graph)
    shapes.close()
    return list(shapes.problems.values())


def check_batch(graph: Graph, batch: int, itemsize: int, free: int | None) -> ShapeInference:
    """Raise ShapeError where a batch size makes a value that is too large; return the shapes.

    Args:
        itemsize: bytes of a number.
        free: bytes that training may take; None: any.
    """
    shapes = ShapeInference(graph)
    shapes.close()
    for name, known in shapes.flat().items():
        for shape in known.outputs:
            check_size(name, "its output", shape, batch)
    needed = training_bytes(shapes, batch, itemsize)
    if free is not None and needed > free:
        raise ShapeError(
            f"Training would take about {needed / 1e9:,.1f} GB of memory and {free / 1e9:,.1f} GB "
            f"are free: a batch of fewer than {batch:,} samples or a smaller net may fit."
        )
    return shapes


def training_bytes(shapes: ShapeInference, batch: int, itemsize: int) -> int:
    """Return about how much memory training takes; measured on nets from LeNet-5 to GPT-2.

    Weights, their gradients and one number more for each; every value, and as much again for what
    the way back needs of it.
    """
    needed = 0
    for known in shapes.flat().values():
        if not known.inner:
            needed += sum(numbers(shape, batch) for shape in known.outputs) * itemsize * 2
            needed += sum(map(numbers, known.parameters.values())) * itemsize * 3
    return needed


def _about(count: int) -> str:
    return f"{count:,}" if count < 10**15 else f"10^{len(str(count)) - 1}"


class ShapeInference:
    """Listens to a graph and re-infers only what a change can have touched.

    Args:
        feeds: shapes of Input and Target nodes that are set from outside (inside a composite).
    """

    def __init__(self, graph: Graph, feeds: dict[str, Shape | None] | None = None) -> None:
        self._graph = graph
        self._feeds = feeds or {}
        self._known: dict[str, Inferred] = {}
        self._dirty: set[str] = {n.name for n in graph}
        self._rank: dict[str, int] = {}
        graph.listeners.append(self._on_change)
        self.update()

    def close(self) -> None:
        """Stop listening."""
        self._graph.listeners.remove(self._on_change)

    def shape(self, node: NodeOrName, output: str | None = None) -> Shape | None:
        """Shape of an output (the first, if none is named); None while it is not known."""
        found = self._graph.node(node)
        shapes = self.inferred(found).outputs
        place = found.outputs.index(output) if output else 0
        return shapes[place] if place < len(shapes) else None

    def input_shapes(self, node: NodeOrName) -> dict[str, Shape | None]:
        """Shape that arrives at each connected input."""
        edges = self._graph.edges_into(node)
        return {e.input: self.shape(e.source, e.output) for e in edges}

    def parameter_shapes(self, node: NodeOrName) -> ParameterShapes:
        """Shape of each parameter input (of inner nodes too, for a composite)."""
        return self.inferred(node).parameters

    def inferred(self, node: NodeOrName) -> Inferred:
        """All that is known of a node."""
        self.update()
        return self._known[self._graph.node(node).name]

    def flat(self) -> dict[str, Inferred]:
        """All that is known of every node, inner nodes as "composite/node"."""
        self.update()
        found: dict[str, Inferred] = {}
        stack: list[tuple[str, Inferred]] = [*self._known.items()]
        while stack:
            path, known = stack.pop()
            found[path] = known
            stack.extend((f"{path}/{name}", inner) for name, inner in known.inner.items())
        return found

    def problem(self, node: NodeOrName) -> Problem | None:
        """What is wrong at this very node, or None."""
        return self.inferred(node).problem

    @property
    def problems(self) -> dict[str, Problem]:
        """Every node that has a problem of its own."""
        self.update()
        return {name: k.problem for name, k in self._known.items() if k.problem is not None}

    def update(self) -> set[str]:
        """Infer what is out of date; returns the nodes whose shapes or problem changed."""
        if not self._dirty:
            return set()
        self._keep_ranks()
        queue = [(self._rank[n], n) for n in self._dirty]
        heapq.heapify(queue)
        waiting, changed = set(self._dirty), set()
        self._dirty = set()
        while queue:
            _, name = heapq.heappop(queue)
            waiting.discard(name)
            inferred = self._infer(self._graph.node(name))
            if inferred == self._known.get(name):
                continue
            self._known[name] = inferred
            changed.add(name)
            for edge in self._graph.edges_from(name):
                if edge.target not in waiting:
                    waiting.add(edge.target)
                    heapq.heappush(queue, (self._rank[edge.target], edge.target))
        return changed

    def misfit(self, node: str, input: str, shape: Shape | None) -> Problem | None:
        """What would be wrong at a node if an input got this shape; None if nothing."""
        target = self._graph.node(node)
        arriving = {**self.input_shapes(target), input: shape}
        missing = [i for i in self._required(target) if i not in arriving]
        if missing or any(v is None for v in arriving.values()):
            return None
        return self._infer_from(target, arriving).problem

    # -- one node -----------------------------------------------------------------------------

    def _infer(self, node: Node) -> Inferred:
        unknown = Inferred((None,) * max(1, len(node.outputs)))
        if node.name in self._feeds:
            return Inferred((self._feeds[node.name],))
        arriving: dict[str, Shape | None] = {}
        for edge in self._graph.edges_into(node):
            source = self._graph.node(edge.source)
            arriving[edge.input] = self._known[source.name].outputs[
                source.outputs.index(edge.output)
            ]
        missing = [i for i in self._required(node) if i not in arriving]
        if missing:
            listed = ", ".join(missing)
            plural = "inputs" if len(missing) > 1 else "input"
            message = f"{node.name}: nothing is connected to the {plural} {listed}."
            problem = Problem(node.name, message, "open")
            return Inferred(unknown.outputs, problem=problem)
        if any(s is None for i, s in arriving.items() if not self._may_be_unknown(node, i)):
            return unknown
        return self._infer_from(node, arriving)

    def _infer_from(self, node: Node, arriving: dict[str, Shape | None]) -> Inferred:
        unknown = (None,) * max(1, len(node.outputs))
        try:
            if node.subgraph is not None:
                return _infer_composite(node, arriving)
            return self._infer_operator(node, arriving)
        except GradscapeError as error:
            fix = getattr(error, "fix", None)
            problem = Problem(node.name, str(error), "error", fix)
            return Inferred(unknown, problem=problem)

    def _infer_operator(self, node: Node, arriving: dict[str, Shape | None]) -> Inferred:
        names = [i for i in self._graph.data_inputs(node) if i in arriving]
        data: list[Any] = [arriving[i] for i in names]  # None for a Target's shape
        result = node.op.infer_shape(*data, **node.attributes)
        outputs = each_output(result)
        for shape in outputs:
            check_size(node.name, "its output", shape)
        if node.bypassed and data and outputs[0] != data[0]:
            raise ShapeError(
                f"{node.name} cannot be bypassed: it turns {format_shape(data[0])} into "
                f"{format_shape(outputs[0])}."
            )
        parameters = node.op.parameter_shapes(*data, **node.attributes)
        for name, wanted in parameters.items():
            check_size(node.name, name, wanted)
            if name in arriving and arriving[name] != tuple(wanted):
                raise ShapeError(
                    f"{node.name}: {name} must have the shape {format_shape(wanted)}, "
                    f"gets {format_shape(arriving[name])}."
                )
        buffers = node.op.buffer_shapes(*data, **node.attributes)
        return Inferred(outputs, parameters, buffers)

    def _required(self, node: Node) -> tuple[str, ...]:
        inputs = self._graph.data_inputs(node)
        if node.subgraph is not None:
            return inputs
        if node.op.variadic:
            return inputs[:-1] or inputs[:1]
        return tuple(i for i in inputs if i not in node.op.optional_inputs)

    def _may_be_unknown(self, node: Node, input: str) -> bool:
        return node.subgraph is not None or (node.op.category == "loss" and input == "target")

    # -- what is out of date ------------------------------------------------------------------

    def _keep_ranks(self) -> None:
        """Ranks put every node after its sources; recomputed only when an edge broke that."""
        if not self._rank:
            self._rank = {n: i for i, n in enumerate(self._graph.topological_order())}

    def _on_change(self, change: Change) -> None:
        if change.kind == "node_added":
            self._dirty.add(change.name)
            if self._rank:
                self._rank[change.name] = max(self._rank.values()) + 1
        elif change.kind == "node_removed":
            self._dirty.discard(change.name)
            self._known.pop(change.name, None)
            self._rank.pop(change.name, None)
        elif change.kind == "node_renamed":
            if change.old in self._known:
                self._known[change.name] = self._known.pop(change.old)
            if change.old in self._rank:
                self._rank[change.name] = self._rank.pop(change.old)
            self._dirty.discard(change.old)
            self._dirty.add(change.name)
        elif change.kind == "node_changed" and change.what in ("attributes", "bypassed", "inside"):
            self._dirty.add(change.name)
        elif change.edge is not None:
            self._dirty.add(change.edge.target)
            ends = self._rank.get(change.edge.source, 0), self._rank.get(change.edge.target, 0)
            if ends[0] >= ends[1]:
                self._rank = {}


def _infer_composite(node: Node, arriving: dict[str, Shape | None]) -> Inferred:
    """Infer the sub-graph from the shapes that arrive at its Input nodes."""
    assert node.subgraph is not None
    inside = ShapeInference(node.subgraph, dict(arriving))
    inside.close()
    for problem in inside.problems.values():
        raise ShapeError(f"Inside {node.name}, at {problem.node}: {problem.message}", problem.fix)
    known = {inner.name: inside.inferred(inner) for inner in node.subgraph}
    parameters = {
        f"{name}/{p}" if "." in p else f"{name}.{p}": shape
        for name, inner in known.items()
        for p, shape in inner.parameters.items()
    }
    outputs = tuple(inside.shape(name) for name in node.outputs)
    return Inferred(outputs, parameters, inner=known)
