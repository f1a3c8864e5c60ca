"""An edge on the canvas: a curve whose brightness follows what runs along it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.node_item import FAR
from app.style import palette
from graphcore.elements import Edge


class EdgeItem(QGraphicsItem):
    """Draws one edge.

    Attributes:
        value, gradient: brightness 0 to 1 of what runs forward and back; None while nothing
            runs.
    """

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        self.start, self.end = QPointF(), QPointF()
        self.path = QPainterPath()
        self.value: float | None = None
        self.gradient: float | None = None
        self.highlighted = False
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setToolTip(f"{edge.source} → {edge.target}.{edge.input}")

    def set_ends(self, start: QPointF, end: QPointF) -> None:
        """Go from one port to another."""
        self.prepareGeometryChange()
        self.start, self.end = start, end
        self.path = curve(start, end)

    def set_flow(self, value: float | None, gradient: float | None) -> None:
        """Brightness of what runs along the edge."""
        if (value, gradient) != (self.value, self.gradient):
            self.value, self.gradient = value, gradient
            self.update()

    def boundingRect(self) -> QRectF:
        return self.path.controlPointRect().adjusted(-6, -8, 6, 8)

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        return stroker.createStroke(self.path)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        if zoom < FAR:
            painter.setPen(QPen(self._line_color(p), 0))
            painter.drawLine(self.start, self.end)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = self.isSelected() or self.highlighted
        painter.setPen(QPen(self._line_color(p), 3.0 if selected else 2.0))
        painter.drawPath(self.path)
        if self.gradient is not None:
            painter.translate(0, 4)
            painter.setPen(QPen(glow(p, "backward", self.gradient), 1.6))
            painter.drawPath(self.path)
            painter.translate(0, -4)

    def _line_color(self, p: palette.Palette) -> QColor:
        if self.isSelected() or self.highlighted:
            return p.color("accent")
        return p.color("edge") if self.value is None else glow(p, "forward", self.value)


def glow(p: palette.Palette, direction: str, brightness: float) -> QColor:
    """From the canvas's own darkness to the full colour of the direction."""
    full = p.color("accent") if direction == "forward" else p.color("warning")
    dark = p.color("line")
    share = min(1.0, max(0.0, brightness))
    mixed = [
        round(d + (f - d) * share)
        for d, f in zip(dark.getRgb()[:3], full.getRgb()[:3], strict=True)  # type: ignore[index]
    ]
    return QColor(*mixed)


def curve(start: QPointF, end: QPointF) -> QPainterPath:
    """A cubic that leaves to the right and arrives from the left."""
    reach = max(40.0, abs(end.x() - start.x()) * 0.45)
    path = QPainterPath(start)
    path.cubicTo(start + QPointF(reach, 0), end - QPointF(reach, 0), end)
    return path
