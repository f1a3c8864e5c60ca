"""An activation function, its derivative, and what goes into it just now."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtWidgets import QWidget

from app.plots import items, numbers
from app.plots.area import PlotArea
from app.plots.legend import Legend
from app.style import palette
from app.widgets.layouts import in_column


class ActivationCurve(QWidget):
    """f and f′ as curves over the histogram of the numbers that go in."""

    def __init__(self) -> None:
        super().__init__()
        self.legend = Legend(self.tr("The function, and what goes into it"))
        self.plot = PlotArea(self.tr("Activation function"))
        self._bars = items.Curve([0.0, 1.0], [0.0], stepMode="center", fillLevel=0)
        self.plot.addItem(self._bars, ignoreBounds=True)
        self._value, self._slope = self.plot.plot(), self.plot.plot()
        self._flat = 0.0
        self.setMinimumWidth(200)
        in_column(self.legend, (self.plot, 1), on=self, margins=0, spacing=0)
        self.plot.styled.connect(self._restyle)
        self.plot.show_empty("")
        self._restyle()

    def set_curve(
        self, x: np.ndarray, y: np.ndarray, slope: np.ndarray, edges: np.ndarray,
        counts: np.ndarray, flat: float,
    ) -> None:  # fmt: skip
        """Show a function, its derivative and a histogram of its inputs.

        Args:
            flat: share of the inputs at which next to nothing is handed back.
        """
        if not len(x):
            return
        heights = np.concatenate([numbers.filled(y), numbers.filled(slope)])
        top, low = max(float(heights.max()), 1.0), min(float(heights.min()), 0.0)
        self._value.setData(x, y)
        self._slope.setData(x, slope)
        counts = numbers.filled(counts)
        self._bars.setData(edges, counts / max(1, counts.max()) * top * 0.9)
        self.plot.setRange(xRange=numbers.ends(x), yRange=(low, top), padding=0.04)
        self._flat = flat
        self._restyle()

    def _restyle(self) -> None:
        p = palette.current()
        self._bars.setPen(pg.mkPen(None))
        self._bars.setBrush(pg.mkBrush(p.color("muted", 90)))
        self._value.setPen(pg.mkPen(p.series[0], width=2))
        self._slope.setPen(pg.mkPen(p.series[1], width=2))
        self.legend.set_entries(
            [
                ("f", pg.mkColor(p.series[0]), ""),
                ("f′", pg.mkColor(p.series[1]), ""),
                (self.tr("inputs, flat"), pg.mkColor(p.muted), f"{self._flat:.0%}"),
            ]
        )
