"""A square to draw on with the mouse or a pen."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from app.style import painting, palette

SIDE, PEN = 140, 11.0
"""Pixels of the drawing, and the width of its pen: like MNIST's on 28x28."""


class Sketch(QWidget):
    """White on black, as the digits of MNIST are; strokes can be taken back and drawn again.

    Signals:
        changed: the drawing is another.
    """

    changed = Signal()
    MOST = 100
    """Drawings that can be gone back to."""

    def __init__(self) -> None:
        super().__init__()
        self._image = QImage(SIDE, SIDE, QImage.Format.Format_Grayscale8)
        self._image.fill(0)
        self._last: QPointF | None = None
        self._before: list[QImage] = []
        self._after: list[QImage] = []
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
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

    def show_pixels(self, pixels: np.ndarray) -> None:
        """Show a picture, brightness 0 to 1, shape (SIDE, SIDE), which can be undone."""
        self._keep()
        whole = np.ascontiguousarray(np.round(pixels * 255), np.uint8)
        image = QImage(whole.data, SIDE, SIDE, SIDE, QImage.Format.Format_Grayscale8)
        self._show(image.copy())
        self.changed.emit()

    def clear(self) -> None:
        """Start over; what was drawn can be brought back."""
        if not self.empty:
            self._keep()
        self._show(QImage(self._image))
        self._image.fill(0)
        self.changed.emit()

    def forget(self) -> None:
        """Start over with nothing to go back to."""
        self.clear()
        self._before.clear()
        self._after.clear()

    @property
    def can_undo(self) -> bool:
        """Whether there is a stroke to be taken back."""
        return bool(self._before)

    def undo(self) -> None:
        """Take the last stroke back, or the last clearing."""
        if self._before:
            self._after.append(self._image)
            self._show(self._before.pop())
            self.changed.emit()

    def redo(self) -> None:
        """Draw again what was taken back."""
        if self._after:
            self._before.append(self._image)
            self._show(self._after.pop())
            self.changed.emit()

    def _keep(self) -> None:
        """What is drawn now is what the next undo goes back to."""
        self._before = [*self._before, QImage(self._image)][-self.MOST :]
        self._after.clear()

    def _show(self, image: QImage) -> None:
        self._image, self._last = image, None
        self.update()

    def _area(self) -> QRectF:
        side = min(self.width(), self.height())
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

    def _place(self, event: QMouseEvent) -> QPointF:
        area = self._area()
        return (event.position() - area.topLeft()) * (SIDE / area.width())

    def _draw_to(self, place: QPointF) -> None:
        with painting.on(self._image) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            pen = QPen(QColor("white"), PEN, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            painter.drawLine(self._last or place, place + QPointF(0.01, 0))
        self._last = place
        self.update()
        self.changed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._last = None
            self._keep()
            self._draw_to(self._place(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._last is not None:
            self._draw_to(self._place(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._last = None

    def event(self, event: QEvent) -> bool:
        """While one draws, undo is about strokes and not about the graph."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            undo, redo = QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo
            if event.matches(undo) or event.matches(redo):
                event.accept()
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Undo):
            self.undo()
        elif event.matches(QKeySequence.StandardKey.Redo):
            self.redo()
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.clear()
        else:
            super().keyPressEvent(event)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            area = self._area()
            painter.drawImage(area, self._image)
            p = palette.current()
            painter.setPen(QPen(p.color("accent" if self.hasFocus() else "line"), 1.0))
            painter.drawRect(area.adjusted(0.5, 0.5, -0.5, -0.5))
            if self.empty:
                painter.setPen(QColor("#9aa4b2"))
                painter.drawText(area, Qt.AlignmentFlag.AlignCenter, self.hint)
