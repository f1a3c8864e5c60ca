"""A surface from above: colours, lines of equal height, a path, and a dot one can drag."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.plots.tiles import format_number
from app.style import palette

LEVELS, LINE_POINTS = 9, 33
"""Lines of equal height, and the grid they are traced on: tracing 121 x 121 takes 20 ms each."""
SMOOTH = 121
"""Pixels per side that a coarse grid is drawn with; between grid points it is interpolated."""


class ContourPlot(QWidget):
    """Loss on a plane.

    Signals:
        dot_dragged, dot_released: coordinates (a, b) under the dot.
    """

    dot_dragged = Signal(float, float)
    dot_released = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.plot.hideButtons()
        self.plot.setAccessibleName(self.tr("Loss landscape"))
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self._lines = [pg.IsocurveItem() for _ in range(LEVELS)]
        for line in self._lines:
            line.setParentItem(self.image)
            line.setZValue(2)
        self._path = self.plot.plot()
        self._start = pg.ScatterPlotItem(symbol="s", size=9)
        self.dot = pg.TargetItem(movable=True, size=14, symbol="o")
        self.plot.addItem(self._start)
        self.plot.addItem(self.dot)
        self.dot.sigPositionChanged.connect(self._on_dot)
        self.dot.sigPositionChangeFinished.connect(self._on_dot_released)
        self.stamp = QLabel(self.tr("Press Play: the surface around the weights appears here."))
        self.stamp.setObjectName("muted")
        self.stamp.setWordWrap(True)
        self.log = True
        self._values: np.ndarray | None = None
        self._area = QRectF()
        self._moving = False
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.plot, 1)
        column.addWidget(self.stamp)
        palette.notifier.changed.connect(self.restyle)
        self.dot.hide()
        self.restyle()

    @property
    def has_surface(self) -> bool:
        """Whether there is anything to see."""
        return self._values is not None

    def set_surface(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Show loss ``values`` (rows along b, columns along a)."""
        self._values = np.asarray(values, float)
        self._area = QRectF(a[0], b[0], a[-1] - a[0], b[-1] - b[0])
        self._draw()

    def clear(self) -> None:
        """Nothing to see."""
        self._values = None
        self.image.clear()
        for line in self._lines:
            line.setData(None)
        self._path.setData([], [])
        self._start.setData([], [])
        self.dot.hide()

    def _draw(self) -> None:
        if self._values is None:
            return
        coarse = self._heights(self._values)
        heights = interpolated(coarse, SMOOTH)
        self.image.setImage(heights, levels=(float(heights.min()), float(heights.max()) or 1.0))
        self.image.setLookupTable(palette.lut("sequential"))
        self.image.setRect(self._area)
        low, high = float(heights.min()), float(np.percentile(heights, 97))
        p = palette.current()
        lines = interpolated(coarse, LINE_POINTS)
        stretch = QTransform.fromScale(SMOOTH / LINE_POINTS, SMOOTH / LINE_POINTS)
        for i, line in enumerate(self._lines):
            line.setTransform(stretch)
            line.setData(lines.T, level=low + (high - low) * (i + 0.6) / LEVELS)
            line.setPen(pg.mkPen(p.color("window", 150), width=1))
        self.plot.setRange(self._area, padding=0.0)

    def _heights(self, values: np.ndarray) -> np.ndarray:
        """Values as they are coloured: logarithms, and no outlier flattens the rest."""
        top = float(np.percentile(values, 95))
        clipped: np.ndarray = np.minimum(values, top * 1.5 + 1e-12)
        if self.log and clipped.min() > 0:
            clipped = np.log10(clipped)
        return clipped

    def set_path(self, points: np.ndarray) -> None:
        """Show the run so far, shape (k, 2)."""
        if len(points):
            self._path.setData(points[:, 0], points[:, 1])
            self._start.setData([points[0, 0]], [points[0, 1]])

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are."""
        self._moving = True
        self.dot.setPos(QPointF(a, b))
        self._moving = False
        self.dot.show()

    def set_labels(self, x: str, y: str) -> None:
        """Name the axes."""
        color = palette.current().muted
        self.plot.setLabel("bottom", x, color=color, size="8pt")
        self.plot.setLabel("left", y, color=color, size="8pt")

    def set_stamp(self, text: str, stale: bool) -> None:
        """Say of which step the surface is; a stale one is dimmed."""
        self.stamp.setText(text)
        self.image.setOpacity(0.55 if stale else 1.0)

    def value_range(self) -> str:
        """Lowest and highest loss that is shown."""
        if self._values is None:
            return ""
        low, high = float(self._values.min()), float(self._values.max())
        return f"{format_number(low)} … {format_number(high)}"

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self.plot.setBackground(p.panel)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(p.line)
            axis.setTextPen(p.muted)
        self._path.setPen(pg.mkPen("#ff5d73", width=2))
        self._path.curve.setSegmentedLineMode("on")
        self._start.setBrush(pg.mkBrush("#ffffff"))
        self._start.setPen(pg.mkPen("#20242b"))
        self.dot.setPen(pg.mkPen("#ffffff", width=2))
        self.dot.setBrush(pg.mkBrush("#ff5d73"))
        self.dot.setCursor(Qt.CursorShape.SizeAllCursor)
        self._draw()

    def _on_dot(self) -> None:
        if not self._moving:
            place = self.dot.pos()
            self.dot_dragged.emit(place.x(), place.y())

    def _on_dot_released(self) -> None:
        place = self.dot.pos()
        self.dot_released.emit(place.x(), place.y())


def interpolated(grid: np.ndarray, points: int) -> np.ndarray:
    """The grid with so many points per side, linear between its own."""
    rows, columns = (np.linspace(0, n - 1, points) for n in grid.shape)
    across = np.stack([np.interp(columns, np.arange(grid.shape[1]), row) for row in grid])
    down = [np.interp(rows, np.arange(grid.shape[0]), column) for column in across.T]
    return np.stack(down, 1)
