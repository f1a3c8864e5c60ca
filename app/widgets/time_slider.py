"""A slider over places in time, with marks above and below its groove."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSlider, QStyle, QStyleOptionSlider

from app.style import painting

MARK = 3.5
"""Half the width of a branch's mark, in pixels."""


class TimeSlider(QSlider):
    """Places are numbered from 0; a click goes to the place under the pointer at once."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._ticks: list[float] = []
        self._branches: list[float] = []
        self._colors = (QColor("gray"), QColor("orange"))

    def set_marks(self, ticks: list[float], branches: list[float]) -> None:
        """Put ticks (ends of epochs) and triangles (branches) at places, whole or between."""
        if (ticks, branches) != (self._ticks, self._branches):
            self._ticks, self._branches = ticks, branches
            self.update()

    def set_mark_colors(self, tick: QColor, branch: QColor) -> None:
        """Colours of the marks."""
        self._colors = tick, branch
        self.update()

    def _x(self, place: float) -> float:
        """Pixels from the left of a place."""
        option = QStyleOptionSlider()
        self.initStyleOption(option)
        width = self.style().pixelMetric(QStyle.PixelMetric.PM_SliderLength, option, self)
        share = place / max(1, self.maximum())
        return width / 2 + share * (self.width() - width)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(self._colors[0])
            for place in self._ticks:
                x = round(self._x(place)) + 0.5
                painter.drawLine(QPointF(x, self.height() - 5), QPointF(x, self.height() - 1))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._colors[1])
            for place in self._branches:
                x = self._x(place)
                corners = [QPointF(x - MARK, 0), QPointF(x + MARK, 0), QPointF(x, 2 * MARK - 1)]
                painter.drawPolygon(QPolygonF(corners))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self.isEnabled():
            super().mousePressEvent(event)
            return
        width = self.width() - 2 * self._x(0)
        share = (event.position().x() - self._x(0)) / max(1.0, width)
        self.setSliderDown(True)
        self.setSliderPosition(round(min(1.0, max(0.0, share)) * self.maximum()))
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self.isSliderDown():
            super().mouseMoveEvent(event)
            return
        width = self.width() - 2 * self._x(0)
        share = (event.position().x() - self._x(0)) / max(1.0, width)
        self.setSliderPosition(round(min(1.0, max(0.0, share)) * self.maximum()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        super().mouseReleaseEvent(event)
