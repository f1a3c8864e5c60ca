"""All numbers of a tensor as a table: the last axis goes to the right, all others down."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QBrush, QColor, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableView,
    QWidget,
)

from app.style import palette
from app.widgets.layouts import in_column
from app.widgets.numbers import format_number
from app.widgets.scroller import resize_within

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()


class NumbersModel(QAbstractTableModel):
    """A tensor as rows and columns."""

    def __init__(self, table: NumbersTable) -> None:
        super().__init__(table)
        self._table = table
        self.shape: tuple[int, ...] = ()
        self.values = np.zeros((0, 0), np.float32)
        self._largest = 0.0

    def show(self, values: np.ndarray) -> None:
        """Show other numbers."""
        self._largest = float(np.abs(values[np.isfinite(values)]).max(initial=0.0))
        flat = values.reshape(sheet_shape(values.shape))
        if values.shape != self.shape or flat.shape != self.values.shape:
            self.beginResetModel()
            self.shape, self.values = values.shape, flat
            self.endResetModel()
        elif flat.size:
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
        if not np.isfinite(value) or self._largest == 0:
            return None
        place = round((value / self._largest + 1) / 2 * 255)
        color = QColor(*map(int, palette.lut("diverging")[place][:3]))
        color.setAlpha(110)
        return QBrush(color)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        columns = self.values.shape[1]
        if orientation == Qt.Orientation.Horizontal or columns < 2 or len(self.shape) < 3:
            return section
        place = np.unravel_index(section * columns, self.shape)
        return ", ".join(str(int(i)) for i in place[: _axes_down(self.shape)])

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


def sheet_shape(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of a tensor's table; axes of one at its end are no columns."""
    down = _axes_down(shape)
    return math.prod(shape[:down]), math.prod(shape[down:])


def _axes_down(shape: tuple[int, ...]) -> int:
    """How many axes go down: all but the last one that is longer than one."""
    return next((i for i in range(len(shape) - 1, 0, -1) if shape[i] > 1), min(1, len(shape) - 1))


class NumbersTable(QDialog):
    """A window with the table, the digits one wants, and a copy for other programs.

    A subclass fetches the numbers in ``ask`` and hands them to ``model``.

    Attributes:
        which: what of the tensor is shown: its values, its gradient.
        top: the row above the table. said: the line below it.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        resize_within(self, 620, 420)
        self.which, self.digits = QComboBox(), QComboBox()
        self.which.setAccessibleName(self.tr("What is shown"))
        self.digits.setAccessibleName(self.tr("Digits"))
        for count in (2, 3, 4, 6, 9):
            self.digits.addItem(self.tr("{0} digits").format(count), count)
        self.digits.setCurrentIndex(1)
        self.copy = QPushButton(self.tr("Copy"))
        self.copy.setToolTip(
            self.tr("The selected cells, or all of them, in full, as tab-separated text  (Ctrl+C)")
        )
        self.copy.setAutoDefault(False)
        self.copy.clicked.connect(self.copy_numbers)
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self)
        copy.activated.connect(self.copy_numbers)
        self.model, self.table = NumbersModel(self), QTableView()
        self.table.setModel(self.model)
        self.table.setAccessibleName(name)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.table.horizontalHeader().setDefaultSectionSize(76)
        self.said, self.refused = QLabel(), QLabel()
        self.said.setObjectName("muted")
        self._lay_out()
        self.digits.currentIndexChanged.connect(lambda _i: self.table.viewport().update())

    def _lay_out(self) -> None:
        self.top = top = QHBoxLayout()
        top.addWidget(self.which)
        top.addWidget(self.digits)
        top.addStretch(1)
        top.addWidget(self.copy)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        in_column(top, (self.table, 1), self.refused, self.said, buttons, on=self)

    @property
    def editable(self) -> bool:
        """Whether its numbers can be changed."""
        return False

    def refuse(self, sentence: str) -> None:
        """Say why a text is no number for this table."""
        self.refused.setText(sentence)

    def change(self, place: int, before: float, after: float) -> None:
        """Change one number; only where the table is editable."""
        raise NotImplementedError

    def copy_numbers(self) -> None:
        """The rectangle around the selected cells, or everything, to the clipboard."""
        chosen = self.table.selectionModel().selectedIndexes()
        rows, columns = [i.row() for i in chosen], [i.column() for i in chosen]
        part = self.model.values
        if chosen:
            part = part[min(rows) : max(rows) + 1, min(columns) : max(columns) + 1]
        lines = ("\t".join(f"{x:.9g}" for x in row) for row in part.tolist())
        QGuiApplication.clipboard().setText("\n".join(lines))
