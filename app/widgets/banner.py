"""A line across the window that says one thing and offers what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.style import icons, palette


def breakable(text: str) -> str:
    """Return a text whose long words, such as paths, can be broken: else they widen the window."""
    inside = re.compile(r"[/\\_.,=-]|\w{30}")
    return re.sub(r"\S{31,}", lambda word: inside.sub("\\g<0>\u200b", word[0]), text)


class Banner(QWidget):
    """Hidden until ``show_message``; closed by its cross, by an action, or by ``hide``."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("banner")
        self.setAccessibleName(self.tr("Message"))
        self._icon, self.label = QLabel(), QLabel()
        self.label.setWordWrap(True)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text = ""
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(12, 6, 8, 6)
        self._close = QToolButton()
        self._close.setToolTip(self.tr("Close"))
        self._close.setAccessibleName(self.tr("Close message"))
        self._close.clicked.connect(self.hide)
        for widget in (self._icon, self.label, self._close):
            self._row.addWidget(widget)
        self.buttons: list[QPushButton] = []
        self._level = "info"
        palette.notifier.changed.connect(self._restyle)
        self.hide()

    @property
    def text(self) -> str:
        """The sentence that is shown."""
        return self._text

    def show_message(
        self,
        text: str,
        level: str = "info",
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        """Show a sentence; ``level`` is "info", "warning" or "error".

        Args:
            actions: (label, function) for each button; a click hides the banner first.
        """
        for button in self.buttons:
            self._row.removeWidget(button)  # its room is free at once: panels pay for the banner's
            button.hide()
            button.deleteLater()
        self.buttons = []
        self._text = text
        self.label.setText(breakable(text))
        self._level = level
        for label, function in actions:
            button = QPushButton(label)
            button.clicked.connect(self.hide)
            button.clicked.connect(lambda _=False, f=function: f())
            self._row.insertWidget(self._row.count() - 1, button)
            self.buttons.append(button)
        self._restyle()
        self.show()

    def _restyle(self) -> None:
        p = palette.current()
        stripe = {"info": p.accent, "warning": p.warning, "error": p.error}[self._level]
        self._icon.setPixmap(icons.icon(self._level).pixmap(20, 20))
        self._close.setIcon(icons.icon("close"))
        self.setStyleSheet(
            f"#banner {{ background: {p.raised}; border-left: 4px solid {stripe}; }}"
        )
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground, True)
