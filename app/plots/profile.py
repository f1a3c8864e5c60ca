"""Sizes that differ by powers of ten, one bar each: the gradient from layer to layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import fonts, painting, palette
from app.widgets.numbers import format_number

ROW, GAP, DECADES = 22, 4, 8.0
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)


class ProfilePlot(QWidget):
    """Bars on a logarithmic scale, eight powers of ten below the largest; or shares of 1."""

    def __init__(self, name: str, empty: str, logarithmic: bool = True) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._name, self._empty, self._logarithmic = name, empty, logarithmic
        self.bars: tuple[tuple[str, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        palette.notifier.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        return QSize(320, (len(self.bars) + 1) * ROW + 8)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def set_bars(self, bars: Sequence[tuple[str, float]]) -> None:
        """Show sizes by name, from top to bottom."""
        grown = len(bars) != len(self.bars)
        self.bars = tuple(bars)
        said = ", ".join(f"{name} {format_number(size, 3)}" for name, size in self.bars)
        self.setAccessibleDescription(said)
        if grown:
            self.updateGeometry()
        self.update()

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        p = palette.current()
        with painting.on(self) as painter:
            painter.setPen(p.color("muted"))
            if not self.bars:
                flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
                painter.drawText(QRectF(self.rect()), flags, self._empty)
                return
            painter.drawText(QRectF(0, 0, self.width(), ROW), _LEFT, self._name)
            metrics = painter.fontMetrics()
            left = min(140, max(metrics.horizontalAdvance(n) for n, _ in self.bars)) + 14
            right = self.width() - 74
            top = max((math.log10(s) for _, s in self.bars if s > 0), default=0.0)
            for i, (name, size) in enumerate(self.bars):
                y = (i + 1) * ROW
                painter.setPen(p.color("text"))
                short = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, left - 10)
                painter.setFont(self.font())
                painter.drawText(QRectF(0, y, left - 8, ROW), _RIGHT, short)
                share = size
                if self._logarithmic:
                    share = max(0.0, 1 + (math.log10(size) - top) / DECADES) if size > 0 else 0.0
                track = QRectF(left, y + GAP, right - left, ROW - 2 * GAP)
                painter.fillRect(track, p.color("line"))
                painter.fillRect(
                    QRectF(left, y + GAP, track.width() * share, track.height()), p.color("accent")
                )
                painter.setFont(fonts.figure_font(9))
                said = format_number(size, 2) if self._logarithmic else f"{size:.1%}"
                painter.drawText(QRectF(right + 6, y, 68, ROW), _LEFT, said)
