"""Rows of two lines: a name and, dimmer and smaller below it, one line of explanation."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QIcon, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

SUMMARY = int(Qt.ItemDataRole.UserRole) + 3
_PAD, _ICON = 8, 16

Index = QModelIndex | QPersistentModelIndex


class TwoLines(QStyledItemDelegate):
    """Draws items that have a ``SUMMARY`` on two lines, and the others as small headings."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        line = QFontMetrics(option.font).height()
        small = QFontMetrics(_small(option.font)).height()
        return QSize(80, line + small + 10 if index.data(SUMMARY) else small + 14)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if index.data(SUMMARY):
            self._paint_row(painter, option, index)
        else:
            self._paint_heading(painter, option, index)
        painter.restore()

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
        metrics = QFontMetrics(option.font)
        painter.setFont(option.font)
        painter.setPen(option.palette.color(QPalette.ColorRole.Text))
        right = Qt.TextElideMode.ElideRight
        top = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(place, top, metrics.elidedText(str(index.data()), right, place.width()))
        small = _small(option.font)
        painter.setFont(small)
        painter.setPen(dim(option.palette))
        summary = QFontMetrics(small).elidedText(str(index.data(SUMMARY)), right, place.width())
        bottom = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom
        painter.drawText(place, bottom, summary)


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
