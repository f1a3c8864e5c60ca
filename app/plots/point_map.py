"""A decision map whose samples are painted, moved and removed with the mouse."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent

from app.plots.decision_map import DecisionMap

REACH, APART = 7.0, 12.0
"""Pixels within which a point is meant, and between two that are painted in one stroke."""


class PointMap(DecisionMap):
    """While ``editing``: paint with the left button, drag a point, remove with the right button.

    Signals:
        painted: new places (n, 2).
        moved: number of a point and its new place.
        removed: number of a point.
    """

    painted = Signal(object)
    moved = Signal(int, object)
    removed = Signal(int)

    def __init__(self, empty: str) -> None:
        super().__init__(empty)
        self.editing, self.brush = False, 0.0
        self._held: int | None = None
        self._stroke: list[np.ndarray] = []
        self._last = QPointF()
        self._busy = False

    def set_editing(self, on: bool) -> None:
        """Let the mouse change the samples, or only read the map."""
        self.editing = on
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def set_points(self, points: np.ndarray, labels: np.ndarray, tests: int) -> None:
        """Show samples, unless some are just being changed."""
        if not self._busy:
            super().set_points(points, labels, tests)

    def place_at(self, position: QPointF) -> np.ndarray:
        """A place of the plane, (2,), from one of this widget."""
        area = self.area()
        x = (position.x() - area.left()) / area.width()
        y = (area.bottom() - position.y()) / area.height()
        at: np.ndarray = self._low + np.array([x, y]) * (self._high - self._low)
        return at

    def position_of(self, place: np.ndarray) -> QPointF:
        """Where a place of the plane is on this widget."""
        area = self.area()
        x, y = (place - self._low) / np.maximum(self._high - self._low, 1e-12)
        return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())

    def point_at(self, position: QPointF) -> int | None:
        """Number of the sample under a place of this widget."""
        if not len(self._points):
            return None
        area = self.area()
        pixels = np.array([area.width(), area.height()]) / (self._high - self._low)
        far = np.linalg.norm((self._points - self.place_at(position)) * pixels, axis=1)
        nearest = int(far.argmin())
        return nearest if far[nearest] <= REACH else None

    # -- the mouse ----------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if not (self.editing and self.has_map and self.area().contains(place)):
            super().mousePressEvent(event)
            return
        found = self.point_at(place)
        if event.button() == Qt.MouseButton.RightButton and found is not None:
            self.removed.emit(found)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._busy, self._held = True, found
            self.readout.hide()
            if found is None:
                self._paint(place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position()
        if not self._busy:
            super().mouseMoveEvent(event)
        elif not self.area().contains(place):
            return
        elif self._held is not None:
            self._points = self._points.copy()
            self._points[self._held] = self.place_at(place)
            self.update()
        elif (place - self._last).manhattanLength() >= APART:
            self._paint(place)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._busy or event.button() != Qt.MouseButton.LeftButton:
            super().mouseReleaseEvent(event)
            return
        held, stroke = self._held, self._stroke
        self._busy, self._held, self._stroke = False, None, []
        if held is not None:
            self.moved.emit(held, self._points[held].copy())
        else:
            self.painted.emit(np.array(stroke))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._busy:
            self._busy, self._held, self._stroke = False, None, []
            self.painted.emit(np.zeros((0, 2)))
        else:
            super().keyPressEvent(event)

    def _paint(self, place: QPointF) -> None:
        """One more point, shown at once before the test samples."""
        at, first_test = self.place_at(place), len(self._points) - self._tests
        self._stroke.append(at)
        self._last = place
        self._points = np.insert(self._points, first_test, at, axis=0)
        self._labels = np.insert(self._labels, first_test, self.brush)
        self.update()
