"""The canvas widget: hands presses, keys and drops to what serves them."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
)
from PySide6.QtWidgets import QGraphicsView

from app.canvas import geometry as geo
from app.canvas.editing import EditingView
from app.canvas.interactions import Gesture
from app.canvas.interactions.connecting import DragEdge
from app.canvas.interactions.moving import MoveNodes
from app.document import Document
from app.style import palette
from graphcore import ops
from graphcore.elements import Change, Edge

MIME_OPERATOR = "application/x-gradscape-operator"


class Canvas(EditingView):
    """The open graph, to be looked at and edited.

    Signals:
        node_activated: a node was double-clicked.
    """

    node_activated = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.setAccessibleName(self.tr("Graph canvas"))
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self._gesture: Gesture | None = None
        self._pan_from: QPoint | None = None
        self._band_from: QPointF | None = None
        self._band_kept: set[str] = set()
        self._band: QRectF | None = None
        self._fit_pending = True
        self._seen_timer.timeout.connect(self._on_view_moved)
        document.opened.connect(self._on_opened)
        document.changed.connect(self._on_document_changed)
        palette.notifier.changed.connect(self._on_theme)

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
        if geo.FLIP_RECT.contains(inside) and item.flippable:
            item.set_state(show_gradient=not item.show_gradient)
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

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
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

    def _on_document_changed(self, change: Change) -> None:
        self._seen_timer.start()
        if len(self.items_by_name) <= 1:
            self.viewport().update()  # the words of the empty canvas come or go

    def _on_opened(self) -> None:
        self.viewport().update()
        self._fit_pending = not self.isVisible()
        self.overlay.set_edges([])
        self.fit_all()
        self._seen_timer.start()
        self.selection_changed.emit([])

    def _on_theme(self) -> None:
        for item in self.items_by_name.values():
            item.forget_images()
        self.resetCachedContent()
        self.viewport().update()

    def _on_view_moved(self) -> None:
        if self.pulsing:
            self._collect_pulse_edges()
        self.visible_changed.emit()
