"""Curves over steps: one `setData` per frame, thinned when they grow long."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.plots.tiles import format_number
from app.style import palette

MOST = 8_000
"""Points kept per curve; past that, neighbours are averaged."""


class _Series:
    """A growing array of points."""

    def __init__(self) -> None:
        self.x, self.y = np.zeros(0), np.zeros(0)

    def append(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y = np.concatenate([self.x, x]), np.concatenate([self.y, y])
        if len(self.x) > MOST:
            even = len(self.x) // 2 * 2
            self.x = self.x[:even].reshape(-1, 2).mean(1)
            self.y = self.y[:even].reshape(-1, 2).mean(1)


class CurvePlot(QWidget):
    """Named curves with a legend that shows the last value.

    Args:
        names: key -> what the legend says.
        raw: keys that are also drawn faintly without smoothing.
        marks: keys whose points are marked.
        legend: "top" or "bottom": the corner that the curves leave free.
    """

    def __init__(
        self,
        title: str,
        names: dict[str, str],
        raw: tuple[str, ...] = (),
        marks: tuple[str, ...] = (),
        legend: str = "top",
    ) -> None:
        super().__init__()
        self._names, self._raw, self._marks = names, raw, marks
        self._series = {key: _Series() for key in names}
        self.smoothing = 0.9
        self.plot = pg.PlotWidget()
        self.plot.setMenuEnabled(False)
        self.setMinimumWidth(190)
        self.plot.hideButtons()
        self.plot.setTitle(title)
        self.plot.setAccessibleName(title)
        self._title = title
        corner = (-8, 8) if legend == "top" else (-8, -8)
        self.legend = self.plot.addLegend(offset=corner, labelTextSize="9pt")
        self._curves: dict[str, pg.PlotDataItem] = {}
        self._faint: dict[str, pg.PlotDataItem] = {}
        for key, name in names.items():
            if key in raw:
                self._faint[key] = self.plot.plot()
            self._curves[key] = self.plot.plot(name=name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.plot)
        palette.notifier.changed.connect(self.restyle)
        self.restyle()

    def append(self, key: str, x: np.ndarray, y: np.ndarray) -> None:
        """Add points to a curve; ``redraw`` shows them."""
        self._series[key].append(np.asarray(x, float), np.asarray(y, float))

    def clear(self) -> None:
        """Forget every point."""
        for key in self._series:
            self._series[key] = _Series()
        self.redraw()

    def points(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """What a curve holds."""
        return self._series[key].x, self._series[key].y

    def redraw(self) -> None:
        """Show what was added."""
        for key, curve in self._curves.items():
            series = self._series[key]
            y = smooth(series.y, self.smoothing) if key in self._raw else series.y
            curve.setData(series.x, y)
            if key in self._faint:
                self._faint[key].setData(series.x, series.y)
            last = f"  {format_number(float(y[-1]))}" if len(y) else ""
            label = self.legend.getLabel(curve)
            if label is not None:
                label.setText(self._names[key] + last)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self.plot.setBackground(p.panel)
        self.plot.setTitle(self._title, color=p.muted, size="9pt")
        self.plot.showGrid(x=False, y=True, alpha=0.12)
        for side in ("left", "bottom"):
            axis = self.plot.getAxis(side)
            axis.setPen(p.line)
            axis.setTextPen(p.muted)
        self.legend.setLabelTextColor(p.text)
        for i, (key, curve) in enumerate(self._curves.items()):
            color = p.series[i % len(p.series)]
            curve.setPen(pg.mkPen(color, width=1))
            if key in self._marks:
                curve.setSymbol("o")
                curve.setSymbolSize(5)
                curve.setSymbolBrush(color)
                curve.setSymbolPen(None)
            if key in self._faint:
                faint = pg.mkColor(color)
                faint.setAlpha(70)
                self._faint[key].setPen(pg.mkPen(faint, width=1, style=Qt.PenStyle.SolidLine))
        self.redraw()


def smooth(y: np.ndarray, share: float) -> np.ndarray:
    """Exponential moving average with the start's bias taken out (Kingma & Ba, 2015, §3).

    Args:
        share: how much of the old value stays at each point, 0 to under 1.
    """
    if not share or len(y) < 2:
        return y
    out, held, weight = np.empty_like(y), 0.0, 0.0
    for i, value in enumerate(y.tolist()):
        if np.isfinite(value):
            held = share * held + (1 - share) * value
            weight = share * weight + (1 - share)
        out[i] = held / weight if weight else value
    return out
