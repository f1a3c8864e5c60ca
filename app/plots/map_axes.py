"""Ticks, names and colours round a square map: what its two axes are, and what a colour means."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.plots.isolines import nice_levels
from app.style import fonts, palette
from app.widgets.numbers import plain_number

LEFT, BOTTOM, TOP, RIGHT = 64.0, 34.0, 20.0, 10.0
"""Pixels round the map."""
SMALLEST = 200
"""Width and height from which there is room for axes."""
_TICK, _SWATCH, _GAP = 4.0, 9.0, 12.0


class MapAxes:
    """Paints the surroundings of a map.

    Attributes:
        names: of the two axes.
        shift, scale: make the data's own numbers of the map's, for each axis.
        entries: name and colour of each class, or of the ends of a scale.
    """

    def __init__(self) -> None:
        self.names = ("x₁", "x₂")
        self.shift, self.scale = np.zeros(2), np.ones(2)
        self.entries: list[tuple[str, QColor]] = []

    def area(self, width: int, height: int) -> QRectF:
        """The square in which the map lies, in a widget of this size."""
        if min(width, height) < SMALLEST:
            side = max(10.0, min(width, height) - 8.0)
            return QRectF((width - side) / 2, (height - side) / 2, side, side)
        side = min(width - LEFT - RIGHT, height - TOP - BOTTOM)
        return QRectF((width - side + LEFT - RIGHT) / 2, TOP, side, side)

    def own(self, place: np.ndarray) -> np.ndarray:
        """A place of the map in the data's own numbers."""
        numbers: np.ndarray = place * self.scale + self.shift
        return numbers

    def ticks(self, axis: int, low: np.ndarray, high: np.ndarray, count: int) -> list[float]:
        """Round numbers along an axis, in the data's own numbers."""
        ends = self.own(np.asarray(low))[axis], self.own(np.asarray(high))[axis]
        span = float(ends[1]) - float(ends[0])  # of neighbours in floating point there is no tick
        if not (np.isfinite(span) and span > max(1e-300, 1e-9 * float(np.abs(ends).max()))):
            return []
        return [
            float(v)
            for v in nice_levels(float(ends[0]), float(ends[1]), count)
            if ends[0] <= v <= ends[1]
        ]

    def apart(self, axis: int, low: np.ndarray, high: np.ndarray, room: float) -> list[float]:
        """Return ticks whose labels do not overlap on an axis of this many pixels."""
        metrics = QFontMetricsF(fonts.figure_font(8.0))
        found: list[float] = []
        for count in range(max(4, int(room / 55)), 1, -1):
            found = self.ticks(axis, low, high, count)
            widest = max((metrics.horizontalAdvance(plain_number(v)) for v in found), default=0.0)
            if axis == 1 or len(found) * (widest + _GAP) <= room:
                break
        return found

    def paint(self, painter: QPainter, area: QRectF, low: np.ndarray, high: np.ndarray) -> None:
        """Paint round ``area``, whose corners are the places ``low`` and ``high`` of the map."""
        if area.top() < TOP or area.left() < LEFT - RIGHT:
            return
        p = palette.current()
        painter.setFont(fonts.figure_font(8.0))
        painter.setPen(QPen(p.color("line"), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(area)
        painter.setPen(p.color("muted"))
        first, last = self.own(np.asarray(low)), self.own(np.asarray(high))
        for axis in (0, 1):
            for value in self.apart(axis, low, high, area.width()):
                share = (value - first[axis]) / (last[axis] - first[axis])
                self._paint_tick(painter, area, axis, float(share), value)
        self._paint_names(painter, area)
        self._paint_entries(painter, area)

    def _paint_tick(
        self, painter: QPainter, area: QRectF, axis: int, share: float, value: float
    ) -> None:
        text = plain_number(value)
        if axis == 0:
            x = area.left() + share * area.width()
            painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + _TICK))
            box = QRectF(x - 35, area.bottom() + _TICK, 70, 12)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignHCenter), text)
        else:
            y = area.bottom() - share * area.height()
            painter.drawLine(QPointF(area.left() - _TICK, y), QPointF(area.left(), y))
            box = QRectF(area.left() - LEFT + 16, y - 8, LEFT - _TICK - 19, 16)
            flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(box, int(flags), text)

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        painter.setFont(fonts.text_font(8.5))
        metrics = QFontMetricsF(painter.font())
        shown = [
            metrics.elidedText(name, Qt.TextElideMode.ElideRight, area.width() - 8)
            for name in self.names
        ]
        below = QRectF(area.left(), area.bottom() + 17, area.width(), 15)
        painter.drawText(below, int(Qt.AlignmentFlag.AlignHCenter), shown[0])
        beside = QRectF(-area.height() / 2, -7.5, area.height(), 15)
        painter.translate(area.left() - LEFT + 8, area.center().y())
        painter.rotate(-90)
        painter.drawText(beside, int(Qt.AlignmentFlag.AlignCenter), shown[1])
        painter.rotate(90)
        painter.translate(LEFT - 8 - area.left(), -area.center().y())

    def _paint_entries(self, painter: QPainter, area: QRectF) -> None:
        """The legend above the map, as far as there is room."""
        metrics = QFontMetricsF(painter.font())
        x, y = area.left(), area.top() - TOP + 3
        for name, color in self.entries:
            text = metrics.elidedText(name, Qt.TextElideMode.ElideRight, 110)
            width = metrics.horizontalAdvance(text)
            if x + _SWATCH + 4 + width > area.right() + RIGHT:
                painter.drawText(QPointF(x, y + 10), "…")
                return
            painter.fillRect(QRectF(x, y + 2, _SWATCH, _SWATCH), color)
            painter.drawText(QPointF(x + _SWATCH + 4, y + 10), text)
            x += _SWATCH + 4 + width + _GAP
