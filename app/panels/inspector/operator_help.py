"""An operator's help page: its formula, its derivative and its docstring."""

from __future__ import annotations

import html
import inspect
import re

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.formula import FormulaView, formulas
from app.widgets.rich_label import RichLabel
from app.widgets.section import TEXT_INTERACTION, section
from graphcore.ops import OperatorClass

_HEADING = re.compile(r"^([A-Z]\w+):\s*$")
_ENTRY = re.compile(r"^ {4}([a-z_][a-z0-9_, ]*): (.*)$")


def help_html(op: OperatorClass) -> str:
    """The docstring as rich text: headings bold, names in a fixed-width face."""
    parts: list[str] = []
    for line in inspect.cleandoc(op.__doc__ or "").split("\n"):
        if heading := _HEADING.match(line):
            parts.append(f"<p><b>{heading[1]}</b><br>")
        elif entry := _ENTRY.match(line):
            parts.append(f"<br><code>{entry[1]}</code>: {_inline(entry[2])}")
        elif not line.strip():
            parts.append("<p>")
        else:
            parts.append(" " + _inline(line.strip()))
    return "".join(parts).replace("<br><br>", "<br>")


def _inline(text: str) -> str:
    return re.sub(r"``([^`]+)``", r"<code>\1</code>", html.escape(text))


class OperatorHelp(QWidget):
    """The help page as a widget."""

    def __init__(self, op: OperatorClass) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        for title, latex in (
            (QCoreApplication.translate("OperatorHelp", "Formula"), op.formula),
            (QCoreApplication.translate("OperatorHelp", "Derivative"), op.derivative),
        ):
            if latex:
                column.addWidget(section(title, FormulaView(*formulas(latex))))
        page = RichLabel(help_html(op))
        page.setWordWrap(True)
        page.setTextInteractionFlags(TEXT_INTERACTION)
        page.setAccessibleName(op.name)
        column.addWidget(section(QCoreApplication.translate("OperatorHelp", "About"), page))
