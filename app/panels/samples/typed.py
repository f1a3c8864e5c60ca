"""A sample's numbers in a table, to be typed over; or the numbers of a formula's inputs."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.widgets.numbers import format_number
from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack, unpack
from graphcore.training.sample import Sample
from graphcore.views.stepper import WalkFrame

LARGEST = 4096
"""Numbers of a sample that are put into a table."""


class TypedSample(QWidget):
    """Starts from the sample that is shown; what is typed makes it another."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._numbers = np.zeros(0, np.float32)
        self._inputs: tuple[str, ...] = ()
        self.table = QTableWidget(0, 0)
        self.table.setAccessibleName(self.tr("Numbers of the sample"))
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.table.horizontalHeader().setDefaultSectionSize(64)
        self.table.itemChanged.connect(self._on_typed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table)

    def clear(self) -> None:
        """Show no numbers, until there is a sample of the graph."""
        self._inputs, self._numbers = (), np.zeros(0, np.float32)
        self.table.setRowCount(0)
        self.table.setColumnCount(0)

    def show_sample(self, frame: WalkFrame) -> None:
        """The numbers of the sample, or of the graph's own inputs."""
        if frame.given is not None:
            numbers = unpack(frame.given)
            self._inputs, self._numbers = (), np.array(numbers, np.float32)
            height = numbers.shape[-2] if numbers.ndim > 1 else 1
            sheet = numbers.reshape(-1, numbers.shape[-1]) if numbers.ndim > 1 else numbers[:, None]
            heads = [str(i % height) for i in range(len(sheet))] if numbers.ndim > 1 else []
            self._fill(sheet if numbers.size <= LARGEST else sheet[:0], heads)
        elif not frame.samples:
            graph = self._document.root
            self._inputs = tuple(
                n.name for n in graph if n.operator == "Input" and n.name in frame.numbers
            )
            values = [[frame.numbers[name]] for name in self._inputs]
            self._fill(np.array(values, np.float64).reshape(len(values), 1), list(self._inputs))

    def _fill(self, sheet: np.ndarray, heads: list[str]) -> None:
        with QSignalBlocker(self.table):
            self.table.setRowCount(sheet.shape[0])
            self.table.setColumnCount(sheet.shape[1])
            self.table.horizontalHeader().setVisible(sheet.shape[1] > 1)
            self.table.setHorizontalHeaderLabels([str(i) for i in range(sheet.shape[1])])
            self.table.setVerticalHeaderLabels(heads or [str(i) for i in range(sheet.shape[0])])
            for (row, column), value in np.ndenumerate(sheet):
                item = QTableWidgetItem(format_number(float(value), 6))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(row, column, item)

    def _on_typed(self, item: QTableWidgetItem) -> None:
        """Another number: the sample is one's own from now on; a word puts the number back."""
        text = item.text().strip().replace("−", "-")
        try:
            value = float(text)
        except ValueError:
            self._engine.sample_chosen.emit(self._engine.chosen_sample)
            return
        if self._inputs:
            try:
                self._document.set_attributes(self._inputs[item.row()], value=value)
            except GradscapeError as error:
                self._document.message.emit(str(error))
                self._engine.sample_chosen.emit(self._engine.chosen_sample)
            return
        numbers = self._numbers.copy()
        numbers.reshape(-1)[item.row() * self.table.columnCount() + item.column()] = value
        before = self._engine.chosen_sample
        self._engine.choose_sample(
            Sample(before.index, before.split, pack(numbers), label=before.label)
        )
