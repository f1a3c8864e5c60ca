"""A tensor of the stepper as a heat map: its name, values on hover, a table on demand."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.plots.tile_view import TileView, as_maps
from app.plots.tiles import at_least, format_number
from graphcore.worker.arrays import unpack
from graphcore.worker.pictures import Picture


class TensorView(QWidget):
    """A caption with shape and range above the map; hidden while there is nothing to show.

    Signals:
        table_wanted: the button was pressed, or the map double-clicked.
    """

    table_wanted = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.caption, self.map, self.table = QLabel(), TileView(name), QToolButton()
        self.caption.setObjectName("muted")
        self.table.setText(self.tr("Table…"))
        self.table.setAutoRaise(True)
        self.table.setAccessibleName(self.tr("{0} as a table").format(name))
        self.table.setToolTip(self.tr("All numbers as a table; or double-click the map."))
        self.table.clicked.connect(self.table_wanted)
        self.map.installEventFilter(self)
        top = QHBoxLayout()
        top.addWidget(self.caption, 1)
        top.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self.map, 1)

    def show_picture(self, picture: Picture | None) -> None:
        """Show a tensor; None, or a single number, hides the view."""
        maps = None if picture is None else as_maps(unpack(picture.array))
        self.setVisible(maps is not None)
        if maps is not None and picture is not None:
            low, high = (
                format_number(picture.low, at_least(3)),
                format_number(picture.high, at_least(3)),
            )
            self.caption.setText(f"<b>{self._name}</b>  {picture.shape}, {low} … {high}")
            self.map.set_maps(maps)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """A double click into the map opens the table."""
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self.table_wanted.emit()
            return True
        return super().eventFilter(watched, event)
