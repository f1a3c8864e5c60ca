"""The numbers of one parameter as a table that one can edit; every edit can be undone."""

from __future__ import annotations

import math
from functools import partial

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QPushButton, QTableView, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.widgets.numbers_table import NumbersTable
from graphcore.datasets.table.block import placed, read_block
from graphcore.errors import GradscapeError
from graphcore.records.arrays import unpack
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest

REFRESH_MS = 250


def set_numbers(
    engine: Engine, name: str, places: tuple[int, ...], values: tuple[float, ...]
) -> None:
    """Change numbers of a parameter by hand, and have them sent as they are then."""
    engine.ask(SetNumbers(name, places, values))
    engine.ask(TensorRequest(name))


class WeightsTable(NumbersTable):
    """Follows the parameter while it is open; closes with the graph."""

    def __init__(
        self, document: Document, engine: Engine, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(name, parent)
        self._document, self._engine, self._name = document, engine, name
        self._late = QTimer(self, singleShot=True, interval=REFRESH_MS)
        self._late.timeout.connect(self.ask)
        self.which.addItems([self.tr("Values"), self.tr("Gradient")])
        self.which.currentIndexChanged.connect(lambda _i: self.ask())
        self.paste = QPushButton(self.tr("Paste"))
        self.paste.setToolTip(
            self.tr("Numbers of a spreadsheet, such as a kernel, from the chosen cell on  (Ctrl+V)")
        )
        self.paste.setAutoDefault(False)
        self.paste.clicked.connect(self.paste_numbers)
        self.top.insertWidget(self.top.count() - 1, self.paste)
        keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Paste), self)
        keys.activated.connect(self.paste_numbers)
        engine.on(TensorFrame, self._on_tensor)
        engine.frame.connect(self._on_frame)
        document.opened.connect(self.close)
        self.ask()

    @property
    def editable(self) -> bool:
        """Whether it shows the values, not the gradient."""
        return self.which.currentIndex() == 0

    def ask(self) -> None:
        """Have the numbers of this moment sent."""
        self._engine.ask(TensorRequest(self._name))

    def change(self, place: int, before: float, after: float) -> None:
        """Change one number, as a step of the history."""
        if before != after:
            self.refuse("")
            self._set((place,), (before,), (after,))

    def paste_numbers(self) -> None:
        """Take a block of the clipboard from the current cell on, as one step of the history."""
        if not self.editable:
            self.refuse(self.tr("A gradient cannot be set by hand."))
            return
        at, old = self.table.currentIndex(), self.model.values.reshape(-1)
        try:
            block = read_block(QGuiApplication.clipboard().text())
            start = (max(0, at.row()), max(0, at.column()))
            places, numbers = placed(block, start, self.model.values.shape)
        except ValueError as error:
            self.refuse(str(error))
            return
        self.refuse("")
        if places:
            before = tuple(float(old[i]) for i in places)
            self._set(tuple(places), before, tuple(numbers))

    def _set(
        self, places: tuple[int, ...], before: tuple[float, ...], after: tuple[float, ...]
    ) -> None:
        send = partial(set_numbers, self._engine)
        try:
            self._document.set_numbers(self._name, places, before, after, send)
        except GradscapeError as error:
            self.refuse(str(error))
            self.ask()

    def _on_frame(self, _frame: object) -> None:
        editing = self.table.state() == QTableView.State.EditingState
        if self.isVisible() and not editing and not self._late.isActive():
            self._late.start()

    def _on_tensor(self, frame: TensorFrame) -> None:
        if frame.name != self._name:
            return
        sent = frame.values if self.editable else frame.gradient
        if sent is None:
            self.said.setText(
                frame.problem or self.tr("There is no gradient yet: take a step first.")
            )
            return
        self.model.show(unpack(sent))
        shape = " × ".join(map(str, self.model.shape)) or "1"
        one, more = self.tr("{0} number at step {1:,}"), self.tr("{0} numbers at step {1:,}")
        said = one if math.prod(self.model.shape) == 1 else more
        self.said.setText(said.format(shape, frame.step))
