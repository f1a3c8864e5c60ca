"""Curves over steps: one `setData` per frame, thinned when they grow long."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.plots import items
from app.plots.area import PlotArea, Room
from app.plots.legend import Legend
from app.plots.series import SMOOTHING, Series
from app.style import palette
from app.widgets.numbers import format_number

FEWEST = 50
"""Points behind a curve, below which a line through them would be read as another curve."""
DIGITS, EXACT = 4, 7
"""Significant digits of a value in the legend, and those that the gap of two such values needs."""


class CurvePlot(QWidget):
    """Named curves over steps; a line above shows their last values, the pointer any other.

    Args:
        names: key -> what the legend says; ``append`` adds keys that are not among them.
        raw: keys that are smoothed, and drawn faintly without smoothing behind.
        marks: keys whose points are marked; None is all.
        empty: the sentence that is shown while there is nothing to draw.
        gap: what lies between the curve of the first key and that of the first other one that
            has points is marked; the legend shows the difference of their two values.
            No name stands for it: of which two it is differs from run to run.
    """

    def __init__(
        self,
        title: str,
        names: dict[str, str] | None = None,
        raw: tuple[str, ...] = (),
        marks: tuple[str, ...] | None = (),
        empty: str = "",
        gap: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self._raw, self._marks, self._empty = raw, marks, empty
        self._gap = gap
        self._names: dict[str, str] = {}
        self._named = frozenset(names or ())
        self._measured: dict[str, float | None] = {}
        self._series: dict[str, Series] = {}
        self._outdated: set[str] = set()
        self._curves: dict[str, items.Line] = {}
        self._faint: dict[str, items.Line] = {}
        self._behind: dict[str, Series] = {}
        self.smoothing, self.log = SMOOTHING, False
        self.setMinimumWidth(150)
        self.legend = Legend(title)
        self.plot = PlotArea(title)
        self._line = pg.InfiniteLine(angle=90)
        self._dots = self.plot.plot(pen=None, symbol="o", symbolSize=7, symbolPen=None)
        self._playhead = pg.InfiniteLine(angle=90)
        self._playhead.hide()
        for line in (self._line, self._playhead):
            self.plot.addItem(line, ignoreBounds=True)
        self._lay_out()
        self._add_background()
        for key, name in (names or {}).items():
            self._add(key, name)
        self.plot.pointed.connect(self._on_pointed)
        self.plot.left.connect(self._on_left)
        self.plot.styled.connect(self.restyle)
        self._on_left()
        self.restyle()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.legend)
        column.addWidget(self.plot)

    def _add_background(self) -> None:
        """The area between two curves, behind everything, and room for points to come."""
        self._room = Room()
        self.plot.addItem(self._room)
        self._sides = items.Curve(), items.Curve()
        self._between = items.Between(*self._sides)
        self._between.setZValue(-2)
        self.plot.addItem(self._between, ignoreBounds=True)

    # -- points -------------------------------------------------------------------------------

    def append(self, key: str, x: np.ndarray, y: np.ndarray) -> None:
        """Add points to a curve; ``redraw`` shows them. One that is not a number is a gap."""
        self._of(key).append(x, y)
        self._measured.pop(key, None)
        if len(x):
            self._outdated.discard(key)

    def append_behind(self, key: str, x: np.ndarray, y: np.ndarray) -> None:
        """Add points that are drawn faintly behind a curve and are not in the legend."""
        if key not in self._behind:
            self._behind[key] = Series()
            self._add_faint(key)
            self._style_curve(key)
        self._behind[key].append(x, y)

    def outdate(self, key: str) -> None:
        """Say nothing of a curve's end until a point comes: it is of what the net was before."""
        self._outdated.add(key)
        self.show_legend()

    def set_empty(self, sentence: str) -> None:
        """Show this sentence while there is nothing to draw."""
        self._empty = sentence
        if self.plot.empty_text:
            self.plot.show_empty(sentence)

    def take(self, key: str, x: np.ndarray, y: np.ndarray, stride: int, smooth: np.ndarray) -> None:
        """Let a curve without points begin with these, see ``Series.take``."""
        self._of(key).take(x, y, stride, smooth)

    def part(self, key: str) -> None:
        """Smooth what comes of a curve without what was: it is of something else."""
        self._of(key).part()

    def _of(self, key: str) -> Series:
        if key not in self._series:
            self._add(key, key)
            self._style_curve(key)
        return self._series[key]

    def set_last(self, key: str, value: float) -> None:
        """Let the legend say this of the curve's end, such as a mean; ``redraw`` shows it."""
        self._series[key].last = value

    def clear(self) -> None:
        """Forget every point, every curve that ``append`` has added, and the place looked at."""
        self._playhead.hide()
        self._measured = {}
        self._outdated.clear()
        self._behind = {key: Series() for key in self._behind}
        for key in list(self._series):
            if key in self._named:
                self._series[key] = Series()
            else:
                self._remove(key)
        self._on_left()
        self.redraw()

    def forget(self) -> None:
        """Take every curve away."""
        for key in list(self._series):
            self._remove(key)

    def _remove(self, key: str) -> None:
        for curve in (self._curves[key], self._faint.get(key)):
            if curve is not None:
                self.plot.removeItem(curve)
        for table in (self._names, self._series, self._curves, self._faint, self._behind):
            table.pop(key, None)

    def points(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """What a curve holds."""
        held = self._series.get(key, Series())
        return held.x, held.y

    def _add(self, key: str, name: str) -> None:
        self._names[key], self._series[key] = name, Series()
        if key in self._raw:
            self._add_faint(key)
        self._curves[key] = self._new_curve()

    def _add_faint(self, key: str) -> None:
        self._faint[key] = self._new_curve()
        self._faint[key].setZValue(-1)

    def _new_curve(self) -> items.Line:
        curve = self.plot.plot()
        curve.setDownsampling(auto=True, method="peak")
        curve.setClipToView(True)
        curve.curve.setSegmentedLineMode("auto")
        return curve

    # -- how they are shown -------------------------------------------------------------------

    def set_log(self, on: bool) -> None:
        """A logarithmic axis for the values; those that are not positive are left out."""
        self.log = on
        self.plot.setLogMode(y=on)
        self.redraw()

    def redraw(self) -> None:
        """Show what was added."""
        for key, curve in self._curves.items():
            series = self._series[key]
            curve.setData(series.x, self._drawable(self._shown(key)))
            if key in self._faint:
                behind = self._behind.get(key, series)
                few = key in self._behind and len(behind) < FEWEST
                self._faint[key].setData([] if few else behind.x,
                                         [] if few else self._drawable(behind.y))  # fmt: skip
        self._mark_gap()
        self.show_legend()
        nothing = not any(map(len, (*self._series.values(), *self._behind.values())))
        self._room.hold(self._now or float(not nothing))  # step 0 alone: no steps below it
        if nothing != bool(self.plot.empty_text):
            self.plot.show_empty(self._empty if nothing else "")
            self.plot.showGrid(x=False, y=not nothing, alpha=0.25)

    def show_legend(self) -> None:
        """Show the last value of each curve, or its value at the playhead.

        Of tests that is the last before the playhead. A gap is that of two values of one step.
        """
        found = {key: self._value(key) for key in self._names}
        entries = [
            (name, pg.mkColor(self._color(key)), "" if (v := found[key]) is None else _text(v[1]))
            for key, name in self._names.items()
        ]
        first, second = (*self._compared(), None, None)[:2]
        own, beside = found.get(first or ""), found.get(second or "")
        if own is not None and beside is not None and own[0] == beside[0]:
            gap = _rounded(beside[1]) - _rounded(own[1])
            muted = palette.current().color("muted")
            name = f"{self._names[second or '']} − {self._names[first or '']}"
            entries.append((name, muted, format_number(gap, EXACT)))
        self.legend.set_entries(entries)

    def _value(self, key: str) -> tuple[float, float] | None:
        """Place and value of a curve's end or at the playhead; None where nothing is known."""
        series, at = self._series[key], self.playhead
        if not len(series):
            return None
        if key in self._measured:
            value = self._measured[key]
            return None if value is None else (self._now if at is None else at, value)
        if at is None and key in self._outdated:
            return None
        if at is None:
            value = float(self._shown(key)[-1]) if key in self._raw else series.last
            return _known(float(series.x[-1]), value)
        if at < series.x[0]:
            return None
        if self._marks is None or key in self._marks:
            place = int(np.searchsorted(series.x, at, "right")) - 1
            return _known(float(series.x[place]), float(self._shown(key)[place]))
        return min(at, float(series.x[-1])), float(np.interp(at, series.x, self._shown(key)))

    @property
    def _now(self) -> float:
        """The last place that a curve has come to."""
        every = (*self._series.values(), *self._behind.values())
        return max((float(s.x[-1]) for s in every if len(s)), default=0.0)

    def _compared(self) -> tuple[str, ...]:
        """The two curves whose gap is shown, if both have points."""
        keys = [key for key in self._gap if len(self._series.get(key, ()))]
        return tuple(keys[:2]) if len(keys) > 1 and keys[0] == self._gap[0] else ()

    def _mark_gap(self) -> None:
        """Fill what lies between two curves where both are."""
        self._between.hide()
        compared = self._compared()
        if not compared:
            return
        first, second = compared
        own, beside = self._series[second].x, self._series[first].x
        begin, end = max(own[0], beside[0]), min(own[-1], beside[-1])
        if begin >= end:
            return
        x = np.concatenate([[begin], own[(own > begin) & (own < end)], [end]])
        y = np.interp(x, own, self._shown(second))
        others = np.where(np.isnan(y), np.nan, np.interp(x, beside, self._shown(first)))
        for side, values in zip(self._sides, (others, y), strict=True):
            drawn = self._drawable(values)
            side.setData(x, np.log10(drawn) if self.log else drawn, connect="finite")
        self._between.show()

    def _shown(self, key: str) -> np.ndarray:
        series = self._series[key]
        return series.smoothed(self.smoothing) if key in self._raw else series.y

    def _drawable(self, y: np.ndarray) -> np.ndarray:
        return np.where(y > 0, y, np.nan) if self.log else y

    def restyle(self) -> None:
        """Take on the theme's colours."""
        p = palette.current()
        self._line.setPen(pg.mkPen(p.color("muted", 120)))
        self._between.setBrush(p.color("muted", 40))
        self._playhead.setPen(pg.mkPen(p.color("warning"), width=1))
        for key in self._curves:
            self._style_curve(key)
        self.redraw()

    def _style_curve(self, key: str) -> None:
        color, curve = self._color(key), self._curves[key]
        again = list(self._curves).index(key) >= len(palette.current().series)
        style = Qt.PenStyle.DashLine if again else Qt.PenStyle.SolidLine
        curve.setPen(pg.mkPen(color, width=1, style=style))
        if self._marks is None or key in self._marks:
            curve.setSymbol("o")
            curve.setSymbolSize(5)
            curve.setSymbolBrush(color)
            curve.setSymbolPen(None)
        if key in self._faint:
            faint = pg.mkColor(color)
            faint.setAlpha(70)
            self._faint[key].setPen(pg.mkPen(faint, width=1))

    def _color(self, key: str) -> str:
        series = palette.current().series
        return series[list(self._curves).index(key) % len(series)]

    # -- the pointer --------------------------------------------------------------------------

    def _on_pointed(self, x: float, y: float) -> None:
        """Mark the step nearest to the pointer and say every curve's value there."""
        shown = {key: self._shown(key) for key in self._series}
        there = {key: ~np.isnan(y) for key, y in shown.items()}
        filled = {k: self._series[k].x[known] for k, known in there.items() if known.any()}
        if not filled:
            return
        nearest = {k: int(np.abs(xs - x).argmin()) for k, xs in filled.items()}
        step = min((float(xs[nearest[k]]) for k, xs in filled.items()), key=lambda s: abs(s - x))
        lines, dots = [self.tr("step {0}").format(f"{step:,.0f}")], []
        for key, i in nearest.items():
            value = float(shown[key][there[key]][i])
            at = float(filled[key][i])
            dots.append((at, value, self._color(key)))
            beside = "" if at == step else self.tr(" at {0}").format(f"{at:,.0f}")
            lines.append(f"{self._names[key]}  {format_number(value)}{beside}")
        self._line.setPos(step)
        self._line.show()
        kept = [d for d in dots if np.isfinite(d[1]) and (d[1] > 0 or not self.log)]
        self._dots.setData([d[0] for d in kept], [d[1] for d in kept],
                           symbolBrush=[d[2] for d in kept])  # fmt: skip
        self.plot.readout.show_at(self.plot.to_pixels(x, y), "\n".join(lines))

    def _on_left(self) -> None:
        self._line.hide()
        self._dots.setData([], [])

    def set_playhead(
        self, x: float | None, measured: Mapping[str, float | None] | None = None
    ) -> None:
        """Mark the place that is looked at; None marks none.

        Args:
            measured: key -> what was measured there, or of what is shown now where ``x`` is None;
                it goes before the points until the next one comes. None: nothing is known there.
        """
        before = self.playhead, self._measured
        self._measured = dict(measured or {})
        self._playhead.setVisible(x is not None)
        if x is not None:
            self._playhead.setPos(x)
        if (self.playhead, self._measured) != before:
            self.show_legend()

    @property
    def playhead(self) -> float | None:
        """The place that is looked at, or None."""
        return float(self._playhead.value()) if self._playhead.isVisible() else None

    def step_at(self) -> float | None:
        """The step that is marked, or None."""
        return float(self._line.value()) if self._line.isVisible() else None


def _known(at: float, value: float) -> tuple[float, float] | None:
    """Place and value, or None where a curve has a gap."""
    return None if np.isnan(value) else (at, value)


def _text(value: float) -> str:
    return format_number(value, DIGITS)


def _rounded(value: float) -> float:
    """Return a value as the legend shows it."""
    return float(f"{value:.{DIGITS}g}")
