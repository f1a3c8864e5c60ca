"""A label with markup: the only kind of label that has any."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget


class RichLabel(QLabel):
    """Shows markup of this program; the style sheet makes every other label plain text.

    A name that comes from a file goes through ``show_markup``: as markup it could have the
    window open any file.
    """

    def __init__(self, markup: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setText(markup)

    def show_markup(self, template: str, *values: object) -> None:
        """Show a template with its ``{0}``, ``{1}``, ... replaced; words are shown literally."""
        self.setText(template.format(*map(_literal, values)))


def _literal(value: object) -> object:
    return html.escape(value) if isinstance(value, str) else value
