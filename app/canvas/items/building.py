"""The items of a whole graph, made before a scene shows them."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from app.canvas.items import geometry as geo
from app.canvas.items.edge_item import EdgeItem
from app.canvas.items.node_item import End, NodeItem
from app.canvas.items.port_kinds import Kind, kind_of
from app.document.document import Progress
from graphcore.dims import format_shape
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference

AT_A_TIME = 500
"""Items between two reports of progress."""


class Items:
    """Every node and edge of a graph as an item that is in no scene yet.

    Attributes:
        nodes: name -> item. edges: edge -> item.

    Args:
        progress: called with the share that is done; an exception from it ends the work.
    """

    def __init__(self, graph: Graph, shapes: ShapeInference, progress: Progress) -> None:
        self.graph, self.shapes = graph, shapes
        self.nodes: dict[str, NodeItem] = {}
        self.edges: dict[Edge, EdgeItem] = {}
        edges = graph.edges
        total = len(graph) + len(edges)
        for i, node in enumerate(graph):
            if i % AT_A_TIME == 0:
                progress(i / total)
            self._make_node(node.name)
        for i, edge in enumerate(edges, len(graph)):
            if i % AT_A_TIME == 0:
                progress(i / total)
            self._make_edge(edge)

    def _make_node(self, name: str) -> None:
        node, shapes = self.graph.node(name), self.shapes
        item = self.nodes[name] = NodeItem(node, geo.ports_of(self.graph, node))
        item.connected = frozenset(e.input for e in self.graph.edges_into(name))
        item.set_shape(shapes.shape(name), shapes.problem(name), kinds(self.graph, shapes, name))

    def _make_edge(self, edge: Edge) -> None:
        item = self.edges[edge] = EdgeItem(edge)
        item.set_shape(*carried(self.shapes, edge))
        item.set_ends(
            port_position(self.nodes[edge.source], "output", edge.output),
            port_position(self.nodes[edge.target], "input", edge.input),
        )


def kinds(graph: Graph, shapes: ShapeInference, name: str) -> dict[End, Kind]:
    """What runs through each port of a node whose shape is known."""
    found: dict[End, Kind] = {
        ("output", port): kind_of(shapes.shape(name, port)) for port in graph.node(name).outputs
    }
    for edge in graph.edges_into(name):
        found["input", edge.input] = kind_of(shapes.shape(edge.source, edge.output))
    return found


def carried(shapes: ShapeInference, edge: Edge) -> tuple[Kind, str]:
    """What an edge carries, and its shape as text."""
    shape = shapes.shape(edge.source, edge.output)
    return kind_of(shape), format_shape(shape) if shape is not None else ""


def port_position(item: NodeItem, side: str, port: str) -> QPointF:
    """Where a port is on the canvas."""
    ports = item.ports.outputs if side == "output" else item.ports.inputs
    return item.pos() + ports.get(port, QPointF(0, geo.HEIGHT / 2))
