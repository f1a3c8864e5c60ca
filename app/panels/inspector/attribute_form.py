"""The form of an operator's attributes, made from the registry's rows, for one node or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLabel, QLineEdit, QWidget

from app.panels.inspector.attribute_text import format_value, parse_value
from app.widgets.scroller import WheelGuard
from graphcore.errors import GradscapeError
from graphcore.ops import Attr

Commit = Callable[[str, Any], None]


class AttributeEditor(QObject):
    """One attribute: shows the nodes' values, and hands what is typed to ``commit``.

    Attributes:
        widget: the check box, combo box or line that is shown.
    """

    def __init__(
        self, attr: Attr, what: str, commit: Commit, refuse: Callable[[str], None]
    ) -> None:
        super().__init__()
        self.attr, self._what = attr, what
        self._commit, self._refuse = commit, refuse
        self._shown: list[Any] = []
        self._guard = WheelGuard(self)
        self.widget: QWidget = self._make()
        self.widget.setAccessibleName(attr.name)
        self.widget.setAccessibleDescription(attr.help)
        self.widget.setToolTip(attr.help)

    def show(self, values: Sequence[Any]) -> None:
        """Show the value that all nodes share, or that they differ."""
        self._shown = list(values)
        mixed = _differ(values)
        if isinstance(self.widget, QCheckBox):
            self._show_check(self.widget, values[0], mixed)
        elif isinstance(self.widget, QComboBox):
            self.widget.setCurrentIndex(-1 if mixed else self.widget.findText(str(values[0])))
        elif isinstance(self.widget, QLineEdit) and not self._is_typing(self.widget):
            self.widget.setText("" if mixed else format_value(values[0]))
            self.widget.setPlaceholderText(self._placeholder(mixed))

    def _show_check(self, check: QCheckBox, value: bool, mixed: bool) -> None:
        check.setTristate(mixed)
        state = Qt.CheckState.Checked if value else Qt.CheckState.Unchecked
        check.setCheckState(Qt.CheckState.PartiallyChecked if mixed else state)

    @staticmethod
    def _is_typing(line: QLineEdit) -> bool:
        """Whether there is text that was not taken yet; a change elsewhere must not eat it."""
        return line.hasFocus() and line.isModified()

    def _placeholder(self, mixed: bool) -> str:
        if mixed:
            return QCoreApplication.translate("AttributeForm", "mixed values")
        return QCoreApplication.translate("AttributeForm", "none")

    def _make(self) -> QWidget:
        if self.attr.kind == "bool":
            check = QCheckBox()
            check.clicked.connect(lambda: self._take(check.checkState() != Qt.CheckState.Unchecked))
            return check
        if self.attr.choices:
            combo = QComboBox()
            combo.addItems(list(self.attr.choices))
            combo.setPlaceholderText(self._placeholder(mixed=True))
            combo.activated.connect(lambda i: self._take(combo.itemText(i)))
            self._guard.watch(combo)
            return combo
        line = QLineEdit()
        line.editingFinished.connect(lambda: self._take_text(line.text()))
        line.installEventFilter(self)
        return line

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Up and Down step a number; Escape puts the shown value back."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}
            key = Qt.Key(event.key())
            if key in steps and self.attr.kind in ("int", "size"):
                self._step(steps[key] * (10 if event.modifiers() & _SHIFT else 1))
                return True
            if key == Qt.Key.Key_Escape and self._shown and isinstance(self.widget, QLineEdit):
                self.widget.setModified(False)
                self.show(self._shown)
                return True
        return super().eventFilter(watched, event)

    def _step(self, by: int) -> None:
        value = self._shown[0] if self._shown else None
        if isinstance(value, int):
            low = self.attr.minimum if self.attr.minimum is not None else value + by
            high = self.attr.maximum if self.attr.maximum is not None else value + by
            self._take(int(min(max(value + by, low), high)))

    def _take_text(self, text: str) -> None:
        mixed = _differ(self._shown)
        if isinstance(self.widget, QLineEdit):
            self.widget.setModified(False)
        if text == ("" if mixed else format_value(self._shown[0])):
            return
        try:
            value = parse_value(self.attr, text, self._what)
        except GradscapeError as error:
            self._refuse(str(error))
            self.show(self._shown)
        else:
            self._take(value)

    def _take(self, value: Any) -> None:
        if _differ([value, *self._shown]):
            self._commit(self.attr.name, value)
        else:
            self.show(self._shown)  # what was typed may be another way to write the same


def _differ(values: Sequence[Any]) -> bool:
    """Return whether values are not all the same; NaN is the same as NaN."""
    return any(repr(v) != repr(values[0]) for v in values)


_SHIFT = Qt.KeyboardModifier.ShiftModifier


class AttributeForm(QWidget):
    """All attributes that the given operators share.

    Args:
        commit: (attribute, value), called once per change.
        refuse: called with the sentence that says why a value does not fit.
    """

    def __init__(
        self, attrs: Sequence[Attr], what: str, commit: Commit, refuse: Callable[[str], None]
    ) -> None:
        super().__init__()
        form = QFormLayout(self)
        form.setContentsMargins(0, 0, 0, 0)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.editors: dict[str, AttributeEditor] = {}
        for attr in attrs:
            editor = AttributeEditor(attr, what, commit, refuse)
            editor.setParent(self)
            label = QLabel(attr.name + (f" ({attr.unit})" if attr.unit else ""))
            label.setToolTip(attr.help)
            label.setBuddy(editor.widget)
            form.addRow(label, editor.widget)
            self.editors[attr.name] = editor

    def show_values(self, nodes: Sequence[dict[str, Any]]) -> None:
        """Show the attributes of the nodes."""
        for name, editor in self.editors.items():
            editor.show([attributes[name] for attributes in nodes])
