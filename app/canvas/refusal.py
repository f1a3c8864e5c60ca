"""Says at the pointer why something was refused, with the change that would help."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QWidget

from app.style import palette
from app.widgets.layouts import in_column

LEAST_MS, READING_MS = 9000, 120
"""How long it stays at least, and for each of its letters."""


class Refusal(QFrame):
    """A small card over the canvas; goes away by itself once it is read, or at the next press."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self.setObjectName("refusal")
        self.label, self.button = QLabel(), QPushButton()
        self.label.setWordWrap(True)
        self.label.setMaximumWidth(360)
        self.button.setObjectName("primary")
        in_column(self.label, self.button, on=self, margins=(12, 10, 12, 10))
        self._repair: Callable[[], object] = lambda: None
        self.button.clicked.connect(self._on_click)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self.hide)
        self.hide()

    def say(
        self, sentence: str, label: str = "", repair: Callable[[], object] | None = None
    ) -> None:
        """Show a sentence; with a label, a button that calls ``repair``."""
        p = palette.current()
        self.setStyleSheet(
            f"#refusal {{ background: {p.raised}; border: 1px solid {p.error}; "
            f"border-radius: 8px; }}"
        )
        self.label.setText(sentence)
        self.button.setText(label)
        self.button.setVisible(bool(label))
        self._repair = repair or (lambda: None)
        self.setFixedWidth(min(380, max(220, self.fontMetrics().horizontalAdvance(sentence) + 30)))
        self.adjustSize()
        parent = self._over
        at = parent.mapFromGlobal(QCursor.pos())
        if not parent.rect().contains(at):
            at = parent.rect().center()
        x = min(max(8, at.x() + 12), parent.width() - self.width() - 8)
        y = min(max(8, at.y() + 12), parent.height() - self.height() - 8)
        self.move(x, y)
        self.show()
        self.raise_()
        self._timer.start(max(LEAST_MS, READING_MS * len(sentence)))

    def enterEvent(self, event: object) -> None:
        self._timer.stop()  # it is being read

    def leaveEvent(self, event: object) -> None:
        self._timer.start(LEAST_MS)

    def hideEvent(self, event: object) -> None:
        self._timer.stop()

    def _on_click(self) -> None:
        self.hide()
        self._repair()

    def focusPolicy(self) -> Qt.FocusPolicy:
        return Qt.FocusPolicy.NoFocus
