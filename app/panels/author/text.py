"""The text of a lesson as it is written: coloured, with the faulty line marked."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QSyntaxHighlighter,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit

from app.style import fonts, palette

IN_BLOCK, IN_HEADER = 1, 2


class _Colours(QSyntaxHighlighter):
    """Headings, fences, front matter and live numbers."""

    def highlightBlock(self, text: str) -> None:
        colours, before = palette.current(), self.previousBlockState()
        first = self.currentBlock().blockNumber() == 0
        state = max(0, before)
        if text.strip() == "+++":
            state = IN_HEADER if first else (0 if before == IN_HEADER else state)
            self.setFormat(0, len(text), _format(colours.color("muted")))
        elif before == IN_HEADER:
            self.setFormat(0, len(text), _format(colours.color("muted")))
        elif text.startswith("```"):
            state = 0 if before == IN_BLOCK else IN_BLOCK
            self.setFormat(0, len(text), _format(colours.color("accent"), bold=True))
        elif text.startswith("## ") and before != IN_BLOCK:
            self.setFormat(0, len(text), _format(colours.color("text"), bold=True))
        self.setCurrentBlockState(state)


def _format(color: QColor, bold: bool = False) -> QTextCharFormat:
    form = QTextCharFormat()
    form.setForeground(color)
    if bold:
        form.setFontWeight(QFont.Weight.Bold)
    return form


class LessonText(QPlainTextEdit):
    """Edits a lesson's text.

    Signals:
        line_changed: the line, counted from 0, that the cursor is in now.
    """

    line_changed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setFont(QFont(fonts.MONO, int(fonts.POINTS) - 1))
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("Text of the lesson"))
        self._line = -1
        self._colours = _Colours(self.document())
        palette.notifier.changed.connect(self._colours.rehighlight)
        self.cursorPositionChanged.connect(self._on_cursor)

    @property
    def line(self) -> int:
        """The line, counted from 0, that the cursor is in."""
        return self.textCursor().blockNumber()

    def _on_cursor(self) -> None:
        if self.line != self._line:
            self._line = self.line
            self.line_changed.emit(self._line)

    def replace(self, text: str) -> None:
        """Make the text another one, as one step that can be undone; the cursor keeps its line."""
        line = self.line
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.go_to(line)

    def put_in(self, line: int, text: str) -> None:
        """Insert lines before a line, counted from 0, and select the first that is new."""
        count = self.document().blockCount()
        cursor = QTextCursor(self.document())
        if line >= count:
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText("\n" + text)
        else:
            cursor.setPosition(self.document().findBlockByNumber(line).position())
            cursor.insertText(text if text.endswith("\n") else text + "\n")
        self.go_to(min(line, self.document().blockCount() - 1))

    def go_to(self, line: int) -> None:
        """Put the cursor at a line, counted from 0, in view."""
        block = self.document().findBlockByNumber(max(0, line))
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.centerCursor()

    def select_words(self, words: str) -> None:
        """Select the next place of these words behind the cursor, to be typed over."""
        found = self.document().find(words, self.textCursor(), QTextDocument.FindFlag(0))
        if not found.isNull():
            self.setTextCursor(found)

    def mark_fault(self, line: int) -> None:
        """Mark a line, counted from 0, as faulty; none below 0."""
        marks: list[QTextEdit.ExtraSelection] = []
        block = self.document().findBlockByNumber(line)
        if line >= 0 and block.isValid():
            mark = QTextEdit.ExtraSelection()
            mark.format.setBackground(palette.current().color("error", 50))
            mark.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            mark.cursor = QTextCursor(block)
            marks.append(mark)
        self.setExtraSelections(marks)
