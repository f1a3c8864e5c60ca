"""Rows of two lines: a name and, dimmer and smaller below it, one line of explanation."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from app.style import painting

SUMMARY = int(Qt.ItemDataRole.UserRole) + 3
KEYS = int(Qt.ItemDataRole.UserRole) + 4
_PAD, _ICON = 8, 16

Index = QModelIndex | QPersistentModelIndex


class TwoLines(QStyledItemDelegate):
    """Draws items that have a ``SUMMARY`` on two lines, and the others as small headings.

    ``KEYS``, where an item has them, stand at the right of the first line.
    """

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = QFontMetrics(option.font).height()
        small = QFontMetrics(_small(option.font)).height()
        return QSize(80, line + small + 10 if index.data(SUMMARY) else small + 14)

    @painting.guarded
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        with painting.saved(painter):
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            if index.data(SUMMARY):
                self._paint_row(painter, option, index)
            else:
                self._paint_heading(painter, option, index)

    def _paint_heading(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        font = _small(option.font)
        font.setWeight(QFont.Weight.DemiBold)
        font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.6)
        painter.setFont(font)
        painter.setPen(dim(option.palette))
        place = option.rect.adjusted(_PAD, 4, -_PAD, -2)
        painter.drawText(
            place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom,
            str(index.data()).upper(),
        )  # fmt: skip

    def _paint_row(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        palette, rect = option.palette, option.rect.adjusted(0, 1, -2, -1)
        state = option.state
        if state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(with_alpha(palette.color(QPalette.ColorRole.Highlight), 60))
            painter.drawRoundedRect(rect, 6, 6)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(with_alpha(palette.color(QPalette.ColorRole.Text), 16))
            painter.drawRoundedRect(rect, 6, 6)
        left = rect.left() + _PAD
        icon = index.data(Qt.ItemDataRole.DecorationRole)
        if isinstance(icon, QIcon):
            box = QRect(left, rect.center().y() - _ICON // 2 + 1, _ICON, _ICON)
            icon.paint(painter, box)
            left += _ICON + _PAD
        text = QRect(left, rect.top() + 4, rect.right() - left - 4, rect.height() - 8)
        self._paint_lines(painter, option, index, text)

    def _paint_lines(
        self, painter: QPainter, option: QStyleOptionViewItem, index: Index, place: QRect
    ) -> None:
        palette, small = option.palette, _small(option.font)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        top, bottom = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignBottom
        keys = index.data(KEYS) or ""
        _draw(painter, place, left | bottom, str(index.data(SUMMARY)), small, dim(palette))
        if keys:
            _draw(painter, place, right | top, keys, small, dim(palette))
            place = place.adjusted(0, 0, -QFontMetrics(small).horizontalAdvance(keys) - _PAD, 0)
        text = palette.color(QPalette.ColorRole.Text)
        _draw(painter, place, left | top, str(index.data()), option.font, text)


def _draw(
    painter: QPainter, place: QRect, flags: Qt.AlignmentFlag, text: str, font: QFont, color: QColor
) -> None:
    """One line of text, cut short with dots where it does not fit."""
    painter.setFont(font)
    painter.setPen(color)
    elided = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, place.width())
    painter.drawText(place, flags, elided)


def _small(font: QFont) -> QFont:
    small = QFont(font)
    if font.pointSizeF() > 0:
        small.setPointSizeF(font.pointSizeF() * 0.88)
    else:
        small.setPixelSize(max(9, round(font.pixelSize() * 0.88)))
    return small


def dim(palette: QPalette) -> QColor:
    """The colour of text that explains."""
    return palette.color(QPalette.ColorRole.PlaceholderText)


def with_alpha(color: QColor, alpha: int) -> QColor:
    """The colour, see-through: ``alpha`` from 0 to 255."""
    changed = QColor(color)
    changed.setAlpha(alpha)
    return changed
