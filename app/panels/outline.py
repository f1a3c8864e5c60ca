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
    Signal,
)
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QHeaderView, QLineEdit, QMenu, QTreeView, QVBoxLayout, QWidget

from app.panels.outline_model import OutlineModel
from graphcore.elements import Edge
from graphcore.errors import GradscapeError


class _Filter(QSortFilterProxyModel):
    """Keeps nodes whose name or operator contains every word; edges stay with their node."""

    def __init__(self, document: Any, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._words: list[str] = []

    def look_for(self, text: str) -> None:
        self._words = text.lower().split()
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Any) -> bool:
        model = self.sourceModel()
        if parent.isValid() or not self._words or not isinstance(model, OutlineModel):
            return True
        name = model.node_at(model.index(row, 0))
        if name not in self._document.graph:
            return True
        node = self._document.graph.node(name)
        sought = " ".join((name, node.operator, *node.op.aliases)).lower()
        return all(word in sought for word in self._words)


class OutlinePanel(QWidget):
    """A filter field over the tree. F2 renames, Delete removes, Enter follows an edge.

    Signals:
        node_chosen: names of the nodes that were selected here.
    """

    node_chosen = Signal(object)

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__()
        self._document = document
        self._silent = False
        self.model = OutlineModel(document, self)
        self._shown = _Filter(document, self)
        self._shown.setSourceModel(self.model)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText(self.tr("Filter nodes"))
        self.filter.setAccessibleName(self.tr("Filter nodes"))
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(self._shown.look_for)
        self.tree = self._make_tree()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 0)
        column.setSpacing(6)
        column.addWidget(self.filter)
        column.addWidget(self.tree)
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
        self.rename = QAction(self.tr("Rename"), self.tree)
        self.rename.setShortcut(Qt.Key.Key_F2)
        self.rename.triggered.connect(lambda: self.tree.edit(self.tree.currentIndex()))
        self.delete = QAction(self.tr("Delete"), self.tree)
        self.delete.setShortcut(QKeySequence.StandardKey.Delete)
        self.delete.triggered.connect(self._delete)
        for action in (self.rename, self.delete):
            action.setShortcutContext(context)
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
        index = self.tree.indexAt(place)
        if not index.isValid():
            return
        source = self._shown.mapToSource(index.siblingAtColumn(0))
        menu = QMenu(self)
        if self.model.edge_at(source) is None:
            menu.addAction(self.rename)
            self._add_targets(menu.addMenu(self.tr("Connect to")), self.model.node_at(source))
        menu.addAction(self.delete)
        menu.exec(self.tree.viewport().mapToGlobal(place))

    def _add_targets(self, menu: QMenu, name: str) -> None:
        """Every free input that an edge from this node may enter."""
        for edge in connections_from(self._document, name):
            action = menu.addAction(f"{edge.target}.{edge.input}")
            action.triggered.connect(
                lambda _on=False, e=edge: self._try(
                    lambda: self._document.connect_nodes(
                        e.source, e.target, input=e.input, output=e.output
                    )
                )
            )
        menu.setEnabled(not menu.isEmpty())

    def _try(self, act: Callable[[], Any]) -> None:
        try:
            act()
        except GradscapeError as error:
            self._document.message.emit(str(error))


def connections_from(document: Any, name: str, limit: int = 40) -> list[Edge]:
    """Edges that could be made from a node's first output, valid shapes only."""
    graph, found = document.graph, []
    outputs = graph.node(name).outputs
    for node in graph if outputs else ():
        for port in graph.inputs(node):
            edge = Edge(name, outputs[0], node.name, port)
            try:
                graph.check_edge(edge)
            except GradscapeError:
                continue
            if document.shapes.refusal(edge) is None:
                found.append(edge)
        if len(found) >= limit:
            break
    return found[:limit]
