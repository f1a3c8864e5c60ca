"""A surface in space, turned with the mouse; a sentence where there is no OpenGL."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QStackedLayout, QWidget

from app.plots.contour import DOT
from app.style import colormaps, palette

HEIGHT = 0.55
"""Of the surface, where its sides are 1."""
WITHOUT_OPENGL = ("offscreen", "minimal", "vnc", "linuxfb")


class SurfacePlot(QWidget):
    """Heights over a plane. OpenGL is loaded with the first surface, not before."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Loss surface"))
        self.note = QLabel(self.tr("Press Play: the surface around the weights appears here."))
        self.note.setObjectName("muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.note.setWordWrap(True)
        self.note.setMargin(16)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.note)
        self.view: Any = None
        self._surface: Any = None
        self._dot: Any = None
        self._path: Any = None
        self._heights: np.ndarray | None = None
        self._plane: tuple[np.ndarray, np.ndarray] | None = None
        palette.notifier.changed.connect(self.restyle)

    @property
    def can_draw(self) -> bool:
        """Whether this display offers OpenGL."""
        return QGuiApplication.platformName() not in WITHOUT_OPENGL

    def set_surface(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Show loss ``values`` (rows along b, columns along a); what is not finite is capped."""
        if self.view is None and not self._make_view():
            self.note.setText(
                self.tr("This display has no OpenGL: the map beside shows the same surface.")
            )
            return
        finite = values[np.isfinite(values)]
        top = float(np.percentile(finite, 95)) if finite.size else 1.0
        low = float(finite.min()) if finite.size else 0.0
        capped = np.clip(np.nan_to_num(values, nan=top), low, top + 0.5 * (top - low))
        span = float(np.ptp(capped)) or 1.0
        self._heights = ((capped - capped.min()) / span).T.astype(np.float32)
        self._plane = np.asarray(a, float), np.asarray(b, float)
        self._draw()

    def clear(self) -> None:
        """Nothing to see."""
        self._heights = None
        self._stack.setCurrentWidget(self.note)

    def set_path(self, points: np.ndarray) -> None:
        """Show the run so far on the surface, shape (k, 2); its last point is the dot."""
        if self._heights is None or not len(points):
            return
        places = np.array([self._lifted(a, b) for a, b in points.tolist()])
        self._path.setData(pos=places)
        self._dot.setData(pos=places[-1:])

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are."""
        if self._heights is not None:
            self._dot.setData(pos=np.array([self._lifted(a, b)]))

    def restyle(self) -> None:
        """Take on the theme's colours."""
        if self.view is not None:
            self.view.setBackgroundColor(palette.current().panel)
            self._draw()

    def _make_view(self) -> bool:
        if not self.can_draw:
            return False
        try:
            import pyqtgraph.opengl as gl
        except ImportError:
            return False
        self.view = gl.GLViewWidget()
        self.view.setCameraPosition(distance=1.9, elevation=34, azimuth=-60)
        self.view.setBackgroundColor(palette.current().panel)
        red = (*colormaps.rgb(DOT), 1.0)
        self._surface = gl.GLSurfacePlotItem(smooth=False, computeNormals=False, shader=None)
        self._path = gl.GLLinePlotItem(color=red, width=2, glOptions="opaque")
        self._dot = gl.GLScatterPlotItem(color=red, size=10, glOptions="opaque")
        for item in (self._surface, self._path, self._dot):
            self.view.addItem(item)
        self._stack.addWidget(self.view)
        return True

    def _draw(self) -> None:
        if self._heights is None:
            return
        columns, rows = self._heights.shape
        colors = palette.lut("sequential")[(self._heights * 255).astype(int)] / 255
        self._surface.setData(
            x=np.linspace(-0.5, 0.5, columns), y=np.linspace(-0.5, 0.5, rows),
            z=HEIGHT * (self._heights - 0.5), colors=colors.astype(np.float32),
        )  # fmt: skip
        self._stack.setCurrentWidget(self.view)

    def _lifted(self, a: float, b: float) -> tuple[float, float, float]:
        """A place of the plane -> just above the surface."""
        assert self._plane is not None
        assert self._heights is not None
        shares = [
            float(np.clip((at - axis[0]) / ((axis[-1] - axis[0]) or 1.0), 0, 1))
            for at, axis in zip((a, b), self._plane, strict=True)
        ]
        last = [n - 1 for n in self._heights.shape]
        cell = tuple(round(s * n) for s, n in zip(shares, last, strict=True))
        height = HEIGHT * (float(self._heights[cell]) - 0.5) + 0.012
        return shares[0] - 0.5, shares[1] - 0.5, height
