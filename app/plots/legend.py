"""The line above a plot: its title, and each curve's colour, name and last value."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import fonts, palette

_GAP, _SWATCH = 14.0, 12.0


class Legend(QWidget):
    """Painted as a whole: changing it 30 times a second moves no layout."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._entries: list[tuple[str, QColor, str]] = []
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, 22)

    def set_entries(self, entries: list[tuple[str, QColor, str]]) -> None:
        """Show (name, colour, value) of each curve."""
        if entries != self._entries:
            self._entries = entries
            self.setAccessibleDescription(", ".join(f"{n} {v}" for n, _, v in entries))
            self.update()

    @property
    def entries(self) -> list[tuple[str, QColor, str]]:
        """What is shown: (name, colour, value) of each curve."""
        return list(self._entries)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        p = palette.current()
        words, figures = fonts.text_font(9), fonts.figure_font(9, True)
        right = self.width() - 4.0
        for name, color, value in reversed(self._entries):
            wide = QFontMetricsF(figures).horizontalAdvance(value) if value else 0.0
            right -= wide
            painter.setFont(figures)
            painter.setPen(p.color("text"))
            painter.drawText(self._line(right, wide + 2), Qt.AlignmentFlag.AlignVCenter, value)
            named = QFontMetricsF(words).horizontalAdvance(name)
            right -= named + (6 if value else 0)
            painter.setFont(words)
            painter.setPen(p.color("muted"))
            painter.drawText(self._line(right, named + 2), Qt.AlignmentFlag.AlignVCenter, name)
            right -= _SWATCH + 5
            painter.setPen(QPen(color, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            middle = self.height() / 2
            painter.drawLine(QPointF(right + 1, middle), QPointF(right + _SWATCH - 1, middle))
            right -= _GAP
        self._paint_title(painter, right)

    def _paint_title(self, painter: QPainter, room: float) -> None:
        font = fonts.text_font(9, True)
        painter.setFont(font)
        painter.setPen(palette.current().color("text"))
        if QFontMetricsF(font).horizontalAdvance(self._title) < room - 4:
            painter.drawText(self._line(4, room), Qt.AlignmentFlag.AlignVCenter, self._title)

    def _line(self, x: float, width: float) -> QRectF:
        return QRectF(x, 0, width, self.height())
