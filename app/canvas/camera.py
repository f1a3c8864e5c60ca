"""What of the canvas is looked at: zoom, pan and fit."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QObject, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QGraphicsView

from app.canvas.items import geometry as geo
from app.canvas.scene import Scene

LOWEST, HIGHEST = 0.05, 4.0
STILL = 8
"""Screen pixels by which rounding alone may move a view."""

View = tuple[float, float, float]


class Camera(QObject):
    """Moves a view over its scene.

    Signals:
        moved: other nodes can be seen; emitted once after many moves.
    """

    moved = Signal()

    def __init__(self, view: QGraphicsView, scene: Scene) -> None:
        super().__init__(view)
        self._view, self._scene = view, scene
        self._fitted: View | None = None
        self._timer = QTimer(self, singleShot=True, interval=60)
        self._timer.timeout.connect(self.moved)

    def announce(self) -> None:
        """Emit ``moved`` soon."""
        self._timer.start()

    def stop(self) -> None:
        """Emit nothing more: the view is hidden."""
        self._timer.stop()

    # -- where it is --------------------------------------------------------------------------

    @property
    def zoom(self) -> float:
        """Screen pixels per canvas unit."""
        return float(self._view.transform().m11())

    @property
    def far(self) -> bool:
        """Whether the graph is drawn as boxes and lines."""
        limit = geo.FAR if self._scene.crowded else geo.NEVER_CLOSER
        return self.zoom < limit

    @property
    def view(self) -> View:
        """What is looked at: x and y of the middle, and the zoom."""
        middle = self.seen_area().center()
        return middle.x(), middle.y(), self.zoom

    @property
    def fitted(self) -> bool:
        """Whether the view is where it was when the whole graph was shown."""
        if self._fitted is None:
            return False
        (x, y, zoom), (was_x, was_y, was) = self.view, self._fitted
        aside = (abs(x - was_x) + abs(y - was_y)) * zoom
        return abs(zoom - was) < 1e-6 and aside < STILL

    @property
    def aspect(self) -> float:
        """Width over height of what can be seen."""
        return self._view.viewport().width() / max(1, self._view.viewport().height())

    def seen_area(self) -> QRectF:
        """Return the part of the canvas that can be seen."""
        return self._view.mapToScene(self._view.viewport().rect()).boundingRect()

    def visible_nodes(self) -> list[str]:
        """Return the names of the nodes whose pictures can be seen, wholly or in part."""
        if self.far:
            return []
        area = self.seen_area()
        return [n for n, item in self._scene.nodes.items()
                if area.intersects(geo.BODY.translated(item.pos()))]  # fmt: skip

    def on_canvas(self, point: QPoint) -> QPointF:
        """Return the point of the canvas at a point of the viewport."""
        return self._view.mapToScene(point)

    def on_screen(self, at: QPointF) -> QPoint:
        """Return the point of the screen at a point of the canvas."""
        return self._view.viewport().mapToGlobal(self._view.mapFromScene(at))

    def over_canvas(self) -> bool:
        """Return whether the pointer is over the viewport."""
        return self._view.viewport().rect().contains(self._pointer())

    def pointer_place(self) -> QPointF:
        """Return where the pointer is on the canvas; the middle of the view if it is elsewhere."""
        if self.over_canvas():
            return self.on_canvas(self._pointer())
        return self.on_canvas(self._view.viewport().rect().center())

    def _pointer(self) -> QPoint:
        return self._view.viewport().mapFromGlobal(self._view.cursor().pos())

    # -- going elsewhere ----------------------------------------------------------------------

    def fit_all(self) -> None:
        """Show the whole graph, and keep it in view when the window is resized."""
        self._fit(self._scene.contents())
        self._fitted = self.view

    def fit_nodes(self, names: Iterable[str]) -> None:
        """Show these nodes, or everything if there are none."""
        self._fit(self._scene.contents(list(names) or None))

    def _fit(self, area: QRectF) -> None:
        if area.isEmpty():
            self.set_zoom(1.0)
            self._view.centerOn(0, 0)
            return
        wide = area.adjusted(-40, -40, 40, 40)
        self._view.fitInView(wide, Qt.AspectRatioMode.KeepAspectRatio)
        if self.zoom > 1.25:
            self.set_zoom(1.25)
        self.announce()

    def show(self, view: View) -> None:
        """Look at a place with a zoom."""
        x, y, zoom = view
        self.set_zoom(zoom)
        self.centre_on(QPointF(x, y))

    def centre_on(self, at: QPointF) -> None:
        """Put a point of the canvas into the middle."""
        self._view.centerOn(at)
        self.announce()

    def bring_into_view(self, names: Iterable[str]) -> None:
        """Move on until these nodes can be seen."""
        self._view.ensureVisible(self._scene.contents(names), 40, 40)
        self._view.viewport().update()

    def zoom_in(self) -> None:
        """Show less, larger."""
        self.set_zoom(self.zoom * 1.25)

    def zoom_out(self) -> None:
        """Show more, smaller."""
        self.set_zoom(self.zoom / 1.25)

    def zoom_reset(self) -> None:
        """Show a canvas unit as a screen pixel."""
        self.set_zoom(1.0)

    def set_zoom(self, zoom: float, about: QPoint | None = None) -> None:
        """Zoom; the point ``about`` of the viewport, its middle if left out, stays in place."""
        point = about if about is not None else self._view.viewport().rect().center()
        before = self.on_canvas(point)
        factor = min(HIGHEST, max(LOWEST, zoom)) / self.zoom
        self._view.scale(factor, factor)
        shift = self.on_canvas(point) - before
        self._view.centerOn(self.seen_area().center() - shift)
        self.announce()

    def pan(self, delta: QPoint) -> None:
        """Move what is seen by screen pixels."""
        for bar, d in (
            (self._view.horizontalScrollBar(), delta.x()),
            (self._view.verticalScrollBar(), delta.y()),
        ):
            bar.setValue(bar.value() - d)
        self.announce()

    def turn_wheel(self, event: QWheelEvent) -> None:
        """Pan by a touchpad; zoom by a wheel, or by a touchpad with Ctrl."""
        pixels = event.pixelDelta()
        if not pixels.isNull() and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.pan(pixels)
        else:
            zoom = self.zoom * 1.0016 ** event.angleDelta().y()
            self.set_zoom(zoom, event.position().toPoint())
