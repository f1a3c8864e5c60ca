"""How values are spread over the run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.plots import numbers
from app.plots.area import Readout
from app.style import fonts, painting, palette
from app.widgets.numbers import format_number


@dataclass(frozen=True)
class _Layer:
    step: int
    counts: np.ndarray
    edges: np.ndarray


USUAL = 0.8
"""Share of the histograms of a ridge that lie within its axis at either end."""


class Ridge(QWidget):
    """Histograms over time, the newest in front; every other one goes when they become many."""

    MOST = 32
    _LEFT, _RIGHT, _TOP, _BOTTOM = 10.0, 54.0, 26.0, 20.0

    def __init__(self, name: str, empty: str = "") -> None:
        super().__init__()
        self._empty = empty
        self._layers: list[_Layer] = []
        self._every, self._count = 1, 0
        self._pointed: int | None = None
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setMinimumSize(120, 80)
        self.readout = Readout(self)
        palette.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, 220)

    @property
    def steps(self) -> list[int]:
        """Of which steps there are histograms."""
        return [layer.step for layer in self._layers]

    def append(self, step: int, counts: np.ndarray, edges: np.ndarray) -> None:
        """Add the histogram of a step: ``counts`` (n) between ``edges`` (n + 1)."""
        if len(edges) != len(counts) + 1:
            raise ValueError(f"{len(counts)} bins have {len(counts) + 1} edges, not {len(edges)}.")
        if not len(counts):
            return
        if self._layers and (self._count - 1) % self._every:  # the newest is shown, kept or not
            self._layers.pop()
        self._layers.append(_Layer(step, numbers.filled(counts), numbers.filled(edges)))
        self._count += 1
        if len(self._layers) > self.MOST:
            self._every *= 2
            self._layers = self._layers[::2]
        self.update()

    def clear(self) -> None:
        """Show nothing."""
        self._layers, self._every, self._count, self._pointed = [], 1, 0, None
        self.readout.hide()
        self.update()

    # -- drawing ------------------------------------------------------------------------------

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            p = palette.current()
            painter.fillRect(self.rect(), p.color("panel"))
            if not self._layers:
                painter.setPen(p.color("muted"))
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(self.rect().adjusted(16, 8, -16, -8), flags, self._empty)
                return
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            low, high = self._limits()
            painter.setClipRect(self.rect().adjusted(int(self._LEFT), 0, -int(self._RIGHT), 0))
            for i, layer in enumerate(self._layers):
                self._paint_layer(painter, i, layer, (low, high))
            painter.setClipping(False)
            self._paint_axis(painter, low, high)

    def _limits(self) -> tuple[float, float]:
        """What most histograms span: one stray gradient does not make a line of all the others."""
        low = float(np.quantile([layer.edges[0] for layer in self._layers], 1 - USUAL))
        high = float(np.quantile([layer.edges[-1] for layer in self._layers], USUAL))
        half = max(0.5, 1e-6 * abs(low))  # half a unit is nothing beside a huge number
        return (low, high) if high > low else (low - half, low + half)

    def _base(self, i: int) -> float:
        """Height of the ground line of a layer."""
        deep = self.height() - self._TOP - self._BOTTOM - self._ridge_height()
        share = 1.0 if len(self._layers) == 1 else i / (len(self._layers) - 1)
        return self._TOP + self._ridge_height() + share * deep

    def _ridge_height(self) -> float:
        return 0.3 * (self.height() - self._TOP - self._BOTTOM)

    def _paint_layer(
        self,
        painter: QPainter,
        i: int,
        layer: _Layer,
        limits: tuple[float, float],
    ) -> None:
        """Each as high as its neighbours: how wide it is tells how far its numbers are spread."""
        p, base = palette.current(), self._base(i)
        wide = self.width() - self._LEFT - self._RIGHT
        middles = (layer.edges[:-1] + layer.edges[1:]) / 2
        x = self._LEFT + (middles - limits[0]) / (limits[1] - limits[0]) * wide
        found = density(layer.counts, layer.edges)
        y = base - found / (float(found.max()) or 1.0) * self._ridge_height()
        top = [QPointF(a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        corners = [QPointF(top[0].x(), base), *top, QPointF(top[-1].x(), base)]
        age = (i + 1) / len(self._layers)
        fill = _blend(p.color("panel"), p.color("accent"), 0.15 + 0.45 * age)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(QPolygonF(corners))
        marked = i == self._pointed
        painter.setPen(QPen(p.color("text") if marked else p.color("panel"), 1.2))
        painter.drawPolyline(top)

    def _paint_axis(self, painter: QPainter, low: float, high: float) -> None:
        p = palette.current()
        painter.setFont(fonts.figure_font(8.0))
        painter.setPen(p.color("muted"))
        wide, y = self.width() - self._LEFT - self._RIGHT, self.height() - self._BOTTOM + 3
        apart = 44 * (high - low) / max(1.0, wide)  # a zero beside an end is not written over it
        marks = [low, high] + ([0.0] if low + apart < 0 < high - apart else [])
        for value in marks:
            x = self._LEFT + (value - low) / (high - low) * wide
            x = min(max(x, self._LEFT + 20), self._LEFT + wide - 20)
            text = format_number(value, 2)
            painter.drawText(QRectF(x - 30, y, 60, 14), Qt.AlignmentFlag.AlignCenter, text)
        right = self.width() - self._RIGHT + 6
        ends = {0, len(self._layers) - 1}
        for i in ends:
            place = QRectF(right, self._base(i) - 8, self._RIGHT - 8, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, f"{self._layers[i].step:,}")

    # -- the pointer --------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if not self._layers:
            return
        place = event.position()
        bases = [abs(self._base(i) - place.y()) for i in range(len(self._layers))]
        self._pointed = int(np.argmin(bases))
        layer, (low, high) = self._layers[self._pointed], self._limits()
        wide = max(1.0, self.width() - self._LEFT - self._RIGHT)
        value = low + (place.x() - self._LEFT) / wide * (high - low)
        i = int(np.searchsorted(layer.edges, value, "right")) - 1
        text = self.tr("step {0:,}").format(layer.step)
        if 0 <= i < len(layer.counts):
            ends = [format_number(float(e), 3) for e in layer.edges[i : i + 2]]
            text += self.tr("\n{0} to {1}: {2:,}").format(*ends, int(layer.counts[i]))
        self.readout.show_at(place.toPoint(), text)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointed = None
        self.readout.hide()
        self.update()


def density(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Counts per width of their bin: histograms with other edges can be compared."""
    widths = np.maximum(np.diff(edges), 1e-300)
    share: np.ndarray = counts / max(1.0, counts.sum()) / widths
    return share


def _blend(a: QColor, b: QColor, share: float) -> QColor:
    """A colour so far between two."""
    channels = ((a.red(), b.red()), (a.green(), b.green()), (a.blue(), b.blue()))
    return QColor(*(round((1 - share) * x + share * y) for x, y in channels))
