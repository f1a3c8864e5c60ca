"""A surface from above: colours, lines of equal height, a path, and a dot one can drag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.plots import isolines, items, numbers
from app.plots.area import PlotArea
from app.plots.log_scale import loggable
from app.style import fonts, palette
from app.widgets.numbers import format_number

LEVELS, LINE_POINTS = 9, 61
"""Lines of equal height, about, and the grid they are traced on."""
SMOOTH = 121
"""Pixels per side that a coarse grid is drawn with; between grid points it is interpolated."""
DOT, INK = "#ff5d73", "#20242b"


class ContourPlot(QWidget):
    """Loss on a plane.

    Signals:
        dot_dragged, dot_released: coordinates (a, b) under the dot.
    """

    dot_dragged = Signal(float, float)
    dot_released = Signal(float, float)

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self.plot = PlotArea(self.tr("Loss landscape"))
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self._lines = items.Curve(connect="pairs")
        self._labels = [pg.TextItem(anchor=(0.5, 0.5)) for _ in range(2 * LEVELS)]
        self._path = self.plot.plot()
        self._start = items.Dots(symbol="s", size=9)
        self._lowest = items.Dots(symbol="+", size=15)
        self._others: list[tuple[items.Curve, items.Dots]] = []
        self.dot = pg.TargetItem(movable=True, size=14, symbol="o")
        self._veil = pg.QtWidgets.QGraphicsRectItem()
        for item in (self._lines, self._veil, *self._labels, self._start, self._lowest, self.dot):
            self.plot.addItem(item, ignoreBounds=True)
        for label in self._labels:
            label.setFont(fonts.figure_font(7.5))
        self.dot.sigPositionChanged.connect(self._on_dot)
        self.dot.sigPositionChangeFinished.connect(self._on_dot_released)
        self.dot.setCursor(Qt.CursorShape.SizeAllCursor)
        self._empty = empty or self.tr("The loss around the weights appears here.")
        self.stamp = QLabel()
        self.stamp.setObjectName("muted")
        self.stamp.setWordWrap(True)
        self.stamp.setContentsMargins(8, 0, 8, 4)
        self.log, self._in_log = True, False
        self._values: np.ndarray | None = None
        self._area = QRectF()
        self._moving = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot, 1)
        column.addWidget(self.stamp)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.styled.connect(self.restyle)
        self.clear()
        self.restyle()

    # -- what is shown ------------------------------------------------------------------------

    @property
    def has_surface(self) -> bool:
        """Whether there is anything to see."""
        return self._values is not None

    def set_surface(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Show loss ``values`` (rows along b, columns along a); NaN and infinity leave holes."""
        self._values = numbers.bounded(values)
        (left, right), (low, high) = numbers.ends(a), numbers.ends(b)
        self._area = QRectF(left, low, right - left, high - low)
        self.plot.show_empty("")
        self._draw()

    def clear(self) -> None:
        """Nothing to see."""
        self._values = None
        self.image.clear()
        self._lines.setData([], [])
        self._path.setData([], [])
        self._start.setData([], [])
        self._lowest.setData([], [])
        self.set_others({})
        for item in (self.dot, self._veil, *self._labels):
            item.hide()
        self.plot.show_empty(self._empty)

    def set_log(self, on: bool) -> None:
        """Colours and lines by the logarithm of the loss."""
        self.log = on
        self._draw()

    def set_path(self, points: np.ndarray) -> None:
        """Show the run so far, shape (k, 2)."""
        if len(points):
            self._path.setData(points[:, 0], points[:, 1])
            self._start.setData([points[0, 0]], [points[0, 1]])

    def set_others(self, paths: Mapping[str, np.ndarray]) -> None:
        """Further runs by name, shape (k, 2) each: a line in the colour of its place, and its end.

        The first one's beginning is marked: they all have the same.
        """
        while len(self._others) > len(paths):
            for item in self._others.pop():
                self.plot.removeItem(item)
        while len(self._others) < len(paths):
            pair = items.Curve(), items.Dots(size=9)
            for item in pair:
                self.plot.addItem(item, ignoreBounds=True)
            self._others.append(pair)
        for i, ((line, end), points) in enumerate(zip(self._others, paths.values(), strict=True)):
            color, style = series_pen(i)
            line.setData(points[:, 0], points[:, 1])
            line.setPen(pg.mkPen(color, width=2.5, style=style))
            end.setData(points[-1:, 0], points[-1:, 1])
            end.setBrush(pg.mkBrush(color))
            end.setPen(pg.mkPen("#ffffff", width=1))
        for points in list(paths.values())[:1]:
            self._start.setData(points[:1, 0], points[:1, 1])

    def set_lowest(self, place: tuple[float, float] | None) -> None:
        """Mark where the loss is smallest, if that is known."""
        self._lowest.setData(*([[c] for c in place] if place else ([], [])))

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are."""
        self._moving = True
        self.dot.setPos(QPointF(*numbers.filled((a, b)).tolist()))
        self._moving = False
        self.dot.show()
        if self.has_surface:
            self._show_area()

    def set_labels(self, x: str, y: str) -> None:
        """Name the axes."""
        self.plot.label_axes(x, y)

    def set_stamp(self, text: str, stale: bool) -> None:
        """Say of which step the surface is; a stale one is dimmed and hatched."""
        self.stamp.setText(text)
        self.image.setOpacity(0.6 if stale else 1.0)
        self._veil.setVisible(stale and self.has_surface)

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self._values is None or not np.isfinite(self._values).any():
            return
        positive = loggable(self._values) if self.log else None
        self._in_log = positive is not None
        coarse = self._heights(self._values if positive is None else positive)
        heights = interpolated(coarse, SMOOTH)
        low, high = float(np.nanmin(heights)), float(np.nanmax(heights))
        self.image.setImage(heights, levels=(low, high if high > low else low + 1.0))
        self.image.setLookupTable(palette.lut("sequential"))
        self.image.setRect(self._area)
        self._veil.setRect(self._area)
        self._draw_lines(interpolated(coarse, LINE_POINTS))
        self._show_area()

    def _show_area(self) -> None:
        """Let the whole surface be seen, and the dot where it has left it."""
        at, area = self.dot.pos(), self._area
        if self.dot.isVisible() and area.isValid() and not area.contains(at.x(), at.y()):
            pad_a, pad_b = 0.04 * area.width(), 0.04 * area.height()
            around = QRectF(at.x() - pad_a, at.y() - pad_b, 2 * pad_a, 2 * pad_b)
            area = area.united(around)
        self.plot.show_area(area)

    def _draw_lines(self, heights: np.ndarray) -> None:
        low, high = float(np.nanmin(heights)), float(np.nanpercentile(heights, 97))
        if self._in_log:
            values = isolines.nice_powers(10**low, 10**high, LEVELS)
        else:
            values = isolines.nice_levels(low, high, LEVELS)
        values = values[: len(self._labels)]
        levels = np.log10(values) if self._in_log else values
        lines = [isolines.segments(heights, level) for level in levels]
        pieces = np.concatenate(lines) if lines else np.empty((0, 2, 2))
        ends = self._to_plane(pieces.reshape(-1, 2))
        self._lines.setData(ends[:, 0], ends[:, 1])
        places = isolines.label_places(lines, (LINE_POINTS, LINE_POINTS))
        for label in self._labels:
            label.hide()
        for label, text, place in zip(
            self._labels, _distinct(values.tolist()), places, strict=False
        ):
            if place is not None:
                label.setText(text, color=QColor("#ffffff"))
                label.setPos(*self._to_plane(place))
                label.show()

    def _to_plane(self, places: np.ndarray) -> np.ndarray:
        """(column, row) on the traced grid -> (a, b)."""
        area, last = self._area, LINE_POINTS - 1
        size = np.array([area.width(), area.height()])
        corner = np.array([area.left(), area.top()])
        plane: np.ndarray = corner + places / last * size
        return plane

    def _heights(self, values: np.ndarray) -> np.ndarray:
        """Values as they are coloured: logarithms, and no outlier flattens the rest."""
        finite = values[np.isfinite(values)]
        top = float(np.percentile(finite, 95))
        spread = top - float(finite.min())
        clipped: np.ndarray = np.minimum(values, top + 0.5 * spread)
        clipped[~np.isfinite(values)] = np.nan
        return np.log10(clipped) if self._in_log else clipped

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self._lines.setPen(pg.mkPen(255, 255, 255, 90, width=1))
        for label in self._labels:
            label.fill = QBrush(QColor(10, 14, 30, 130))
        self._path.setPen(pg.mkPen(DOT, width=2))
        self._path.curve.setSegmentedLineMode("on")
        self._start.setBrush(pg.mkBrush("#ffffff"))
        self._start.setPen(pg.mkPen(INK))
        self._lowest.setPen(pg.mkPen("#ffffff", width=2))
        self.dot.setPen(pg.mkPen("#ffffff", width=2))
        self.dot.setBrush(pg.mkBrush(DOT))
        self.dot.setHoverPen("#ffffff", width=3)
        self.dot.setHoverBrush(DOT)
        self._veil.setPen(pg.mkPen(None))
        self._veil.setBrush(QBrush(p.color("panel", 150), Qt.BrushStyle.BDiagPattern))
        self._draw()

    # -- the pointer --------------------------------------------------------------------------

    def value_at(self, a: float, b: float) -> float | None:
        """Loss at a place of the plane, linear between the four grid points around it.

        None outside, NaN beside a point that is not known.
        """
        if self._values is None or not self._area.contains(a, b):
            return None
        rows, columns = self._values.shape
        x = (a - self._area.left()) / self._area.width() * (columns - 1)
        y = (b - self._area.top()) / self._area.height() * (rows - 1)
        i, j = min(int(y), max(0, rows - 2)), min(int(x), max(0, columns - 2))
        cell = self._values[i : i + 2, j : j + 2].astype(float)
        down = np.array([1 - (y - i), y - i])[: len(cell)]
        right = np.array([1 - (x - j), x - j])[: cell.shape[1]]
        return float(down @ cell @ right)

    def _on_pointed(self, a: float, b: float) -> None:
        value = self.value_at(a, b)
        if value is None:
            self.plot.readout.hide()
            return
        text = self.tr("loss about {0}\nat {1}, {2}").format(
            format_number(value), format_number(a, 3), format_number(b, 3)
        )
        self.plot.readout.show_at(self.plot.to_pixels(a, b), text)

    def _on_dot(self) -> None:
        if not self._moving:
            place = self.dot.pos()
            self.dot_dragged.emit(place.x(), place.y())

    def _on_dot_released(self) -> None:
        place = self.dot.pos()
        self.dot_released.emit(place.x(), place.y())


def series_pen(i: int) -> tuple[str, Qt.PenStyle]:
    """Colour and style of the i-th run on a surface, whose colours are dark in every theme."""
    colors = palette.DARK.series
    again = i >= len(colors)
    return colors[i % len(colors)], Qt.PenStyle.DashLine if again else Qt.PenStyle.SolidLine


def interpolated(grid: np.ndarray, points: int) -> np.ndarray:
    """Return the grid with ``points`` points per side, by linear interpolation."""
    weights = [_weights(n, points) for n in grid.shape]
    fine: np.ndarray = weights[0] @ grid @ weights[1].T
    if np.isnan(fine).any():  # a product spreads one hole over whole rows
        holes = weights[0] @ np.isnan(grid) @ weights[1].T > 0
        fine = weights[0] @ np.nan_to_num(grid) @ weights[1].T
        fine[holes] = np.nan
    return fine


def _weights(given: int, wanted: int) -> np.ndarray:
    """How much each given point counts for each wanted one, shape (wanted, given)."""
    places = np.linspace(0, given - 1, wanted)
    distances = np.abs(places[:, None] - np.arange(given)[None])
    weights: np.ndarray = np.clip(1 - distances, 0, None)
    return weights


def _distinct(values: Sequence[float]) -> list[str]:
    """Numbers of three digits, or of as many as tell them apart."""
    for digits in range(3, 8):
        texts = [format_number(value, digits) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts
