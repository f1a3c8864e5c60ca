"""What a node computes on the way to its output: tables of numbers, and maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.plots.tile_view import TileView
from app.widgets.numbers import at_least, format_number, told_apart
from app.widgets.quantity_table import QuantityTable
from graphcore.records.arrays import unpack
from graphcore.views.stepper import Quantity


class Quantities(QWidget):
    """Numbers as words, rows of them as a table, matrices as maps on one colour scale."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.numbers = QLabel()
        self.table = QuantityTable(lambda numbers: told_apart(numbers, at_least(3)))
        self.table.setAccessibleName(self.tr("What is computed on the way"))
        self.maps = TileView(self.tr("What is computed on the way"))
        for widget, stretch in ((self.numbers, 0), (self.table, 1), (self.maps, 1)):
            column.addWidget(widget, stretch)
        self.show_quantities(())

    def show_quantities(self, quantities: Sequence[Quantity]) -> None:
        """Show these; none hides the view."""
        arrays = {q.name: unpack(q.array) for q in quantities}
        numbers = {n: float(a) for n, a in arrays.items() if a.ndim == 0}
        rows = {n: a for n, a in arrays.items() if a.ndim == 1}
        maps = {n: a for n, a in arrays.items() if a.ndim > 1}
        words = [f"{n} = {format_number(x, at_least(6))}" for n, x in numbers.items()]
        words += [f"{n} {'×'.join(map(str, a.shape))}" for n, a in maps.items()]
        self.numbers.setText("    ".join(words))
        self.numbers.setVisible(bool(words))
        self.table.show_rows(rows)
        self.table.setVisible(bool(rows))
        self.maps.setVisible(bool(maps))
        if maps:
            first = next(iter(maps.values()))
            self.maps.set_maps(first.reshape(-1, *first.shape[-2:]).astype(np.float32))
        self.setVisible(bool(arrays))
