"""What a net answers at every place of a plane, and the samples it was taught with.

The samples can be painted, moved and removed with the mouse.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots import numbers
from app.plots.area import Readout
from app.plots.map_axes import MapAxes
from app.style import painting, palette
from app.widgets.numbers import plain_number

RADIUS = 3.4
ACROSS, UPWARD = QPointF(RADIUS, RADIUS), QPointF(RADIUS, -RADIUS)
REACH, APART = 7.0, 12.0
"""Pixels within which a point is meant, and between two that are painted in one stroke."""


class DecisionMap(QWidget):
    """Colours blend by the probability of each class; samples are dots, test samples rings.

    While ``editing``: paint with the left button, drag a point, remove with the right button.

    Signals:
        painted: new places (n, 2).
        moved: number of a point and its new place.
        removed: number of a point.
    """

    painted = Signal(object)
    moved = Signal(int, object)
    removed = Signal(int)

    def __init__(self, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._shares = np.zeros((0, 1, 1), np.float32)
        self._points, self._labels = np.zeros((0, 2), np.float32), np.zeros(0, np.float32)
        self._generated = np.zeros((0, 2), np.float32)
        self._tests = 0
        self._low, self._high = np.zeros(2), np.ones(2)
        self._classes: tuple[str, ...] = ()
        self._image: QImage | None = None
        self.axes, self._target = MapAxes(), ""
        self._answer_scale = (0.0, 1.0)
        self.editing, self.brush = False, 0.0
        self._held: int | None = None
        self._stroke: list[np.ndarray] = []
        self._last = QPointF()
        self._busy = False
        self.readout = Readout(self)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Decision map"))
        palette.notifier.changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        return QSize(300, 300)

    def set_empty(self, sentence: str) -> None:
        """Show a sentence and no map."""
        self._empty, self._shares, self._image = sentence, np.zeros((0, 1, 1), np.float32), None
        self.update()

    def set_editing(self, on: bool) -> None:
        """Let the mouse change the samples, or only read the map."""
        self.editing = on
        self.setCursor(Qt.CursorShape.CrossCursor if on else Qt.CursorShape.ArrowCursor)

    def set_map(
        self, shares: np.ndarray, low: tuple[float, float], high: tuple[float, float],
        classes: tuple[str, ...],
    ) -> None:  # fmt: skip
        """Show probabilities (C, R, R), rows from below; one map is shown by its values."""
        self._shares, self._classes = numbers.filled(shares), classes
        self._low, self._high = numbers.filled(low), numbers.filled(high)
        self._image = None
        self.update()

    def set_points(self, points: np.ndarray, labels: np.ndarray, tests: int) -> None:
        """Show samples (n, 2), the last ``tests`` as rings, unless some are just being changed."""
        if self._busy:
            return
        self._image = self._image if len(self._shares) > 1 else None
        self._points, self._labels = numbers.bounded(points), numbers.filled(labels)
        self._tests = tests
        self._show_legend()
        self.update()

    def set_axes(
        self, names: tuple[str, ...], shift: np.ndarray, scale: np.ndarray, target: str,
        answers: tuple[float, float],
    ) -> None:  # fmt: skip
        """Name the axes, and say what makes the data's own numbers of those of the map.

        Args:
            shift, scale: for both axes, shape (2,); an own number is number * scale + shift.
            target: what is predicted, or "".
            answers: shift and scale of answers that are numbers.
        """
        self.axes.names = (names[0], names[1]) if len(names) == 2 else ("x₁", "x₂")
        self.axes.shift, self.axes.scale = numbers.filled(shift), numbers.filled(scale)
        self._target, self._answer_scale = target, answers
        self.update()

    def limits(self) -> tuple[float, float]:
        """The values at the two ends of the colours of a map of numbers."""
        low = float(self._labels.min(initial=np.inf))
        high = float(self._labels.max(initial=-np.inf))
        if not low < high or (low >= -1 and high <= 1):
            return -1.0, 1.0
        return low, high

    def _show_legend(self) -> None:
        if len(self._shares) == 1:
            shift, scale = self._answer_scale
            lut = palette.lut("diverging")
            self.axes.entries = [
                (f"{name}{plain_number(value * scale + shift)}", QColor(*map(int, lut[at][:3])))
                for name, value, at in zip(
                    (f"{self._target}  " if self._target else "", ""), self.limits(), (0, 255),
                    strict=True,
                )
            ]  # fmt: skip
        else:
            self.axes.entries = [(name, class_color(i)) for i, name in enumerate(self._classes)]

    def set_generated(self, points: np.ndarray | None) -> None:
        """Show points (n, 2) that the net made itself, as crosses."""
        self._generated = numbers.bounded(np.zeros((0, 2)) if points is None else points)
        self.update()

    @property
    def has_map(self) -> bool:
        """Whether there is a map to be seen."""
        return len(self._shares) > 0

    def _restyle(self) -> None:
        self._image = None
        self.update()

    # -- places -------------------------------------------------------------------------------

    def place_at(self, position: QPointF) -> np.ndarray:
        """A place of the plane, (2,), from one of this widget."""
        area = self.area()
        x = (position.x() - area.left()) / area.width()
        y = (area.bottom() - position.y()) / area.height()
        at: np.ndarray = self._low + np.array([x, y]) * (self._high - self._low)
        return at

    def point_at(self, position: QPointF) -> int | None:
        """Number of the sample under a place of this widget."""
        if not len(self._points):
            return None
        area = self.area()
        pixels = np.array([area.width(), area.height()]) / (self._high - self._low)
        far = np.linalg.norm((self._points - self.place_at(position)) * pixels, axis=1)
        nearest = int(far.argmin())
        return nearest if far[nearest] <= REACH else None

    # -- painting -----------------------------------------------------------------------------

    def area(self) -> QRectF:
        """The square in which the map lies."""
        return self.axes.area(self.width(), self.height())

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            p = palette.current()
            if not self.has_map:
                painter.setPen(p.color("muted"))
                where = QRectF(self.rect()).adjusted(12, 8, -12, -8)
                flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
                painter.drawText(where, int(flags), self._empty)
                return
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if self._image is None:
                self._image = _blend(self._shares, self.limits())
            painter.drawImage(self.area(), self._image)
            self.axes.paint(painter, self.area(), self._low, self._high)
            self._paint_points(painter)

    def _paint_points(self, painter: QPainter) -> None:
        area, p = self.area(), palette.current()
        span = np.maximum(self._high - self._low, 1e-12)
        places = (self._points - self._low) / span
        first_test = len(places) - self._tests
        outline = QPen(p.color("window"), 1.0)
        for i, ((x, y), label) in enumerate(zip(places, self._labels, strict=True)):
            centre = QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
            if not (0 <= centre.x() <= self.width() and 0 <= centre.y() <= self.height()):
                continue  # also what is no number, which Qt takes for a place inside
            color = self._color_of(float(label))
            if i < first_test:
                painter.setPen(outline)
                painter.setBrush(color)
            else:
                painter.setPen(QPen(color, 1.6))
                painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, RADIUS, RADIUS)
        painter.setPen(QPen(p.color("text"), 1.3))
        for x, y in (self._generated - self._low) / span:
            if 0 <= x <= 1 and 0 <= y <= 1:
                at = QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
                painter.drawLine(at - ACROSS, at + ACROSS)
                painter.drawLine(at - UPWARD, at + UPWARD)

    def _color_of(self, label: float) -> QColor:
        if len(self._shares) > 1:
            return class_color(max(0, round(label)))
        low, high = self.limits()
        if (low, high) == (-1.0, 1.0) and self._labels.min(initial=0) >= 0:
            low = 0.0
        at = (label - low) / (high - low)
        return QColor(*map(int, palette.lut("diverging")[int(min(max(at, 0), 1) * 255)][:3]))

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
            self._read(place)
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

    def _read(self, place: QPointF) -> None:
        """Say what the map shows under the pointer."""
        area = self.area()
        if not self.has_map or not area.contains(place):
            self.readout.hide()
            return
        x = (place.x() - area.left()) / area.width()
        y = (area.bottom() - place.y()) / area.height()
        at = self._low + np.array([x, y]) * (self._high - self._low)
        side = self._shares.shape[1]
        column, row = (min(int(v * side), side - 1) for v in (x, y))
        said = self._shares[:, row, column]
        own = self.axes.own(at)
        lines = [
            f"{name} {plain_number(float(v))}" for name, v in zip(self.axes.names, own, strict=True)
        ]
        lines = ["   ".join(lines)] if sum(map(len, lines)) < 30 else lines
        if len(said) == 1:
            shift, scale = self._answer_scale
            answer = plain_number(float(said[0]) * scale + shift)
            lines.append(f"{self._target} {answer}".strip())
        for name, share in zip(self._classes, said, strict=False):
            lines.append(f"{name}  {float(share):.1%}")
        self.readout.show_at(place.toPoint(), "\n".join(lines))

    def leaveEvent(self, event: QEvent) -> None:
        self.readout.hide()


def class_color(i: int) -> QColor:
    """Colour of a class, the same on the map and for its samples."""
    series = palette.current().series
    return QColor(series[i % len(series)])


def _blend(shares: np.ndarray, limits: tuple[float, float]) -> QImage:
    """Colours mixed by probability, or by a value within limits; paler than the samples on top."""
    p = palette.current()
    rgb: np.ndarray
    if len(shares) == 1:
        share = (shares[0].astype(np.float64) - limits[0]) / (limits[1] - limits[0])
        scaled = np.clip(share * 255, 0, 255).astype(int)
        rgb = palette.lut("diverging")[scaled][..., :3].astype(np.float32)
    else:
        colors = np.array([_rgb(class_color(i)) for i in range(len(shares))], np.float32)
        rgb = np.tensordot(shares, colors, axes=(0, 0))
    ground = np.array(_rgb(p.color("card")), np.float32)
    mixed = (0.62 * rgb + 0.38 * ground)[::-1].clip(0, 255).astype(np.uint8)
    mixed = np.ascontiguousarray(mixed)
    height, width = mixed.shape[:2]
    image = QImage(mixed.data, width, height, 3 * width, QImage.Format.Format_RGB888)
    return image.copy()


def _rgb(color: QColor) -> tuple[int, int, int]:
    return color.red(), color.green(), color.blue()
