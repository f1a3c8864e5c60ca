"""The library: every operator by category, and the graphs that ship; search, drag or double-click.

Drag data has the type ``OPERATOR_MIME`` and holds the operator's name.
"""

from __future__ import annotations

import inspect
from typing import Any

from PySide6.QtCore import QCoreApplication, QMimeData, QModelIndex, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QAbstractItemView, QLineEdit, QTabBar, QTreeView

from app.document.blocks import PREFIX, blocks
from app.panels.panel import Panel
from app.style import icons
from app.widgets.layouts import in_column
from app.widgets.two_lines import SUMMARY, TwoLines
from app.widgets.typed_search import matches, score
from graphcore import ops, presets

OPERATOR_MIME = "application/x-gradscape-operator"
NAME = Qt.ItemDataRole.UserRole + 1
_HIDDEN = ("Composite", "Placeholder")


class LibraryPanel(Panel):
    """A search field over the tree of operators, and a second tab with the presets.

    Signals:
        operator_chosen: name of an operator that was double-clicked.
        preset_chosen: name of a preset that was double-clicked.
    """

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self.tabs = QTabBar()
        self.tabs.setDrawBase(False)
        self.tabs.setExpanding(True)
        self.tabs.addTab(self.tr("Operators"))
        self.tabs.addTab(self.tr("Presets"))
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search the library"))
        self.tree = _tree()
        self.tree.setAccessibleName(self.tr("Library"))
        self._models = (_operators(), _presets())
        blocks.changed.connect(self._show_blocks)
        in_column(self.tabs, self.search, self.tree, on=self, margins=(8, 8, 8, 0), spacing=6)
        self.tabs.currentChanged.connect(self._show_tab)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._choose_first)
        self.tree.activated.connect(self._choose)
        self.setFocusProxy(self.search)
        self._show_tab(0)

    def _show_blocks(self) -> None:
        """A block came or went."""
        self._models = (_operators(), self._models[1])
        self._show_tab(self.tabs.currentIndex())

    def _show_tab(self, tab: int) -> None:
        self.tree.setModel(self._models[tab])
        self.tree.expandAll()
        noun = self.tr("Search operators") if tab == 0 else self.tr("Search presets")
        self.search.setPlaceholderText(noun)
        self._filter(self.search.text())

    def _filter(self, text: str) -> None:
        """Hide what no word of the text occurs in; headings go with their last row."""
        model = self._models[self.tabs.currentIndex()]
        for i in range(model.rowCount()):
            heading = model.item(i)
            shown = 0
            for j in range(heading.rowCount()):
                hidden = not matches(text, heading.child(j).data(_SOUGHT))
                self.tree.setRowHidden(j, heading.index(), hidden)
                shown += not hidden
            self.tree.setRowHidden(i, QModelIndex(), not shown)
        first = self._first()
        if text.strip() and first.isValid():
            self.tree.setCurrentIndex(first)

    def _first(self) -> QModelIndex:
        """The visible row that the text means most likely, or else the topmost."""
        text = self.search.text()
        model = self._models[self.tabs.currentIndex()]
        found = [
            heading.child(j)
            for i in range(model.rowCount())
            for heading in (model.item(i),)
            for j in range(heading.rowCount())
            if not self.tree.isRowHidden(j, heading.index())
        ]
        if text.strip():
            found.sort(key=lambda item: -score(text, item.text(), *_aliases(item.data(NAME))))
        return found[0].index() if found else QModelIndex()

    def _choose_first(self) -> None:
        self._choose(self.tree.currentIndex())

    def _choose(self, index: QModelIndex) -> None:
        name = index.data(NAME)
        if not name:
            return
        (self.operator_chosen if self.tabs.currentIndex() == 0 else self.preset_chosen).emit(name)


def _aliases(name: str) -> tuple[str, ...]:
    """Other words for an operator; a block or a preset has none."""
    return tuple(ops.get(name).aliases) if name in ops.names() else ()


_SOUGHT = Qt.ItemDataRole.UserRole + 2


class _Model(QStandardItemModel):
    """Items whose drag data is the operator's name."""

    def mimeTypes(self) -> list[str]:
        return [OPERATOR_MIME]

    def mimeData(self, indexes: Any) -> QMimeData:
        data = QMimeData()
        for index in indexes:
            if index.data(NAME):
                data.setData(OPERATOR_MIME, index.data(NAME).encode())
        return data


def _tree() -> QTreeView:
    tree = QTreeView()
    tree.setHeaderHidden(True)
    tree.setRootIsDecorated(False)
    tree.setIndentation(0)
    tree.setMouseTracking(True)
    tree.setUniformRowHeights(False)
    tree.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    tree.setDragEnabled(True)
    tree.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
    tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    tree.setFrameShape(QTreeView.Shape.NoFrame)
    tree.setItemDelegate(TwoLines(tree))
    return tree


def _heading(text: str) -> QStandardItem:
    item = QStandardItem(text)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item


def _operators() -> QStandardItemModel:
    model = _Model()
    if kept := blocks.names():
        heading = _heading(QCoreApplication.translate("LibraryPanel", "Your blocks"))
        for name in kept:
            heading.appendRow(_block_row(name))
        model.appendRow(heading)
    for category in ops.CATEGORIES:
        rows = [o for o in ops.all_operators() if o.category == category and o.name not in _HIDDEN]
        if not rows:
            continue
        heading = _heading(_translated_category(category))
        for op in rows:
            heading.appendRow(_operator_row(op))
        model.appendRow(heading)
    return model


def _block_row(name: str) -> QStandardItem:
    item = QStandardItem(icons.icon("graph"), name)
    item.setData(PREFIX + name, NAME)
    item.setData(QCoreApplication.translate("LibraryPanel", "A composite that you kept"), SUMMARY)
    item.setData(name.lower(), _SOUGHT)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
    return item


def _operator_row(op: ops.OperatorClass) -> QStandardItem:
    item = QStandardItem(icons.category_icon(op.category), op.name)
    item.setData(op.name, NAME)
    item.setData(op.summary(), SUMMARY)
    item.setToolTip(tool_tip(op))
    item.setData(
        " ".join((op.name, op.category, *op.aliases, op.onnx, op.summary())).lower(), _SOUGHT
    )
    item.setFlags(
        Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsDragEnabled
    )
    return item


def _presets() -> QStandardItemModel:
    model = QStandardItemModel()
    heading = _heading(QCoreApplication.translate("LibraryPanel", "Graphs that ship"))
    for name in presets.names():
        item = QStandardItem(icons.icon("graph"), presets.title(name))
        item.setData(name, NAME)
        item.setData(presets.description(name), SUMMARY)
        item.setToolTip(presets.description(name))
        item.setData(f"{name} {presets.title(name)} {presets.description(name)}".lower(), _SOUGHT)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable)
        heading.appendRow(item)
    model.appendRow(heading)
    return model


def _translated_category(category: str) -> str:
    return QCoreApplication.translate("Categories", category.capitalize())


def tool_tip(op: ops.OperatorClass) -> str:
    """The first paragraph of the help page and what goes in and out."""
    text = inspect.cleandoc(op.__doc__ or op.name)
    paragraphs = text.split("\n\n")[:2]
    return "\n\n".join(paragraphs)
