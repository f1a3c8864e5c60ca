"""The canvas widget: looking around, choosing, and handing presses to gestures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QGraphicsView

from app.canvas import clipboard, exporting
from app.canvas import geometry as geo
from app.canvas.edge_item import EdgeItem
from app.canvas.interactions import Gesture
from app.canvas.interactions.connecting import DragEdge
from app.canvas.interactions.moving import MoveNodes
from app.canvas.live import Picture
from app.canvas.node_item import NodeItem
from app.canvas.overlay import PulseOverlay
from app.canvas.refusal import Refusal
from app.canvas.scene import Scene
from app.canvas.search_popup import SearchPopup
from app.document import Document
from app.style import palette
from graphcore import ops
from graphcore.elements import Edge
from graphcore.errors import Fix, GradscapeError
from graphcore.graph import Graph

MIME_OPERATOR = "application/x-gradscape-operator"
LOWEST, HIGHEST = 0.05, 4.0
PULSE_SECONDS = 1.6


class Canvas(QGraphicsView):
    """The open graph, to be looked at and edited.

    Signals:
        selection_changed: names of the selected nodes.
        node_activated: a node was double-clicked.
        hover_message: a sentence for the status bar.
        visible_changed: other nodes can be seen, or other pictures are wanted.
    """

    selection_changed = Signal(object)
    node_activated = Signal(str)
    hover_message = Signal(str)
    visible_changed = Signal()

    def __init__(self, document: Document) -> None:
        self.graph_scene = Scene(document)
        super().__init__(self.graph_scene)
        self.document = document
        self.setAccessibleName(self.tr("Graph canvas"))
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFrameShape(QGraphicsView.Shape.NoFrame)
        self.paints = 0
        self.reduced_motion = False
        self._gesture: Gesture | None = None
        self._pan_from: QPoint | None = None
        self._band_from: QPointF | None = None
        self._band_kept: set[str] = set()
        self._lit_edge: EdgeItem | None = None
        self._fit_pending = True
        self.refusal = Refusal(self)
        self.overlay = PulseOverlay()
        self.graph_scene.addItem(self.overlay)
        self._pulse = QTimer(self, interval=33)
        self._pulse.timeout.connect(self._advance_pulses)
        self._seen_timer = QTimer(self, singleShot=True, interval=60)
        self._seen_timer.timeout.connect(self._on_view_moved)
        self.graph_scene.selectionChanged.connect(
            lambda: self.selection_changed.emit(self.selected())
        )
        document.opened.connect(self._on_opened)
        document.changed.connect(lambda _change: self._seen_timer.start())
        palette.notifier.changed.connect(self._on_theme)

    # -- looking ------------------------------------------------------------------------------

    @property
    def items_by_name(self) -> dict[str, NodeItem]:
        return self.graph_scene.nodes

    @property
    def zoom(self) -> float:
        """Screen pixels per canvas unit."""
        return float(self.transform().m11())

    def fit_all(self) -> None:
        """Show the whole graph."""
        self._fit(self.graph_scene.contents())

    def fit_selection(self) -> None:
        """Show the selected nodes, or everything if there are none."""
        self._fit(self.graph_scene.contents(self.selected() or None))

    def _fit(self, area: QRectF) -> None:
        if area.isEmpty():
            return
        self.fitInView(area.adjusted(-40, -40, 40, 40), Qt.AspectRatioMode.KeepAspectRatio)
        if self.zoom > 1.25:
            self._set_zoom(1.25)
        self._seen_timer.start()

    def zoom_in(self) -> None:
        """Come closer."""
        self._set_zoom(self.zoom * 1.25)

    def zoom_out(self) -> None:
        """Step back."""
        self._set_zoom(self.zoom / 1.25)

    def zoom_reset(self) -> None:
        """One to one."""
        self._set_zoom(1.0)

    def _set_zoom(self, zoom: float) -> None:
        factor = min(HIGHEST, max(LOWEST, zoom)) / self.zoom
        self.scale(factor, factor)
        self._seen_timer.start()

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

    def visible_nodes(self) -> list[str]:
        """Names of the nodes that can be seen, wholly or in part."""
        area = self.mapToScene(self.viewport().rect()).boundingRect()
        return [n for n, item in self.items_by_name.items()
                if area.intersects(geo.BODY.translated(item.pos()))]  # fmt: skip

    def shown(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of visible nodes that show their value, and of those that show their gradient."""
        seen = self.visible_nodes() if self.isVisible() else []
        flipped = {n for n in seen if self.items_by_name[n].show_gradient}
        return tuple(n for n in seen if n not in flipped), tuple(n for n in seen if n in flipped)

    # -- choosing -----------------------------------------------------------------------------

    def selected(self) -> list[str]:
        """Names of the selected nodes."""
        return [n for n, item in self.items_by_name.items() if item.isSelected()]

    def selected_edges(self) -> list[Edge]:
        """The selected edges."""
        return [e for e, item in self.graph_scene.edges.items() if item.isSelected()]

    def select(self, names: str | Sequence[str]) -> None:
        """Select these nodes alone and bring them into view."""
        wanted = {names} if isinstance(names, str) else set(names)
        self.graph_scene.blockSignals(True)
        for name, item in self.items_by_name.items():
            item.setSelected(name in wanted)
        for edge in self.graph_scene.edges.values():
            edge.setSelected(False)
        self.graph_scene.blockSignals(False)
        self.selection_changed.emit(self.selected())
        if wanted & self.items_by_name.keys():
            area = self.graph_scene.contents(wanted & self.items_by_name.keys())
            self.ensureVisible(area, 40, 40)
        self.viewport().update()

    def select_all(self) -> None:
        """Select every node."""
        self.select(list(self.items_by_name))

    # -- editing ------------------------------------------------------------------------------

    def attempt(self, change: Callable[[], Any]) -> bool:
        """Make a change; a refusal is shown as a sentence. Returns whether it was made."""
        try:
            change()
        except GradscapeError as error:
            self.refuse(str(error), getattr(error, "fix", None))
            return False
        return True

    def refuse(self, sentence: str, fix: Fix | None, edge: Edge | None = None) -> None:
        """Say why not, at the pointer, with the change that would help as a button."""
        self.hover_message.emit(sentence)
        self.document.message.emit(sentence)
        if fix is None or edge is None:
            self.refusal.say(sentence)
            return

        def repair() -> None:
            with self.document.macro(fix.label):
                document = self.document
                document.connect_nodes(edge.source, edge.target, edge.input, edge.output)
                document.apply_fix(edge.target, fix)

        self.refusal.say(sentence, fix.label, lambda: self.attempt(repair))

    def add_operator(self, operator: str, at: QPointF | None = None) -> str | None:
        """Add a node in the middle of the view, right of a selected node, or at a point."""
        place = at if at is not None else self._free_place()
        names: list[str] = []
        position = (round(place.x() / 10) * 10.0, round(place.y() / 10) * 10.0)
        self.attempt(lambda: names.append(self.document.add_node(operator, position)))
        if not names:
            return None
        self.select(names)
        return names[0]

    def _free_place(self) -> QPointF:
        selected = self.selected()
        if len(selected) == 1:
            place = self.items_by_name[selected[0]].pos() + QPointF(geo.WIDTH + 60, 0)
        else:
            place = self.mapToScene(self.viewport().rect().center()) - geo.BODY.center()
        while self.node_at(place + geo.BODY.center()) is not None:
            place += QPointF(0, geo.HEIGHT + 40)
        return place

    def delete_selection(self) -> None:
        """Remove the selected nodes and edges."""
        names = self.selected()
        gone = set(names)
        edges = [e for e in self.selected_edges() if not gone & {e.source, e.target}]
        with self.document.macro(self.tr("Delete")):
            self.attempt(lambda: self.document.disconnect_edges(edges))
            self.attempt(lambda: self.document.remove(names))

    def delete_and_reconnect(self) -> None:
        """Remove the selected nodes and join what stood on both sides."""
        self.attempt(lambda: self.document.remove(self.selected(), reconnect=True))

    def copy(self) -> None:
        """Put the selected nodes on the clipboard, as text too."""
        clipboard.put(self.document.graph, self.selected())

    def cut(self) -> None:
        """Copy, then delete."""
        self.copy()
        self.delete_selection()

    def paste(self) -> None:
        """Paste nodes at the pointer."""
        at = self.mapToScene(self.viewport().mapFromGlobal(self.cursor().pos()))
        if not self.viewport().rect().contains(self.mapFromScene(at)):
            at = self.mapToScene(self.viewport().rect().center())
        text = clipboard.text()
        pasted: list[str] = []
        if text and self.attempt(
            lambda: pasted.extend(self.document.paste(text, (at.x(), at.y())))
        ):
            self.select(pasted)

    def duplicate(self) -> None:
        """Another copy of the selected nodes, a little lower."""
        names = self.selected()
        if names:
            corner = self.graph_scene.contents(names).topLeft() + QPointF(40, 40)
            text = clipboard.as_text(self.document.graph, names)
            made: list[str] = []
            at = (corner.x(), corner.y())
            self.attempt(lambda: made.extend(self.document.paste(text, at)))
            self.select(made)

    def arrange(self) -> None:
        """Lay the graph out from left to right."""
        self.attempt(self.document.arrange)
        self.fit_all()

    def highlight_edge(self, edge: object) -> None:
        """Light up the edge into which a node would be put."""
        item = self.graph_scene.edges.get(edge) if isinstance(edge, Edge) else None
        if item is not self._lit_edge:
            for changed, on in ((self._lit_edge, False), (item, True)):
                if changed is not None and changed.scene() is not None:
                    changed.highlighted = on
                    changed.update()
            self._lit_edge = item

    def put_into_edge(
        self, name: str, edge: object, positions: Mapping[str, tuple[float, float]]
    ) -> None:
        """Let a node that was dropped on an edge take the value in and hand it on."""
        assert isinstance(edge, Edge)
        node = self.document.graph.node(name)
        first = self.document.graph.data_inputs(name)[0]

        def change() -> None:
            self.document.move(positions)
            self.document.disconnect_edges([edge])
            self.document.connect_nodes(edge.source, name, first, edge.output)
            self.document.connect_nodes(name, edge.target, edge.input, node.outputs[0])

        with self.document.macro(self.tr("Insert {0}").format(name)):
            self.attempt(change)

    # -- search -------------------------------------------------------------------------------

    def search_to_add(self) -> None:
        """Open the search box at the pointer."""
        at = self.mapToScene(self.viewport().mapFromGlobal(self.cursor().pos()))
        if not self.viewport().rect().contains(self.mapFromScene(at)):
            at = self._free_place()
        self.search_at(at)

    def search_at(
        self, at: QPointF, port: tuple[str, str] | None = None, side: str = "output"
    ) -> SearchPopup:
        """Open the search box; with a port, for operators that fit there, and connect."""
        popup = SearchPopup(self, self._fits(port, side) if port else None)
        popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        popup.operator_chosen.connect(lambda name: self._add_found(name, at, port, side))
        popup.graph_chosen.connect(lambda graph, text: self._add_typed(graph, at, text))
        popup.open_at(self.viewport().mapToGlobal(self.mapFromScene(at)))
        return popup

    def _fits(self, port: tuple[str, str] | None, side: str) -> Callable[[str], bool]:
        """Whether an operator takes the value of a port and gives a shape."""
        assert port is not None
        shape = self.document.shapes.shape(*port) if side == "output" else None

        def fits(name: str) -> bool:
            op = ops.get(name)
            if side == "input":
                return bool(op.outputs)
            if not (op.inputs or op.variadic):
                return False
            if shape is None or len(op.inputs) > 1:
                return True
            usual = {a.name: 1 for a in op.attrs if a.required}
            try:
                op.infer_shape(shape, **op.complete(usual))
            except (GradscapeError, TypeError):
                return False
            return True

        return fits

    def _add_found(
        self, operator: str, at: QPointF, port: tuple[str, str] | None, side: str
    ) -> None:
        with self.document.macro(self.tr("Add {0}").format(operator)):
            corner = at - QPointF(0 if side == "output" else geo.WIDTH, geo.HEIGHT / 2)
            name = self.add_operator(operator, corner)
            if name and port:
                pair = (port[0], name) if side == "output" else (name, port[0])
                into = None if side == "output" else port[1]
                out = port[1] if side == "output" else None
                self.attempt(lambda: self.document.connect_nodes(*pair, into, out))

    def _add_typed(self, graph: Graph, at: QPointF, text: str) -> None:
        names: list[str] = []
        place = (at.x(), at.y())
        self.attempt(lambda: names.extend(self.document.add_graph(graph, place, text)))
        self.select(names)
        self.fit_selection()

    def export(self, path: str) -> None:
        """Write the whole graph as SVG, PDF or PNG; raises FileError."""
        exporting.export(self.graph_scene, self.graph_scene.contents(), path)

    # -- the running net ----------------------------------------------------------------------

    def set_pictures(self, values: Mapping[str, Picture], gradients: Mapping[str, Picture]) -> None:
        """Show pictures by node name; "node.weight" goes into the node beside its value."""
        for pictures, main, extra in (
            (values, "value", "weights"),
            (gradients, "gradient", "weights_gradient"),
        ):
            for key, picture in pictures.items():
                name, _, parameter = key.rpartition(".")
                if key in self.items_by_name:
                    self.items_by_name[key].set_picture(main, picture)
                elif name in self.items_by_name and parameter == "weight":
                    self.items_by_name[name].set_picture(extra, picture)

    def clear_pictures(self) -> None:
        """Back to a graph that nothing runs through."""
        for item in self.items_by_name.values():
            for which in ("value", "gradient", "weights", "weights_gradient"):
                item.set_picture(which, None)
        for edge in self.graph_scene.edges.values():
            edge.set_flow(None, None)

    def set_flow(self, forward: Mapping[Edge, float], backward: Mapping[Edge, float]) -> None:
        """Brightness 0 to 1 along each edge; a gradient of zero is dark."""
        for edge, item in self.graph_scene.edges.items():
            item.set_flow(forward.get(edge), backward.get(edge))

    def set_pulsing(self, on: bool) -> None:
        """Let pulses run along the edges, unless motion is to be reduced."""
        if on and not self.reduced_motion:
            self._collect_pulse_edges()
            self.overlay.show()
            self._pulse.start()
        else:
            self._pulse.stop()
            self.overlay.hide()

    @property
    def pulsing(self) -> bool:
        """Whether pulses run."""
        return self._pulse.isActive()

    def set_show(self, which: str) -> None:
        """Show every node's "value" or "gradient"."""
        for item in self.items_by_name.values():
            item.show_gradient = which == "gradient"
            item.update()
        self.visible_changed.emit()

    def set_step_state(self, done: set[str], current: str | None) -> None:
        """Mark what a stepper has done and where it is."""
        for name, item in self.items_by_name.items():
            state = "current" if name == current else "done" if name in done else ""
            if state != item.step_state:
                item.step_state = state
                item.update()

    def _advance_pulses(self) -> None:
        self.overlay.advance_by(self._pulse.interval() / 1000 / PULSE_SECONDS)

    def _collect_pulse_edges(self) -> None:
        area = self.mapToScene(self.viewport().rect()).boundingRect()
        edges = self.graph_scene.edges.values()
        self.overlay.set_edges([e for e in edges if area.intersects(e.boundingRect())][:400])

    # -- events -------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.refusal.hide()
        at = self.mapToScene(event.position().toPoint())
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pan_from = event.position().toPoint()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._press(at, event.modifiers())
        else:
            super().mousePressEvent(event)

    def _press(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        name = self.node_at(at, 8 / self.zoom)
        if name is not None:
            self._press_node(name, at, modifiers)
            return
        edge = self.edge_at(at)
        if edge is not None:
            self._press_edge(edge, at, modifiers)
            return
        adding = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        self._band_kept = set(self.selected()) if adding else set()
        self._band_from = at
        if not adding:
            self.graph_scene.clearSelection()

    def _press_node(self, name: str, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        item = self.items_by_name[name]
        inside = at - item.pos()
        port = item.port_at(inside, max(11.0, 9 / self.zoom))
        if port is not None:
            self._press_port(name, port)
            return
        if geo.FLIP_RECT.contains(inside) and (item.value or item.gradient):
            item.show_gradient = not item.show_gradient
            item.update()
            self.visible_changed.emit()
            return
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            item.setSelected(not item.isSelected())
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            item.setSelected(True)
        elif not item.isSelected():
            self.select(name)
        self._gesture = MoveNodes(self, at, self.selected())

    def _press_port(self, name: str, port: tuple[str, str]) -> None:
        side, which = port
        edge = self.document.graph.edge_into(name, which) if side == "input" else None
        if edge is not None:
            self._gesture = DragEdge(self, (edge.source, edge.output), "output", edge)
        else:
            self._gesture = DragEdge(self, (name, which), side)

    def _press_edge(self, edge: Edge, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if not modifiers & Qt.KeyboardModifier.ControlModifier:
            self.graph_scene.clearSelection()
        self.graph_scene.edges[edge].setSelected(True)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        at = self.mapToScene(point)
        if self._pan_from is not None:
            delta = point - self._pan_from
            self._pan_from = point
            self._pan(delta)
        elif self._gesture is not None:
            self._gesture.move(at)
        elif self._band_from is not None:
            self._stretch_band(at)
        else:
            self._hover(at)

    def _hover(self, at: QPointF) -> None:
        name = self.node_at(at, 8 / self.zoom)
        if name is None:
            self.viewport().unsetCursor()
            return
        item = self.items_by_name[name]
        port = item.port_at(at - item.pos(), max(11.0, 9 / self.zoom))
        self.viewport().setCursor(
            Qt.CursorShape.CrossCursor if port else Qt.CursorShape.ArrowCursor
        )
        if port:
            self.hover_message.emit(f"{name}.{port[1]} ({port[0]})")
        elif item.problem is not None:
            self.hover_message.emit(item.problem.message)
        else:
            self.hover_message.emit(f"{name}: {item.node.op.summary()}")

    def _pan(self, delta: QPoint) -> None:
        for bar, d in (
            (self.horizontalScrollBar(), delta.x()),
            (self.verticalScrollBar(), delta.y()),
        ):
            bar.setValue(bar.value() - d)
        self._seen_timer.start()

    def _stretch_band(self, at: QPointF) -> None:
        assert self._band_from is not None
        band = QRectF(self._band_from, at).normalized()
        hit = {n for n, i in self.items_by_name.items()
               if band.intersects(geo.BODY.translated(i.pos()))}  # fmt: skip
        for name, item in self.items_by_name.items():
            wanted = name in hit or name in self._band_kept
            if item.isSelected() != wanted:
                item.setSelected(wanted)
        self._band = band
        self.viewport().update()

    _band: QRectF | None = None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        at = self.mapToScene(event.position().toPoint())
        if self._pan_from is not None:
            self._pan_from = None
            self.unsetCursor()
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.release(at)
        if self._band_from is not None:
            self._band_from = self._band = None
            self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self.mapToScene(event.position().toPoint())
        name = self.node_at(at)
        if name is not None:
            self.node_activated.emit(name)
        elif self.edge_at(at) is None:
            self.search_at(at)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (-10, 0), Qt.Key.Key_Right: (10, 0),
            Qt.Key.Key_Up: (0, -10), Qt.Key.Key_Down: (0, 10),
        }  # fmt: skip
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._gesture is not None:
            self._gesture.cancel()
            self._gesture = None
        elif key == Qt.Key.Key_Space:
            self.search_to_add()
        elif key in steps and self.selected():
            self._nudge(*steps[key])
        elif key == Qt.Key.Key_Backspace:
            self.delete_and_reconnect()
        else:
            super().keyPressEvent(event)

    def _nudge(self, dx: float, dy: float) -> None:
        places = {n: self.items_by_name[n].pos() for n in self.selected()}
        self.document.move({n: (p.x() + dx, p.y() + dy) for n, p in places.items()})

    def wheelEvent(self, event: QWheelEvent) -> None:
        pixels = event.pixelDelta()
        if not pixels.isNull() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._pan(pixels)
        else:
            self._set_zoom(self.zoom * 1.0016 ** event.angleDelta().y())

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
            at = self.mapToScene(event.position().toPoint())
            self.highlight_edge(self.edge_at(at))

    def dropEvent(self, event: QDropEvent) -> None:
        operator = bytes(event.mimeData().data(MIME_OPERATOR).data()).decode()
        at = self.mapToScene(event.position().toPoint())
        edge = self.edge_at(at)
        self.highlight_edge(None)
        event.acceptProposedAction()
        op = ops.get(operator)
        if edge is not None and (op.inputs or op.variadic):
            self.attempt(lambda: self.document.insert_on_edge(edge, operator))
        else:
            self.add_operator(operator, at - geo.BODY.center())

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self._fit_pending and self.isVisible():
            self._fit_pending = False
            self.fit_all()
        self._seen_timer.start()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        self.fit_all()
        self._seen_timer.start()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._seen_timer.stop()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.paints += 1
        super().paintEvent(event)

    def drawBackground(self, painter: QPainter, rect: QRectF) -> None:
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

    def drawForeground(self, painter: QPainter, rect: QRectF) -> None:
        p = palette.current()
        if self._band is not None:
            painter.setPen(QPen(p.color("accent"), 0))
            painter.setBrush(p.color("accent", 40))
            painter.drawRect(self._band)
        if not self.items_by_name:
            painter.save()
            painter.resetTransform()
            painter.setPen(p.color("muted"))
            text = self.tr(
                "Double-click or press Tab to add a node.\n"
                "Type 784-128-relu-10 or J = 3*(a + b*c) to build a whole graph,\n"
                "or drag an operator from the library."
            )
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, text)
            painter.restore()

    def _on_opened(self) -> None:
        self._fit_pending = not self.isVisible()
        self.overlay.set_edges([])
        self.fit_all()
        self._seen_timer.start()
        self.selection_changed.emit([])

    def _on_theme(self) -> None:
        for item in self.items_by_name.values():
            item.set_picture("value", item.value)
        self.viewport().update()

    def _on_view_moved(self) -> None:
        if self.pulsing:
            self._collect_pulse_edges()
        self.visible_changed.emit()
