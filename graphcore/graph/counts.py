"""How many numbers a graph learns and holds, composites opened up."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from graphcore.dims import at_batch
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import Inferred, ShapeInference


@dataclass(frozen=True)
class Counts:
    """Of a graph, or of a part of it.

    Attributes:
        nodes: those inside composites too, without ports and composites themselves.
        parameters: numbers that are learned; one that several nodes share counts once.
        frozen: those of them that training leaves alone.
        values: numbers that the nodes' outputs hold for one sample.
    """

    nodes: int = 0
    parameters: int = 0
    frozen: int = 0
    values: int = 0


def counts(graph: Graph, shapes: ShapeInference, nodes: Iterable[Node] | None = None) -> Counts:
    """Count in a graph whose shapes are known, or in some of its nodes."""
    found = [0, 0, 0, 0]
    stack = [(graph, n, shapes.inferred(n)) for n in (graph if nodes is None else nodes)]
    while stack:
        level, node, known = stack.pop()
        if node.subgraph is not None:
            inside = node.subgraph
            stack += [(inside, n, known.inner[n.name]) for n in inside if n.name in known.inner]
            continue
        port = level is not graph and node.operator in ("Input", "Target", "Output")
        own, frozen = _parameters(level, node, known)
        values = sum(math.prod(at_batch(s, 1)) for s in known.outputs if s is not None)
        of_node = (int(not port), own, frozen, 0 if port else values)
        found = [a + b for a, b in zip(found, of_node, strict=True)]
    return Counts(*found)


def _parameters(graph: Graph, node: Node, known: Inferred) -> tuple[int, int]:
    """Numbers of the parameters that a node owns, and of those that are frozen."""
    fed = {e.input for e in graph.edges_into(node)}
    own = {k: math.prod(s) for k, s in known.parameters.items() if k not in fed}
    return sum(own.values()), sum(n for k, n in own.items() if k in node.frozen)
