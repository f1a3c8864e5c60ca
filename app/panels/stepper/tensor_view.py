"""A tensor of the stepper as a heat map: its name, values on hover, a table on demand."""

from __future__ import annotations

import math
import re

import numpy as np
from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QToolButton, QWidget

from app.plots.tile_view import TileView, as_maps
from app.widgets.layouts import in_column, in_row
from app.widgets.numbers import at_least, format_number
from app.widgets.rich_label import RichLabel
from graphcore.records.arrays import unpack
from graphcore.records.pictures import Picture

_DIGITS = re.compile(r"\d+")


class TensorView(QWidget):
    """A caption with shape and range above the map; hidden while there is nothing to show.

    Signals:
        table_wanted: the button was pressed, or the map double-clicked.
        number_chosen: index of a number that was clicked.
    """

    table_wanted = Signal()
    number_chosen = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.caption, self.map, self.table = RichLabel(), TileView(name), QToolButton()
        self.caption.setObjectName("muted")
        self.table.setText(self.tr("Table…"))
        self.table.setAutoRaise(True)
        self.table.setAccessibleName(self.tr("{0} as a table").format(name))
        self.table.setToolTip(self.tr("All numbers as a table; or double-click the map."))
        self.table.clicked.connect(self.table_wanted)
        self.map.installEventFilter(self)
        self.map.cell_chosen.connect(self._choose)
        top = in_row((self.caption, 1), self.table)
        in_column(top, (self.map, 1), on=self, margins=0, spacing=2)

    def show_picture(self, picture: Picture | None) -> bool:
        """Show a tensor; None, or a single number, hides the view.

        Returns:
            Whether the picture is smaller than the tensor: ``show_all`` can show the whole.
        """
        array = None if picture is None else unpack(picture.array)
        self._show(array)
        if picture is None or array is None:
            return False
        low, high = (format_number(x, at_least(3)) for x in (picture.low, picture.high))
        self.caption.show_markup("<b>{0}</b>  {1}, {2} … {3}", self._name, picture.shape, low, high)
        return array.size < math.prod(map(int, _DIGITS.findall(picture.shape)))

    def show_all(self, tensor: np.ndarray) -> None:
        """Show every number of the tensor that the picture was of."""
        self._show(tensor)

    def _show(self, array: np.ndarray | None) -> None:
        maps = None
        if array is not None:
            long = array.ndim > 3
            maps = as_maps(array.reshape(-1, *array.shape[-2:]) if long else array)
        self.setVisible(maps is not None)
        if maps is not None and array is not None:
            self.map.tensor_shape = array.shape
            self.map.set_maps(maps)

    def _choose(self, row: int, column: int) -> None:
        index = self.map.index_of((row, column))
        if index is not None:
            self.number_chosen.emit(index)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click into the map opens the table."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self.table_wanted.emit()
            return True
        return super().eventFilter(watched, event)
