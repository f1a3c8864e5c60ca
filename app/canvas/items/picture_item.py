"""The pictures and numbers inside a node while it runs: an item of their own.

They change thirty times a second, the card around them seldom does: Qt keeps the card.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsRectItem,
    QStyleOptionGraphicsItem,
    QWidget,
)

from app.canvas.items import geometry as geo
from app.canvas.items import node_painter
from app.style import painting

if TYPE_CHECKING:
    from app.canvas.items.node_item import NodeItem

_BOUNDS = geo.BODY.adjusted(6, 8, -6, 0)
_NOWHERE = QPainterPath()


def keep_painted(item: QGraphicsItem, on: bool) -> None:
    """Let Qt keep what was painted until it changes: while dots pass many times a second."""
    modes = QGraphicsItem.CacheMode
    item.setCacheMode(modes.DeviceCoordinateCache if on else modes.NoCache)


class PictureItem(QGraphicsRectItem):
    """Paints what a node shows of the running step; it is no place to be clicked on."""

    def __init__(self, node: NodeItem) -> None:
        super().__init__(_BOUNDS, node)
        self._node = node
        self.setPen(QPen(Qt.PenStyle.NoPen))
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setCacheMode(node.cacheMode())

    def shape(self) -> QPainterPath:
        return _NOWHERE

    def contains(self, point: object) -> bool:
        return False

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        plain = getattr(self.scene(), "crowded", False)
        node_painter.paint_running(painter, self._node, zoom, plain)
