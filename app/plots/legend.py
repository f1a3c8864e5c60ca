"""The lines above a plot: its title, and each curve's colour, name and last value."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import fonts, painting, palette

_GAP, _SWATCH, _LINE = 6.0, 11.0, 19.0
_VALUE = 44.0
"""Room for a value at least: a name keeps its place while its value changes."""


class Legend(QWidget):
    """Painted as a whole: changing it 30 times a second moves no layout."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._entries: list[tuple[str, QColor, str]] = []
        self._places: list[tuple[float, int]] = []
        self._room = _VALUE
        self._rows = 1
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(120, round((1 + self._rows) * _LINE))

    def resizeEvent(self, event: object) -> None:
        self._place()

    def _place(self) -> None:
        """Let the entries run on in further lines where one is too narrow."""
        metrics, left, row = QFontMetricsF(fonts.text_font(9)), 4.0, 0
        self._places = []
        for name, _color, _value in self._entries:
            wide = _SWATCH + 8 + metrics.horizontalAdvance(name) + self._room
            if left > 4 and left + wide > self.width():
                left, row = 4.0, row + 1
            self._places.append((left, row))
            left += wide + _GAP
        if self._rows != row + 1:
            self._rows = row + 1
            self.updateGeometry()

    def set_entries(self, entries: list[tuple[str, QColor, str]]) -> None:
        """Show (name, colour, value) of each curve."""
        if entries != self._entries:
            named = [e[0] for e in entries] != [e[0] for e in self._entries]
            self._entries = entries
            metrics = QFontMetricsF(fonts.figure_font(9, True))
            needed = max((metrics.horizontalAdvance(e[2]) + 4 for e in entries), default=0.0)
            grown, self._room = needed > self._room, max(needed, self._room)
            if named or grown:
                self._place()
            self.setAccessibleDescription(", ".join(f"{n} {v}" for n, _, v in entries))
            self.update()

    @property
    def entries(self) -> list[tuple[str, QColor, str]]:
        """What is shown: (name, colour, value) of each curve."""
        return list(self._entries)

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            p = palette.current()
            bold = fonts.text_font(9, True)
            painter.setFont(bold)
            painter.setPen(p.color("text"))
            title = QFontMetricsF(bold).elidedText(
                self._title, Qt.TextElideMode.ElideRight, self.width() - 8.0
            )
            painter.drawText(
                QRectF(4, 0, self.width(), _LINE), Qt.AlignmentFlag.AlignVCenter, title
            )
            for entry, (left, row) in zip(self._entries, self._places, strict=True):
                self._paint_entry(painter, left, (1 + row) * _LINE, *entry)

    def _paint_entry(
        self, painter: QPainter, left: float, top: float, name: str, color: QColor, value: str
    ) -> None:
        """Paint one curve's entry from a place on."""
        p, middle = palette.current(), top + _LINE / 2
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
            line = QRectF(left, top, wide + 2, _LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, text)
            left += wide + 4
