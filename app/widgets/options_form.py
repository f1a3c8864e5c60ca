"""The options of what was chosen: a data set, an optimiser, a schedule; a row each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLineEdit,
    QMenu,
    QSpinBox,
    QToolButton,
    QWidget,
)

from app.widgets import file_dialogs
from app.widgets.layouts import in_column, in_row
from app.widgets.number_field import NumberField, WholeField
from app.widgets.scroller import WheelGuard

LARGEST = 1_000_000_000


@dataclass(frozen=True)
class OptionRow:
    """One option; the kind of field follows from the type of its default.

    Attributes:
        path: "file" or "folder" for a text that is a path.
        names: "one" or "several" for a text that names columns.
    """

    name: str
    default: Any
    help: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    path: str = ""
    names: str = ""


class NamePicker(QWidget):
    """A field for the name of a column, or for several, with a menu of those there are.

    Signals:
        picked: the text of the field, after a choice from the menu.
    """

    picked = Signal(str)

    def __init__(self, field: QLineEdit, several: bool) -> None:
        super().__init__()
        self.field, self._several = field, several
        self._names: tuple[str, ...] = ()
        self.button = QToolButton()
        self.button.setText("…")
        self.button.setToolTip(self.tr("Choose from the columns of the table"))
        self.button.setAccessibleName(self.button.toolTip())
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu = QMenu(self.button)
        self.menu.aboutToShow.connect(self._fill)
        self.button.setMenu(self.menu)
        self.button.hide()
        in_row((field, 1), self.button, on=self, margins=0)

    def offer(self, names: Sequence[str]) -> None:
        """Offer these names; none takes the menu away."""
        self._names = tuple(names)
        self.button.setVisible(bool(names))

    def _chosen(self) -> list[str]:
        return [name.strip() for name in self.field.text().split(",") if name.strip()]

    def _fill(self) -> None:
        self.menu.clear()
        if not self._several:
            self.menu.addAction(self.tr("(none chosen)"), lambda: self._pick([]))
        for name in self._names[:200]:
            action = self.menu.addAction(name.replace("&", "&&"))
            action.setCheckable(True)
            action.setChecked(name in self._chosen())
            action.triggered.connect(lambda _on, n=name: self._toggle(n))

    def _toggle(self, name: str) -> None:
        if not self._several:
            self._pick([name])
            return
        chosen = self._chosen()
        self._pick([n for n in chosen if n != name] if name in chosen else [*chosen, name])

    def _pick(self, names: list[str]) -> None:
        self.field.setText(", ".join(names))
        self.picked.emit(self.field.text())


class OptionsForm(QWidget):
    """Fields for options; those that stand at their default are not stored.

    Signals:
        edited: every option that is not at its default.
    """

    edited = Signal(object)

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self._guard = WheelGuard(self)
        self._rows: tuple[OptionRow, ...] = ()
        self._given: dict[str, Any] = {}
        self.fields: dict[str, QWidget] = {}
        self.pickers: dict[str, NamePicker] = {}
        self.toggle = QToolButton()
        self.toggle.setCheckable(True)
        self.toggle.setAutoRaise(True)
        self.toggle.setText(title or self.tr("Options"))
        self.toggle.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.toggle.setArrowType(Qt.ArrowType.RightArrow)
        self.toggle.toggled.connect(self._unfold)
        self._page = QWidget()
        self._form = QFormLayout(self._page)
        self._form.setContentsMargins(10, 0, 0, 0)
        self._form.setVerticalSpacing(5)
        self._page.hide()
        in_column(self.toggle, self._page, on=self, margins=0, spacing=4)

    def _unfold(self, on: bool) -> None:
        self.toggle.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._page.setVisible(on)

    def show_options(self, rows: Sequence[OptionRow], given: Mapping[str, Any]) -> None:
        """Show these options with what is given, or else their defaults."""
        self._given = dict(given)
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            while self._form.rowCount():
                self._form.removeRow(0)
            self.pickers.clear()
            self.fields = {row.name: self._add(row) for row in rows}
            if any(row.path and not given.get(row.name, row.default) for row in rows):
                self.toggle.setChecked(True)  # nothing can be loaded without a path
        for row in rows:
            _put(self.fields[row.name], given.get(row.name, row.default))
        self.setVisible(bool(rows))

    def _add(self, row: OptionRow) -> QWidget:
        field = self._field(row)
        label = row.name.replace("_", " ")
        field.setAccessibleName(label)
        field.setToolTip(row.help)
        field.setMinimumWidth(70)
        self._guard.watch(field)
        if row.path:
            self._form.addRow(label, self._with_button(field, row))
        elif row.names and isinstance(field, QLineEdit):
            picker = NamePicker(field, several=row.names == "several")
            picker.picked.connect(lambda text: self._set(row, text))
            self.pickers[row.name] = picker
            self._form.addRow(label, picker)
        else:
            self._form.addRow(label, field)
        return field

    def offer_names(self, names: Sequence[str]) -> None:
        """Let the options that name columns choose from these."""
        for picker in self.pickers.values():
            picker.offer(names)

    def _field(self, row: OptionRow) -> QWidget:
        def changed(value: Any) -> None:
            self._set(row, value)

        if row.choices:
            choice = QComboBox()
            choice.addItems(list(row.choices))
            choice.textActivated.connect(changed)
            return choice
        if isinstance(row.default, bool):
            box = QCheckBox()
            box.toggled.connect(changed)
            return box
        if isinstance(row.default, str):
            line = QLineEdit()
            line.editingFinished.connect(lambda: changed(line.text()))
            return line
        return _number(row, changed)

    def _with_button(self, field: QWidget, row: OptionRow) -> QWidget:
        pair = QWidget()
        button = QToolButton()
        button.setText("…")
        button.setToolTip(self.tr("Choose"))
        button.clicked.connect(lambda _on: self._choose(row))
        in_row((field, 1), button, on=pair, margins=0)
        return pair

    def ask_for_path(self) -> None:
        """Ask for the first file or folder that the options name."""
        if row := next((row for row in self._rows if row.path), None):
            self._choose(row)

    def _choose(self, row: OptionRow) -> None:
        ask = file_dialogs.ask_folder if row.path == "folder" else file_dialogs.ask_any_file
        path = ask(self, str(self._given.get(row.name, "")))
        if path:
            _put(self.fields[row.name], str(path))
            self._set(row, str(path))

    def _set(self, row: OptionRow, value: Any) -> None:
        given = {k: v for k, v in self._given.items() if k != row.name}
        if value != row.default:
            given[row.name] = value
        if given != self._given:
            self._given = given
            self.edited.emit(given)


def _number(row: OptionRow, changed: Callable[[Any], None]) -> QWidget:
    low = -LARGEST if row.minimum is None else row.minimum
    high = LARGEST if row.maximum is None else row.maximum
    if isinstance(row.default, int):
        whole = WholeField()
        whole.setRange(int(low), int(high))
        whole.setKeyboardTracking(False)
        whole.valueChanged.connect(changed)
        return whole
    field = NumberField()
    field.setRange(low, high)
    field.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    field.setKeyboardTracking(False)
    field.valueChanged.connect(changed)
    return field


def _put(field: QWidget, value: Any) -> None:
    blocker = QSignalBlocker(field)
    if isinstance(field, QComboBox):
        field.setCurrentText(str(value))
    elif isinstance(field, QCheckBox):
        field.setChecked(bool(value))
    elif isinstance(field, QLineEdit):
        field.setText(str(value))
    elif isinstance(field, QSpinBox):
        field.setValue(int(value))
    elif isinstance(field, QDoubleSpinBox):
        field.setValue(float(value))
    blocker.unblock()
