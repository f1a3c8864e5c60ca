"""A node on the canvas: what is known of it, where it is, and what of it is pressed."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items import geometry as geo
from app.canvas.items import node_painter
from app.canvas.items.live import Picture
from app.canvas.items.picture_item import PictureItem, keep_painted
from app.canvas.items.port_kinds import Kind
from app.style import painting
from graphcore.dims import format_shape
from graphcore.graph.elements import Node
from graphcore.graph.freezing import Share
from graphcore.graph.shapes import Problem

_BOUNDS = geo.BODY.adjusted(-9, -9, 9, 9)
_SHAPE = QPainterPath()
_SHAPE.addRect(geo.BODY.adjusted(-7, 0, 7, 0))
End = tuple[str, str]
"""A side, "input" or "output", and the name of a port there."""


class NodeItem(QGraphicsRectItem):
    """A rectangle, so that Qt knows the bounds without asking Python.

    Holds what a node shows; the scene and the view set it.

    Attributes:
        kinds: what runs through a port; ports that are not in it have no known shape.
        show_gradient: whether the gradient is shown instead of the value.
        lit: while an edge is dragged: the ports that would take it; None otherwise.
        ailing: whether training goes wrong here.
        lock: how many of its parameters are frozen: "", "some" or "all".
        rate: by what its updates are multiplied.
        step_state: "" outside the stepper, else "done", "current" or "pending".
        images: pictures as they were last painted, by field; rebuilt when one changes.
        paints: how often it was painted (tests count).
    """

    def __init__(self, node: Node, ports: geo.Ports) -> None:
        super().__init__(_BOUNDS)
        self.setPen(QPen(Qt.PenStyle.NoPen))
        self.node, self.ports = node, ports
        self.shape_text = ""
        self.problem: Problem | None = None
        self.kinds: dict[End, Kind] = {}
        self.connected: frozenset[str] = frozenset()
        self.value: Picture | None = None
        self.gradient: Picture | None = None
        self.weights: Picture | None = None
        self.weights_gradient: Picture | None = None
        self.images: dict[str, QImage] = {}
        self.show_gradient = self.hovered = False
        self.lit: frozenset[End] | None = None
        self.step_state = ""
        self.ailing = False
        self.lock: Share = ""
        self.rate = 1.0
        self.paints = 0
        self._running: PictureItem | None = None
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setZValue(1)
        self.sync_position()

    def sync_position(self) -> None:
        """Go where the node is."""
        self.setPos(*(self.node.position or (0.0, 0.0)))

    def set_shape(self, shape: Any, problem: Problem | None, kinds: dict[End, Kind]) -> None:
        """Show the output's shape, what is wrong, if anything, and the ports' kinds."""
        self.shape_text = format_shape(shape) if shape is not None else ""
        self.problem, self.kinds = problem, kinds
        self.setToolTip(problem.message if problem else self.node.op.summary())
        self.update()

    def set_learning(self, lock: Share, rate: float) -> None:
        """Show what training does to the node's parameters."""
        if (lock, rate) != (self.lock, self.rate):
            self.lock, self.rate = lock, rate
            self.update()

    def set_picture(self, which: str, picture: Picture | None) -> None:
        """Show another picture: "value", "gradient", "weights" or "weights_gradient"."""
        if picture is None and getattr(self, which) is None:
            return
        first = getattr(self, which) is None
        setattr(self, which, picture)
        self.images.pop(which, None)
        if first or picture is None:
            self._repaint()
        elif self._running is not None:
            self._running.update()

    def forget_images(self) -> None:
        """Rebuild the pictures in another theme's colours."""
        self.images.clear()
        self._repaint()

    @property
    def running(self) -> bool:
        """Whether there are pictures to show on this side."""
        if self.show_gradient:
            return self.gradient is not None or self.weights_gradient is not None
        return self.value is not None or self.weights is not None

    def _repaint(self) -> None:
        """Paint the card and what is in it."""
        if self._running is None and self.running:
            self._running = PictureItem(self)
        if self._running is not None:
            self._running.setVisible(self.running)
            self._running.update()
        self.update()

    def keep_painted(self, on: bool) -> None:
        """See ``picture_item.keep_painted``."""
        keep_painted(self, on)
        if self._running is not None:
            keep_painted(self._running, on)

    def set_state(self, **state: Any) -> None:
        """Set ``hovered``, ``lit``, ``ailing`` or the like; repaint if it is new."""
        new = {k: v for k, v in state.items() if getattr(self, k) != v}
        for key, value in new.items():
            setattr(self, key, value)
        if new:
            self._repaint()

    @property
    def flippable(self) -> bool:
        """Whether there is a picture to turn between value and gradient."""
        return self.value is not None or self.gradient is not None

    @property
    def at_fault(self) -> bool:
        """Whether shapes do not fit here; an input that is still open is no fault."""
        return self.problem is not None and self.problem.kind == "error"

    def port_at(self, point: QPointF, reach: float) -> End | None:
        """The port within reach of a point, in own coordinates."""
        best, found = reach, None
        for side, ports in (("output", self.ports.outputs), ("input", self.ports.inputs)):
            for name, centre in ports.items():
                distance = (point - centre).manhattanLength()
                if distance <= best:
                    best, found = distance, (side, name)
        return found

    def shape(self) -> QPainterPath:
        return _SHAPE

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        self.paints += 1
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        scene = self.scene()
        node_painter.paint(painter, self, zoom, getattr(scene, "crowded", False))
