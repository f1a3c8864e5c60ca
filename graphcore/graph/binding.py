"""Which nodes of a graph the data go into, and which one training minimises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from graphcore.dims import format_shape
from graphcore.errors import GraphError
from graphcore.graph.elements import Edge, Node
from graphcore.graph.freezing import owned
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference
from graphcore.ops.noise import RandomNormalLike


@dataclass(frozen=True)
class Binding:
    """Where the data go and what comes of them.

    Attributes:
        input, target: names of the nodes that are fed; ``target`` is "" where the net is judged
            by what went in, as an autoencoder is; ``input`` is "" where nothing is fed.
        loss: the node whose value training makes small; "" where the net only runs forward.
        output: the node whose value is the net's answer, and the kind of loss that reads it.
    """

    input: str
    target: str
    loss: str
    output: str
    loss_kind: str

    def feeds(self, x: Any, t: Any) -> dict[str, Any]:
        """What a plan is fed, from inputs and targets."""
        fed = {self.input: x, self.target: t}
        return {name: value for name, value in fed.items() if name}


def waiting(graph: Graph) -> list[str]:
    """Names of the inputs that have no numbers of their own: data are to fill them."""
    return [n.name for n in graph if n.operator == "Input" and n.attributes["value"] is None]


def takes_data(graph: Graph) -> bool:
    """Whether a graph is fed by a data set."""
    return bool(waiting(graph)) or any(n.operator == "Target" for n in graph)


def learns(graph: Graph) -> bool:
    """Whether a graph is to be trained on data."""
    if any(node.operator == "Target" for node in graph):
        return True
    judged = graph.training.objectives or any(n.op.category == "loss" for n in graph)
    return bool(waiting(graph)) and bool(judged)


def descends(graph: Graph) -> bool:
    """Whether a graph is a function of its own parameters that training can make small."""
    try:
        return not takes_data(graph) and bool(_bind_to_result(graph))
    except GraphError:
        return False


def bind(graph: Graph) -> Binding:
    """Find the nodes that data and training belong to.

    Data go to the only Input and Target, else to those called x and t. The loss is the only
    node that nothing reads and that depends on the target, else the one called loss. A graph
    without a Target is judged by its only loss, one with objectives by the first of them.

    Raises:
        GraphError: there is none, or no telling which.
    """
    if not takes_data(graph):
        return _bind_to_result(graph)
    if missing := lacking(graph):
        raise GraphError(
            f"This graph cannot be trained yet: it lacks {' and '.join(missing)}. "
            "Add what is missing and connect it."
        )
    source = _only(graph, "Input", "x")
    if graph.training.objectives:
        return _bind_to_objectives(graph, source)
    if not any(n.operator == "Target" for n in graph) and learns(graph):
        return _bind_to_itself(graph, source)
    target = _only(graph, "Target", "t")
    loss = _end(graph, graph.descendants([target.name]), f"depends on {target.name}")
    answer, kind = _judged(graph, target) or ("", loss.operator)
    if not answer:
        met = _meets(graph, target)
        answer = met.source if met else loss.name
    return Binding(source.name, target.name, loss.name, answer, kind)


def _judged(graph: Graph, target: Node) -> tuple[str, str] | None:
    """Name of what is compared with a target, and the operator that compares them.

    Inside a composite the name is a path. The name is "" where the target is compared with what
    depends on it.
    """
    edges = sorted(
        graph.edges_from(target), key=lambda e: graph.node(e.target).subgraph is not None
    )
    for edge in edges:
        node = graph.node(edge.target)
        if node.subgraph is None:
            others = (e.source for e in graph.edges_into(node) if e.source != target.name)
            return next(others, ""), node.operator
        inside = node.subgraph
        if (found := _judged(inside, inside.node(edge.input))) is not None:
            name, kind = found
            given = next((e.source for e in graph.edges_into(node) if e.input == name), "")
            return given or (f"{node.name}/{name}" if name else ""), kind
    return None


def bind_forward(graph: Graph) -> Binding:
    """Bind a graph that is run and not trained: data go to the only input that waits for them."""
    sources = waiting(graph)
    fed = sources[0] if sources else ""
    below = [n for n in graph.topological_order() if n in graph.descendants([fed])] if fed else []
    return Binding(fed, "", "", below[-1] if below else fed, "")


def _bind_to_result(graph: Graph) -> Binding:
    """A function of parameters and given numbers: training minimises its result, one number."""
    ends = results(graph)
    chosen = [o.loss for o in graph.training.objectives] or [n for n in ends if n == "loss"] or ends
    if len(chosen) != 1 or chosen[0] not in graph:
        listed = ", ".join(chosen) or "nothing"
        raise GraphError(f"Training makes one result small, found {listed}: choose one of them.")
    name = chosen[0]
    above = [graph.node(n) for n in (name, *graph.ancestors([name]))]
    layers = graph.node(name).op.category == "loss"  # else they are calculated with, not trained
    free = (p.graph.node(p.node) for p in owned(graph, above)
            if p.parameter not in p.graph.node(p.node).frozen)  # fmt: skip
    if not any(layers or node.operator == "Parameter" for node in free):
        raise GraphError(f"Nothing can learn: {name} depends on no parameter that is not frozen.")
    shapes = ShapeInference(graph)
    shapes.close()
    shape = shapes.shape(name)
    if shape is None or any(size != 1 for size in shape):
        raise GraphError(
            f"Training makes one number small, and {name} has the shape {format_shape(shape)}: "
            "add a Sum after it."
        )
    return Binding("", "", name, name, "")


def results(graph: Graph) -> list[str]:
    """Names of the nodes that compute something that nothing reads."""
    return [n.name for n in graph if graph.edges_into(n) and not graph.edges_from(n)]


def lacking(graph: Graph) -> list[str]:
    """Return what has to be added before a graph can be trained, each in a few words."""
    operators = {node.operator for node in graph}
    missing = [] if "Input" in operators else ["an Input for the data"]
    if learns(graph):
        return missing
    missing.append("a Target for the wanted answers")
    if not any(node.op.category == "loss" for node in graph):
        missing.append("a loss")
    return missing


def _meets(graph: Graph, target: Node) -> Edge | None:
    """The edge by which the net's answer meets a target that was brought into shape before."""
    below = graph.descendants([target.name])
    met = (
        e
        for name in graph.topological_order()
        if name in below
        for e in graph.edges_into(name)
        if e.source not in below and e.source != target.name
    )
    return next(met, None)


