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
        text: how a number is written.
    """

    def __init__(self, text: Callable[[float], str], parent: QWidget | None = None) -> None:
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
        for i, values in enumerate(rows.values()):
            largest = int(np.argmax(values)) if len(values) > 1 and np.max(values) > 0 else -1
            for j, value in enumerate(values[:width]):
                self.setItem(i, j, self._cell(float(value), j == largest))
        self.resizeColumnsToContents()

    def _cell(self, value: float, bold: bool) -> QTableWidgetItem:
        cell = QTableWidgetItem(self._text(value))
        cell.setToolTip(f"{value:.9g}")
        cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        font = cell.font()
        font.setBold(bold)
        cell.setFont(font)
        return cell
