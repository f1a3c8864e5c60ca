"""Values that are held: what would the net say if a neuron, a channel or an edge had another value?

The held net is a copy of the graph with ``Hold`` nodes in it, so both passes, every view and
every figure come from the same engine as always; the net that is trained is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.errors import EngineError, GradscapeError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.ops import get
from graphcore.session.messages import Hold, HoldRequest
from graphcore.training.trainer import Trainer

FREE = "__free"
"""Ends the name of a node whose value is held further on under its own name."""


def held_graph(graph: Graph, holds: Sequence[Hold], values: Sequence[Any]) -> Graph:
    """A copy of the graph in which values are held.

    A node that is held goes on under its own name with the held value; what it computed itself is
    found under its name with ``FREE``. A held edge changes what its target gets, and nothing else.

    Args:
        values: what each hold sets: a number, or numbers of the shape of what is held.

    Raises:
        GraphError: a node or an edge is not there.
    """
    held = graph.copy()
    for i, (hold, value) in enumerate(zip(holds, values, strict=True)):
        node = held.node(hold.node)
        batch = not (node.operator in ("Parameter", "Constant") or (
            node.operator == "Input" and not node.attributes["batch"]
        ))  # fmt: skip
        given = {"unit": hold.unit, "value": value, "batch": batch}
        attributes = get("Hold").complete(given)
        if hold.target:
            edge = held.edge_into(hold.target, hold.input)
            if edge is None or edge.source != hold.node:
                raise EngineError(f"There is no edge from {hold.node} to {hold.target}.")
            _insert(held, Node(f"hold{i}{FREE}", "Hold", attributes), edge)
        else:
            _hold_node(held, hold.node, attributes, i)
    return held


def _insert(graph: Graph, node: Node, edge: Edge) -> None:
    graph.disconnect(edge)
    graph.insert(node)
    graph.connect_edge(Edge(edge.source, edge.output, node.name, "x"))
    graph.connect_edge(Edge(node.name, "y", edge.target, edge.input))


def _hold_node(graph: Graph, name: str, attributes: dict[str, Any], number: int) -> None:
    """Let a held copy of the value go on under the node's name."""
    readers = graph.edges_from(name)
    output = graph.node(name).outputs[0]
    free = f"{name}{FREE}"
    again = free in graph  # held already: one more hold behind the first
    inner = f"{name}_{number}{FREE}" if again else free
    graph.rename(name, inner)
    graph.insert(Node(name, "Hold", attributes))
    for edge in readers:
        moved = Edge(inner, edge.output, edge.target, edge.input)
        if edge.output == output:
            graph.disconnect(moved)
            graph.connect_edge(Edge(name, "y", edge.target, edge.input))
    graph.connect_edge(Edge(inner, output, name, "x"))


def values_of(holds: Sequence[Hold], trainer: Trainer | None) -> list[Any]:
    """What each hold sets; a value from a sample is computed with the weights of the moment."""
    found: list[Any] = []
    for hold in holds:
        if hold.value is not None:
            found.append(hold.value)
        elif trainer is None:
            raise EngineError("A value can come from a sample only where there are samples.")
        else:
            found.append(_from_sample(hold, trainer))
    return found


def _from_sample(hold: Hold, trainer: Trainer) -> Any:
    plan, test = trainer.looking_plan(), trainer.data.test
    x, t = trainer.tensors(test)
    i = min(max(0, hold.sample), len(x) - 1)
    plan.forward(trainer.binding.feeds(x[i : i + 1], t[i : i + 1]))
    value = plan.value(hold.node)[0]
    return value[tuple(hold.unit)].tolist() if hold.unit else value.tolist()


def held_plan(graph: Graph, like: Plan, mode: Any = "inspect") -> Plan:
    """A plan of a held graph with the weights and statistics of a plan of the free one."""
    plan = compile(graph, mode=mode, seed=like.seed, **like.made_for)
    with torch.inference_mode():
        for name, parameter in plan.parameters.items():
            parameter.copy_(like.parameters[_free_name(name, like.parameters)])
        for name, buffer in plan.buffers.items():
            buffer.copy_(like.buffers[_free_name(name, like.buffers)])
    return plan


def _free_name(name: str, known: Any) -> str:
    """What a parameter of a held node is called in the free net."""
    if name in known:
        return name
    node, _, rest = name.partition(FREE)
    if node + rest in known:
        return node + rest
    return node.rpartition("_")[0] + rest


class Holds:
    """What is held in a session.

    Attributes:
        request: the holds, and whether their effect on the test split is wanted.
        problem: why the last ones cannot be held, or "".
    """

    def __init__(self) -> None:
        self.request = HoldRequest()
        self.problem = ""

    def hold(self, request: HoldRequest) -> None:
        """Hold these from now on."""
        self.request, self.problem = request, ""

    def graph(self, own: Graph, trainer: Trainer | None) -> Graph | None:
        """Return the held graph; None where nothing is held, or it cannot be.

        Args:
            own: the graph whose values are held.
            trainer: of its run, for values that come from a sample.
        """
        if not self.request.holds:
            return None
        try:
            return held_graph(own, self.request.holds, values_of(self.request.holds, trainer))
        except (GradscapeError, IndexError) as error:
            self.problem = f"That cannot be held: {error}"
            return None

    def plan(self, own: Graph, trainer: Trainer | None, like: Plan) -> tuple[Plan, Graph] | None:
        """Return a plan of the held graph that keeps every value, and the graph."""
        graph = self.graph(own, trainer)
        if graph is None:
            return None
        try:
            return held_plan(graph, like), graph
        except GradscapeError as error:
            self.problem = f"That cannot be held: {error}"
            return None
