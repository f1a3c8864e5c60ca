"""Which edges a node could get; the canvas and the outline offer the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphcore.errors import GradscapeError
from graphcore.graph.elements import Edge

MOST = 40


def connections_of(document: Any, name: str, limit: int = MOST) -> list[Edge]:
    """Edges from a node's outputs, then into its free inputs, that give valid shapes."""
    graph, found = document.graph, list[Edge]()
    node = graph.node(name)
    for other in reversed(graph.nodes):
        if other.name != name:
            ways = [Edge(name, o, other.name, i) for o in node.outputs for i in graph.inputs(other)]
            found += [e for e in ways if fits(document, e)]
    for other in reversed(graph.nodes):
        if other.name != name:
            ways = [Edge(other.name, o, name, i) for i in graph.inputs(node) for o in other.outputs]
            found += [e for e in ways if fits(document, e)]
    return found[:limit]


def fill(
    menu: Any, document: Any, name: str, attempt: Callable[[Callable[[], Any]], Any]
) -> bool:  # fmt: skip
    """Offer every port that a node fits, the first one marked; returns whether there is any.

    Args:
        menu: a ``QMenu``.
        attempt: makes the edge that is chosen, and says why not if it cannot be.
    """
    for edge in connections_of(document, name):
        action = menu.addAction(spoken(edge, name))
        action.triggered.connect(
            lambda _on=False, e=edge: attempt(
                lambda: document.connect_nodes(e.source, e.target, e.input, e.output)
            )
        )
    if menu.isEmpty():
        return False
    menu.setActiveAction(menu.actions()[0])
    return True


def fits(document: Any, edge: Edge) -> bool:
    """Whether an edge is legal, its input free, and the shape that arrives one that is taken."""
    try:
        document.graph.check_edge(edge)
    except GradscapeError:
        return False
    return document.shapes.refusal(edge) is None


def connect_if_fitting(document: Any, selected: str, new: str) -> None:
    """Let a new node read the selected one, or feed it where it reads nothing itself."""
    graph = document.graph
    old, node = graph.node(selected), graph.node(new)
    if graph.data_inputs(node):
        ways = [Edge(selected, o, new, graph.data_inputs(node)[0]) for o in old.outputs[:1]]
    else:
        ways = [Edge(new, o, selected, i) for o in node.outputs[:1] for i in graph.data_inputs(old)]
    edge = next((e for e in ways if fits(document, e)), None)
    if edge is not None:
        document.connect_nodes(edge.source, edge.target, edge.input, edge.output)


def spoken(edge: Edge, name: str) -> str:
    """An edge as seen from one of its nodes."""
    if edge.source == name:
        return f"{edge.output} → {edge.target}.{edge.input}"
    return f"{edge.input} ← {edge.source}.{edge.output}"
