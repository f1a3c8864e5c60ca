"""The preferences dialog, made from the table in ``settings``."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.settings import PREFERENCES, SECTIONS, Preference, Settings
from app.widgets.number_field import WholeField


def _translated(text: str) -> str:
    return QCoreApplication.translate("Settings", text)


class PreferencesDialog(QDialog):
    """Every preference with its help; a change takes effect at once."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Preferences"))
        self.setFixedWidth(560)
        self._settings = settings
        self.editors: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        column.setSpacing(14)
        for section, title in SECTIONS.items():
            rows = [p for p in PREFERENCES if p.key.startswith(section + "/")]
            column.addWidget(self._section(_translated(title), rows))
        buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Close | QDialogButtonBox.StandardButton.RestoreDefaults
        )
        buttons.rejected.connect(self.reject)
        buttons.clicked.connect(
            lambda b: (
                self._restore()
                if b is buttons.button(QDialogButtonBox.StandardButton.RestoreDefaults)
                else None
            )
        )
        for button in buttons.buttons():  # Enter in a field is no answer to the dialog
            assert isinstance(button, QPushButton)
            button.setAutoDefault(False)
            button.setDefault(False)
        column.addWidget(buttons)
        self.setFixedHeight(column.totalHeightForWidth(560))

    def _section(self, title: str, rows: list[Preference]) -> QGroupBox:
        box = QGroupBox(title)
        form = QFormLayout(box)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for row in rows:
            editor = self._editor(row)
            editor.setAccessibleName(_translated(row.text))
            editor.setAccessibleDescription(_translated(row.help))
            self.editors[row.key] = editor
            if isinstance(editor, QCheckBox):
                form.addRow(editor)
            else:
                form.addRow(_translated(row.text), editor)
            note = QLabel(_translated(row.help))
            note.setWordWrap(True)
            note.setForegroundRole(note.palette().ColorRole.PlaceholderText)
            form.addRow(note)
        return box

    def _editor(self, row: Preference) -> QWidget:
        value, settings = self._settings.get(row.key), self._settings
        if row.kind == "bool":
            check = QCheckBox(_translated(row.text))
            check.setChecked(value)
            check.toggled.connect(lambda on: settings.set(row.key, on))
            return check
        if row.kind == "int":
            spin = WholeField()
            spin.setRange(row.minimum, row.maximum)
            spin.setSuffix(row.unit)
            spin.setValue(value)
            spin.valueChanged.connect(lambda number: settings.set(row.key, number))
            return spin
        if row.kind == "choice":
            combo = QComboBox()
            for key, label in row.choices:
                combo.addItem(_translated(label), key)
            combo.setCurrentIndex(combo.findData(value))
            combo.currentIndexChanged.connect(lambda i: settings.set(row.key, combo.itemData(i)))
            return combo
        line = QLineEdit(value)
        line.editingFinished.connect(lambda: settings.set(row.key, line.text().strip()))
        return line

    def _restore(self) -> None:
        for row in PREFERENCES:
            editor = self.editors[row.key]
            if isinstance(editor, QCheckBox):
                editor.setChecked(row.default)
            elif isinstance(editor, QSpinBox):
                editor.setValue(row.default)
            elif isinstance(editor, QComboBox):
                editor.setCurrentIndex(editor.findData(row.default))
            elif isinstance(editor, QLineEdit):
                editor.setText(row.default)
                self._settings.set(row.key, row.default)
