"""Histograms over time as colours: a strip per step, the brighter the more numbers lie there."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.plots import tiles
from app.plots.histogram import Ridge, density

COLUMNS = 160


class HeatStrips(Ridge):
    """The same histograms on the same axes as a ``Ridge``: time runs down, values to the right."""

    def _base(self, i: int) -> float:
        """Middle of the strip of a layer."""
        return self._TOP + (i + 0.5) * self._strip_height()

    def _strip_height(self) -> float:
        return (self.height() - self._TOP - self._BOTTOM) / max(1, len(self._layers))

    def _paint_layer(
        self, painter: QPainter, i: int, layer: object, limits: tuple[float, float]
    ) -> None:
        """Each strip has its own brightest place, as each ridge has its own height."""
        shown = self._layers[i]
        places = np.linspace(*limits, COLUMNS + 1)
        middles = (places[:-1] + places[1:]) / 2
        bins = np.searchsorted(shown.edges, middles, "right") - 1
        inside = (bins >= 0) & (bins < len(shown.counts))
        found = density(shown.counts, shown.edges)
        row = np.where(inside, found[np.clip(bins, 0, len(found) - 1)], 0.0)
        image = tiles.to_image(np.sqrt(row / (row.max() or 1.0))[None], 0.0, 1.0, False)
        high = self._strip_height()
        wide = self.width() - self._LEFT - self._RIGHT
        painter.drawImage(QRectF(self._LEFT, self._base(i) - high / 2, wide, high + 0.5), image)
