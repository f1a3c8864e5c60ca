"""A table of numbers to be typed over, that takes and gives blocks of cells as spreadsheets do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QTableWidget, QTableWidgetItem

from app.widgets.numbers import format_number
from graphcore.datasets.table.block import placed, read_block
from graphcore.datasets.table.numbers import number_of, shown_mark
from graphcore.errors import short

_KEYS = (QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Paste)


class NumberCells(QTableWidget):
    """Numbers in cells; what is typed or pasted is only reported, the owner shows it.

    Signals:
        entered: places in row order, and the numbers that are to stand there.
        refused: why what was typed or pasted cannot be taken; the cells are as they were.
    """

    entered = Signal(object, object)
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__(0, 0)
        self.setAccessibleName(self.tr("Numbers of the sample"))
        self.itemChanged.connect(self._on_typed)
        self._shown = np.zeros((0, 0))

    def show_sheet(self, sheet: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
        """Show numbers, shape (rows, columns), under these headings; NaN is an empty cell."""
        another = self._shown.shape != sheet.shape
        self._shown = np.array(sheet, np.float64)
        with QSignalBlocker(self):
            self.setRowCount(sheet.shape[0])
            self.setColumnCount(sheet.shape[1])
            self.horizontalHeader().setVisible(sheet.shape[1] > 1)
            self.setHorizontalHeaderLabels(list(columns))
            self.setVerticalHeaderLabels(list(rows))
            for i, name in enumerate(rows):
                self.verticalHeaderItem(i).setToolTip(name)
            edited = self.currentIndex() if self.state() is self.State.EditingState else None
            for (row, column), value in np.ndenumerate(sheet):
                if edited is None or (row, column) != (edited.row(), edited.column()):
                    self.setItem(row, column, _item(float(value)))  # else what is typed is lost
        if another:
            self._fit()

    def _fit(self) -> None:
        """Columns as wide as their numbers, and wide enough to type one."""
        least = self.fontMetrics().horizontalAdvance("-0.00")
        self.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 8)
        self.resizeColumnsToContents()
        for column in range(self.columnCount()):
            self.setColumnWidth(column, max(least, self.columnWidth(column)) + 6)

    # -- keys ---------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        """Copy and paste are of cells here, not of nodes."""
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            event.setAccepted(any(event.matches(key) for key in _KEYS))
            if event.isAccepted():
                return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Paste):
            self.paste()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def copy(self) -> None:
        """Copy the rectangle around the selected cells, or all of them, as a spreadsheet has it."""
        chosen = self.selectionModel().selectedIndexes()
        part = self._shown
        if chosen:
            rows, columns = [i.row() for i in chosen], [i.column() for i in chosen]
            part = part[min(rows) : max(rows) + 1, min(columns) : max(columns) + 1]
        lines = ("\t".join("" if np.isnan(x) else f"{x:.9g}" for x in row) for row in part.tolist())
        QGuiApplication.clipboard().setText("\n".join(lines))

    def paste(self) -> None:
        """Take the clipboard's numbers: all cells where there are as many, else from here on."""
        row, column = max(0, self.currentRow()), max(0, self.currentColumn())
        try:
            block = read_block(QGuiApplication.clipboard().text())
            places, numbers = placed(block, (row, column), self._shown.shape)
        except ValueError as error:
            self.refused.emit(str(error))
            return
        if places:
            self.entered.emit(places, numbers)

    def _on_typed(self, item: QTableWidgetItem) -> None:
        """A word puts the number back."""
        text = item.text().strip()
        number = number_of(text, "," if shown_mark([text]) == "," else ".")
        if not np.isfinite(number):
            with QSignalBlocker(self):
                item.setText(_text(float(self._shown[item.row(), item.column()])))
            self.refused.emit(
                self.tr("{0} is no number.").format(short(text) or self.tr("Nothing"))
            )
            return
        self.entered.emit([item.row() * self.columnCount() + item.column()], [number])


def _text(value: float) -> str:
    return "" if np.isnan(value) else format_number(value, 6)


def _item(value: float) -> QTableWidgetItem:
    item = QTableWidgetItem(_text(value))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
