"""A surface in space, rotated with the mouse; a sentence where there is no OpenGL."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import (
    QGuiApplication,
    QMouseEvent,
    QOpenGLContext,
    QResizeEvent,
    QVector3D,
)
from PySide6.QtWidgets import QLabel, QStackedLayout, QWidget

from app.plots import numbers, picking
from app.plots.contour import DOT, interpolated, series_pen
from app.plots.log_scale import loggable
from app.plots.space_axes import SpaceAxes
from app.style import colormaps, palette

HEIGHT = 0.55
"""Of the surface, where its sides are 1."""
WITHOUT_OPENGL = ("offscreen", "minimal", "vnc", "linuxfb")
FINE = 61
"""Points per side that are drawn; between the grid's own the surface is straight."""
PIECES = 12
"""Of a line between two points of a path, so that it follows the surface."""
NEAR, WIDE, LOWER = 2.2, 1.35, 0.1
"""Distance of the eye, its share of a wide view's width over its height, and how far below the
middle of the surface it looks: there is the frame."""
REACH = 14.0
"""Pixels from the dot at which it is taken hold of."""
ABOVE = 0.012
"""How far lines float over the surface, so that it does not hide them."""


class SurfacePlot(QWidget):
    """Heights over a plane. OpenGL is loaded with the first surface, not before.

    Signals:
        dot_dragged, dot_released: coordinates (a, b) under the dot, as it is drawn over the
            surface; a drag that begins elsewhere turns the surface.
    """

    dot_dragged = Signal(float, float)
    dot_released = Signal(float, float)

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Loss surface"))
        empty = empty or self.tr("The loss around the weights appears here.")
        self.note = QLabel(empty)
        self.note.setObjectName("muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setWordWrap(True)
        self.note.setMargin(16)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.note)
        self.view: Any = None
        self.axes: SpaceAxes | None = None
        self._labels = "", ""
        self._surface: Any = None
        self._dot: Any = None
        self._path: Any = None
        self.log = True
        self._distance = NEAR
        self._at = (0.0, 0.0)
        self._dragging = False
        self._others: list[tuple[Any, Any]] = []
        self._heights: np.ndarray | None = None
        self._values: np.ndarray | None = None
        self._plane: tuple[np.ndarray, np.ndarray] | None = None
        palette.notifier.changed.connect(self.restyle)

    @property
    def can_draw(self) -> bool:
        """Whether this display offers OpenGL."""
        if QGuiApplication.platformName() in WITHOUT_OPENGL:
            return False
        return self.view is not None or QOpenGLContext().create()

    def set_surface(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Show loss ``values`` (rows along b, columns along a); what is not finite is capped."""
        if self.view is None and not self._make_view():
            self.note.setText(
                self.tr("This display has no OpenGL; the map shows the same surface.")
            )
            return
        self._values = numbers.bounded(values)
        self._plane = np.array(numbers.ends(a)), np.array(numbers.ends(b))
        self._measure()

    def set_labels(self, a: str, b: str) -> None:
        """Name the axes of the plane."""
        self._labels = a, b
        if self.axes is not None:
            self.axes.set_labels(a, b, self.tr("loss"))

    def set_log(self, on: bool) -> None:
        """Heights and colours by the logarithm of the loss."""
        self.log = on
        if self.view is not None:
            self._measure()

    def _measure(self) -> None:
        """Heights from 0 to 1; no outlier flattens the rest."""
        if self._values is None:
            return
        finite = self._values[np.isfinite(self._values)]
        top = float(np.percentile(finite, 95)) if finite.size else 1.0
        low = float(finite.min()) if finite.size else 0.0
        capped = np.clip(np.nan_to_num(self._values, nan=top), low, top + 0.5 * (top - low))
        ends = float(capped.min()), float(capped.max())
        positive = loggable(capped) if self.log else None
        if positive is not None:
            capped = np.log10(positive)
        fine = interpolated(capped, max(FINE, *capped.shape))
        span = float(np.ptp(fine)) or 1.0
        self._heights = ((fine - fine.min()) / span).T.astype(np.float32)
        if self.axes is not None and self._plane is not None:
            self.axes.set_ends(*self._plane, *ends)
        self._draw()

    def clear(self) -> None:
        """Nothing to see."""
        self._heights = self._values = None
        self._stack.setCurrentWidget(self.note)

    def set_path(self, points: np.ndarray) -> None:
        """Show the run so far on the surface, shape (k, 2); its last point is the dot."""
        if self._heights is None or not len(points):
            return
        self._path.setData(pos=self._legs(points), mode="lines")
        self.set_current(*points[-1].tolist())

    def set_others(self, paths: Mapping[str, np.ndarray]) -> None:
        """Further runs by name, shape (k, 2) each, and where each has come to."""
        if self._heights is None:
            return
        for pair in self._others:
            for item in pair:
                self.view.removeItem(item)
        self._others = [self._other(i, points) for i, points in enumerate(paths.values())]

    def _other(self, i: int, points: np.ndarray) -> tuple[Any, Any]:
        import pyqtgraph.opengl as gl

        color = (*colormaps.rgb(series_pen(i)[0]), 1.0)
        places = self._along(points)
        line = gl.GLLinePlotItem(pos=places, color=color, width=2.5, glOptions="opaque")
        end = gl.GLScatterPlotItem(pos=places[-1:], color=color, size=9, glOptions="opaque")
        for item in (line, end):
            self.view.addItem(item)
        return line, end

    def _legs(self, points: np.ndarray) -> np.ndarray:
        """The lines of a path that may have breaks, from each even row to the next, (2n, 3)."""
        broken = np.flatnonzero(np.isnan(points[:, 0]))
        legs = [leg[np.isfinite(leg[:, 0])] for leg in np.split(points, broken)]
        lines = [np.repeat(self._along(leg), 2, axis=0)[1:-1] for leg in legs if len(leg)]
        return np.concatenate([np.empty((0, 3)), *lines])

    def _along(self, points: np.ndarray) -> np.ndarray:
        """A path as it lies on the surface, shape (n, 3)."""
        pieces = [np.linspace(p, q, PIECES, endpoint=False) for p, q in pairwise(points)]
        dense = np.concatenate([*pieces, points[-1:]])
        return np.array([self._lifted(a, b) for a, b in dense.tolist()])

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are."""
        if self._heights is not None and not self._dragging:
            self._put_dot(a, b)

    def _put_dot(self, a: float, b: float) -> None:
        self._at = a, b
        self._dot.setData(pos=self._along(np.array([[a, b]])))

    # -- the dot ------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A drag that begins at the dot moves it; every other one is the view's."""
        if not isinstance(event, QMouseEvent) or self._heights is None:
            return False
        kind, at = event.type(), (event.position().x(), event.position().y())
        if kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._dragging = bool(np.hypot(*(self.pixel_of(*self._at) - at)) <= REACH)
            return self._dragging
        if not self._dragging:
            return False
        place = self._place_under(at)
        if kind == QEvent.Type.MouseMove:
            self._put_dot(*place)
            self.dot_dragged.emit(*place)
        elif kind == QEvent.Type.MouseButtonRelease:
            self._dragging = False
            self.dot_released.emit(*place)
        return True

    def pixel_of(self, a: float, b: float) -> np.ndarray:
        """Where a place of the plane is seen in the view, shape (2,), from the upper left."""
        pixels, _ = self._on_screen(np.array([self._lifted(a, b)]))
        found: np.ndarray = pixels[0]
        return found

    def _on_screen(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        view = np.array(self.view.viewMatrix().data()).reshape(4, 4).T
        size = self.view.width(), self.view.height()
        return picking.on_screen(points, view, self.view.opts["fov"], size)

    def _place_under(self, pointer: tuple[float, float]) -> tuple[float, float]:
        """The place of the plane whose point of the surface is under the pointer."""
        assert self._plane is not None
        assert self._heights is not None
        columns, rows = (np.linspace(-0.5, 0.5, n) for n in self._heights.shape)
        x, y = np.meshgrid(columns, rows, indexing="ij")
        points = np.stack([x, y, HEIGHT * (self._heights - 0.5) + ABOVE], -1)
        pixels, depth = self._on_screen(points.reshape(-1, 3))
        found = picking.under(pointer, pixels.reshape(*x.shape, 2), depth.reshape(x.shape))
        a, b = (
            float(axis[0] + at / (n - 1) * (axis[-1] - axis[0]))
            for axis, at, n in zip(self._plane, found, x.shape, strict=True)
        )
        return a, b

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Stand so far away that all is seen, unless the wheel has chosen another distance."""
        if self.view is not None and self.view.opts["distance"] == self._distance:
            self._distance = max(NEAR, WIDE * self.width() / max(1, self.height()))
            self.view.setCameraPosition(distance=self._distance)

    def restyle(self) -> None:
        """Take on the theme's colours."""
        if self.view is not None:
            self.view.setBackgroundColor(palette.current().panel)
            if self.axes is not None:
                self.axes.restyle()
            self._draw()

    def _make_view(self) -> bool:
        if not self.can_draw:
            return False
        try:
            import pyqtgraph.opengl as gl
        except ImportError:
            return False
        self.view = gl.GLViewWidget()
        self.view.setCameraPosition(
            pos=QVector3D(0, 0, -LOWER), distance=self._distance, elevation=34, azimuth=-60
        )
        self._fit()
        self.view.setBackgroundColor(palette.current().panel)
        red = (*colormaps.rgb(DOT), 1.0)
        self._surface = gl.GLSurfacePlotItem(smooth=False, computeNormals=False, shader=None)
        self._path = gl.GLLinePlotItem(color=red, width=2, glOptions="opaque")
        self._dot = gl.GLScatterPlotItem(color=red, size=10, glOptions="opaque")
        for item in (self._surface, self._path, self._dot):
            self.view.addItem(item)
        self.axes = SpaceAxes(self.view, HEIGHT)
        self.set_labels(*self._labels)
        self.view.installEventFilter(self)
        self._stack.addWidget(self.view)
        return True

    def _draw(self) -> None:
        if self._heights is None:
            return
        columns, rows = self._heights.shape
        colors = palette.lut("sequential")[(self._heights * 255).astype(int)] / 255
        self._surface.setData(
            x=np.linspace(-0.5, 0.5, columns), y=np.linspace(-0.5, 0.5, rows),
            z=HEIGHT * (self._heights - 0.5), colors=colors.astype(np.float32).reshape(-1, 4),
        )  # fmt: skip
        self._stack.setCurrentWidget(self.view)

    def _lifted(self, a: float, b: float) -> tuple[float, float, float]:
        """A place of the plane -> just above the surface."""
        assert self._plane is not None
        assert self._heights is not None
        shares = [
            float(np.clip((at - axis[0]) / (axis[-1] - axis[0]), 0, 1))
            for at, axis in zip(numbers.filled((a, b)), self._plane, strict=True)
        ]
        last = [n - 1 for n in self._heights.shape]
        cell = tuple(round(s * n) for s, n in zip(shares, last, strict=True))
        height = HEIGHT * (float(self._heights[cell]) - 0.5) + ABOVE
        return shares[0] - 0.5, shares[1] - 0.5, height
