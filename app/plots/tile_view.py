"""Feature maps of a layer side by side, each value within reach of the pointer."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen

from app.plots import tiles
from app.plots.cells import Cell, CellGrid
from app.style import painting, palette
from app.widgets.numbers import format_number

COLUMNS = 16
"""Numbers of a vector in one row."""


class TileView(CellGrid):
    """Maps (C, H, W) on one colour scale, so that they can be compared.

    A cell of the grid is a pixel of the montage; the gaps between maps are nothing.

    Attributes:
        tensor_shape: of what the maps show in row order, to name its numbers; None: by map and
            pixel.
    """

    def __init__(self, name: str, empty: str = "") -> None:
        super().__init__(name)
        self._empty = empty
        self._maps = np.zeros((0, 1, 1), np.float32)
        self._low, self._high, self._signed = 0.0, 1.0, True
        self.tensor_shape: tuple[int, ...] | None = None
        self._border = (0, 0)
        self._framed: tuple[int, int, int, int] | None = None
        self._sheet: np.ndarray | None = None
        self._image: QImage | None = None
        self.setMinimumSize(80, 60)

    def sizeHint(self) -> QSize:
        return QSize(280, 160)

    def set_maps(
        self, maps: np.ndarray, limit: float | None = None, border: tuple[int, int] = (0, 0)
    ) -> None:
        """Show feature maps, shape (C, H, W); colours diverge from zero if a value is negative.

        Args:
            limit: number of the strongest colour; not given, the largest there is.
            border: pixels left free around every map, above and below, left and right.
        """
        if maps.ndim != 3:
            raise ValueError(f"Tiles show 3 axes (C, H, W); the array has shape {maps.shape}.")
        self._maps, self._border = np.asarray(maps), border
        finite = self._maps[np.isfinite(self._maps)]
        self._low = float(finite.min()) if finite.size else 0.0
        self._high = float(finite.max()) if finite.size else 1.0
        self._signed = self._low < 0
        if limit is not None:
            self._low, self._high, self._signed = -limit, limit, True
        self._sheet = self._image = None
        self.refresh_readout()
        self.update()

    def map_shape(self) -> tuple[int, int]:
        """Height and width of a map."""
        return self._maps.shape[1], self._maps.shape[2]

    def frame(self, area: tuple[int, int, int, int] | None) -> None:
        """Draw a frame into every map: top, left, bottom, right, the last two exclusive."""
        if area != self._framed:
            self._framed = area
            self.update()

    def clear(self, why: str = "") -> None:
        """Show nothing, and from now on say why."""
        self._empty = why or self._empty
        self.set_maps(np.zeros((0, 1, 1), np.float32))

    def restyle(self) -> None:
        self._image = None
        self.update()

    def resizeEvent(self, event: object) -> None:
        self._sheet = self._image = None

    def _montage(self) -> np.ndarray:
        if self._sheet is None:
            aspect = self.width() / max(1, self.height())
            down, right = self._border
            free = ((0, 0), (down, down), (right, right))
            framed = (
                np.pad(self._maps, free, constant_values=np.nan)
                if any(free[1] + free[2])
                else self._maps
            )
            self._sheet = tiles.montage(framed, aspect)
        return self._sheet

    def grid_size(self) -> Cell:
        if not len(self._maps):
            return 0, 0
        sheet = self._montage()
        return sheet.shape[0], sheet.shape[1]

    def grid_area(self) -> QRectF:
        rows, columns = self.grid_size()
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        return tiles.fitted(area, columns, rows) if rows else area

    def place_of(self, cell: Cell) -> tuple[int, int, int] | None:
        """Channel, row and column of a pixel of the montage, or None in a gap."""
        (down, right), (height, width) = self._pitch(), self.map_shape()
        columns = (self._montage().shape[1] + 1) // right
        channel = cell[0] // down * columns + cell[1] // right
        row, column = cell[0] % down - self._border[0], cell[1] % right - self._border[1]
        inside = channel < len(self._maps) and 0 <= row < height and 0 <= column < width
        return (channel, row, column) if inside else None

    def _pitch(self) -> tuple[int, int]:
        """Pixels of the montage from one map to the next, down and to the right."""
        height, width = self.map_shape()
        return height + 2 * self._border[0] + 1, width + 2 * self._border[1] + 1

    def index_of(self, cell: Cell) -> tuple[int, ...] | None:
        """Where in the tensor a pixel's number stands; None outside, as behind a last row."""
        place, shape = self.place_of(cell), self.tensor_shape
        if place is None or not shape:
            return None
        flat = int(np.ravel_multi_index(place, self._maps.shape))
        inside = flat < math.prod(shape)
        return tuple(int(i) for i in np.unravel_index(flat, shape)) if inside else None

    def describe(self, cell: Cell) -> str:
        place = self.place_of(cell)
        if place is None:
            return ""
        value = format_number(float(self._maps[place]))
        if self.tensor_shape:
            index = self.index_of(cell)
            return f"[{', '.join(map(str, index))}] = {value}" if index else ""
        return self.tr("map {0}, row {1}, column {2}: {3}").format(*place, value)

    def mark(self, cell: Cell | None) -> None:
        """Mark a pixel; gaps are passed over."""
        super().mark(cell if cell is not None and self.place_of(cell) is not None else None)

    def beside(self, cell: Cell, down: int, right: int) -> Cell:
        """The next pixel of a map, across the gap to the next map; stays where there is none."""
        for step in range(1, 2 + 2 * max(self._border) + 1):
            found = super().beside(cell, step * down, step * right)
            if self.place_of(found) is not None:
                return found
        return cell

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            p = palette.current()
            painter.fillRect(self.rect(), p.color("panel"))
            if not len(self._maps):
                painter.setPen(p.color("muted"))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, self._empty)
                return
            if self._image is None:
                self._image = tiles.to_image(self._montage(), self._low, self._high, self._signed)
            painter.drawImage(self.grid_area(), self._image)
            tiles.paint_numbers(painter, self.grid_area(), self._image, self._montage())
            self._paint_frames(painter)
            self.paint_mark(painter)

    def _paint_frames(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if any(self._border):  # the padding, dotted around every map
            height, width = self.map_shape()
            down, right = self._border
            painter.setPen(QPen(palette.current().color("muted"), 1.0, Qt.PenStyle.DotLine))
            self._paint_frame(painter, (-down, -right, height + down, width + right))
        if self._framed is not None:
            painter.setPen(QPen(palette.current().color("warning"), 1.5))
            self._paint_frame(painter, self._framed)

    def _paint_frame(self, painter: QPainter, frame: tuple[int, int, int, int]) -> None:
        """A rectangle into every map: top, left, bottom, right."""
        top, left, bottom, right = frame
        (rows, columns), area, pitch = self.grid_size(), self.grid_area(), self._pitch()
        across = (columns + 1) // pitch[1]
        wide, high = area.width() / columns, area.height() / rows
        for i in range(len(self._maps)):
            x = area.left() + (i % across * pitch[1] + self._border[1] + left) * wide
            y = area.top() + (i // across * pitch[0] + self._border[0] + top) * high
            painter.drawRect(QRectF(x, y, (right - left) * wide, (bottom - top) * high))


def as_maps(array: np.ndarray) -> np.ndarray | None:
    """A tensor as maps (C, H, W), a vector in rows of ``COLUMNS``; None for a single number."""
    if array.size <= 1 or array.ndim > 3:
        return None
    if array.ndim == 1 and len(array) > COLUMNS:
        rows = -(-len(array) // COLUMNS)
        folded = np.full(rows * COLUMNS, np.nan, np.float32)
        folded[: len(array)] = array
        return folded.reshape(1, rows, COLUMNS)
    return array.reshape((1,) * (3 - array.ndim) + array.shape)
