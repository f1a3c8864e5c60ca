"""Asks how many classes a fresh last layer tells apart, and whether the others stay as they are."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QDialog, QDialogButtonBox, QFormLayout, QWidget

from app.widgets.number_field import WholeField
from app.widgets.section import text_label

MOST = 100_000


class HeadDialog(QDialog):
    """How many classes, and whether all other layers are frozen.

    Args:
        layer: path of the layer that is replaced.
        classes: proposed at first.
    """

    def __init__(self, layer: str, classes: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Replace Head"))
        form = QFormLayout(self)
        form.addRow(text_label(
            self.tr("A fresh layer takes the place of {0}. All other weights stay.").format(layer),
            dim=True,
        ))  # fmt: skip
        self.classes = WholeField()
        self.classes.setRange(2, MOST)
        self.classes.setValue(classes)
        self.classes.setToolTip(self.tr("How many classes the new data have."))
        self.freeze = QCheckBox(self.tr("Freeze all other layers"))
        self.freeze.setChecked(True)
        self.freeze.setToolTip(
            self.tr("Training changes the new layer alone, until others are unfrozen.")
        )
        form.addRow(self.tr("Classes"), self.classes)
        form.addRow(self.freeze)
        buttons = QDialogButtonBox.StandardButton
        box = QDialogButtonBox(buttons.Ok | buttons.Cancel)
        box.accepted.connect(self.accept)
        box.rejected.connect(self.reject)
        form.addRow(box)
        self.classes.selectAll()
