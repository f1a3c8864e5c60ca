"""The mouse over the canvas: it begins and drives gestures, moves the view, says what it is on."""

from __future__ import annotations

from collections.abc import Container
from typing import TypeAlias

from PySide6.QtCore import QObject, QPoint, QPointF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from app.canvas.camera import Camera
from app.canvas.interactions import Gesture, Host
from app.canvas.interactions.banding import RubberBand
from app.canvas.interactions.connecting import DragEdge
from app.canvas.interactions.moving import THRESHOLD, Move
from app.canvas.interactions.outputs import MoveOutput
from app.canvas.interactions.slicing import Slice
from app.canvas.items import geometry as geo
from app.canvas.items.node_item import End, NodeItem
from app.canvas.pictures import Pictures
from graphcore.graph.elements import Edge

RIM, RIM_STEP = 24, 14
"""A drag that comes this near to the edge of the view moves the view on, by so much a tick."""

CLICK_MS = 150
"""Who lets go sooner than that may have slipped."""

Button: TypeAlias = Qt.MouseButton
Modifier: TypeAlias = Qt.KeyboardModifier


class Pointer(QObject):
    """Turns presses, moves and releases of the mouse into gestures.

    Attributes:
        gesture: what the mouse does now, or None.
        space_held: the space bar is down, so a press moves the view.

    Signals:
        menu_wanted: the menu at this point of the viewport.
    """

    menu_wanted = Signal(QPoint)

    def __init__(self, viewport: QWidget, host: Host, camera: Camera, pictures: Pictures) -> None:
        super().__init__(viewport)
        self._viewport, self._host = viewport, host
        self._camera, self._pictures = camera, pictures
        self._scene = host.graph_scene
        self.gesture: Gesture | None = None
        self.space_held = self._space_used = False
        self._pressed_ms = 0
        self._at = QPoint()
        self._pan_from: QPoint | None = None
        self._right_from: QPoint | None = None
        self._hovered = ""
        self._rim = QTimer(self, interval=16)
        self._rim.timeout.connect(self._pan_at_rim)

    # -- pressing -----------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> bool:
        """Begin what a button begins; return whether it begins anything."""
        self._pressed_ms = event.timestamp()
        point = event.position().toPoint()
        if event.button() == Button.MiddleButton or self.space_held:
            self._begin_pan(point)
        elif event.button() == Button.RightButton:
            self._right_from = point
        elif event.button() == Button.LeftButton:
            self.gesture = self._begin(self._camera.on_canvas(point), event.modifiers())
        else:
            return False
        return True

    def _begin(self, at: QPointF, modifiers: Modifier) -> Gesture | None:
        """Select what is at a point, and return the gesture that begins there."""
        scene, host = self._scene, self._host
        name = scene.node_at(at, 8 / self._camera.zoom)
        note, frame = scene.note_at(at), scene.frame_at(at)
        edge = None if name or note or frame else scene.edge_at(at)
        if name is not None:
            return self._press_node(name, at, modifiers)
        if modifiers & Modifier.AltModifier:
            return Slice(host, at)
        if edge is not None:
            return self._press_edge(edge, at, modifiers)
        if note is not None:
            if note not in host.selected_notes():
                host.mark_selected(set(), {note})
            return Move(host, at, host.selected(), host.selected_notes(), note)
        if frame is not None:
            host.mark_selected(set(scene.frames.members(frame)))
            return Move(host, at, host.selected())
        if not modifiers & (Modifier.ShiftModifier | Modifier.ControlModifier):
            host.mark_selected(set())
        return RubberBand(host, at, modifiers)

    def _press_node(self, name: str, at: QPointF, modifiers: Modifier) -> Gesture | None:
        item, host = self._scene.nodes[name], self._host
        inside = at - item.pos()
        port = self._port_at(item, inside)
        if port is not None:
            return self._press_port(name, port, modifiers)
        near = self._camera.zoom >= geo.MIDDLE
        if geo.FLIP_RECT.contains(inside) and item.flippable and near:
            self._pictures.flip(name)
            return None
        if modifiers & Modifier.ControlModifier:
            host.mark_selected(set(host.selected()) ^ {name})
            return None
        if modifiers & Modifier.ShiftModifier:
            host.mark_selected({*host.selected(), name})
        elif not item.isSelected():
            host.mark_selected({name})
        alone = "" if modifiers & Modifier.ShiftModifier else name
        return Move(host, at, host.selected(), host.selected_notes(), alone)

    def _port_at(self, item: NodeItem, inside: QPointF) -> End | None:
        """The port of a node at a point of it; from afar there is none."""
        return None if self._camera.far else item.port_at(inside, max(11.0, 9 / self._camera.zoom))

    def _press_port(self, name: str, port: End, modifiers: Modifier) -> Gesture:
        side, which = port
        edge = self._host.document.graph.edge_into(name, which) if side == "input" else None
        if edge is not None:
            return DragEdge(self._host, (edge.source, edge.output), "output", edge)
        if side == "output" and modifiers & Modifier.ControlModifier:
            return MoveOutput(self._host, (name, which))
        return DragEdge(self._host, (name, which), side)

    def _press_edge(self, edge: Edge, at: QPointF, modifiers: Modifier) -> Gesture | None:
        """Near one of its ends the edge is taken by that end; elsewhere it is selected."""
        item = self._scene.edges[edge]
        reach = geo.SNAP / self._camera.zoom
        if (at - item.end).manhattanLength() < reach:
            return DragEdge(self._host, (edge.source, edge.output), "output", edge)
        if (at - item.start).manhattanLength() < reach:
            return DragEdge(self._host, (edge.target, edge.input), "input", edge)
        added = modifiers & (Modifier.ControlModifier | Modifier.ShiftModifier)
        self._host.mark_edge(edge, alone=not added)
        return None

    # -- moving -------------------------------------------------------------------------------

    def move(self, event: QMouseEvent) -> None:
        """Drive the gesture or the view; without a button, say what is at the pointer."""
        self._at = point = event.position().toPoint()
        right, at = self._right_from, self._camera.on_canvas(point)
        if right is not None and not self.gesture and _dragged(point, right):
            self.gesture = Slice(self._host, self._camera.on_canvas(right))
        if self._pan_from is not None:
            delta, self._pan_from = point - self._pan_from, point
            self._camera.pan(delta)
        elif self.gesture is not None:
            self.gesture.move(at)
            self._watch_rim()
        else:
            self._hover(at)

    def _watch_rim(self) -> None:
        inner = self._viewport.rect().adjusted(RIM, RIM, -RIM, -RIM)
        if inner.contains(self._at):
            self._rim.stop()
        elif not self._rim.isActive():
            self._rim.start()

    def _pan_at_rim(self) -> None:
        if self.gesture is None:
            self._rim.stop()
            return
        area, p = self._viewport.rect(), self._at
        dx = (p.x() < RIM) - (p.x() > area.width() - RIM)
        dy = (p.y() < RIM) - (p.y() > area.height() - RIM)
        self._camera.pan(QPoint(dx * RIM_STEP, dy * RIM_STEP))
        self.gesture.move(self._camera.on_canvas(p))

    def _begin_pan(self, point: QPoint) -> None:
        self._pan_from = point
        self._space_used = True
        self._viewport.setCursor(Qt.CursorShape.ClosedHandCursor)

    # -- letting go ---------------------------------------------------------------------------

    def release(self, event: QMouseEvent) -> None:
        """End the gesture; a right button that did not move wants the menu."""
        point = event.position().toPoint()
        at = self._camera.on_canvas(point)
        self._rim.stop()
        if self._pan_from is not None:
            self._pan_from = None
            self._viewport.unsetCursor()
        gesture, self.gesture = self.gesture, None
        if isinstance(gesture, Move) and event.timestamp() - self._pressed_ms < CLICK_MS:
            gesture.release_at_once(at)
        elif gesture is not None:
            gesture.release(at)
        elif self._right_from is not None and event.button() == Button.RightButton:
            self.menu_wanted.emit(point)
        self._right_from = None

    def cancel(self) -> bool:
        """Give the gesture up; return whether there was one."""
        gesture, self.gesture = self.gesture, None
        if gesture is None:
            return False
        gesture.cancel()
        self._host.say("")
        return True

    def stop(self) -> None:
        """Stop following a drag: the view is hidden."""
        self._rim.stop()

    def hold_space(self) -> None:
        """Let a press move the view until the space bar is released."""
        self.space_held, self._space_used = True, False
        self._viewport.setCursor(Qt.CursorShape.OpenHandCursor)

    def release_space(self) -> bool:
        """Let presses begin gestures again; return whether the view was moved."""
        self.space_held = False
        self._viewport.unsetCursor()
        return self._space_used

    # -- what is at the pointer ---------------------------------------------------------------

    def _hover(self, at: QPointF) -> None:
        name = self._scene.node_at(at, 8 / self._camera.zoom) or ""
        self._mark_hovered(name)
        if self.space_held:
            return
        if not name:
            self._viewport.unsetCursor()
            self._host.say("")
            return
        item = self._scene.nodes[name]
        port = self._port_at(item, at - item.pos())
        self._viewport.setCursor(Qt.CursorShape.CrossCursor if port else Qt.CursorShape.ArrowCursor)
        self._host.say(self._described(name, port))

    def _mark_hovered(self, name: str) -> None:
        """Draw the node under the pointer as such; "" is none."""
        if name != self._hovered:
            for changed, on in ((self._hovered, False), (name, True)):
                if changed in self._scene.nodes:
                    self._scene.nodes[changed].set_state(hovered=on)
            self._hovered = name

    def end_hover(self, kept: Container[str] = ()) -> None:
        """Stop describing the node under the pointer, unless it is one of those that are kept."""
        if self._hovered not in kept:
            self._mark_hovered("")
            self._host.say("")

    def _described(self, name: str, port: End | None) -> str:
        """A node's problem or summary; a port with the shape that comes out of it or arrives."""
        item = self._scene.nodes[name]
        if port is None:
            problem = item.problem
            return problem.message if problem else f"{name}: {item.node.op.summary()}"
        shape = ""
        if port[0] == "output":
            shape = item.shape_text
        elif (edge := self._host.document.graph.edge_into(name, port[1])) is not None:
            shape = self._scene.edges[edge].shape_text
        return f"{name}.{port[1]}  {shape}".rstrip()


def _dragged(point: QPoint, start: QPoint) -> bool:
    return (point - start).manhattanLength() >= THRESHOLD
