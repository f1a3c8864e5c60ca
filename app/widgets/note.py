"""A sentence that never moves what lies around it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLabel, QSizePolicy

from app.style import painting


class Note(QLabel):
    """As high as its lines, whatever it says and however narrow it is.

    What finds no room ends in dots, or is cut below the last line; the tool tip has all of it,
    unless it was given one of its own.

    Args:
        name: of its style: "muted", "heading" or "".
        lines: one is cut, several are wrapped.
    """

    def __init__(self, name: str = "muted", lines: int = 1) -> None:
        super().__init__()
        self._lines = lines
        self._explained = False
        self.setObjectName(name)
        self.setWordWrap(lines > 1)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def hasHeightForWidth(self) -> bool:
        return False  # pages around it would ask for what they would like, not what they need

    def sizeHint(self) -> QSize:
        self.ensurePolished()
        return QSize(80, self._lines * self.fontMetrics().lineSpacing() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def setText(self, text: str) -> None:
        super().setText(text)
        if not self._explained:
            super().setToolTip(text)

    def setToolTip(self, text: str) -> None:
        self._explained = bool(text)
        super().setToolTip(text or self.text())

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self._lines > 1:
            super().paintEvent(event)
            return
        room = self.contentsRect()
        with painting.on(self) as painter:
            painter.setPen(self.palette().color(self.foregroundRole()))
            text = self.fontMetrics().elidedText(
                self.text(), Qt.TextElideMode.ElideRight, room.width()
            )
            painter.drawText(room, int(self.alignment()), text)
