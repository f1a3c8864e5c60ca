"""The numbers of one parameter as a table that one can edit; every edit can be undone."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer
from PySide6.QtGui import QBrush, QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.engine import Engine
from app.plots.tiles import format_number
from app.style import palette
from graphcore.worker.arrays import unpack
from graphcore.worker.weight_messages import TensorFrame

Index = QModelIndex | QPersistentModelIndex
REFRESH_MS = 250
_NOWHERE = QModelIndex()


class NumbersModel(QAbstractTableModel):
    """A tensor as rows and columns: the first axis goes down, all others to the right."""

    def __init__(self, table: WeightsTable) -> None:
        super().__init__(table)
        self._table = table
        self.shape: tuple[int, ...] = ()
        self.values = np.zeros((0, 0), np.float32)

    def show(self, values: np.ndarray) -> None:
        """Show other numbers."""
        flat = values.reshape(values.shape[0] if values.ndim > 1 else 1, -1)
        if values.shape != self.shape:
            self.beginResetModel()
            self.shape, self.values = values.shape, flat
            self.endResetModel()
        else:
            self.values = flat
            end = self.index(self.rowCount() - 1, self.columnCount() - 1)
            self.dataChanged.emit(self.index(0, 0), end)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.values.shape[0]

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else self.values.shape[1]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = float(self.values[index.row(), index.column()])
        if role == Qt.ItemDataRole.DisplayRole:
            return format_number(value, self._table.digits.currentData())
        if role == Qt.ItemDataRole.EditRole:
            return repr(value)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.BackgroundRole:
            return self._tint(value)
        if role == Qt.ItemDataRole.ToolTipRole:
            place = np.unravel_index(self.place(index), self.shape or (1,))
            return f"[{', '.join(str(int(i)) for i in place)}] = {value:.9g}"
        return None

    def _tint(self, value: float) -> QBrush | None:
        largest = float(np.abs(self.values).max(initial=0.0))
        if not np.isfinite(value) or largest == 0:
            return None
        color = QColor(
            *map(int, palette.lut("diverging")[round((value / largest + 1) / 2 * 255)][:3])
        )
        color.setAlpha(110)
        return QBrush(color)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        return section if role == Qt.ItemDataRole.DisplayRole else None

    def place(self, index: Index) -> int:
        """Position in the tensor as one row."""
        return index.row() * self.columnCount() + index.column()

    def flags(self, index: Index) -> Qt.ItemFlag:
        plain = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return plain | Qt.ItemFlag.ItemIsEditable if self._table.editable else plain

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        try:
            number = float(str(value).replace("−", "-").replace(",", ""))
        except ValueError:
            self._table.refuse(self.tr("{0} is no number.").format(value))
            return False
        if not np.isfinite(number):
            self._table.refuse(self.tr("A weight is a finite number."))
            return False
        before = float(self.values[index.row(), index.column()])
        self._table.change(self.place(index), before, number)
        return True


class WeightsTable(QDialog):
    """Follows the parameter while it is open; closes with the graph."""

    def __init__(
        self, document: Document, engine: Engine, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(620, 420)
        self._document, self._engine, self._name = document, engine, name
        self._late = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._late.timeout.connect(self.ask)
        self.which, self.digits = QComboBox(), QComboBox()
        self.which.addItems([self.tr("Values"), self.tr("Gradient")])
        for count in (2, 3, 4, 6, 9):
            self.digits.addItem(self.tr("{0} digits").format(count), count)
        self.digits.setCurrentIndex(1)
        self.model, self.table = NumbersModel(self), QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(name)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.horizontalHeader().setDefaultSectionSize(76)
        self.said, self.refused = QLabel(), QLabel()
        self.said.setObjectName("muted")
        self._lay_out()
        self.which.currentIndexChanged.connect(lambda _i: self.ask())
        self.digits.currentIndexChanged.connect(lambda _i: self.table.viewport().update())
        engine.tensor.connect(self._on_tensor)
        engine.frame.connect(self._on_frame)
        document.opened.connect(self.close)
        self.ask()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.which)
        top.addWidget(self.digits)
        top.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        column = QVBoxLayout(self)
        column.addLayout(top)
        column.addWidget(self.table, 1)
        column.addWidget(self.refused)
        column.addWidget(self.said)
        column.addWidget(buttons)

    @property
    def editable(self) -> bool:
        """Whether it shows the values, not the gradient."""
        return self.which.currentIndex() == 0

    def refuse(self, sentence: str) -> None:
        """Say why a text is no weight."""
        self.refused.setText(sentence)

    def ask(self) -> None:
        """Have the numbers of this moment sent."""
        self._engine.ask_tensor(self._name)

    def change(self, place: int, before: float, after: float) -> None:
        """Change one number, as a step of the history."""
        if before != after:
            self.refuse("")
            self._document.set_number(self._name, place, before, after, self._engine.set_numbers)

    def _on_frame(self, _frame: object) -> None:
        editing = self.table.state() == QTableView.State.EditingState
        if self.isVisible() and not editing and not self._late.isActive():
            self._late.start()

    def _on_tensor(self, frame: TensorFrame) -> None:
        if frame.name != self._name:
            return
        sent = frame.values if self.editable else frame.gradient
        if sent is None:
            self.said.setText(
                frame.problem or self.tr("There is no gradient yet: take a step first.")
            )
            return
        self.model.show(unpack(sent))
        shape = " × ".join(map(str, self.model.shape)) or "1"
        said = self.tr("{0} numbers at step {1:,}").format(shape, frame.step)
        self.said.setText(said)
