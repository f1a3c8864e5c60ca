"""What every grid of cells shares: which cell is pointed at, by mouse or by keyboard."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.plots.area import Readout
from app.style import palette

Cell = tuple[int, int]
_STEPS = {
    Qt.Key.Key_Up: (-1, 0), Qt.Key.Key_Down: (1, 0),
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1),
}  # fmt: skip


class CellGrid(QWidget):
    """Rows and columns; a subclass says where they lie and paints them.

    The arrow keys move the marked cell; Enter and the space bar choose it, as a click does.

    Signals:
        cell_pointed: (row, column) under the pointer or marked by the keyboard, or None.
        cell_chosen: row and column.
    """

    cell_pointed = Signal(object)
    cell_chosen = Signal(int, int)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.readout = Readout(self)
        self.marked: Cell | None = None
        palette.notifier.changed.connect(self.restyle)

    # -- for subclasses -----------------------------------------------------------------------

    def grid_size(self) -> Cell:
        """Rows and columns; (0, 0) while there is nothing to show."""
        raise NotImplementedError

    def grid_area(self) -> QRectF:
        """Where the cells lie."""
        raise NotImplementedError

    def describe(self, cell: Cell) -> str:
        """What the readout says of a cell."""
        raise NotImplementedError

    def restyle(self) -> None:
        """Take on the theme's colours."""
        self.update()

    # -- cells --------------------------------------------------------------------------------

    def cell_at(self, place: QPointF) -> Cell | None:
        """The cell under a place of this widget, or None."""
        rows, columns = self.grid_size()
        area = self.grid_area()
        if not rows or not columns or not area.contains(place):
            return None
        row = int((place.y() - area.top()) / area.height() * rows)
        column = int((place.x() - area.left()) / area.width() * columns)
        return min(row, rows - 1), min(column, columns - 1)

    def cell_rect(self, cell: Cell) -> QRectF:
        """Where a cell lies."""
        rows, columns = self.grid_size()
        area = self.grid_area()
        width, height = area.width() / columns, area.height() / rows
        return QRectF(area.left() + cell[1] * width, area.top() + cell[0] * height, width, height)

    def mark(self, cell: Cell | None) -> None:
        """Mark a cell and say what it holds."""
        if cell != self.marked:
            self.marked = cell
            self.cell_pointed.emit(cell)
            self.update()
        if cell is None:
            self.readout.hide()
            return
        text = self.describe(cell)
        self.setAccessibleDescription(text)
        self.readout.show_at(self.cell_rect(cell).center().toPoint(), text)

    def beside(self, cell: Cell, down: int, right: int) -> Cell:
        """Return the cell at an offset of rows and columns, kept inside the grid."""
        rows, columns = self.grid_size()
        row, column = cell[0] + down, cell[1] + right
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)

    def refresh_readout(self) -> None:
        """Say the marked cell's new value, if there still is such a cell."""
        rows, columns = self.grid_size()
        if self.marked is None:
            return
        inside = self.marked[0] < rows and self.marked[1] < columns
        self.mark(self.marked if inside else None)

    def paint_mark(self, painter: QPainter) -> None:
        """An outline around the marked cell, seen on light and on dark."""
        if self.marked is None:
            return
        rect = self.cell_rect(self.marked)
        p = palette.current()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(p.color("window"), 3.0))
        painter.drawRect(rect)
        painter.setPen(QPen(p.color("text"), 1.2))
        painter.drawRect(rect)

    # -- mouse and keyboard -------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self.mark(self.cell_at(event.position()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        cell = self.cell_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and cell is not None:
            self.cell_chosen.emit(*cell)

    def leaveEvent(self, event: QEvent) -> None:
        self.mark(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.mark(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        rows, columns = self.grid_size()
        key = Qt.Key(event.key())
        if not rows or not columns:
            super().keyPressEvent(event)
        elif key in _STEPS:
            self.mark(self.beside(self.marked, *_STEPS[key]) if self.marked else (0, 0))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.marked:
            self.cell_chosen.emit(*self.marked)
        else:
            super().keyPressEvent(event)
