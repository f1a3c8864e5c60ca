"""Typing on the canvas itself: a note's text, a frame's title, a node's name."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QWidget


class TextEdit(QPlainTextEdit):
    """Lies over what is edited; Escape gives up, anything else that ends it keeps the text.

    Args:
        lines: whether Enter begins a new line (Ctrl+Enter ends); else Enter and Tab end the edit.

    Signals:
        accepted: the text, if it is another one.
    """

    accepted = Signal(str)

    def __init__(self, parent: QWidget, text: str, area: QRect, lines: bool) -> None:
        super().__init__(text, parent)
        self._before, self._lines, self._done = text, lines, False
        self.setAccessibleName(self.tr("Text on the canvas"))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setGeometry(area.adjusted(0, 0, 0, max(0, 34 - area.height())))
        if lines:
            self.verticalScrollBar().rangeChanged.connect(self._grow)
        self.selectAll()
        self.show()
        self.setFocus()

    def _grow(self, _first: int, hidden: int) -> None:
        """Become higher by the lines that find no room, as far as the canvas is seen."""
        parent = self.parentWidget()
        if hidden > 0 and parent is not None:
            wanted = self.height() + hidden * self.fontMetrics().lineSpacing()
            room = parent.height() - self.y()
            self.resize(self.width(), max(self.height(), min(wanted, room)))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        held = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        ends = (enter and held) if self._lines else (enter or event.key() == Qt.Key.Key_Tab)
        if event.key() == Qt.Key.Key_Escape:
            self._end(keep=False)
        elif ends:
            self._end(keep=True)
        else:
            super().keyPressEvent(event)
        event.accept()  # an arrow at the text's end is not for the canvas below

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        super().keyReleaseEvent(event)
        event.accept()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() != Qt.FocusReason.PopupFocusReason:
            self._end(keep=True)

    def _end(self, keep: bool) -> None:
        if self._done:
            return
        self._done = True
        text = self.toPlainText().strip()
        parent = self.parentWidget()
        if self.hasFocus() and parent is not None:
            parent.setFocus()  # keys go on to the canvas
        self.hide()
        self.deleteLater()
        if keep and text != self._before:
            self.accepted.emit(text)
