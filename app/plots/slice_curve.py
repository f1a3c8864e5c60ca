"""The loss along one direction through the weights, with a dot that one can drag along it."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Signal
from PySide6.QtWidgets import QWidget

from app.plots import items, numbers
from app.plots.area import PlotArea
from app.plots.contour import DOT
from app.plots.log_scale import loggable
from app.style import palette
from app.widgets.layouts import in_column
from app.widgets.numbers import format_number


class SliceCurve(QWidget):
    """Loss over the coordinate of a line.

    Signals:
        dot_dragged, dot_released: (coordinate, 0) under the dot.
    """

    dot_dragged = Signal(float, float)
    dot_released = Signal(float, float)

    def __init__(self) -> None:
        super().__init__()
        self.plot = PlotArea(self.tr("Loss along a line"))
        self._curve = self.plot.plot()
        self._path = items.Dots(size=5, pen=None)
        self.dot = pg.TargetItem(movable=True, size=14, symbol="o")
        self.plot.addItem(self._path, ignoreBounds=True)
        self.plot.addItem(self.dot, ignoreBounds=True)
        self.dot.hide()
        self.dot.sigPositionChanged.connect(self._on_dot)
        self.dot.sigPositionChangeFinished.connect(self._on_released)
        self.log = True
        self._a, self._values, self._drawn = np.empty(0), np.empty(0), np.empty(0)
        self._in_log = False
        self._moving = False
        in_column(self.plot, on=self, margins=0)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.styled.connect(self.restyle)
        self.restyle()

    def set_curve(self, a: np.ndarray, values: np.ndarray) -> None:
        """Show losses ``values`` at the coordinates ``a``; what is not finite leaves a gap."""
        self._a, self._values = numbers.filled(a), numbers.bounded(values)
        self._draw()

    def set_log(self, on: bool) -> None:
        """A logarithmic axis for the loss."""
        self.log = on
        self._draw()

    def set_path(self, points: np.ndarray) -> None:
        """Mark where the run was, as far as it is beside the line: shape (k, 2)."""
        along = points[np.isfinite(points[:, 0]), 0].tolist() if len(points) else []
        places = [(a, self._height(a)) for a in along]
        self._path.setData([p[0] for p in places], [p[1] for p in places])

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are."""
        self._moving = True
        a = float(numbers.filled(a))
        self.dot.setPos(QPointF(a, self._height(a)))
        self._moving = False
        self.dot.setVisible(len(self._a) > 0)

    def set_label(self, text: str) -> None:
        """Name the line."""
        self.plot.label_axes(text, self.tr("loss"))

    def value_at(self, a: float) -> float | None:
        """Loss between the two nearest points of the line, None beyond its ends."""
        if not len(self._a) or not self._a[0] <= a <= self._a[-1]:
            return None
        return float(np.interp(a, self._a, self._values))

    def _height(self, a: float) -> float:
        """Where a place of the line is drawn: on the curve, at its end beyond it."""
        if not len(self._a):
            return 0.0
        value = float(np.interp(a, self._a, self._drawn))
        height = float(np.log10(value)) if self._in_log else value
        return height if np.isfinite(height) else 0.0

    def _draw(self) -> None:
        if not len(self._a):
            return
        positive = loggable(self._values) if self.log else None
        self._in_log = positive is not None
        self._drawn = self._values if positive is None else positive
        self.plot.setLogMode(y=self._in_log)
        self._curve.setData(self._a, self._drawn, connect="finite")
        if not self.plot.moved:
            self.plot.setXRange(*numbers.ends(self._a), padding=0.02)
        self.set_current(self.dot.pos().x(), 0.0)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        self._curve.setPen(pg.mkPen(palette.current().accent, width=2))
        self._path.setBrush(pg.mkBrush(palette.current().muted))
        self.dot.setPen(pg.mkPen("#ffffff", width=2))
        self.dot.setBrush(pg.mkBrush(DOT))
        self.dot.setHoverPen("#ffffff", width=3)
        self.dot.setHoverBrush(DOT)

    def _on_pointed(self, a: float, _y: float) -> None:
        value = self.value_at(a)
        if value is None:
            self.plot.readout.hide()
            return
        text = self.tr("loss {0}\nat {1}").format(format_number(value), format_number(a, 3))
        self.plot.readout.show_at(self.plot.to_pixels(a, self._height(a)), text)

    def _on_dot(self) -> None:
        if not self._moving:
            a = self.dot.pos().x()
            self.set_current(a, 0.0)
            self.dot_dragged.emit(a, 0.0)

    def _on_released(self) -> None:
        self.dot_released.emit(self.dot.pos().x(), 0.0)
