"""What went wrong, as plain text that can be copied."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QWidget

from app.style import fonts
from app.widgets.layouts import in_column
from app.widgets.scroller import resize_within
from graphcore import __version__
from graphcore.system import about

MOST = 20_000
"""Characters of the log that are shown, its last ones."""


class FaultDialog(QDialog):
    """Shows a text with a button that copies all of it."""

    def __init__(self, title: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        resize_within(self, 760, 460)
        self.text = QPlainTextEdit(text)
        self.text.setReadOnly(True)
        self.text.setFont(fonts.figure_font(9.0))
        self.text.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.copy = buttons.addButton(self.tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        self.copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(text))
        buttons.rejected.connect(self.reject)
        in_column(self.text, buttons, on=self)


def report(log: Path) -> str:
    """Return what helps to find a fault: the log's path and its end, and all versions.

    The user's folder is written as ~ in all but the path of the log.
    """
    lines = [
        f"Log: {log}", f"Gradscape {__version__}", *about.versions(),
        f"Qt {qVersion()}, {QGuiApplication.platformName()}", "",
    ]  # fmt: skip
    try:
        said = log.read_text(encoding="utf-8", errors="replace")[-MOST:]
    except OSError:
        said = "The log is empty."
    return "\n".join(lines) + said.replace(os.path.expanduser("~"), "~").replace(
        sys.prefix, "PYTHON"
    )
