"""Looking around on the canvas, and choosing what is on it."""

from __future__ import annotations

from collections.abc import Sequence, Set

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QGraphicsItem, QGraphicsView, QStyleOptionGraphicsItem

from app.canvas.items import geometry as geo
from app.canvas.items.edge_item import EdgeItem
from app.canvas.items.node_item import NodeItem
from app.canvas.scene import Scene
from app.document.document import Document
from app.style import painting, palette
from graphcore.graph.elements import Edge

LOWEST, HIGHEST = 0.05, 4.0
STILL = 8
"""Screen pixels by which rounding may move a view that nobody moved."""

View = tuple[float, float, float]


class NavigableView(QGraphicsView):
    """Zoom, pan, fit and selection.

    Signals:
        selection_changed: names of the selected nodes.
        visible_changed: other nodes can be seen, or other pictures are wanted.
    """

    selection_changed = Signal(object)
    visible_changed = Signal()

    def __init__(self, document: Document) -> None:
        self.graph_scene = Scene(document)
        super().__init__(self.graph_scene)
        self.document = document
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setCacheMode(QGraphicsView.CacheModeFlag.CacheBackground)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.paints = 0
        self._fitted: View | None = None
        self._seen_timer = QTimer(self, singleShot=True, interval=60)
        self.graph_scene.selectionChanged.connect(self._on_selection)

    def _on_selection(self) -> None:
        if self.far:
            self.viewport().update()
        self.selection_changed.emit(self.selected())

    @property
    def zoom(self) -> float:
        """Screen pixels per canvas unit."""
        return float(self.transform().m11())

    @property
    def far(self) -> bool:
        """Whether the graph is drawn as boxes and lines."""
        limit = geo.FAR if self.graph_scene.crowded else geo.NEVER_CLOSER
        return self.zoom < limit

    def fit_all(self) -> None:
        """Show the whole graph, and go on doing so when the window becomes larger or smaller."""
        self._fit(self.graph_scene.contents())
        self._fitted = self.view

    @property
    def view(self) -> View:
        """What is looked at: x and y of the middle, and the zoom."""
        middle = self.seen_area().center()
        return middle.x(), middle.y(), self.zoom

    def show_view(self, view: View) -> None:
        """Look there."""
        x, y, zoom = view
        self._set_zoom(zoom)
        self.centerOn(x, y)
        self.note_moved()

    @property
    def fitted(self) -> bool:
        """Whether nobody has looked elsewhere since the whole graph was shown."""
        if self._fitted is None:
            return False
        (x, y, zoom), (was_x, was_y, was) = self.view, self._fitted
        aside = (abs(x - was_x) + abs(y - was_y)) * zoom
        return abs(zoom - was) < 1e-6 and aside < STILL

    def fit_selection(self) -> None:
        """Show the selected nodes, or everything if there are none."""
        self._fit(self.graph_scene.contents(self.selected() or None))

    def _fit(self, area: QRectF) -> None:
        if area.isEmpty():
            self._set_zoom(1.0)
            self.centerOn(0, 0)
            return
        self.fitInView(area.adjusted(-40, -40, 40, 40), Qt.AspectRatioMode.KeepAspectRatio)
        if self.zoom > 1.25:
            self._set_zoom(1.25)
        self.note_moved()

    def zoom_in(self) -> None:
        """Come closer."""
        self._set_zoom(self.zoom * 1.25)

    def zoom_out(self) -> None:
        """Step back."""
        self._set_zoom(self.zoom / 1.25)

    def zoom_reset(self) -> None:
        """One to one."""
        self._set_zoom(1.0)

    def _set_zoom(self, zoom: float, about: QPoint | None = None) -> None:
        """Zoom; the point of the view ``about``, its middle if left out, stays where it is."""
        point = about if about is not None else self.viewport().rect().center()
        before = self.mapToScene(point)
        factor = min(HIGHEST, max(LOWEST, zoom)) / self.zoom
        self.scale(factor, factor)
        shift = self.mapToScene(point) - before
        self.centerOn(self.seen_area().center() - shift)
        self.note_moved()

    def screen_length(self, delta: QPointF) -> float:
        """Length of a distance on the canvas in screen pixels."""
        return float(delta.manhattanLength() * self.zoom)

    def node_at(self, at: QPointF, reach: float = 0.0) -> str | None:
        """Name of the node at a point of the canvas."""
        area = QRectF(at.x() - reach, at.y() - reach, 2 * reach + 0.01, 2 * reach + 0.01)
        for item in self.graph_scene.items(area):
            if isinstance(item, NodeItem):
                return item.node.name
        return None

    def edge_at(self, at: QPointF) -> Edge | None:
        """The edge under a point of the canvas."""
        for item in self.graph_scene.items(QRectF(at.x() - 8, at.y() - 8, 16, 16)):
            if isinstance(item, EdgeItem):
                return item.edge
        return None

    def note_moved(self) -> None:
        """Other nodes can be seen; told once after many moves."""
        self._seen_timer.start()

    def seen_area(self) -> QRectF:
        """The part of the canvas that can be seen."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def visible_nodes(self) -> list[str]:
        """Names of the nodes whose pictures can be seen, wholly or in part."""
        if self.far:
            return []
        area = self.seen_area()
        return [n for n, item in self.items_by_name.items()
                if area.intersects(geo.BODY.translated(item.pos()))]  # fmt: skip

    def selected(self) -> list[str]:
        """Names of the selected nodes."""
        return [n for n, item in self.items_by_name.items() if item.isSelected()]

    def selected_edges(self) -> list[Edge]:
        """The selected edges."""
        return [e for e, item in self.graph_scene.edges.items() if item.isSelected()]

    def select(self, names: str | Sequence[str]) -> None:
        """Select these nodes alone and bring them into view."""
        wanted = {names} if isinstance(names, str) else set(names)
        self.mark_selected(wanted)
        if wanted & self.items_by_name.keys():
            area = self.graph_scene.contents(wanted & self.items_by_name.keys())
            self.ensureVisible(area, 40, 40)
        self.viewport().update()

    def mark_selected(self, names: Set[str], notes: Set[str] = frozenset()) -> None:
        """Select these nodes and notes alone; one signal, and none if nothing is new."""
        scene = self.graph_scene
        scene.blockSignals(True)
        changed = False
        for items, wanted in ((scene.nodes, names), (scene.frames.notes, notes)):
            for name, item in items.items():
                if item.isSelected() != (name in wanted):
                    item.setSelected(name in wanted)
                    changed = True
        for edge in scene.selectedItems():
            if isinstance(edge, EdgeItem):
                edge.setSelected(False)
                changed = True
        scene.blockSignals(False)
        if changed:
            self._on_selection()

    def selected_notes(self) -> list[str]:
        """Names of the selected notes."""
        return [n for n, item in self.graph_scene.frames.notes.items() if item.isSelected()]

    def select_all(self) -> None:
        """Select every node."""
        self.select(list(self.items_by_name))

    @property
    def items_by_name(self) -> dict[str, NodeItem]:
        return self.graph_scene.nodes

    def _pan(self, delta: QPoint) -> None:
        for bar, d in (
            (self.horizontalScrollBar(), delta.x()),
            (self.verticalScrollBar(), delta.y()),
        ):
            bar.setValue(bar.value() - d)
        self.note_moved()

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels = event.pixelDelta()
        if not pixels.isNull() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._pan(pixels)
        else:
            zoom = self.zoom * 1.0016 ** event.angleDelta().y()
            self._set_zoom(zoom, event.position().toPoint())

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1
        if self.far:
            self._paint_far()
        else:
            super().paintEvent(event)

    def _paint_far(self) -> None:
        """Past Qt's list of items: frames, then boxes and lines, then the gesture at work."""
        with painting.on(self.viewport()) as painter:
            painter.fillRect(self.viewport().rect(), palette.current().color("canvas"))
            painter.setTransform(self.viewportTransform())
            frames = self.graph_scene.frames
            self._paint_items(painter, [*frames.frames.values(), *frames.notes.values()])
            self.graph_scene.far.paint(painter, self.zoom)
            self._paint_items(painter, self.graph_scene.passing)
            self.drawForeground(painter, self.seen_area())

    def _paint_items(self, painter: QPainter, items: Sequence[QGraphicsItem]) -> None:
        option = QStyleOptionGraphicsItem()
        for item in items:
            with painting.saved(painter):
                painter.setTransform(item.sceneTransform(), True)
                item.paint(painter, option, self.viewport())

    @painting.guarded
    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        rect = QRectF(rect)
        p = palette.current()
        painter.fillRect(rect, p.color("canvas"))
        if self.zoom >= 0.4:
            self._draw_grid(painter, rect, p)

    def _draw_grid(self, painter: QPainter, rect: QRectF, p: palette.Palette) -> None:
        step = 40.0 if self.zoom >= 0.8 else 80.0
        painter.setPen(QPen(p.color("grid"), 0))
        x = rect.left() - rect.left() % step
        while x < rect.right():
            painter.drawLine(QPointF(x, rect.top()), QPointF(x, rect.bottom()))
            x += step
        y = rect.top() - rect.top() % step
        while y < rect.bottom():
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            y += step
