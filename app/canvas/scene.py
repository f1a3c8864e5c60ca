"""The items of the open graph: made, moved and removed as the document reports changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from app.canvas.items import geometry as geo
from app.canvas.items.building import Items, carried, kinds, port_position
from app.canvas.items.edge_item import EdgeItem
from app.canvas.items.far_view import FarView
from app.canvas.items.frame_item import FrameItem, NoteItem
from app.canvas.items.frames import Frames
from app.canvas.items.node_item import NodeItem
from app.document.document import Document, Progress
from app.document.levels import Level
from graphcore.graph import freezing
from graphcore.graph.elements import Change, Edge, renamed

EXTENT = QRectF(-200_000, -200_000, 400_000, 400_000)


class Scene(QGraphicsScene):
    """Follows the document; never changes it.

    Attributes:
        nodes: name -> item. edges: edge -> item.
        frames: the frames and notes.
        passing: items that show a gesture while it lasts.
        far: the graph as boxes and lines.

    Signals:
        far_changed: the graph as boxes and lines is another.
    """

    far_changed = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__(EXTENT)
        self.document = document
        self.nodes: dict[str, NodeItem] = {}
        self.edges: dict[Edge, EdgeItem] = {}
        self.frames = Frames(self, document, self.nodes)
        self.passing: list[QGraphicsItem] = []
        self.far = FarView(self.nodes, self.edges, self.selectedItems)
        self._area, self._area_version = QRectF(), -1
        self._prepared: Items | None = None
        document.preparers.append(self.prepare)
        document.changed.connect(self._on_change)
        document.shapes_changed.connect(self._on_shapes)
        document.opened.connect(self.rebuild)
        document.level_changed.connect(self.rebuild)
        self.rebuild()

    @property
    def crowded(self) -> bool:
        """Whether there are too many nodes to draw each in detail when all can be seen."""
        return len(self.nodes) > geo.CROWDED

    def show_passing(self, item: QGraphicsItem, shown: bool) -> None:
        """Add or remove an item that shows a gesture while it lasts."""
        if shown:
            self.passing.append(item)
            self.addItem(item)
        else:
            self.passing.remove(item)
            self.removeItem(item)
        self.repaint_far()

    def rebuild(self) -> None:
        """Rebuild every item."""
        self.clearSelection()
        for item in [*self.edges.values(), *self.nodes.values()]:
            self.removeItem(item)
        self.nodes.clear()
        self.edges.clear()
        self.frames.clear()
        items, self._prepared = self._prepared, None
        if items is None or items.graph is not self.document.graph:
            items = Items(self.document.graph, self.document.shapes, lambda _share: None)
        self.nodes.update(items.nodes)
        self.edges.update(items.edges)
        for item in [*self.nodes.values(), *self.edges.values()]:
            self.addItem(item)
        self.frames.refresh()
        self._show_all_learning()
        if self.document.sizes_hidden:
            self._on_shapes(self.nodes)
        self.repaint_far()

    def prepare(self, level: Level, progress: Progress) -> None:
        """Make the items of a graph that is about to be opened; the shown one stays."""
        self._prepared = None
        self._prepared = Items(level.graph, level.shapes, progress)

    def port_position(self, node: str, side: str, port: str) -> QPointF:
        """Where a port is on the canvas."""
        return port_position(self.nodes[node], side, port)

    def contents(self, names: Iterable[str] | None = None) -> QRectF:
        """The area that nodes take up; all of them with frames and notes, if none are named."""
        if names is not None:
            return _area_of([self.nodes[n] for n in names])
        if self._area_version != self.far.version:
            self._area = _area_of(list(self.nodes.values())).united(self.frames.area())
            self._area_version = self.far.version
        return QRectF(self._area)

    def moved(self, names: Iterable[str]) -> None:
        """Place the edges and frames of moved nodes again."""
        graph = self.document.graph
        touched: dict[Edge, None] = {}
        owners = set()
        for name in names:
            owners.add(graph.node(name).frame)
            touched.update(dict.fromkeys(graph.edges_into(name)))
            touched.update(dict.fromkeys(graph.edges_from(name)))
        for edge in touched:
            if edge in self.edges:
                self._route(self.edges[edge])
        if owners - {""}:
            self.frames.refresh()
        self.repaint_far()

    def repaint_far(self) -> None:
        """Something moved, came or went: what is drawn from afar is drawn again."""
        self.far.mark_stale()
        self.far_changed.emit()

    # -- what is at a point -------------------------------------------------------------------

    def node_at(self, at: QPointF, reach: float = 0.0) -> str | None:
        """Return the name of the node at a point, or so near to it."""
        area = QRectF(at.x() - reach, at.y() - reach, 2 * reach + 0.01, 2 * reach + 0.01)
        for item in self.items(area):
            if isinstance(item, NodeItem):
                return item.node.name
        return None

    def edge_at(self, at: QPointF) -> Edge | None:
        """Return the edge under a point."""
        for item in self.items(QRectF(at.x() - 8, at.y() - 8, 16, 16)):
            if isinstance(item, EdgeItem):
                return item.edge
        return None

    def frame_at(self, at: QPointF) -> str | None:
        """Return the name of the frame whose title is at a point."""
        for item in self.items(at):
            if isinstance(item, FrameItem) and item.title_area.contains(at):
                return item.frame.name
        return None

    def note_at(self, at: QPointF) -> str | None:
        """Return the name of the note at a point."""
        for item in self.items(at):
            if isinstance(item, NoteItem):
                return item.note.name
        return None

    # -- following the document ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        self.repaint_far()
        follow: dict[str, Callable[[Change], None]] = {
            "node_added": lambda c: self._add_node(c.name),
            "node_removed": lambda c: self._remove_node(c.name),
            "node_renamed": lambda c: self._rename(c.old, c.name),
            "node_changed": self._on_node_changed,
            "edge_added": self._on_edge,
            "edge_removed": self._on_edge,
            "frame_changed": lambda _c: self.frames.refresh(),
            "note_changed": lambda c: self.frames.refresh_note(c.name),
            "training_changed": lambda _c: self._show_all_learning(),
        }
        if change.kind in follow:
            follow[change.kind](change)

    def _on_edge(self, change: Change) -> None:
        edge = change.edge
        assert edge is not None
        if change.kind == "edge_added":
            self._add_edge(edge)
        else:
            self.removeItem(self.edges.pop(edge))
        self._refresh_ports(edge.target)

    def _on_node_changed(self, change: Change) -> None:
        name, item = change.name, self.nodes[change.name]
        if change.what == "position":
            item.sync_position()
            self.moved((name,))
        elif change.what in ("attributes", "inside"):
            self._refresh_ports(name)
            self._show_learning(name)
        elif change.what == "frozen":
            self._show_learning(name)
        elif change.what == "frame":
            self.frames.refresh()
        item.update()

    def _show_learning(self, name: str) -> None:
        """Show on a node whether training changes it, and how fast."""
        document, item = self.document, self.nodes[name]
        lock = freezing.share(document.graph, item.node)
        item.set_learning(lock, document.root.training.rate_at(document.prefix + name))

    def _show_all_learning(self) -> None:
        for name in self.nodes:
            self._show_learning(name)

    def _on_shapes(self, names: Iterable[str]) -> None:
        """Show shapes and problems; what runs along the edges follows from them."""
        graph, shapes = self.document.graph, self.document.shapes
        known = [n for n in names if n in self.nodes]
        self.far.mark_stale()
        touched = dict.fromkeys(known)
        for name in known:
            for edge in graph.edges_from(name):
                touched[edge.target] = None
                if edge in self.edges:
                    self._shape_edge(self.edges[edge])
        for name in touched:
            if name in self.nodes:
                shape = None if self.document.sizes_hidden else shapes.shape(name)
                self.nodes[name].set_shape(shape, shapes.problem(name), kinds(graph, shapes, name))

    def _shape_edge(self, item: EdgeItem) -> None:
        kind, text = carried(self.document.shapes, item.edge)
        item.set_shape(kind, "" if self.document.sizes_hidden else text)

    def _add_node(self, name: str) -> None:
        graph = self.document.graph
        item = NodeItem(graph.node(name), geo.ports_of(graph, graph.node(name)))
        self.nodes[name] = item
        self.addItem(item)
        self._show_learning(name)

    def _remove_node(self, name: str) -> None:
        item = self.nodes.pop(name)
        self.removeItem(item)
        if item.node.frame:
            self.frames.refresh()

    def _add_edge(self, edge: Edge) -> None:
        item = EdgeItem(edge)
        self.edges[edge] = item
        self._shape_edge(item)
        self._route(item)
        self.addItem(item)

    def _rename(self, old: str, new: str) -> None:
        """Keep the order and the dicts themselves: the far view reads them too."""
        nodes = {new if k == old else k: v for k, v in self.nodes.items()}
        self.nodes.clear()
        self.nodes.update(nodes)
        items = list(self.edges.values())
        self.edges.clear()
        for item in items:
            item.edge = renamed(item.edge, old, new)
            self.edges[item.edge] = item
        self.nodes[new].update()

    def _refresh_ports(self, name: str) -> None:
        """Ports come and go with attributes and, on variadic nodes, with edges."""
        if name in self.nodes:
            graph, item = self.document.graph, self.nodes[name]
            item.ports = geo.ports_of(graph, graph.node(name))
            item.kinds = kinds(graph, self.document.shapes, name)
            self._note_connected(name)
            self.moved((name,))
            item.update()

    def _note_connected(self, name: str) -> None:
        edges = self.document.graph.edges_into(name)
        self.nodes[name].connected = frozenset(e.input for e in edges)

    def _route(self, item: EdgeItem) -> None:
        e = item.edge
        item.set_ends(
            self.port_position(e.source, "output", e.output),
            self.port_position(e.target, "input", e.input),
        )


def _area_of(items: Sequence[NodeItem]) -> QRectF:
    if not items:
        return QRectF()
    xs, ys = [i.x() for i in items], [i.y() for i in items]
    return QRectF(min(xs), min(ys), max(xs) - min(xs) + geo.WIDTH, max(ys) - min(ys) + geo.HEIGHT)
