"""Points over two axes with a line through them: answers against the truth, a curve over data."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.plots import items, numbers
from app.plots.area import PlotArea
from app.style import palette
from app.widgets.layouts import in_column
from app.widgets.numbers import plain_number

_SIZE = 6


class ScatterPlot(QWidget):
    """Dots and rings, and a curve or a line that says where they should lie.

    Attributes:
        points, rings, line, reference: what is shown, each of shape (n, 2).
    """

    def __init__(self, name: str, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._axes = ("x", "y")
        self._dashed = False
        none = np.zeros((0, 2))
        self.points, self.rings, self.line, self.reference = none, none, none, none
        self.plot = PlotArea(name)
        self._dots, self._rings = items.Line([], []), items.Line([], [])
        self._curve, self._beside = items.Line([], []), items.Line([], [])
        for item in (self._dots, self._rings, self._curve, self._beside):
            self.plot.addItem(item)
        in_column(self.plot, on=self, margins=0)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.styled.connect(self.restyle)
        self.clear()

    def set_data(
        self, points: np.ndarray, rings: np.ndarray, line: np.ndarray, dashed: bool = False
    ) -> None:
        """Show dots, rings and a line, each of shape (n, 2)."""
        self.points, self.rings, self.line = (
            numbers.bounded(part).reshape(-1, 2) for part in (points, rings, line)
        )
        self._dashed = dashed
        self.restyle()
        self.plot.show_empty("")

    def set_reference(self, line: np.ndarray) -> None:
        """Draw a dim line to compare with, shape (n, 2)."""
        self.reference = numbers.bounded(line).reshape(-1, 2)
        self.restyle()

    def label(self, x: str, y: str) -> None:
        """Name the axes."""
        self._axes = (x, y)
        self.plot.label_axes(x, y)

    def clear(self) -> None:
        """Show nothing."""
        none = np.zeros((0, 2))
        self.points, self.rings, self.line = none, none, none
        self.restyle()
        self.plot.show_empty(self._empty)

    def restyle(self) -> None:
        """Take on the theme's colours, and draw."""
        p = palette.current()
        dot, ring, line = p.series[0], p.series[1 % len(p.series)], p.text
        common = {"pen": None, "symbol": "o", "symbolSize": _SIZE}
        self._dots.setData(*self.points.T, **common, symbolPen=pg.mkPen(p.window),
                           symbolBrush=pg.mkBrush(dot))  # fmt: skip
        self._rings.setData(*self.rings.T, **common, symbolPen=pg.mkPen(ring, width=1.6),
                            symbolBrush=None)  # fmt: skip
        style = Qt.PenStyle.DashLine if self._dashed else Qt.PenStyle.SolidLine
        self._curve.setData(*self.line.T, pen=pg.mkPen(line, width=2, style=style))
        dim = pg.mkPen(p.muted, style=Qt.PenStyle.DashLine)
        self._beside.setData(*self.reference.T, pen=dim)
        self.plot.label_axes(*self._axes)

    def _on_pointed(self, x: float, y: float) -> None:
        if not any(map(len, (self.points, self.rings, self.line))):
            return
        name_x, name_y = self._axes
        self.plot.readout.show_at(
            self.plot.to_pixels(x, y),
            f"{name_x} {plain_number(x)}\n{name_y} {plain_number(y)}",
        )
