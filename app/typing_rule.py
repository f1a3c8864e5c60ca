"""The rule for keys while a text is typed: they belong to the text, and no shortcut acts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)


def takes_text(widget: QWidget | None) -> bool:
    """Return whether one types into a widget."""
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox):
        return not widget.isReadOnly()
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, QKeySequenceEdit)


def belongs_to_text(event: QKeyEvent, field: QWidget) -> bool:
    """Return whether a key is the field's: every key, but function keys where numbers are set."""
    function = Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
    return not (function and isinstance(field, QAbstractSpinBox | QComboBox))


class TypingRule(QObject):
    """Gives the keys of a text to whatever is typed into, before any shortcut gets them."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        app.focusChanged.connect(self._on_focus)

    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if old is not None:
            old.removeEventFilter(self)
        if takes_text(new) and new is not None:
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        if not (isinstance(watched, QWidget) and belongs_to_text(event, watched)):
            return False
        event.accept()
        return True
