"""A loss surface from above, in space, or cut along a line: one set of calls for all three."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.plots.contour import ContourPlot
from app.plots.slice_curve import SliceCurve
from app.plots.surface import SurfacePlot
from app.widgets.layouts import in_column
from app.widgets.numbers import format_number


class LandscapeView(QWidget):
    """Shows what it is given in the form that was chosen; OpenGL is loaded with the first space.

    Signals:
        dot_dragged, dot_released: coordinates (a, b) under the dot.
        put_back: Escape was pressed, during a drag or after it.
    """

    dot_dragged = Signal(float, float)
    dot_released = Signal(float, float)
    put_back = Signal()

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self._empty = empty
        self.contour = ContourPlot(empty)
        self.line: SliceCurve | None = None
        self.space: SurfacePlot | None = None
        self._in_space = False
        self._given_up = False
        self._dragging = False
        self._home: tuple[float, float] | None = None
        self._surface: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self._path = np.empty((0, 2))
        self._labels = "", ""
        self._others: dict[str, np.ndarray] = {}
        self._current: tuple[float, float] | None = None
        self._stack = QStackedLayout()
        self._add(self.contour)
        self.contour.plot.installEventFilter(self)
        in_column((self._stack, 1), self.contour.stamp, on=self, margins=0, spacing=2)

    def _add(self, plot: ContourPlot | SliceCurve | SurfacePlot) -> None:
        plot.dot_dragged.connect(self._on_dragged)
        plot.dot_released.connect(self._on_released)
        self._stack.addWidget(plot)

    def _made(self) -> list[ContourPlot | SliceCurve | SurfacePlot]:
        """The plots that were needed so far."""
        return [p for p in (self.contour, self.line, self.space) if p is not None]

    def _slice(self) -> SliceCurve:
        """The plot of a line, made when the first one is shown."""
        if self.line is None:
            self.line = SliceCurve()
            self.line.plot.installEventFilter(self)
            self.line.set_log(self.contour.log)
            self.line.set_label(self._labels[0])
            self._add(self.line)
        return self.line

    def hasHeightForWidth(self) -> bool:
        return False  # pages around it would ask for what it would like, not what it needs

    @property
    def has_surface(self) -> bool:
        """Whether there is anything to see."""
        return self._surface is not None

    def value_range(self) -> str:
        """Lowest and highest loss that is shown, or empty."""
        values = self._surface[2] if self._surface is not None else np.empty(0)
        finite = values[np.isfinite(values)]
        if not len(finite):
            return ""
        return f"{format_number(float(finite.min()))} … {format_number(float(finite.max()))}"

    @property
    def in_space(self) -> bool:
        """Whether the surface is drawn in space."""
        return self._in_space

    def set_in_space(self, on: bool) -> None:
        """Draw a surface in space, or from above."""
        self._in_space = on
        if on and self.space is None:
            self.space = SurfacePlot(self._empty)
            self.space.set_log(self.contour.log)
            self.space.set_labels(*self._labels)
            self._add(self.space)
        self._show()

    def set_log(self, on: bool) -> None:
        """Colours, lines and heights by the logarithm of the loss."""
        for plot in self._made():
            plot.set_log(on)
        self._show()

    def set_surface(self, a: np.ndarray, b: np.ndarray, values: np.ndarray) -> None:
        """Show loss ``values`` (rows along b, columns along a); a single row is a slice."""
        self._surface = (a, b, values) if values.size else None

    def set_path(self, points: np.ndarray, others: Mapping[str, np.ndarray] | None = None) -> None:
        """The run so far, shape (k, 2), and further ones by name."""
        self._path, self._others = points, dict(others or {})

    def set_current(self, a: float, b: float) -> None:
        """Put the dot where the weights are; one that is held stays under the pointer."""
        if self._dragging:
            self._home = a, b
        else:
            self._current, self._home = (a, b), None

    def set_labels(self, x: str, y: str) -> None:
        """Name the axes."""
        self._labels = x, y
        self.contour.set_labels(x, y)
        if self.line is not None:
            self.line.set_label(x)
        if self.space is not None:
            self.space.set_labels(x, y)

    def redraw(self) -> None:
        """Show what was set."""
        self._show()

    def clear(self) -> None:
        """Nothing to see."""
        self._surface = None
        self.contour.clear()
        if self.space is not None:
            self.space.clear()
        self._stack.setCurrentWidget(self.space if self._in_space and self.space else self.contour)

    def _show(self) -> None:
        plot: ContourPlot | SurfacePlot | SliceCurve = self.contour
        if self._in_space and self.space is not None:
            plot = self.space
        if self._surface is None:
            self._stack.setCurrentWidget(plot)
            return
        a, b, values = self._surface
        if len(b) == 1:
            plot = self._slice()
            plot.set_curve(a, values[0])
        else:
            assert not isinstance(plot, SliceCurve)
            plot.set_surface(a, b, values)
            plot.set_others(self._others)
        if isinstance(plot, SurfacePlot) and plot.view is not None:
            plot.view.installEventFilter(self)
        if not self._dragging:
            plot.set_path(self._path)
            if self._current is not None:
                plot.set_current(*self._current)
        self._stack.setCurrentWidget(plot)

    # -- the dot ------------------------------------------------------------------------------

    def _on_dragged(self, a: float, b: float) -> None:
        if self._given_up:
            return
        if not self._dragging:
            self._home, self._dragging = self._current, True
        self.dot_dragged.emit(a, b)

    def _on_released(self, a: float, b: float) -> None:
        if self._given_up:
            for plot in self._made():
                if not isinstance(plot, SurfacePlot):
                    plot.dot.setMouseHover(False)  # it has left the pointer
        else:
            self._current = a, b
            self.dot_released.emit(a, b)
        self._given_up = self._dragging = False
        self._place_dots()

    def _place_dots(self) -> None:
        for plot in self._made():
            if self.has_surface and self._current is not None:
                plot.set_current(*self._current)

    def _put_back(self) -> None:
        """Give up the drag, or take the last one back."""
        self._given_up = self._dragging
        if self._home is not None:
            self._current, self._home = self._home, None
        if not self._dragging:
            self._place_dots()
        self.put_back.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.key() != Qt.Key.Key_Escape:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress and self.has_surface:
            self._put_back()
            return True
        return False
