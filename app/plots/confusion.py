"""Which class was predicted as which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent

from app.plots import numbers, tiles
from app.plots.cells import Cell, CellGrid
from app.style import fonts, painting, palette

_TITLE = 18.0


class ConfusionMatrix(CellGrid):
    """Counts of (true class, predicted class): a row per true class, right answers in blue.

    Mistakes are orange, the stronger the larger their share of the true class.

    Signals:
        cell_clicked: true class and predicted class of a cell that was clicked or entered.
    """

    cell_clicked = Signal(int, int)

    def __init__(self, empty: str = "") -> None:
        super().__init__(self.tr("Confusion matrix"))
        self._empty = empty
        self._counts = np.zeros((0, 0), int)
        self._classes: tuple[str, ...] = ()
        self.setMinimumSize(160, 160)
        self.cell_chosen.connect(self.cell_clicked)

    def sizeHint(self) -> QSize:
        return QSize(340, 340)

    def set_counts(self, counts: np.ndarray, classes: Sequence[str] = ()) -> None:
        """Show counts, shape (C, C): row = true class, column = predicted class.

        Args:
            classes: their names; not given, their numbers.
        """
        if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
            raise ValueError(f"A confusion matrix is square; the array has shape {counts.shape}.")
        self._counts = np.maximum(numbers.filled(counts), 0)
        self._classes = tuple(classes) or tuple(str(i) for i in range(len(counts)))
        self.refresh_readout()
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self.set_counts(np.zeros((0, 0), int))

    def grid_size(self) -> Cell:
        return self._counts.shape[0], self._counts.shape[1]

    def grid_area(self) -> QRectF:
        metrics = QFontMetricsF(fonts.figure_font(8.0))
        widest = max((metrics.horizontalAdvance(c) for c in self._classes), default=8.0)
        margin = _TITLE + min(widest, 80.0) + 6
        return tiles.fitted(QRectF(self.rect()).adjusted(margin, _TITLE + 18, -6, -6), 1, 1)

    def describe(self, cell: Cell) -> str:
        count = int(self._counts[cell])
        share = count / max(1, int(self._counts[cell[0]].sum()))
        true, predicted = self._classes[cell[0]], self._classes[cell[1]]
        return self.tr("{0} predicted as {1}: {2:,}\n{3:.1%} of all {0}").format(
            true, predicted, count, share
        )

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            p = palette.current()
            painter.fillRect(self.rect(), p.color("panel"))
            if not self._counts.size:
                painter.setPen(p.color("muted"))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, self._empty)
                return
            self._paint_cells(painter)
            self._paint_names(painter, self.grid_area())
            self.paint_mark(painter)

    def _paint_cells(self, painter: QPainter) -> None:
        shares = self._counts / np.maximum(1, self._counts.sum(1, keepdims=True))
        width = self.cell_rect((0, 0)).width()
        numbered = width >= 18
        painter.setFont(fonts.figure_font(min(8.0, max(5.5, width / 3.6))))
        for row, column in np.ndindex(*self._counts.shape):
            rect = self.cell_rect((row, column)).adjusted(0.5, 0.5, -0.5, -0.5)
            color = _color(float(shares[row, column]), row == column)
            painter.fillRect(rect, color)
            if numbered and self._counts[row, column]:
                painter.setPen(palette.ink_on(color))
                text = _short(int(self._counts[row, column]))
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_names(self, painter: QPainter, area: QRectF) -> None:
        painter.setPen(palette.current().color("muted"))
        for i, name in enumerate(self._classes):
            beside, above = self.cell_rect((i, 0)), self.cell_rect((0, i))
            beside = QRectF(area.left() - 86, beside.top(), 80, beside.height())
            above = QRectF(above.left(), area.top() - 18, above.width(), 16)
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(beside, right, name)
            painter.drawText(above, Qt.AlignmentFlag.AlignCenter, name)
        painter.setFont(fonts.text_font(8.0))
        top = QRectF(area.left(), area.top() - 18 - _TITLE, area.width(), _TITLE)
        painter.drawText(top, Qt.AlignmentFlag.AlignCenter, self.tr("predicted"))
        with painting.saved(painter):
            painter.translate(8, area.center().y())
            painter.rotate(-90)
            side = QRectF(-area.height() / 2, -8, area.height(), 16)
            painter.drawText(side, Qt.AlignmentFlag.AlignCenter, self.tr("true"))


def _color(share: float, right: bool) -> QColor:
    """Few mistakes already show: the root of the share decides."""
    if share == 0:
        return palette.current().color("card")
    if right:
        return tiles.map_color(-(0.15 + 0.65 * share), "diverging")
    return tiles.map_color(0.04 + 0.96 * share**0.5, "diverging")


def _short(count: int) -> str:
    return f"{count / 1000:.1f}k" if count >= 10_000 else str(count)
