"""How a node's parameters start, and whether training leaves them alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.scroller import WheelGuard
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.ops import initializers


class ParameterForm(QWidget):
    """One block per parameter input: its shape, its initialiser, and whether it is frozen.

    Signals:
        initializer_chosen: (parameter, text); empty text is the operator's own choice.
        freeze_chosen: (parameter, frozen).
        refused: the sentence that says why a text is no initialiser.
        numbers_wanted: the parameter that one wants to see as a table.
    """

    initializer_chosen = Signal(str, str)
    freeze_chosen = Signal(str, bool)
    refused = Signal(str)
    numbers_wanted = Signal(str)

    def __init__(self, parameters: Sequence[str]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        self.starts: dict[str, QComboBox] = {}
        self.frozen: dict[str, QCheckBox] = {}
        self.tables: dict[str, QToolButton] = {}
        self._sizes: dict[str, QLabel] = {}
        self._shown: dict[str, str] = {}
        self._guard = WheelGuard(self)
        for name in parameters:
            self._add(column, name)

    def _add(self, column: QVBoxLayout, name: str) -> None:
        title, size = QLabel(name), QLabel()
        size.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        size.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        size.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        start = self._make_start(name)
        frozen = QCheckBox(self.tr("frozen"))
        frozen.setAccessibleName(self.tr("{0} is frozen").format(name))
        frozen.setToolTip(self.tr("Training leaves a frozen parameter as it is."))
        frozen.clicked.connect(lambda on: self.freeze_chosen.emit(name, on))
        table = QToolButton()
        table.setText(self.tr("Numbers…"))
        table.setAutoRaise(True)
        table.setAccessibleName(self.tr("Numbers of {0}").format(name))
        table.setToolTip(self.tr("See and edit the numbers as a table."))
        table.clicked.connect(lambda: self.numbers_wanted.emit(name))
        self.tables[name] = table
        above, below = QHBoxLayout(), QHBoxLayout()
        for row in (above, below):
            row.setSpacing(10)
            column.addLayout(row)
        above.addWidget(title)
        above.addWidget(size, 1)
        above.addWidget(table)
        below.addWidget(QLabel(self.tr("starts as")))
        below.addWidget(start, 1)
        below.addWidget(frozen)
        self.starts[name], self.frozen[name], self._sizes[name] = start, frozen, size

    def _make_start(self, name: str) -> QComboBox:
        """The initialisers by name, or one that is typed."""
        start = QComboBox()
        start.setEditable(True)
        start.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        start.setMinimumContentsLength(8)
        start.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        for i, text in enumerate(initializers.names()):
            start.addItem(_example(text))
            start.setItemData(i, initializers.describe(text), Qt.ItemDataRole.ToolTipRole)
        start.setAccessibleName(self.tr("How {0} starts").format(name))
        start.setToolTip(self.tr("How {0} starts. Type one, such as normal(0, 0.1).").format(name))
        self._guard.watch(start)
        start.activated.connect(lambda _i: self._choose(name))
        line = start.lineEdit()
        if line is not None:
            line.editingFinished.connect(lambda: self._choose(name))
        return start

    def _choose(self, name: str) -> None:
        text = self.starts[name].currentText().strip()
        if text == self._shown.get(name):
            return
        try:
            if text:
                initializers.check(text)
        except GradscapeError as error:
            self.starts[name].setEditText(self._shown.get(name, ""))
            self.refused.emit(str(error))
        else:
            self._shown[name] = text  # Return makes both the line and the box tell of it
            self.initializer_chosen.emit(name, text)

    def show_nodes(
        self, nodes: Sequence[Node], shape_of: Callable[[str], tuple[int, ...] | None]
    ) -> None:
        """Show how the nodes' parameters stand; what differs is left empty."""
        self._shown = {}
        for name, start in self.starts.items():
            texts = {n.initializers.get(name, n.op.initializers.get(name, "")) for n in nodes}
            self._shown[name] = texts.pop() if len(texts) == 1 else ""
            start.setEditText(self._shown[name])
            line = start.lineEdit()
            if line is not None:
                line.setPlaceholderText(self.tr("mixed values"))
                line.setCursorPosition(0)
            held = [name in n.frozen for n in nodes]
            self.frozen[name].setChecked(all(held))
            shape = shape_of(name)
            self._sizes[name].setText("" if shape is None else _times(shape))
            self._sizes[name].setToolTip(self._sizes[name].text())


def _times(shape: tuple[int, ...]) -> str:
    """``6×25 = 150``; a lone axis needs no product."""
    product = f"{math.prod(shape):,}"
    return f"{'×'.join(map(str, shape))} = {product}" if len(shape) > 1 else product


def _example(name: str) -> str:
    """An initialiser as one would type it."""
    examples = {"constant": "constant(0.1)", "values": "values([0])", "normal": "normal(0, 1)",
                "uniform": "uniform(-0.5, 0.5)"}  # fmt: skip
    return examples.get(name, name)
