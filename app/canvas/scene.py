"""The items of the open graph: made, moved and removed as the document reports changes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from app.canvas import geometry as geo
from app.canvas.edge_item import EdgeItem
from app.canvas.node_item import NodeItem
from app.document import Document
from graphcore.elements import Change, Edge

EXTENT = QRectF(-200_000, -200_000, 400_000, 400_000)


class Scene(QGraphicsScene):
    """Follows the document; never changes it.

    Attributes:
        nodes: name -> item. edges: edge -> item.
    """

    def __init__(self, document: Document) -> None:
        super().__init__(EXTENT)
        self.document = document
        self.nodes: dict[str, NodeItem] = {}
        self.edges: dict[Edge, EdgeItem] = {}
        document.changed.connect(self._on_change)
        document.shapes_changed.connect(self._on_shapes)
        document.opened.connect(self.rebuild)
        self.rebuild()

    def rebuild(self) -> None:
        """Make every item anew."""
        self.clearSelection()
        for item in [*self.edges.values(), *self.nodes.values()]:
            self.removeItem(item)
        self.nodes, self.edges = {}, {}
        graph = self.document.graph
        for node in graph:
            self._add_node(node.name)
        for edge in graph.edges:
            self._add_edge(edge)
        self._on_shapes(self.nodes.keys())

    def port_position(self, node: str, side: str, port: str) -> QPointF:
        """Where a port is on the canvas."""
        item = self.nodes[node]
        ports = item.ports.outputs if side == "output" else item.ports.inputs
        return item.pos() + ports.get(port, QPointF(0, geo.HEIGHT / 2))

    def contents(self, names: object = None) -> QRectF:
        """The area that nodes take up."""
        wanted = self.nodes.values() if names is None else [self.nodes[n] for n in names]  # type: ignore[attr-defined]
        area = QRectF()
        for item in wanted:
            area = area.united(geo.BODY.translated(item.pos()))
        return area

    # -- following the document ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.kind == "node_added":
            self._add_node(change.name)
        elif change.kind == "node_removed":
            self.removeItem(self.nodes.pop(change.name))
        elif change.kind == "node_renamed":
            self._rename(change.old, change.name)
        elif change.kind == "edge_added" and change.edge is not None:
            self._add_edge(change.edge)
            self._refresh_ports(change.edge.target)
        elif change.kind == "edge_removed" and change.edge is not None:
            self.removeItem(self.edges.pop(change.edge))
            self._refresh_ports(change.edge.target)
        elif change.kind == "node_changed":
            self._on_node_changed(change.name, change.what)

    def _on_node_changed(self, name: str, what: str) -> None:
        item = self.nodes[name]
        if what == "position":
            item.sync_position()
            self.route(name)
        elif what == "attributes":
            self._refresh_ports(name)
        item.update()

    def _on_shapes(self, names: object) -> None:
        shapes = self.document.shapes
        for name in names:  # type: ignore[attr-defined]
            if name in self.nodes:
                self.nodes[name].set_shape(shapes.shape(name), shapes.problem(name))

    def _add_node(self, name: str) -> None:
        graph = self.document.graph
        item = NodeItem(graph.node(name), geo.ports_of(graph, graph.node(name)))
        self.nodes[name] = item
        self.addItem(item)

    def _add_edge(self, edge: Edge) -> None:
        item = EdgeItem(edge)
        self.edges[edge] = item
        self._route_item(item)
        self.addItem(item)

    def _rename(self, old: str, new: str) -> None:
        self.nodes = {new if k == old else k: v for k, v in self.nodes.items()}
        items = list(self.edges.values())
        for item in items:
            e = item.edge
            item.edge = Edge(
                new if e.source == old else e.source, e.output,
                new if e.target == old else e.target, e.input,
            )  # fmt: skip
        self.edges = {item.edge: item for item in items}
        self.nodes[new].update()

    def _refresh_ports(self, name: str) -> None:
        """Ports come and go with attributes and, on variadic nodes, with edges."""
        if name in self.nodes:
            graph = self.document.graph
            self.nodes[name].ports = geo.ports_of(graph, graph.node(name))
            self.nodes[name].update()
            self.route(name)

    def route(self, name: str) -> None:
        """Lay the edges of a node anew."""
        graph = self.document.graph
        for edge in (*graph.edges_into(name), *graph.edges_from(name)):
            if edge in self.edges:
                self._route_item(self.edges[edge])

    def _route_item(self, item: EdgeItem) -> None:
        e = item.edge
        item.set_ends(
            self.port_position(e.source, "output", e.output),
            self.port_position(e.target, "input", e.input),
        )
