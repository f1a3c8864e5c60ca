"""The help window: all keys, a page per panel, per concept and per operator."""

from __future__ import annotations

import html

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QTextDocument
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QScrollArea,
    QWidget,
)

from app.panels.inspector.operator_help import OperatorHelp
from app.shell.actions import ActionTable
from app.shell.help.pages import Page, concept_pages, panel_pages
from app.style import icons
from app.widgets.actions import plain, translated
from app.widgets.layouts import in_column, in_row
from app.widgets.rich_label import RichLabel
from app.widgets.scroller import resize_within
from app.widgets.section import TEXT_INTERACTION, title
from app.widgets.two_lines import SUMMARY, TwoLines
from app.widgets.typed_search import matches
from graphcore import ops

_OPERATOR = int(Qt.ItemDataRole.UserRole) + 1
_PAGE = _OPERATOR + 1


class HelpDialog(QDialog):
    """A searchable list of pages beside the marked one; keys come first, then panels."""

    def __init__(self, table: ActionTable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Help"))
        resize_within(self, 860, 600)
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
        left = in_column(self.search, self.list)
        in_row((left, 1), (self.page, 2), on=self)
        self.list.currentItemChanged.connect(lambda *_: self._show_page())
        self.list.setCurrentRow(0)

    def _fill(self) -> None:
        keys = QListWidgetItem(icons.icon("keyboard"), self.tr("Keyboard"))
        keys.setData(SUMMARY, self.tr("All keyboard shortcuts."))
        self.list.addItem(keys)
        for page in (*panel_pages(), *concept_pages()):
            item = QListWidgetItem(icons.icon(page.icon), page.title)
            item.setData(SUMMARY, page.summary)
            item.setData(_PAGE, page)
            self.list.addItem(item)
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

    def show_panel(self, panel: str) -> None:
        """Open at the page of a panel."""
        for i in range(self.list.count()):
            page = self.list.item(i).data(_PAGE)
            if page is not None and page.panel == panel:
                self.list.setCurrentRow(i)

    def _find(self, text: str) -> None:
        first, begins = None, False  # of what is found, what is called so comes to the front
        for item in map(self.list.item, range(self.list.count())):
            name, page = item.data(_OPERATOR), item.data(_PAGE)
            aliases = " ".join(ops.get(name).aliases) if name else page.also if page else ""
            found = matches(text, item.text(), item.data(SUMMARY), aliases)
            item.setHidden(not found)
            named = item.text().lower().startswith(text.strip().lower())
            if found and (first is None or (named and not begins)):
                first, begins = item, named
        if first is not None:
            self.list.setCurrentItem(first)

    def _show_page(self) -> None:
        item = self.list.currentItem()
        name, page = item.data(_OPERATOR), item.data(_PAGE)
        if name:
            inside: QWidget = OperatorHelp(ops.get(name))
        else:
            inside = _text_of(page) if page is not None else self._keys()
        holder = QWidget()
        in_column(title(item.text()), inside, 1, on=holder, margins=(20, 12, 20, 12), spacing=14)
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


def _text_of(page: Page) -> QWidget:
    """The text of a page, wrapped."""
    document = QTextDocument()
    document.setMarkdown(page.text)
    label = RichLabel(document.toHtml())
    label.setWordWrap(True)
    label.setTextInteractionFlags(TEXT_INTERACTION)
    return label
