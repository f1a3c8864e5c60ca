"""All numbers of a node or a parameter at the sample of the stepper, as a table to read."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.stepper.words import quantity_name
from app.widgets.numbers_table import NumbersTable
from graphcore.records.arrays import unpack
from graphcore.views.stepper import NumbersFrame, NumbersRequest, WalkFrame


class StepNumbers(NumbersTable):
    """Follows the stepper's sample while it is open; closes with the graph.

    Args:
        names: what can be chosen: a node, "composite/node", and its parameters, "node.weight";
            the first is shown.
        kind: what to show first, "value" or "gradient".
    """

    def __init__(
        self, document: Document, engine: Engine, names: Sequence[str], kind: str = "value",
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        super().__init__(names[0], parent)
        self._engine, self._name, self._kind = engine, names[0], kind
        self.of = QComboBox()
        self.of.setAccessibleName(self.tr("Whose numbers"))
        self.of.addItems(list(names))
        self.top.insertWidget(0, self.of)
        self.of.activated.connect(lambda _i: self._choose_name(self.of.currentText()))
        self._frame: NumbersFrame | None = None
        self.which.activated.connect(lambda _i: self._choose(self.which.currentData()))
        engine.on(NumbersFrame, self._on_numbers)
        engine.on(WalkFrame, lambda _frame: self.ask())
        document.opened.connect(self.close)
        self.ask()

    def ask(self) -> None:
        """Have the numbers of this moment sent."""
        self._engine.ask(NumbersRequest(self._name))

    def _choose_name(self, name: str) -> None:
        self._name = name
        self.setWindowTitle(name)
        self.ask()

    def _choose(self, kind: str) -> None:
        self._kind = kind
        self._show()

    def _on_numbers(self, frame: NumbersFrame) -> None:
        if frame.name == self._name:
            self._frame = frame
            self._show()

    def _show(self) -> None:
        frame = self._frame
        if frame is None or not frame.tensors:
            self.said.setText(frame.problem if frame else "")
            return
        if self._kind not in frame.tensors:
            self._kind = next(iter(frame.tensors))
        with QSignalBlocker(self.which):
            self.which.clear()
            for kind in frame.tensors:
                self.which.addItem(quantity_name(kind), kind)
            self.which.setCurrentIndex(self.which.findData(self._kind))
        self.model.show(unpack(frame.tensors[self._kind]))
        shape = " × ".join(map(str, self.model.shape)) or "1"
        self.said.setText(self.tr("{0} numbers of the shown sample").format(shape))
