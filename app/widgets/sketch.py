"""A square to draw on with the mouse or a pen."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.style import palette

SIDE, PEN = 140, 11.0
"""Pixels of the drawing, and the width of its pen: like MNIST's on 28x28."""


class Sketch(QWidget):
    """White on black, as the digits of MNIST are.

    Signals:
        changed: the drawing is another.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
        self._image.fill(0)
        self._last: QPointF | None = None
        self.hint = self.tr("Draw a digit")
        self.setMinimumSize(120, 120)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(self.tr("Drawing"))

    def sizeHint(self) -> QSize:
        return QSize(190, 190)

    @property
    def empty(self) -> bool:
        """Whether nothing is drawn."""
        return not self.pixels().any()

    def pixels(self) -> np.ndarray:
        """Brightness 0 to 1, shape (SIDE, SIDE)."""
        stride = self._image.bytesPerLine()
        rows = np.frombuffer(self._image.constBits(), np.uint8).reshape(SIDE, stride)
        return rows[:, :SIDE].astype(np.float32) / 255

    def clear(self) -> None:
        """Start over."""
        self._image.fill(0)
        self.update()
        self.changed.emit()

    def _area(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, event: QMouseEvent) -> QPointF:
        area = self._area()
        return (event.position() - area.topLeft()) * (SIDE / area.width())

    def _draw_to(self, place: QPointF) -> None:
        painter = QPainter(self._image)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        pen = QPen(QColor("white"), PEN, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
        painter.setPen(pen)
        painter.drawLine(self._last or place, place + QPointF(0.01, 0))
        painter.end()
        self._last = place
        self.update()
        self.changed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._last = None
            self._draw_to(self._place(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            self._draw_to(self._place(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        area = self._area()
        painter.drawImage(area, self._image)
        p = palette.current()
        painter.setPen(QPen(p.color("line"), 1.0))
        painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
        if self.empty:
            painter.setPen(QColor("#9aa4b2"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.hint)
