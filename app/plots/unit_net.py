"""A net of few units: what each unit says over the plane, and every weight between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from app.plots import numbers, tiles
from app.plots.area import Readout
from app.style import fonts, painting, palette
from app.widgets.numbers import format_number

Column = tuple[str, np.ndarray]
"""Name of a layer, and maps of its units (units, R, R), rows from above."""
Link = tuple[str, str, np.ndarray]
"""Source layer, target layer, weights (units of the target, units of the source)."""
Unit = tuple[int, int]

LARGEST, THICK, TITLE = 46.0, 4.0, 18.0


class UnitNet(QWidget):
    """Columns of units; the weights are lines: colour is the sign, thickness the size."""

    def __init__(self, empty: str) -> None:
        super().__init__()
        self._empty = empty
        self._columns: list[Column] = []
        self._links: list[Link] = []
        self._images: list[list[QImage]] = []
        self._pointed: Unit | None = None
        self.readout = Readout(self)
        self.setMouseTracking(True)
        self.setMinimumSize(120, 100)
        self.setAccessibleName(self.tr("Units and the weights between them"))
        palette.notifier.changed.connect(self._restyle)

    def sizeHint(self) -> QSize:
        return QSize(300, 220)

    @property
    def columns(self) -> list[Column]:
        """What is shown."""
        return self._columns

    @property
    def links(self) -> list[Link]:
        """The weights between the columns."""
        return self._links

    def set_net(self, columns: Sequence[Column], links: Sequence[Link]) -> None:
        """Show layers from left to right, and the weights between them."""
        self._columns = [(name, numbers.filled(maps)) for name, maps in columns]
        self._links = [(a, b, numbers.filled(weights)) for a, b, weights in links]
        self._restyle()

    def _restyle(self) -> None:
        self._images = [
            [
                tiles.to_image(u, -1.0, 1.0, True)
                for u in maps / (np.abs(maps).max(initial=0) or 1.0)
            ]
            for _, maps in self._columns
        ]
        self.update()

    def unit_rect(self, unit: Unit) -> QRectF:
        """Where a unit, (column, row), is drawn."""
        column, row = unit
        rows = len(self._columns[column][1])
        most = max(1, *(len(maps) for _, maps in self._columns))
        step = (self.height() - TITLE - 4) / most
        across = self.width() / len(self._columns)
        side = min(LARGEST, 0.86 * step, 0.5 * across)
        x = (column + 0.5) * across
        y = TITLE + (self.height() - TITLE) / 2 + (row - (rows - 1) / 2) * step
        return QRectF(x - side / 2, y - side / 2, side, side)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        p = palette.current()
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            if not self._columns:
                painter.setPen(p.color("muted"))
                flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                painter.drawText(QRectF(self.rect()).adjusted(12, 8, -12, -8), flags, self._empty)
                return
            self._paint_links(painter)
            painter.setFont(fonts.text_font(8))
            across = self.width() / len(self._columns)
            for i, (name, _) in enumerate(self._columns):
                painter.setPen(p.color("muted"))
                head = QRectF(i * across, 0, across, TITLE)
                painter.drawText(head, Qt.AlignmentFlag.AlignCenter, name)
                for j, image in enumerate(self._images[i]):
                    rect = self.unit_rect((i, j))
                    painter.drawImage(rect, image)
                    marked = (i, j) == self._pointed
                    painter.setPen(QPen(p.color("text" if marked else "line"), 2 if marked else 1))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRect(rect)

    def _paint_links(self, painter: QPainter) -> None:
        places = {name: i for i, (name, _) in enumerate(self._columns)}
        for source, target, weights in self._links:
            largest = float(np.abs(weights).max(initial=0)) or 1.0
            for (row, column), weight in np.ndenumerate(weights):
                start, end = (places[source], column), (places[target], row)
                dim = self._pointed is not None and self._pointed not in (start, end)
                self._paint_link(painter, start, end, float(weight) / largest, dim)

    def _paint_link(
        self, painter: QPainter, start: Unit, end: Unit, share: float, dim: bool
    ) -> None:
        a, b = self.unit_rect(start), self.unit_rect(end)
        first = QPointF(a.right(), a.center().y())
        last = QPointF(b.left(), b.center().y())
        bend = QPointF((last.x() - first.x()) / 2, 0)
        path = QPainterPath(first)
        path.cubicTo(first + bend, last - bend, last)
        color = tiles.map_color(0.75 if share > 0 else -0.75, "diverging")
        color.setAlphaF(0.12 if dim else 0.3 + 0.7 * min(1.0, abs(share)))
        painter.setPen(QPen(color, 0.5 + THICK * abs(share)))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)

    # -- the pointer --------------------------------------------------------------------------

    def unit_at(self, position: QPointF) -> Unit | None:
        """The unit under a place of this widget."""
        for i, (_, maps) in enumerate(self._columns):
            for j in range(len(maps)):
                if self.unit_rect((i, j)).contains(position):
                    return i, j
        return None

    def describe(self, unit: Unit) -> str:
        """Name of a unit, and the weights that lead to it."""
        name = self._columns[unit[0]][0]
        lines = [self.tr("{0}, unit {1}").format(name, unit[1])]
        for source, target, weights in self._links:
            if target == name and unit[1] < len(weights):
                said = ", ".join(format_number(float(w), 2) for w in weights[unit[1]])
                lines.append(self.tr("weights from {0}: {1}").format(source, said))
        return "\n".join(lines)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        unit = self.unit_at(event.position())
        if unit is None:
            self.readout.hide()
        else:
            self.readout.show_at(event.position().toPoint(), self.describe(unit))
        if unit != self._pointed:
            self._pointed = unit
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._pointed = None
        self.readout.hide()
        self.update()


def _scaled(maps: np.ndarray) -> np.ndarray:
    """Maps whose largest value, either way, is 1."""
    scaled: np.ndarray = maps / (np.abs(maps).max(initial=0) or 1.0)
    return scaled
