"""A table of numbers to be typed over, that takes and gives blocks of cells as spreadsheets do."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QTableWidget, QTableWidgetItem

from app.widgets.numbers import format_number
from graphcore.datasets.table.numbers import number_of, shown_mark
from graphcore.datasets.table.text import MARK
from graphcore.errors import short

Block = list[list[float]]
"""Rows of numbers; NaN where a cell is empty."""
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
            for (row, column), value in np.ndenumerate(sheet):
                self.setItem(row, column, _item(float(value)))
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


def read_block(text: str) -> Block:
    """Return the numbers of a text, a row per line, with decimal points or commas.

    Cells are parted by tabs, semicolons, spaces, or commas where those part no decimals.

    Raises:
        ValueError: a cell is no number, or there is none.
    """
    lines = [_cells(line) for line in text.strip("\r\n").splitlines()]
    listed = [cell for line in lines for cell in line]
    if not any(listed):
        raise ValueError("The clipboard holds no numbers.")
    mark = "," if shown_mark([MARK.join(listed)]) == "," else "."
    return [
        [_number(cell, mark, i, j) for j, cell in enumerate(line)] for i, line in enumerate(lines)
    ]


def _cells(line: str) -> list[str]:
    line = re.sub(r"[\[\](){}]", " ", line)
    for mark in "\t;":
        if mark in line:
            return [cell.strip() for cell in line.split(mark)]
    words = line.split()
    listed = any(w.endswith(",") or w.count(",") > 1 for w in words)
    return [w for w in re.split(r"[,\s]+", line) if w] if listed else words


def _number(cell: str, mark: str, row: int, column: int) -> float:
    number = number_of(cell, mark) if cell else np.nan
    if cell and not np.isfinite(number):
        raise ValueError(
            f"{short(cell)}, in row {row + 1} and column {column + 1} of what is pasted, is no "
            "number."
        )
    return number


def placed(
    block: Block, at: tuple[int, int], shape: tuple[int, ...]
) -> tuple[list[int], list[float]]:
    """Return where in row order the numbers of a block go, and the numbers; empty ones go nowhere.

    As many numbers as there are cells fill them in order, whatever rows they stand in.

    Raises:
        ValueError: the block reaches over the edge.
    """
    rows, columns = shape
    numbers = [n for line in block for n in line]
    if len(numbers) == rows * columns:
        pairs = list(enumerate(numbers))
    else:
        if columns == 1 and len(block) == 1:  # a row goes down a table of one column
            block = [[n] for n in numbers]
        height, width = len(block), max(map(len, block))
        if at[0] + height > rows or at[1] + width > columns:
            raise ValueError(
                f"The clipboard holds {height} × {width} numbers; from this cell on there are "
                f"{rows - at[0]} × {columns - at[1]} cells, and {rows * columns} in all."
            )
        pairs = [
            ((at[0] + i) * columns + at[1] + j, n)
            for i, line in enumerate(block)
            for j, n in enumerate(line)
        ]
    kept = [(place, n) for place, n in pairs if not np.isnan(n)]
    return [place for place, _ in kept], [n for _, n in kept]


def _text(value: float) -> str:
    return "" if np.isnan(value) else format_number(value, 6)


def _item(value: float) -> QTableWidgetItem:
    item = QTableWidgetItem(_text(value))
    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
