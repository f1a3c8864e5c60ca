"""Is a net right as often as it says it is? The share that is right over the confidence."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.plots import items, numbers
from app.plots.area import PlotArea
from app.style import palette
from app.widgets.layouts import in_column


class ReliabilityPlot(QWidget):
    """A bar for each part of the confidence; the gap to the diagonal is what is wrong with it.

    Source: the reliability diagrams of Guo et al., ICML 2017, figure 1.
    """

    def __init__(self, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._bins = np.zeros((0, 3))
        self.plot = PlotArea(self.tr("Reliability diagram"))
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.02)
        self._ideal = items.Line([0, 1], [0, 1])
        self._right = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        self._gap = pg.BarGraphItem(x0=[], x1=[], y0=[], y1=[])
        for item in (self._right, self._gap, self._ideal):
            self.plot.addItem(item)
        in_column(self.plot, on=self, margins=0)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.styled.connect(self.restyle)
        self.restyle()
        self.clear()

    @property
    def bins(self) -> np.ndarray:
        """What is shown, shape (bins, 3): answers, their mean confidence, the share right."""
        return self._bins

    def set_bins(self, bins: np.ndarray) -> None:
        """Show answers, mean confidence and share right of each part, shape (bins, 3)."""
        self._bins = bins = numbers.filled(bins)
        edges = np.linspace(0, 1, len(bins) + 1)
        held = bins[:, 0] > 0
        left, right = edges[:-1][held], edges[1:][held]
        sure, share = bins[held, 1], bins[held, 2]
        self._right.setOpts(x0=left, x1=right, y0=np.zeros(len(share)), y1=share)
        self._gap.setOpts(x0=left, x1=right, y0=np.minimum(sure, share),
                          y1=np.maximum(sure, share))  # fmt: skip
        self._show(bool(held.any()))

    def clear(self) -> None:
        """Show nothing."""
        self._bins = np.zeros((0, 3))
        self._show(False)

    def _show(self, something: bool) -> None:
        for item in (self._right, self._gap, self._ideal):
            item.setVisible(something)
        self.plot.show_empty("" if something else self._empty)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self.plot.label_axes(self.tr("confidence"), self.tr("share right"))
        self._right.setOpts(brush=p.color("accent", 150), pen=pg.mkPen(p.panel))
        self._gap.setOpts(brush=p.color("warning", 110), pen=pg.mkPen(p.color("warning")))
        self._ideal.setPen(pg.mkPen(p.muted, style=Qt.PenStyle.DashLine))

    def describe(self, confidence: float) -> str:
        """The part that a confidence lies in; empty where there are no answers."""
        if not len(self._bins) or not 0 <= confidence <= 1:
            return ""
        i = min(int(confidence * len(self._bins)), len(self._bins) - 1)
        count, sure, share = self._bins[i]
        if not count:
            return ""
        return self.tr("{0:,} answers, {1:.1%} sure on average\n{2:.1%} of them right").format(
            int(count), float(sure), float(share)
        )

    def _on_pointed(self, x: float, y: float) -> None:
        text = self.describe(x)
        if text:
            self.plot.readout.show_at(self.plot.to_pixels(x, y), text)
        else:
            self.plot.readout.hide()
