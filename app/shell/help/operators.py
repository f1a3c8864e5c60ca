"""The help window: a page per operator, made from the registry, and a page of all keys."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.panels.inspector.operator_help import OperatorHelp
from app.shell.actions import ActionTable
from app.style import icons
from app.widgets.actions import plain, translated
from app.widgets.rich_label import RichLabel
from app.widgets.section import TEXT_INTERACTION, title
from app.widgets.two_lines import SUMMARY, TwoLines
from app.widgets.typed_search import matches
from graphcore import ops

_OPERATOR = int(Qt.ItemDataRole.UserRole) + 1


class HelpDialog(QDialog):
    """A searchable list of operators beside the page of the marked one; keys come first."""

    def __init__(self, table: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Operators and keys"))
        self.resize(860, 600)
        self._table = table
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search help"))
        self.search.setAccessibleName(self.tr("Search help"))
        self.search.textChanged.connect(self._find)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Help pages"))
        self.list.setFrameShape(QListWidget.Shape.NoFrame)
        self.list.setItemDelegate(TwoLines(self.list))
        self.page = QScrollArea()
        self.page.setWidgetResizable(True)
        self.page.setFrameShape(QFrame.Shape.NoFrame)
        self._fill()
        left = QVBoxLayout()
        left.addWidget(self.search)
        left.addWidget(self.list)
        row = QHBoxLayout(self)
        row.addLayout(left, 1)
        row.addWidget(self.page, 2)
        self.list.currentItemChanged.connect(lambda *_: self._show_page())
        self.list.setCurrentRow(0)

    def _fill(self) -> None:
        keys = QListWidgetItem(icons.icon("keyboard"), self.tr("Keyboard"))
        keys.setData(SUMMARY, self.tr("All keyboard shortcuts."))
        self.list.addItem(keys)
        for op in sorted(ops.all_operators(), key=lambda o: o.name.lower()):
            item = QListWidgetItem(icons.category_icon(op.category), op.name)
            item.setData(SUMMARY, op.summary())
            item.setData(_OPERATOR, op.name)
            self.list.addItem(item)

    def show_operator(self, name: str) -> None:
        """Open at the page of an operator."""
        for i in range(self.list.count()):
            if self.list.item(i).data(_OPERATOR) == name:
                self.list.setCurrentRow(i)

    def _find(self, text: str) -> None:
        for i in range(self.list.count()):
            item = self.list.item(i)
            name = item.data(_OPERATOR)
            aliases = " ".join(ops.get(name).aliases) if name else ""
            item.setHidden(not matches(text, item.text(), item.data(SUMMARY), aliases))

    def _show_page(self) -> None:
        item = self.list.currentItem()
        name = item.data(_OPERATOR) if item is not None else None
        inside = OperatorHelp(ops.get(name)) if name else self._keys()
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(20, 12, 20, 12)
        column.setSpacing(14)
        column.addWidget(title(name or self.tr("Keyboard")))
        column.addWidget(inside)
        column.addStretch(1)
        self.page.setWidget(holder)

    def _keys(self) -> QWidget:
        rows = []
        for row in self._table.rows:
            keys = QKeySequence.fromString(self._table.shortcut(row))
            if not keys.isEmpty():
                native = keys.toString(QKeySequence.SequenceFormat.NativeText)
                words = (native, plain(row.text), translated(row.tip))
                shown, name, tip = map(html.escape, words)
                rows.append(
                    f"<tr><td><b>{shown}</b>&nbsp;&nbsp;&nbsp;</td><td>{name}"
                    f"&nbsp;&nbsp;</td><td>{tip}</td></tr>"
                )
        page = RichLabel("<table cellspacing='6'>" + "".join(rows) + "</table>")
        page.setWordWrap(True)
        page.setTextInteractionFlags(TEXT_INTERACTION)
        return page
