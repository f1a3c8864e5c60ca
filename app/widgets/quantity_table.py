"""Rows of numbers under common columns, each row with its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractItemView, QTableWidget, QTableWidgetItem, QWidget

COLUMNS = 64
"""More rows than that would not be read."""


class QuantityTable(QTableWidget):
    """Vectors below each other, the largest positive number of each in bold.

    Args:
        text: how the numbers of a column are written.
    """

    def __init__(
        self, text: Callable[[list[float]], list[str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._text = text
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.verticalHeader().setDefaultSectionSize(22)
        self.horizontalHeader().setDefaultSectionSize(62)
        self.horizontalHeader().setMinimumSectionSize(30)

    def show_rows(self, rows: Mapping[str, np.ndarray]) -> None:
        """Show these vectors, shape (n,) each; shorter ones leave cells empty."""
        self.clear()
        width = min(COLUMNS, max((len(v) for v in rows.values()), default=0))
        self.setRowCount(len(rows))
        self.setColumnCount(width)
        self.setVerticalHeaderLabels(list(rows))
        self.setHorizontalHeaderLabels([str(i) for i in range(width)])
        largest = [int(np.argmax(v)) if len(v) > 1 and np.max(v) > 0 else -1 for v in rows.values()]
        for j in range(width):
            column = [(i, float(v[j])) for i, v in enumerate(rows.values()) if j < len(v)]
            texts = self._text([value for _i, value in column])
            for (i, value), text in zip(column, texts, strict=True):
                self.setItem(i, j, self._cell(value, text, j == largest[i]))
        self.resizeColumnsToContents()

    def _cell(self, value: float, text: str, bold: bool) -> QTableWidgetItem:
        cell = QTableWidgetItem(text)
        cell.setToolTip(f"{value:.9g}")
        cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        font = cell.font()
        font.setBold(bold)
        cell.setFont(font)
        return cell
