"""Drag a knife across edges: those that it crosses are cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from app.style import palette
from graphcore.graph.elements import Edge

if TYPE_CHECKING:
    from app.canvas.interactions import Host


class Slice:
    """Follows the pointer; edges that will be cut light up on the way."""

    def __init__(self, host: Host, start: QPointF) -> None:
        self._host = host
        self._path = QPainterPath(start)
        self._item = QGraphicsPathItem()
        self._item.setPen(QPen(palette.current().color("error"), 0, Qt.PenStyle.DashLine))
        self._item.setZValue(4)
        self._last = start
        self._crossed: dict[Edge, None] = {}
        host.graph_scene.show_passing(self._item, True)

    def move(self, at: QPointF) -> None:
        stroke = _stroke(self._last, at)
        for edge, item in self._host.graph_scene.edges.items():
            near = edge not in self._crossed and stroke.intersects(item.boundingRect())
            if near and stroke.intersects(item.shape()):
                self._crossed[edge] = None
                item.set_state(highlighted=True)
        self._path.lineTo(at)
        self._item.setPath(self._path)
        self._last = at

    def release(self, at: QPointF) -> None:
        self.cancel()
        crossed = list(self._crossed)
        self._host.attempt(lambda: self._host.document.disconnect_edges(crossed))

    def cancel(self) -> None:
        self._host.graph_scene.show_passing(self._item, False)
        for edge in self._crossed:
            self._host.graph_scene.edges[edge].set_state(highlighted=False)


def _stroke(start: QPointF, end: QPointF) -> QPainterPath:
    """A line as an area, so that it can be met by another."""
    path = QPainterPath(start)
    path.lineTo(end)
    stroker = QPainterPathStroker()
    stroker.setWidth(1.0)
    return stroker.createStroke(path)
