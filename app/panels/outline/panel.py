"""The outline: the graph as a tree, for keyboards, screen readers and large graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPoint,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHeaderView, QLineEdit, QMenu, QTreeView, QWidget

from app.document.connection_menu import fill
from app.panels.outline.model import OutlineModel
from app.panels.panel import Panel
from app.widgets.layouts import in_column
from app.widgets.typed_search import matches
from graphcore.errors import GradscapeError


class _Filter(QSortFilterProxyModel):
    """Keeps nodes whose name or operator contains every word; edges stay with their node."""

    def __init__(self, document: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._typed = ""

    def look_for(self, text: str) -> None:
        self._typed = text
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Any) -> bool:
        model = self.sourceModel()
        if parent.isValid() or not self._typed.strip() or not isinstance(model, OutlineModel):
            return True
        name = model.node_at(model.index(row, 0))
        if name not in self._document.graph:
            return True
        node = self._document.graph.node(name)
        return matches(self._typed, name, node.operator, *node.op.aliases)


class OutlinePanel(Panel):
    """A filter field over the tree.

    Insert adds a node, C connects the current one, F2 renames, Delete removes, Enter follows an
    edge.

    Signals:
        node_chosen: names of the nodes that were selected here.
        add_wanted: a node is to be added after the selected one.
    """

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self._silent = False
        self.model = OutlineModel(document, self)
        self._shown = _Filter(document, self)
        self._shown.setSourceModel(self.model)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter nodes"))
        self.filter.setAccessibleName(self.tr("Filter nodes"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._shown.look_for)
        self.tree = self.first_field = self._make_tree()
        in_column(self.filter, self.tree, on=self, margins=(8, 8, 8, 0), spacing=6)
        self._add_actions()

    def _make_tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self._shown)
        tree.setAccessibleName(self.tr("Outline of the graph"))
        tree.setUniformRowHeights(True)
        tree.setSelectionMode(QTreeView.SelectionMode.ExtendedSelection)
        tree.setEditTriggers(QTreeView.EditTrigger.EditKeyPressed)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.setFrameShape(QTreeView.Shape.NoFrame)
        tree.setIndentation(16)
        tree.header().setStretchLastSection(False)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.selectionModel().selectionChanged.connect(self._tell_selection)
        tree.activated.connect(self._follow)
        tree.customContextMenuRequested.connect(self._menu)
        return tree

    def _add_actions(self) -> None:
        context = Qt.ShortcutContext.WidgetWithChildrenShortcut
        rows: tuple[tuple[str, str, Callable[[], Any]], ...] = (
            (self.tr("Add a Node…"), "Ins", self.add_wanted.emit),
            (self.tr("Connect to…"), "C", self._connect),
            (self.tr("Rename"), "F2", lambda: self.tree.edit(self.tree.currentIndex())),
            (self.tr("Delete"), "Del", self._delete),
        )
        for text, key, run in rows:
            action = QAction(text, self.tree)
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(context)
            action.triggered.connect(run)
            self.tree.addAction(action)

    # -- selection ----------------------------------------------------------------------------

    def show_selection(self, names: Sequence[str]) -> None:
        """Select the rows of these nodes."""
        if sorted(names) == sorted(self.selected()):
            return
        picked = QItemSelection()
        for name in names:
            here = self._shown.mapFromSource(self.model.index_of(name))
            if here.isValid():
                picked.select(here, here.siblingAtColumn(1))
        self._silent = True
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.tree.selectionModel().select(picked, flag)
        if picked.indexes():
            first = picked.indexes()[0]
            self.tree.scrollTo(first)
            self.tree.selectionModel().setCurrentIndex(
                first, QItemSelectionModel.SelectionFlag.NoUpdate
            )
        self._silent = False

    def selected(self) -> list[str]:
        """Names of the selected nodes; edges are left out."""
        rows = (self._shown.mapToSource(i) for i in self.tree.selectionModel().selectedRows())
        return [self.model.node_at(i) for i in rows if self.model.edge_at(i) is None]

    def _tell_selection(self) -> None:
        if not self._silent:
            self.node_chosen.emit(self.selected())

    def _follow(self, index: QModelIndex) -> None:
        """From an edge to the node at its other end."""
        source = self._shown.mapToSource(index.siblingAtColumn(0))
        if self.model.edge_at(source) is not None:
            name = self.model.node_at(source)
            self.tree.setCurrentIndex(self._shown.mapFromSource(self.model.index_of(name)))

    # -- changes ------------------------------------------------------------------------------

    def _delete(self) -> None:
        rows = [self._shown.mapToSource(i) for i in self.tree.selectionModel().selectedRows()]
        names = [self.model.node_at(i) for i in rows if self.model.edge_at(i) is None]
        edges = [e for i in rows if (e := self.model.edge_at(i)) is not None]
        if names:
            self._try(lambda: self._document.remove(names))
        elif edges:
            self._try(lambda: self._document.disconnect_edges(list(dict.fromkeys(edges))))

    def _menu(self, place: QPoint) -> None:
        if self.tree.indexAt(place).isValid():
            menu = QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addActions(self.tree.actions())
            menu.popup(self.tree.viewport().mapToGlobal(place))

    def _connect(self) -> None:
        """Offer every port that the current node fits."""
        index = self.tree.currentIndex()
        source = self._shown.mapToSource(index.siblingAtColumn(0))
        if not index.isValid() or self.model.edge_at(source) is not None:
            return
        menu, name = QMenu(self), self.model.node_at(source)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not fill(menu, self._document, name, self._try):
            menu.addAction(self.tr("No free port fits")).setEnabled(False)
        rect = self.tree.visualRect(index)
        menu.popup(self.tree.viewport().mapToGlobal(rect.bottomLeft()))

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except GradscapeError as error:
            self._document.message.emit(str(error))
