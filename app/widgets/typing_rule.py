"""The rule for keys while a text is typed: they belong to the text, and no shortcut acts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
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

_COMMANDS = tuple(
    getattr(QKeySequence.StandardKey, name)
    for name in (
        "Undo", "Redo", "Cut", "Copy", "Paste", "SelectAll", "DeleteStartOfWord",
        "DeleteEndOfWord", "MoveToNextWord", "MoveToPreviousWord", "SelectNextWord",
        "SelectPreviousWord", "MoveToStartOfDocument", "MoveToEndOfDocument",
    )
)  # fmt: skip
"""What one does to a text with Ctrl held."""
_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
_HELD |= Qt.KeyboardModifier.MetaModifier


def takes_text(widget: QWidget | None) -> bool:
    """Return whether one types into a widget."""
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit | QAbstractSpinBox):
        return not widget.isReadOnly()
    if isinstance(widget, QComboBox):
        return widget.isEditable()
    return isinstance(widget, QKeySequenceEdit)


def being_typed(field: QWidget) -> bool:
    """Return whether a text is under way: always in an editor, else until Enter."""
    line = field.lineEdit() if isinstance(field, QAbstractSpinBox | QComboBox) else field
    return line.isModified() if isinstance(line, QLineEdit) else True


def belongs_to_text(event: QKeyEvent, field: QWidget) -> bool:
    """Return whether a key is the field's: what types, moves and edits, and all while one types."""
    function = Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
    types = not function and not event.modifiers() & _HELD
    return types or any(event.matches(command) for command in _COMMANDS) or being_typed(field)


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
        if not (isinstance(event, QKeyEvent) and isinstance(watched, QWidget)):
            return False
        if event.type() == QEvent.Type.KeyPress and isinstance(watched, QLineEdit):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                watched.setModified(False)
            return False
        if event.type() != QEvent.Type.ShortcutOverride or not belongs_to_text(event, watched):
            return False
        event.accept()
        return True
