"""Which parameters training leaves alone: up to a layer, from a layer on, and how much of a node.

A path names a node in the whole graph, ``block/conv`` inside composites.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from graphcore.errors import UnknownNodeError
from graphcore.graph.elements import Node, NodeOrName
from graphcore.graph.graph import Graph

Share = Literal["", "some", "all"]
"""How many of a node's parameters are frozen."""


class Owned(NamedTuple):
    """A parameter, and the graph that the node which owns it stands in."""

    graph: Graph
    node: str
    parameter: str


def owned(graph: Graph, nodes: Iterable[NodeOrName]) -> Iterator[Owned]:
    """Give the parameters that nodes own, those inside composites too."""
    stack = [(graph, graph.node(n)) for n in nodes]
    while stack:
        level, node = stack.pop()
        if node.subgraph is not None:
            stack += [(node.subgraph, inner) for inner in node.subgraph]
            continue
        for name in node.parameter_inputs:
            if level.edge_into(node, name) is None:
                yield Owned(level, node.name, name)


def share(graph: Graph, node: Node) -> Share:
    """Return how much of a node is frozen; "" for one without parameters."""
    states = {_is_frozen(p) for p in owned(graph, [node])}
    if True not in states:
        return ""
    return "some" if False in states else "all"


def along(levels: Sequence[tuple[str, Graph]], names: Collection[str], onward: bool) -> list[Owned]:
    """Return the parameters of nodes and of all before them, or after them.

    Args:
        levels: name of the composite and graph of each level that was entered, the whole graph
            first under "".
        names: nodes of the last of them.
        onward: whether what comes after is meant.
    """
    found: list[Owned] = []
    start, reached = list(names), set(names)
    for name, graph in reversed(levels):
        reached |= graph.descendants(start) if onward else graph.ancestors(start)
        found += owned(graph, sorted(reached))
        start, reached = [name], set()
    return found


def levels_to(graph: Graph, path: str) -> tuple[list[tuple[str, Graph]], str]:
    """Return the levels that lead to a node, as ``along`` takes them, and its name there.

    Raises:
        UnknownNodeError: there is no node at that path.
    """
    levels = [("", graph)]
    *composites, name = path.split("/")
    for composite in composites:
        inside = levels[-1][1].node(composite).subgraph
        if inside is None:
            raise UnknownNodeError(f"There is nothing inside {composite}, which is no composite.")
        levels.append((composite, inside))
    return levels, levels[-1][1].node(name).name


def to_change(parameters: Iterable[Owned], frozen: bool) -> list[Owned]:
    """Return those that are not in this state already."""
    return [p for p in parameters if _is_frozen(p) is not frozen]


def set_all(parameters: Iterable[Owned], frozen: bool) -> None:
    """Keep parameters out of training, or let them train."""
    for graph, node, parameter in parameters:
        graph.set_frozen(node, parameter, frozen)


def _is_frozen(parameter: Owned) -> bool:
    return parameter.parameter in parameter.graph.node(parameter.node).frozen
