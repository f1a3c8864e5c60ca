"""An edge on the canvas: a curve whose brightness follows what runs along it."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPainterPathStroker, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsRectItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items import geometry as geo
from app.canvas.items import port_kinds
from app.canvas.items.node_painter import font
from app.canvas.items.port_kinds import Kind
from app.style import painting, palette
from graphcore.graph.elements import Edge

LABELLED = 190.0
"""Edges of this length tell their shape; shorter ones join nodes whose footers do."""
_SHADES = 128


class EdgeItem(QGraphicsRectItem):
    """Draws one edge; the rectangle is its bounds, which Qt asks for seven times a repaint.

    Attributes:
        kind, shape_text: what the edge carries.
        value, gradient: brightness 0 to 1 of what runs forward and back; None while nothing
            runs.
        highlighted: whether a node that is let go would be put into it.
        faded: whether another edge is being drawn.
    """

    def __init__(self, edge: Edge) -> None:
        super().__init__()
        self.edge = edge
        self.kind: Kind = "unknown"
        self.shape_text = ""
        self.start, self.end = QPointF(), QPointF()
        self.path = QPainterPath()
        self.value: float | None = None
        self.gradient: float | None = None
        self.highlighted = self.faded = False
        self.setPen(QPen(Qt.PenStyle.NoPen))
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.set_shape("unknown", "")

    def set_ends(self, start: QPointF, end: QPointF) -> None:
        """Go from one port to another."""
        self.start, self.end = start, end
        self.path = geo.curve(start, end)
        self.setRect(self.path.controlPointRect().adjusted(-6, -12, 6, 12))
        self.update()  # a curve may be mirrored in the same rectangle

    def set_shape(self, kind: Kind, shape_text: str) -> None:
        """Show what the edge carries."""
        self.kind, self.shape_text = kind, shape_text
        e = self.edge
        self.setToolTip(f"{e.source} → {e.target}.{e.input}   {shape_text}".rstrip())
        self.update()

    def set_flow(self, value: float | None, gradient: float | None) -> None:
        """Brightness of what runs along the edge."""
        if (value, gradient) != (self.value, self.gradient):
            self.value, self.gradient = value, gradient
            self.update()

    def set_state(self, **state: bool) -> None:
        """Set ``highlighted`` or ``faded``; repaint if it is new."""
        for key, value in state.items():
            if getattr(self, key) != value:
                setattr(self, key, value)
                self.update()

    def shape(self) -> QPainterPath:
        stroker = QPainterPathStroker()
        stroker.setWidth(12)
        return stroker.createStroke(self.path)

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        crowded = getattr(self.scene(), "crowded", False)
        far = crowded and zoom < geo.CROWDED_MIDDLE
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, not far)
        if self.faded:
            painter.setOpacity(0.3)
        painter.setPen(self._line_pen(p, zoom, crowded))
        if far:
            painter.drawLine(self.start, self.end)
            return
        painter.drawPath(self.path)
        if self.gradient is not None:
            painter.translate(0, 4)
            ink = round(self.gradient * _SHADES)
            painter.setPen(_glowing_pen(p.name, "backward", ink, 1.6 if zoom > 0.5 else 0.0))
            painter.drawPath(self.path)
            painter.translate(0, -4)
        if zoom >= 0.5 and self.shape_text:
            self._paint_shape(painter, p)

    def _line_pen(self, p: palette.Palette, zoom: float, crowded: bool) -> QPen:
        """The theme's accent, the flow's brightness, or the colour of what is carried.

        Smooth wide lines are the dearest thing on a canvas: thin ones while far away.
        """
        if self.isSelected() or self.highlighted:
            return QPen(p.color("accent"), max(3.0, 2.0 / zoom))
        width = 2.0 if zoom >= geo.MIDDLE and not crowded else 0.0
        if self.value is None:
            return _kind_pen(p.name, self.kind, width)
        return _glowing_pen(p.name, "forward", round(self.value * _SHADES), width)

    def _paint_shape(self, painter: QPainter, p: palette.Palette) -> None:
        if abs(self.end.x() - self.start.x()) < LABELLED:
            return
        painter.setFont(font(10))
        wide = painter.fontMetrics().horizontalAdvance(self.shape_text) + 12
        middle = self.path.pointAtPercent(0.5)
        area = QRectF(middle.x() - wide / 2, middle.y() - 8, wide, 16)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(p.color("canvas", 225))
        painter.drawRoundedRect(area, 5, 5)
        painter.setPen(p.color("muted"))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.shape_text)


@lru_cache(maxsize=256)
def _kind_pen(theme: str, kind: Kind, width: float) -> QPen:
    """For what an edge carries; the theme is there because its colours depend on it."""
    color = port_kinds.color_of(kind)
    color.setAlpha(190)
    return QPen(color, width)


@lru_cache(maxsize=1024)
def _glowing_pen(theme: str, direction: str, shade: int, width: float) -> QPen:
    """For a brightness out of ``_SHADES``."""
    return QPen(glow(palette.THEMES[theme], direction, shade / _SHADES), width)


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
