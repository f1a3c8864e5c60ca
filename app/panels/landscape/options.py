"""What a loss landscape is asked for: its plane, and how finely and on what it is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
    QWidgetAction,
)

from app.widgets.layouts import in_row
from app.widgets.number_field import NumberField, WholeField

RESOLUTIONS = (9, 17, 25, 33, 49)
Split = Literal["train", "test"]
SPLITS: tuple[tuple[Split, str], ...] = (("test", "Test set"), ("train", "Training set"))
Shapes = Mapping[str, tuple[int, ...]]


class Fineness(QToolButton):
    """A button with a small form: span, split, samples, points per side, other directions.

    Signals:
        changed: something was chosen. other_directions: the random ones are to be others.
    """

    changed = Signal()
    other_directions = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setText(self.tr("Options"))
        self.setToolTip(self.tr("Span, samples, points per side, directions"))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.span = NumberField()
        self.span.setRange(0.05, 50.0)
        self.span.setSingleStep(0.25)
        self.span.setValue(1.0)
        self.span.setPrefix("± ")
        self.span.setToolTip(
            self.tr(
                "How far the plane reaches: 1 is as far as the weights are long; "
                "on a plane of two weights it is in their own values"
            )
        )
        self.split = QComboBox()
        for key, text in SPLITS:
            self.split.addItem(QCoreApplication.translate("Fineness", text), key)
        self.samples = WholeField()
        self.samples.setRange(10, 10_000)
        self.samples.setSingleStep(100)
        self.samples.setValue(200)
        self.samples.setToolTip(
            self.tr(
                "Samples that the loss is taken over; while the net trains 100 of them, "
                "or 32 where a surface with all of them would take too long"
            )
        )
        self.resolution = QComboBox()
        for n in RESOLUTIONS:
            self.resolution.addItem(f"{n} × {n}", n)
        self.resolution.setCurrentIndex(RESOLUTIONS.index(25))
        self.again = QPushButton(self.tr("New directions"))
        self._lay_out()
        self.span.valueChanged.connect(lambda _v: self.changed.emit())
        self.samples.valueChanged.connect(lambda _v: self.changed.emit())
        self.split.currentIndexChanged.connect(lambda _i: self.changed.emit())
        self.resolution.currentIndexChanged.connect(lambda _i: self.changed.emit())
        self.again.clicked.connect(self.other_directions)

    def _lay_out(self) -> None:
        page = QWidget()
        form = QFormLayout(page)
        form.setContentsMargins(12, 10, 12, 10)
        for text, widget in (
            (self.tr("Span"), self.span), (self.tr("Loss on"), self.split),
            (self.tr("Samples"), self.samples), (self.tr("Points"), self.resolution),
        ):  # fmt: skip
            widget.setAccessibleName(text)
            form.addRow(text, widget)
        form.addRow(self.again)
        menu, action = QMenu(self), QWidgetAction(self)
        action.setDefaultWidget(page)
        menu.addAction(action)
        self.setMenu(menu)


class WeightChoice(QWidget):
    """A parameter, and the place of one number in it.

    Signals:
        changed: another number was chosen.
    """

    changed = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self._shapes: Shapes = {}
        self.parameter = QComboBox()
        self.parameter.setAccessibleName(name)
        self.parameter.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.parameter.setMinimumWidth(90)
        self.place = WholeField()
        self.place.setAccessibleName(self.tr("Place in {0}").format(name))
        in_row((self.parameter, 1), self.place, on=self, margins=0, spacing=4)
        self.parameter.currentIndexChanged.connect(self._on_parameter)
        self.place.valueChanged.connect(lambda _v: self._on_place())

    def set_shapes(self, shapes: Shapes) -> None:
        """Offer these parameters; what was chosen stays if it is among them."""
        if shapes == self._shapes:
            return
        chosen, place = self.parameter.currentText(), self.place.value()
        self._shapes = dict(shapes)
        self.blockSignals(True)
        self.parameter.clear()
        self.parameter.addItems(list(shapes))
        if chosen in self._shapes:
            self.choose(chosen, place)
        self.blockSignals(False)

    def choose(self, parameter: str, place: int) -> None:
        """Take a number; places beyond the last are the last."""
        self.parameter.setCurrentText(parameter)
        self.place.setValue(place)

    @property
    def chosen(self) -> tuple[str, int]:
        """The parameter and the place in it, counted row by row."""
        return self.parameter.currentText(), self.place.value()

    def _on_parameter(self) -> None:
        shape = self._shapes.get(self.parameter.currentText(), ())
        self.place.setRange(0, max(0, int(np.prod(shape)) - 1))
        self._on_place()

    def _on_place(self) -> None:
        shape = self._shapes.get(self.parameter.currentText(), ())
        places = np.unravel_index(self.place.value(), shape) if shape else ()
        where = ", ".join(str(i) for i in places)
        self.place.setToolTip(f"{self.parameter.currentText()}[{where}]")
        self.changed.emit()


class TwoWeights(QWidget):
    """The two numbers that span a plane, chosen here or taken from the canvas.

    Signals:
        changed: one of them is another now.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.choices = WeightChoice(self.tr("Horizontal weight")), WeightChoice(
            self.tr("Vertical weight")
        )  # fmt: skip
        self._shapes: Shapes = {}
        self._selected: tuple[str, ...] = ()
        self.take = QPushButton(self.tr("Use selected"))
        self.take.setToolTip(
            self.tr("Take the weights of the nodes that are selected on the canvas")
        )
        self.take.clicked.connect(self._take)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for i, choice in enumerate(self.choices):
            if i:
                row.addWidget(QLabel("×"))
            row.addWidget(choice, 1)
            choice.changed.connect(self.changed)
        row.addWidget(self.take)
        self._offer()

    def set_shapes(self, shapes: Shapes) -> None:
        """Offer these parameters."""
        if shapes == self._shapes:
            return
        fresh = not self._shapes or not set(self._shapes) & set(shapes)
        self._shapes = dict(shapes)
        for choice in self.choices:
            choice.set_shapes(shapes)
        if fresh and shapes:
            self.blockSignals(True)
            self._choose(list(shapes)[:1])
            self.blockSignals(False)
        self._offer()

    def show_selection(self, names: Sequence[str]) -> None:
        """Which nodes are selected on the canvas."""
        self._selected = tuple(names)
        self._offer()

    @property
    def chosen(self) -> tuple[tuple[str, int], ...]:
        """Both numbers, or none while no net is known."""
        return tuple(c.chosen for c in self.choices) if self._shapes else ()

    def _of_selection(self) -> list[str]:
        """First parameter of each selected node, or the selected Parameter nodes themselves."""
        found = []
        for name in self._selected:
            owned = [p for p in self._shapes if p == name or p.rpartition(".")[0] == name]
            found += owned[:1]
        return found

    def _offer(self) -> None:
        self.take.setEnabled(bool(self._of_selection()))

    def _take(self) -> None:
        self._choose(self._of_selection())

    def _choose(self, parameters: Sequence[str]) -> None:
        """A number from the middle of each of two parameters, or two of one."""
        first, second = parameters[0], parameters[-1]
        several = int(np.prod(self._shapes[first])) > 1
        if first == second and not several:
            second = next((p for p in self._shapes if p != first), first)
        for choice, name, beside in zip(self.choices, (first, second), (0, 1), strict=True):
            shape = self._shapes[name]
            middle = np.ravel_multi_index([n // 2 for n in shape], shape) if shape else 0
            last = int(np.prod(shape)) - 1
            at = (int(middle) + beside) % (last + 1) if first == second else int(middle)
            choice.choose(name, at)
