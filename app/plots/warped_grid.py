"""The plane of the inputs as a layer bends it: its grid lines, and where the samples go."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.plots import numbers
from app.plots.decision_map import class_color
from app.style import painting, palette

EVERY, RADIUS, MARGIN = 3, 2.8, 10.0
"""Every n-th line of the grid is drawn; pixels."""


class WarpedGrid(QWidget):
    """Lines that were straight and at right angles before the layer; samples in class colours."""

    def __init__(self, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._grid = np.zeros((0, 0, 2), np.float32)
        self._points, self._labels = np.zeros((0, 2), np.float32), np.zeros(0, np.int64)
        self.setMinimumSize(120, 100)
        self.setAccessibleName(self.tr("Grid of the inputs as the layer warps it"))
        palette.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(300, 220)

    @property
    def grid(self) -> np.ndarray:
        """What is shown, shape (R, R, 2)."""
        return self._grid

    def set_grid(self, grid: np.ndarray, points: np.ndarray, labels: np.ndarray) -> None:
        """Show a grid (R, R, 2), and samples (n, 2) with their class (n,)."""
        self._grid, self._points = numbers.filled(grid), numbers.bounded(points)
        self._labels = numbers.filled(labels)
        self.update()

    def clear(self, why: str) -> None:
        """Show nothing, and say why."""
        self._empty = why
        self.set_grid(np.zeros((0, 0, 2)), np.zeros((0, 2)), np.zeros(0))

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        p = palette.current()
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
            if not self._grid.size:
                painter.setPen(p.color("muted"))
                flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                painter.drawText(area, flags, self._empty)
                return
            low, high = self._grid.min((0, 1)), self._grid.max((0, 1))
            scale = np.array([area.width(), -area.height()]) / np.maximum(high - low, 1e-9)
            start = np.array([area.left(), area.bottom()])
            lines = (self._grid - low) * scale + start
            painter.setPen(QPen(p.color("muted", 150), 1.0))
            for i in range(0, len(lines), EVERY):
                painter.drawPolyline(_polygon(lines[i]))
                painter.drawPolyline(_polygon(lines[:, i]))
            painter.setPen(QPen(p.color("window"), 0.8))
            for (x, y), label in zip(
                (self._points - low) * scale + start, self._labels, strict=True
            ):
                if 0 <= x <= self.width() and 0 <= y <= self.height():  # not where it is NaN
                    painter.setBrush(class_color(max(0, round(float(label)))))
                    painter.drawEllipse(QPointF(x, y), RADIUS, RADIUS)


def _polygon(line: np.ndarray) -> QPolygonF:
    return QPolygonF([QPointF(x, y) for x, y in line.tolist()])
