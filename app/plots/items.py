"""What is drawn between axes: every number goes through here, so that none ends the process.

Qt's raster engine crashes, or takes minutes, on places millions of pixels away, and pyqtgraph
cannot calculate with numbers whose square overflows. So values are bounded where they come in, and
what is drawn of a curve ends a little outside what can be seen.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.plots.numbers import bounded
from app.style import painting

REACH = 20_000
"""Pixels beside the picture up to which lines are drawn."""


def _bounded_data(args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, ...]:
    """The data of a call of ``setData``, in its arguments and its options, bounded."""
    for name in {"x", "y", "pos"} & options.keys():
        if options[name] is not None:
            options[name] = bounded(options[name])
    return tuple(bounded(a) if isinstance(a, np.ndarray | list | tuple) else a for a in args)


class Curve(pg.PlotCurveItem):  # type: ignore[misc]
    """A curve whose far ends are cut off."""

    def setData(self, *args: Any, **options: Any) -> None:
        super().setData(*_bounded_data(args, options), **options)

    @painting.guarded
    def paint(self, painter: QPainter, option: Any, widget: Any) -> None:
        room = _room(painter)
        x, y = self.xData, self.yData
        if room is None or x is None or not len(x):
            return
        if _within(x, room.left(), room.right()) and _within(y, room.top(), room.bottom()):
            super().paint(painter, option, widget)
            return
        connect = self.opts["connect"]
        if self.opts["stepMode"] or self.opts["fillLevel"] is not None:
            shown = *_clipped(x, y, room), connect
        else:
            shown = *_cut(x, y, connect, room), "pairs"
        try:
            self._take(*shown)
            super().paint(painter, option, widget)
        finally:
            self._take(x, y, connect)

    def _take(self, x: np.ndarray, y: np.ndarray, connect: Any) -> None:
        """Draw these points; the bounds that the view knows stay."""
        self.xData, self.yData, self.opts["connect"] = x, y, connect
        self.path = self.fillPath = self._fillPathList = None
        self._lineSegmentsRendered = False


class Dots(pg.ScatterPlotItem):  # type: ignore[misc]
    """Points; those that are not finite are not drawn."""

    def setData(self, *args: Any, **options: Any) -> None:
        super().setData(*_bounded_data(args, options), **options)

    @painting.guarded
    def paint(self, painter: QPainter, *args: Any) -> None:
        if _room(painter) is not None:
            super().paint(painter, *args)


class Line(pg.PlotDataItem):  # type: ignore[misc]
    """A curve and its points that thin themselves out."""

    curve: Any
    scatter: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__()
        for old in (self.curve, self.scatter):
            old.setParentItem(None)
        self.curve, self.scatter = Curve(), Dots()
        for item in (self.curve, self.scatter):
            item.setParentItem(self)
        self.setData(*args, **options)

    def setData(self, *args: Any, **options: Any) -> None:
        super().setData(*_bounded_data(args, options), **options)


class Between(pg.FillBetweenItem):  # type: ignore[misc]
    """The area between two curves, while all of it is near what can be seen."""

    @painting.guarded
    def paint(self, painter: QPainter, *args: Any) -> None:
        room = _room(painter)
        if room is not None and room.contains(self.path().boundingRect()):
            super().paint(painter, *args)


def _room(painter: QPainter) -> QRectF | None:
    """What lies up to ``REACH`` pixels round the picture, in the units of an item."""
    back, possible = painter.worldTransform().inverted()
    room = QRectF(painter.viewport()).adjusted(-REACH, -REACH, REACH, REACH)
    found = back.mapRect(room)
    corners = found.left(), found.right(), found.top(), found.bottom()
    return found if possible and np.isfinite(corners).all() else None


def _within(values: np.ndarray, low: float, high: float) -> bool:
    """Whether every value that is finite lies between two ends."""
    return not bool(((values < low) | (values > high)).any())


def _clipped(x: np.ndarray, y: np.ndarray, room: QRectF) -> tuple[np.ndarray, np.ndarray]:
    return np.clip(x, room.left(), room.right()), np.clip(y, room.top(), room.bottom())


def _cut(x: np.ndarray, y: np.ndarray, connect: Any, room: QRectF) -> tuple[np.ndarray, np.ndarray]:
    """The pieces of a line that lie in a rectangle, by Liang and Barsky (1984): pairs of ends."""
    step = 2 if isinstance(connect, str) and connect == "pairs" else 1
    points = np.stack([x, y], 1)
    last = len(points) - 1
    start, end = points[:last:step], points[1::step][: len(points[:last:step])]
    way = end - start
    low = np.array([room.left(), room.top()]) - start
    high = np.array([room.right(), room.bottom()]) - start
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        near, far = np.minimum(low / way, high / way), np.maximum(low / way, high / way)
    still = way == 0
    inside = (low <= 0) & (high >= 0)
    near = np.where(still, np.where(inside, -np.inf, np.inf), near)
    far = np.where(still, np.where(inside, np.inf, -np.inf), far)
    enter, leave = np.maximum(near.max(1), 0.0), np.minimum(far.min(1), 1.0)
    kept = enter <= leave  # False where an end is missing
    start, way = start[kept], way[kept]
    ends = np.stack([start + way * enter[kept, None], start + way * leave[kept, None]], 1)
    flat = ends.reshape(-1, 2)
    return _clipped(flat[:, 0], flat[:, 1], room)
