"""What is to be recorded, how often and how large."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QWidget,
)

from app.files.film import mp4
from app.settings import Settings
from app.widgets.layouts import in_column
from app.widgets.number_field import WholeField

WIDTHS = (0, 1280, 960, 640)
"""Pixels; 0 is the view's own."""


class FilmDialog(QDialog):
    """Asks for everything but the file; remembers the answers.

    Args:
        views: id -> what the user calls it.
    """

    def __init__(self, views: Mapping[str, str], settings: Settings, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Record a film"))
        self._store = settings.store
        self._make_fields(views)
        self._restore()
        in_column(self._make_form(), self._make_note(), self._make_buttons(), on=self)
        self.setMinimumWidth(420)

    def _make_fields(self, views: Mapping[str, str]) -> None:
        self.view, self.width_choice, self.fps = QComboBox(), QComboBox(), WholeField()
        self.limit, self.train = WholeField(), QCheckBox(self.tr("Train, and stop when it is done"))
        for id_, text in views.items():
            self.view.addItem(text, id_)
        for width in WIDTHS:
            text = self.tr("{0} pixels wide") if width else self.tr("as on the screen")
            self.width_choice.addItem(text.format(width), width)
        self.fps.setRange(1, 30)
        self.fps.setSuffix(self.tr(" per second"))
        self.fps.setToolTip(self.tr("At most: a view that takes long to draw gets fewer"))
        self.limit.setRange(1, 60)
        self.limit.setSuffix(self.tr(" min"))
        self.limit.setToolTip(self.tr("The film ends by itself after so long"))

    def _make_form(self) -> QFormLayout:
        form = QFormLayout()
        for label, field in (
            (self.tr("View"), self.view), (self.tr("Pictures"), self.fps),
            (self.tr("Size"), self.width_choice), (self.tr("At most"), self.limit),
        ):  # fmt: skip
            field.setAccessibleName(label)
            form.addRow(label, field)
        form.addRow("", self.train)
        return form

    def _make_note(self) -> QLabel:
        """Which kinds of file there are."""
        note = QLabel(
            self.tr("Saved as GIF, animated PNG or MP4: the ending of the file's name says which.")
            if mp4.ffmpeg()
            else self.tr("Saved as GIF or animated PNG: the ending of the file's name says which.")
            + " " + self.tr(mp4.HOW_TO_GET_IT)
        )  # fmt: skip
        note.setObjectName("muted")
        note.setWordWrap(True)
        return note

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.record = buttons.addButton(
            self.tr("Choose a File and Record …"), QDialogButtonBox.ButtonRole.AcceptRole
        )
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    def _restore(self) -> None:
        get = self._store.value
        self.view.setCurrentIndex(max(0, self.view.findData(str(get("film/view", "")))))
        at = self.width_choice.findData(int(str(get("film/width", 960))))
        self.width_choice.setCurrentIndex(max(0, at))
        self.fps.setValue(int(str(get("film/fps", 8))))
        self.limit.setValue(int(str(get("film/limit", 5))))
        self.train.setChecked(str(get("film/train", "true")) == "true")

    def accept(self) -> None:
        for key, value in (
            ("view", self.view.currentData()), ("width", self.width_choice.currentData()),
            ("fps", self.fps.value()), ("limit", self.limit.value()),
            ("train", "true" if self.train.isChecked() else "false"),
        ):  # fmt: skip
            self._store.setValue(f"film/{key}", value)
        super().accept()
