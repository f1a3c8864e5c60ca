"""What a net answers at every place of a plane, and the samples it was taught with."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.plots import numbers
from app.plots.area import Readout
from app.style import painting, palette
from app.widgets.numbers import format_number

RADIUS = 3.4
ACROSS, UPWARD = QPointF(RADIUS, RADIUS), QPointF(RADIUS, -RADIUS)


class DecisionMap(QWidget):
    """Colours blend by the probability of each class; samples are dots, test samples rings."""

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
        """Show samples (n, 2); the last ``tests`` of them are rings."""
        self._points, self._labels = numbers.bounded(points), numbers.filled(labels)
        self._tests = tests
        self.update()

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

    # -- painting -----------------------------------------------------------------------------

    def area(self) -> QRectF:
        """The square in which the map lies."""
        side = max(10, min(self.width(), self.height()) - 8)
        return QRectF((self.width() - side) / 2, (self.height() - side) / 2, side, side)

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
                self._image = _blend(self._shares)
            painter.drawImage(self.area(), self._image)
            self._paint_points(painter)

    def _paint_points(self, painter: QPainter) -> None:
        area, p = self.area(), palette.current()
        span = np.maximum(self._high - self._low, 1e-12)
        places = (self._points - self._low) / span
        seen = QRectF(self.rect())
        first_test = len(places) - self._tests
        outline = QPen(p.color("window"), 1.0)
        for i, ((x, y), label) in enumerate(zip(places, self._labels, strict=True)):
            centre = QPointF(area.left() + x * area.width(), area.bottom() - y * area.height())
            if not seen.contains(centre):
                continue
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
        low = min(-1.0, -float(np.abs(self._labels).max(initial=0)))
        low = 0.0 if self._labels.min(initial=0) >= 0 else low
        high = max(1.0, float(self._labels.max(initial=0)))
        at = (label - low) / (high - low)
        return QColor(*map(int, palette.lut("diverging")[int(min(max(at, 0), 1) * 255)][:3]))

    # -- the pointer --------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        area, place = self.area(), event.position()
        if not self.has_map or not area.contains(place):
            self.readout.hide()
            return
        x = (place.x() - area.left()) / area.width()
        y = (area.bottom() - place.y()) / area.height()
        at = self._low + np.array([x, y]) * (self._high - self._low)
        side = self._shares.shape[1]
        column, row = (min(int(v * side), side - 1) for v in (x, y))
        said = self._shares[:, row, column]
        lines = [f"x₁ {format_number(float(at[0]), 3)}   x₂ {format_number(float(at[1]), 3)}"]
        if len(said) == 1:
            lines.append(format_number(float(said[0])))
        for name, share in zip(self._classes, said, strict=False):
            lines.append(f"{name}  {float(share):.1%}")
        self.readout.show_at(place.toPoint(), "\n".join(lines))

    def leaveEvent(self, event: QEvent) -> None:
        self.readout.hide()


def class_color(i: int) -> QColor:
    """Colour of a class, the same on the map and for its samples."""
    series = palette.current().series
    return QColor(series[i % len(series)])


def _blend(shares: np.ndarray) -> QImage:
    """Colours mixed by probability, paler than the samples on top."""
    p = palette.current()
    rgb: np.ndarray
    if len(shares) == 1:
        scaled = np.clip((shares[0] + 1) / 2 * 255, 0, 255).astype(int)
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
