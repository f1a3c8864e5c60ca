"""A matrix as colours: weights, gradients, attention, any slice of a tensor."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent

from app.plots import tiles
from app.plots.cells import Cell, CellGrid
from app.style import colormaps, fonts, painting, palette
from app.widgets.numbers import format_number

_BAR, _BAR_GAP, _LABELS = 10.0, 10.0, 52.0
NUMBERS_FROM = (40.0, 20.0)
"""A cell of this width and height has room for its number."""


class Heatmap(CellGrid):
    """A 2-D array with a colour bar; the pointer reads single values.

    Args:
        stretch: fill the space instead of keeping cells square.
        empty: the sentence that is shown while there is nothing to draw.
    """

    def __init__(self, name: str, stretch: bool = False, empty: str = "") -> None:
        super().__init__(name)
        self._stretch, self._empty = stretch, empty
        self._values = np.zeros((0, 0), np.float32)
        self._low, self._high, self._signed = 0.0, 1.0, True
        self._image: QImage | None = None
        self.setMinimumSize(96, 64)

    def sizeHint(self) -> QSize:
        return QSize(260, 200)

    @property
    def values(self) -> np.ndarray:
        """The array that is shown."""
        return self._values

    def set_values(
        self,
        values: np.ndarray,
        signed: bool | None = None,
        limits: tuple[float, float] | None = None,
    ) -> None:
        """Show a 2-D array.

        Args:
            signed: colours diverge from zero; not given, if any value is negative.
            limits: values of the first and the last colour; not given, those of the array.
        """
        if values.ndim != 2:
            raise ValueError(f"A heatmap shows 2 axes; the array has shape {values.shape}.")
        self._values = np.asarray(values)
        finite = self._values[np.isfinite(self._values)]
        low, high = limits or (
            (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        )
        self._signed = low < 0 if signed is None else signed
        if self._signed:
            high = max(abs(low), abs(high)) or 1.0
            low = -high
        self._low, self._high = low, high
        self._image = None
        self.refresh_readout()
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._values = np.zeros((0, 0), np.float32)
        self._image = None
        self.mark(None)
        self.update()

    def restyle(self) -> None:
        self._image = None
        self.update()

    def grid_size(self) -> Cell:
        return self._values.shape[0], self._values.shape[1]

    def grid_area(self) -> QRectF:
        area = QRectF(self.rect()).adjusted(4, 4, -4 - _BAR - _BAR_GAP - _LABELS, -4)
        rows, columns = self.grid_size()
        return area if self._stretch or not rows else tiles.fitted(area, columns, rows)

    def describe(self, cell: Cell) -> str:
        value = format_number(float(self._values[cell]))
        return self.tr("row {0}, column {1}: {2}").format(*cell, value)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            painter.fillRect(self.rect(), palette.current().color("panel"))
            if not self._values.size:
                painter.setPen(palette.current().color("muted"))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, self._empty)
                return
            if self._image is None:
                self._image = tiles.to_image(self._values, self._low, self._high, self._signed)
            area = self.grid_area()
            painter.drawImage(area, self._image)
            painter.setPen(palette.current().color("line"))
            painter.drawRect(area)
            self._paint_numbers(painter)
            self._paint_bar(painter, area)
            self.paint_mark(painter)

    def _paint_numbers(self, painter: QPainter) -> None:
        """The values themselves, where cells are large enough."""
        room = self.cell_rect((0, 0))
        if room.width() < NUMBERS_FROM[0] or room.height() < NUMBERS_FROM[1]:
            return
        painter.setFont(fonts.figure_font(fonts.SMALL_POINTS))
        rows, columns = self.grid_size()
        for row in range(rows):
            for column in range(columns):
                cell = row, column
                value = float(self._values[cell])
                painter.setPen(palette.ink_on(self._color_of(value)))
                text = format_number(value, 2 if room.width() < 56 else 3)
                painter.drawText(self.cell_rect(cell), Qt.AlignmentFlag.AlignCenter, text)

    def _color_of(self, value: float) -> QColor:
        if not np.isfinite(value):
            return palette.current().color("panel")
        share = (value - self._low) / ((self._high - self._low) or 1.0)
        return tiles.map_color(2 * share - 1 if self._signed else share, self._kind)

    @property
    def _kind(self) -> str:
        return "diverging" if self._signed else "sequential"

    def _paint_bar(self, painter: QPainter, area: QRectF) -> None:
        """The colour bar, with the values at its ends and zero between."""
        bar = QRectF(area.right() + _BAR_GAP, area.top(), _BAR, area.height())
        painter.drawImage(bar, _bar_image(self._kind))
        painter.setPen(palette.current().color("line"))
        painter.drawRect(bar)
        painter.setPen(palette.current().color("muted"))
        painter.setFont(fonts.figure_font(8.0))
        marks = [(self._high, bar.top() + 6), (self._low, bar.bottom() - 6)]
        if self._signed and bar.height() > 60:
            marks.append((0.0, bar.center().y()))
        for value, y in marks:
            place = QRectF(bar.right() + 5, y - 8, _LABELS - 4, 16)
            text = format_number(value, 3)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, text)


def _bar_image(kind: str) -> QImage:
    table = colormaps.lut(kind, palette.current().name)[::-1].copy()
    return QImage(table.data, 1, len(table), 4, QImage.Format.Format_RGBA8888).copy()
