"""The canvas widget: hands presses, keys and drops to what serves them."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, TypeAlias

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QContextMenuEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
)
from PySide6.QtWidgets import QGraphicsView

from app.canvas import empty_canvas
from app.canvas.breadcrumbs import Breadcrumbs
from app.canvas.interactions.banding import RubberBand
from app.canvas.interactions.connecting import DragEdge
from app.canvas.interactions.moving import THRESHOLD, Move
from app.canvas.interactions.outputs import MoveOutput
from app.canvas.interactions.slicing import Slice
from app.canvas.items import geometry as geo
from app.canvas.items.node_item import End
from app.canvas.kept_views import Views
from app.canvas.keys import KeyedView
from app.canvas.menu import CanvasActions
from app.canvas.minimap import Minimap
from app.document.document import Document
from app.style import painting, palette
from graphcore.graph.elements import Change, Edge

RIM, RIM_STEP = 24, 14
"""A drag that comes this near to the edge of the view moves the view on, by so much a tick."""

CLICK_MS = 150
"""Who lets go sooner than that may have slipped."""

Button: TypeAlias = Qt.MouseButton
Modifier: TypeAlias = Qt.KeyboardModifier


class Canvas(KeyedView):
    """The open graph, to be looked at and edited."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self.setAccessibleName(self.tr("Graph canvas"))
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setMouseTracking(True)
        self.setAcceptDrops(True)
        self.menu_at = QPointF()
        self.actions_here = CanvasActions(self)
        self.minimap = Minimap(self)
        self._pressed_ms = 0
        self._pointer = QPoint()
        self._pan_from: QPoint | None = None
        self._right_from: QPoint | None = None
        self._hovered = ""
        self._view_pending = True
        self._rim = QTimer(self, interval=16)
        self._rim.timeout.connect(self._pan_at_rim)
        self._seen_timer.timeout.connect(self._on_view_moved)
        self.breadcrumbs = Breadcrumbs(self)
        self._views = Views(self)
        document.opened.connect(self._views.forget)
        document.opened.connect(self._on_opened)
        document.level_changed.connect(self._on_opened)
        document.changed.connect(self._on_document_changed)
        self.selection_changed.connect(self._end_hover)
        palette.notifier.changed.connect(self._on_theme)

    # -- pressing -----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.refusal.hide()
        self.glide.stop()
        self._pressed_ms = event.timestamp()
        point = event.position().toPoint()
        at = self.mapToScene(point)
        if event.button() == Button.MiddleButton or self._space_held:
            self._begin_pan(point)
        elif event.button() == Button.RightButton:
            self._right_from = point
        elif event.button() == Button.LeftButton:
            self._press(at, event.modifiers())
        else:
            super().mousePressEvent(event)

    def _press(self, at: QPointF, modifiers: Modifier) -> None:
        name, note, frame = self.node_at(at, 8 / self.zoom), self.note_at(at), self.frame_at(at)
        edge = None if name or note or frame else self.edge_at(at)
        if name is not None:
            self._press_node(name, at, modifiers)
        elif modifiers & Modifier.AltModifier:
            self._gesture = Slice(self, at)
        elif edge is not None:
            self._press_edge(edge, at, modifiers)
        elif note is not None:
            if not self.graph_scene.frames.notes[note].isSelected():
                self.mark_selected(set(), {note})
            self._gesture = Move(self, at, self.selected(), self.selected_notes(), note)
        elif frame is not None:
            self.mark_selected(set(self.graph_scene.frames.members(frame)))
            self._gesture = Move(self, at, self.selected())
        else:
            if not modifiers & (Modifier.ShiftModifier | Modifier.ControlModifier):
                self.mark_selected(set())
            self._gesture = RubberBand(self, at, modifiers)

    def _press_node(self, name: str, at: QPointF, modifiers: Modifier) -> None:
        item = self.items_by_name[name]
        inside = at - item.pos()
        port = None if self.far else item.port_at(inside, max(11.0, 9 / self.zoom))
        if port is not None:
            self._press_port(name, port, modifiers)
        elif geo.FLIP_RECT.contains(inside) and item.flippable and self.zoom >= geo.MIDDLE:
            item.set_state(show_gradient=not item.show_gradient)
            self.visible_changed.emit()
        elif modifiers & Modifier.ControlModifier:
            self.mark_selected(set(self.selected()) ^ {name})
        else:
            if modifiers & Modifier.ShiftModifier:
                self.mark_selected({*self.selected(), name})
            elif not item.isSelected():
                self.mark_selected({name})
            alone = "" if modifiers & Modifier.ShiftModifier else name
            self._gesture = Move(self, at, self.selected(), self.selected_notes(), alone)

    def _press_port(self, name: str, port: End, modifiers: Modifier) -> None:
        side, which = port
        edge = self.document.graph.edge_into(name, which) if side == "input" else None
        if edge is not None:
            self._gesture = DragEdge(self, (edge.source, edge.output), "output", edge)
        elif side == "output" and modifiers & Modifier.ControlModifier:
            self._gesture = MoveOutput(self, (name, which))
        else:
            self._gesture = DragEdge(self, (name, which), side)

    def _press_edge(self, edge: Edge, at: QPointF, modifiers: Modifier) -> None:
        """Near one of its ends the edge is taken by that end; elsewhere it is selected."""
        item = self.graph_scene.edges[edge]
        reach = geo.SNAP / self.zoom
        if (at - item.end).manhattanLength() < reach:
            self._gesture = DragEdge(self, (edge.source, edge.output), "output", edge)
        elif (at - item.start).manhattanLength() < reach:
            self._gesture = DragEdge(self, (edge.target, edge.input), "input", edge)
        else:
            if not modifiers & (Modifier.ControlModifier | Modifier.ShiftModifier):
                self.mark_selected(set())
            item.setSelected(True)

    # -- moving -------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._pointer = point = event.position().toPoint()
        right = self._right_from
        if (
            right is not None
            and not self._gesture
            and (point - right).manhattanLength() >= THRESHOLD
        ):
            self._gesture = Slice(self, self.mapToScene(right))
        if self._pan_from is not None:
            delta, self._pan_from = point - self._pan_from, point
            self._pan(delta)
        elif self._gesture is not None:
            self._gesture.move(self.mapToScene(point))
            self._watch_rim()
        else:
            self._hover(self.mapToScene(point))

    def _watch_rim(self) -> None:
        inner = self.viewport().rect().adjusted(RIM, RIM, -RIM, -RIM)
        if inner.contains(self._pointer):
            self._rim.stop()
        elif not self._rim.isActive():
            self._rim.start()

    def _pan_at_rim(self) -> None:
        """Let the view follow a drag that is near its edge."""
        if self._gesture is None:
            self._rim.stop()
            return
        area, p = self.viewport().rect(), self._pointer
        dx = (p.x() < RIM) - (p.x() > area.width() - RIM)
        dy = (p.y() < RIM) - (p.y() > area.height() - RIM)
        self._pan(QPoint(dx * RIM_STEP, dy * RIM_STEP))
        self._gesture.move(self.mapToScene(p))

    def _begin_pan(self, point: QPoint) -> None:
        self._pan_from = point
        self._space_used = True
        self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)

    def _hover(self, at: QPointF) -> None:
        name = self.node_at(at, 8 / self.zoom) or ""
        self._mark_hovered(name)
        if self._space_held:
            return
        if not name:
            self.viewport().unsetCursor()
            self.hover_message.emit("")
            return
        item = self.items_by_name[name]
        port = None if self.far else item.port_at(at - item.pos(), max(11.0, 9 / self.zoom))
        self.viewport().setCursor(
            Qt.CursorShape.CrossCursor if port else Qt.CursorShape.ArrowCursor
        )
        self.hover_message.emit(self._told_of(name, port))

    def _mark_hovered(self, name: str) -> None:
        """Draw the node under the pointer as such; "" is none."""
        if name != self._hovered:
            for changed, on in ((self._hovered, False), (name, True)):
                if changed in self.items_by_name:
                    self.items_by_name[changed].set_state(hovered=on)
            self._hovered = name

    def _end_hover(self, kept: Container[str] = ()) -> None:
        """Stop describing the node under the pointer, unless it is one of those that are kept."""
        if self._hovered not in kept:
            self._mark_hovered("")
            self.hover_message.emit("")

    def _told_of(self, name: str, port: End | None) -> str:
        item = self.items_by_name[name]
        if port is None:
            problem = item.problem
            return problem.message if problem else f"{name}: {item.node.op.summary()}"
        shape = ""
        if port[0] == "output":
            shape = item.shape_text
        elif (edge := self.document.graph.edge_into(name, port[1])) is not None:
            shape = self.graph_scene.edges[edge].shape_text
        return f"{name}.{port[1]}  {shape}".rstrip()

    # -- letting go ---------------------------------------------------------------------------

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        self._rim.stop()
        if self._pan_from is not None:
            self._pan_from = None
            self.viewport().unsetCursor()
        gesture, self._gesture = self._gesture, None
        if isinstance(gesture, Move) and event.timestamp() - self._pressed_ms < CLICK_MS:
            gesture.release_at_once(self.mapToScene(point))
        elif gesture is not None:
            gesture.release(self.mapToScene(point))
        elif self._right_from is not None and event.button() == Button.RightButton:
            self._open_menu(point)
        self._right_from = None

    def _open_menu(self, point: QPoint) -> None:
        at = self.mapToScene(point)
        name, edge = self.node_at(at), self.edge_at(at)
        if name is None and edge is not None and self.note_at(at) is None:
            self.mark_selected(set())
            self.graph_scene.edges[edge].setSelected(True)
            self.actions_here.edge_menu(edge, self.viewport().mapToGlobal(point))
            return
        if name is not None and not self.items_by_name[name].isSelected():
            self.mark_selected({name})
        elif name is None and (frame := self.frame_at(at)) is not None:
            self.mark_selected(set(self.graph_scene.frames.members(frame)))
        self.actions_here.menu(at, self.viewport().mapToGlobal(point))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu key; a right button that is let go opens the menu by itself."""
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            self._open_menu(self.viewport().rect().center())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Button.LeftButton:
            return
        at = self.mapToScene(event.position().toPoint())
        name, note, frame = self.node_at(at), self.note_at(at), self.frame_at(at)
        if name is not None:
            self.open_node(name)
        elif note is not None:
            self.edit_note(note)
        elif frame is not None:
            self.edit_title(frame)
        elif self.edge_at(at) is None:
            self.search_at(at)

    # -- the view itself ----------------------------------------------------------------------

    def toggle_map(self) -> None:
        """Show or hide the map of the graph."""
        self.minimap.wanted = not self.minimap.wanted
        self.minimap.refresh()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self._set_zoom(self.zoom * (1 + event.value()), event.position().toPoint())
            return True
        if event.type() == QEvent.Type.Leave:
            self._end_hover()
        return super().viewportEvent(event)

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self.fitted:
            self.fit_all()
        self.note_moved()

    def showEvent(self, event: Any) -> None:
        super().showEvent(event)
        if self._view_pending:
            self._view_pending = False
            self._views.place()
        self.note_moved()

    def hideEvent(self, event: Any) -> None:
        super().hideEvent(event)
        self._seen_timer.stop()
        self._rim.stop()
        self.glide.stop()

    @painting.guarded
    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        if not self.items_by_name:
            empty_canvas.paint(painter, QRectF(self.viewport().rect()))

    def _on_document_changed(self, change: Change) -> None:
        self.note_moved()
        if change.kind in ("node_removed", "node_renamed"):
            self._end_hover(self.document.graph)
        if len(self.items_by_name) <= 1:
            self.viewport().update()

    def _on_opened(self) -> None:
        self._view_pending = not self.isVisible()
        self.overlay.set_edges([])
        if self.isVisible():
            self._views.place()
        self.note_moved()
        self.viewport().update()
        self.selection_changed.emit([])
        self.hover_message.emit("")

    def _on_theme(self) -> None:
        for item in self.items_by_name.values():
            item.forget_images()
        self.resetCachedContent()
        self.viewport().update()

    def _on_view_moved(self) -> None:
        if self.pulsing:
            self._collect_pulse_edges()
        self.minimap.refresh()
        self.visible_changed.emit()
