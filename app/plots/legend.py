"""The lines above a plot: its title, and each curve's colour, name and last value."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import fonts, palette

_GAP, _SWATCH, _LINE = 6.0, 11.0, 19.0


class Legend(QWidget):
    """Painted as a whole: changing it 30 times a second moves no layout."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._entries: list[tuple[str, QColor, str]] = []
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, round(2 * _LINE))

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
        bold = fonts.text_font(9, True)
        painter.setFont(bold)
        painter.setPen(p.color("text"))
        title = QFontMetricsF(bold).elidedText(
            self._title, Qt.TextElideMode.ElideRight, self.width() - 8.0
        )
        painter.drawText(QRectF(4, 0, self.width(), _LINE), Qt.AlignmentFlag.AlignVCenter, title)
        left = 4.0
        for entry in self._entries:
            left = self._paint_entry(painter, left, *entry) + _GAP

    def _paint_entry(
        self, painter: QPainter, left: float, name: str, color: QColor, value: str
    ) -> float:
        """Paint one curve's entry from ``left`` on; returns where it ends."""
        p, middle = palette.current(), 1.5 * _LINE
        painter.setPen(QPen(color, 2.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QPointF(left + 1, middle), QPointF(left + _SWATCH - 1, middle))
        left += _SWATCH + 4
        for text, font, role in (
            (name, fonts.text_font(9), "muted"),
            (value, fonts.figure_font(9, True), "text"),
        ):
            wide = QFontMetricsF(font).horizontalAdvance(text)
            painter.setFont(font)
            painter.setPen(p.color(role))
            line = QRectF(left, _LINE, wide + 2, _LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)
            left += wide + 4
        return left
