"""The graph as a tree for ``QTreeView``: nodes on top, each node's edges below it.

It follows the graph's changes row by row, so 10,000 nodes cost nothing while one is edited.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.style import icons
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Change, Edge

Index = QModelIndex | QPersistentModelIndex
_Role = Qt.ItemDataRole


@dataclass(eq=False)
class _Row:
    """A node of the graph and its edges, in the order of its ports."""

    name: str
    place: int
    edges: list[_EdgeRow] = field(default_factory=list)


@dataclass(eq=False)
class _EdgeRow:
    node: _Row
    edge: Edge


class OutlineModel(QAbstractItemModel):
    """Columns: name and shape. A node's name can be edited; that renames it in the document."""

    def __init__(self, document: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document = document
        self._rows: list[_Row] = []
        self._by_name: dict[str, _Row] = {}
        document.changed.connect(self._on_change)
        document.shapes_changed.connect(self._on_shapes)
        document.opened.connect(self.reset)
        document.level_changed.connect(self.reset)
        self.reset()

    def reset(self) -> None:
        """Read the whole graph again."""
        self.beginResetModel()
        names = self._document.graph.topological_order()
        self._rows = [_Row(name, i) for i, name in enumerate(names)]
        self._by_name = {row.name: row for row in self._rows}
        for row in self._rows:
            row.edges = self._edges_of(row)
        self.endResetModel()

    # -- reading ------------------------------------------------------------------------------

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        if not self.hasIndex(row, column, parent):
            return QModelIndex()
        if not parent.isValid():
            return self.createIndex(row, column, self._rows[row])
        above = parent.internalPointer()
        return self.createIndex(row, column, above.edges[row])

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override]
        below = index.internalPointer() if index.isValid() else None
        if isinstance(below, _EdgeRow):
            return self.createIndex(below.node.place, 0, below.node)
        return QModelIndex()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        if not parent.isValid():
            return len(self._rows)
        above = parent.internalPointer()
        return len(above.edges) if isinstance(above, _Row) and parent.column() == 0 else 0

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 2

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == _Role.DisplayRole:
            return (self.tr("Node"), self.tr("Shape"))[section]
        return None

    def data(self, index: Index, role: int = _Role.DisplayRole) -> Any:
        if not index.isValid():
            return None
        item = index.internalPointer()
        if isinstance(item, _EdgeRow):
            return self._edge_data(item, index.column(), role)
        return self._node_data(item.name, index.column(), role)

    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if self.edge_at(index) is None and index.column() == 0:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def _node_data(self, name: str, column: int, role: int) -> Any:
        if name not in self._document.graph:
            return None  # Qt asks while the row goes
        node, shapes = self._document.graph.node(name), self._document.shapes
        problem = shapes.problem(name)
        if role in (_Role.DisplayRole, _Role.EditRole):
            return name if column == 0 else self._document.shape_text(name)
        if role == _Role.DecorationRole and column == 0:
            return icons.icon("problem") if problem else icons.category_icon(node.op.category)
        if role == _Role.ToolTipRole:
            return problem.message if problem else f"{node.operator}: {node.op.summary()}"
        if role == _Role.AccessibleTextRole and column == 0:
            state = problem.message if problem else self._document.shape_text(name)
            return f"{name}, {node.operator}, {state}"
        return None

    def _edge_data(self, row: _EdgeRow, column: int, role: int) -> Any:
        edge, arriving = row.edge, row.edge.target == row.node.name
        if edge.source not in self._document.graph:
            return None
        if role == _Role.DisplayRole:
            if column == 1:
                return self._document.shape_text(edge.source, edge.output)
            if arriving:
                return f"{edge.input} ← {edge.source}"
            return f"{edge.output} → {edge.target}.{edge.input}"
        if role == _Role.AccessibleTextRole and column == 0:
            if arriving:
                return self.tr("input {0} from {1}").format(edge.input, edge.source)
            return self.tr("output {0} to {1}").format(edge.output, edge.target)
        return None

    # -- editing ------------------------------------------------------------------------------

    def setData(self, index: Index, value: Any, role: int = _Role.EditRole) -> bool:
        if role != _Role.EditRole or self.edge_at(index) is not None:
            return False
        try:
            self._document.rename(self.node_at(index), str(value).strip())
        except GradscapeError as error:
            self._document.message.emit(str(error))
            return False
        return True

    # -- finding ------------------------------------------------------------------------------

    def node_at(self, index: Index) -> str:
        """Name of the node of a row; for an edge, of the node at its other end."""
        item = index.internalPointer()
        if isinstance(item, _Row):
            return item.name
        ends = (item.edge.source, item.edge.target)
        return str(ends[0] if ends[1] == item.node.name else ends[1])

    def edge_at(self, index: Index) -> Edge | None:
        """The edge of a row, or None for a node."""
        item = index.internalPointer()
        return item.edge if isinstance(item, _EdgeRow) else None

    def index_of(self, name: str) -> QModelIndex:
        """Where a node stands; invalid if it is not there."""
        row = self._by_name.get(name)
        return self.createIndex(row.place, 0, row) if row else QModelIndex()

    # -- following the graph ------------------------------------------------------------------

    def _edges_of(self, row: _Row) -> list[_EdgeRow]:
        graph = self._document.graph
        both = (*graph.edges_into(row.name), *graph.edges_from(row.name))
        return [_EdgeRow(row, edge) for edge in both]

    def _on_change(self, change: Change) -> None:
        if change.kind == "node_added":
            self._add(change.name)
        elif change.kind == "node_removed":
            self._remove(change.name)
        elif change.kind == "node_renamed":
            self._rename(change.old, change.name)
        elif change.edge is not None:
            for name in dict.fromkeys((change.edge.source, change.edge.target)):
                self._replace_edges(name)

    def _add(self, name: str) -> None:
        if name in self._by_name:
            return
        place = len(self._rows)
        self.beginInsertRows(QModelIndex(), place, place)
        row = _Row(name, place)
        self._rows.append(row)
        self._by_name[name] = row
        self.endInsertRows()
        self._replace_edges(name)

    def _remove(self, name: str) -> None:
        row = self._by_name.get(name)
        if row is None:
            return
        self.beginRemoveRows(QModelIndex(), row.place, row.place)
        del self._rows[row.place], self._by_name[name]
        for i in range(row.place, len(self._rows)):
            self._rows[i].place = i
        self.endRemoveRows()

    def _rename(self, old: str, name: str) -> None:
        row = self._by_name.pop(old, None)
        if row is None:
            return
        row.name = name
        self._by_name[name] = row
        around = {name}
        for edge in (
            *self._document.graph.edges_into(name),
            *self._document.graph.edges_from(name),
        ):
            around |= {edge.source, edge.target}
        for other in around:
            self._replace_edges(other)
        self._tell({name})

    def _replace_edges(self, name: str) -> None:
        row = self._by_name.get(name)
        if row is None or name not in self._document.graph:
            return
        here = self.index_of(name)
        if row.edges:
            self.beginRemoveRows(here, 0, len(row.edges) - 1)
            row.edges = []
            self.endRemoveRows()
        edges = self._edges_of(row)
        if edges:
            self.beginInsertRows(here, 0, len(edges) - 1)
            row.edges = edges
            self.endInsertRows()

    def _on_shapes(self, names: Any) -> None:
        self._tell(names if names is not None else set(self._by_name))

    def _tell(self, names: Any) -> None:
        for name in names:
            here = self.index_of(name)
            if here.isValid():
                self.dataChanged.emit(here, here.siblingAtColumn(1))
                row = self._by_name[name]
                if row.edges:
                    last = self.index(len(row.edges) - 1, 1, here)
                    self.dataChanged.emit(self.index(0, 0, here), last)