def _bind_to_itself(graph: Graph, source: Node) -> Binding:
    """An autoencoder: the loss compares what comes out with what went in."""
    loss = _end(graph, graph.descendants([source.name]), f"depends on {source.name}")
    judge = next((n for n in graph if n.op.category == "loss"), loss)
    answer = graph.edge_into(judge, "x")
    return Binding(source.name, "", loss.name, answer.source if answer else loss.name,
                   judge.operator)  # fmt: skip


def _bind_to_objectives(graph: Graph, source: Node) -> Binding:
    """Several losses: the answer is the last node with parameters between data and first loss.

    What comes out of random numbers, as a GAN's inventions do, is no answer to the data.
    """
    for objective in graph.training.objectives:
        for name in (objective.loss, *objective.nodes):
            try:
                graph.at(name)
            except GraphError:
                raise GraphError(
                    f"An objective names the node {name!r}, which is not there."
                ) from None
    loss = graph.node(graph.training.objectives[0].loss.split("/")[0])
    noise = graph.descendants([n.name for n in graph if n.op is RandomNormalLike])
    between = (graph.descendants([source.name]) & graph.ancestors([loss.name])) - noise
    named = [n for n in graph.topological_order() if n in between]
    answers = [n for n in named if graph.node(n).parameter_inputs] or [loss.name]
    targets = [n.name for n in graph if n.operator == "Target"]
    return Binding(source.name, targets[0] if targets else "",
                   graph.training.objectives[0].loss, answers[-1], loss.operator)  # fmt: skip


def _end(graph: Graph, below: Iterable[str], what: str) -> Node:
    """The only node of these that nothing reads, or the one called loss; raises GraphError."""
    ends = [graph.node(n) for n in sorted(below) if not graph.edges_from(n)]
    named = [n for n in ends if n.name == "loss"]
    if len(ends) != 1 and len(named) != 1:
        found = ", ".join(n.name for n in ends) or "nothing"
        raise GraphError(
            f"Training needs one loss that {what}, found {found}: add a loss, or call it 'loss'."
        )
    return ends[0] if len(ends) == 1 else named[0]


def _only(graph: Graph, operator: str, fallback: str) -> Node:
    found = [n for n in graph if n.operator == operator]
    if len(found) == 1:
        return found[0]
    named = [n for n in found if n.name == fallback]
    if named:
        return named[0]
    raise GraphError(
        f"There are {len(found)} {operator} nodes: call the one that gets the data {fallback!r}."
    )
