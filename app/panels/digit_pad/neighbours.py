"""The training samples that are most like a drawing, as a row of pictures."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QLabel,
    QListWidgetItem,
    QWidget,
)

from app.widgets.gallery import gallery, picture_of
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from graphcore.views.digit_pad import NearestFrame, Neighbour

PICTURE = 40


class Neighbours(QWidget):
    """Pictures, the nearest first; a choice says by what they are compared."""

    def __init__(self) -> None:
        super().__init__()
        self.by = QComboBox()
        self.by.addItems([self.tr("pixels"), self.tr("selected layer")])
        self.by.setAccessibleName(self.tr("Nearest training samples by"))
        self.by.setToolTip(
            self.tr("Compare the drawing with the training samples pixel by pixel, or by what the "
                    "layer that is selected on the canvas makes of them")
        )  # fmt: skip
        self.words = Note()
        self.gallery = gallery(self.tr("Nearest training samples"), PICTURE)
        self.gallery.setWrapping(False)
        self.gallery.setFixedHeight(PICTURE + 42)
        self.gallery.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        in_column(
            in_row(QLabel(self.tr("Nearest by")), self.by, 1),
            self.gallery,
            self.words,
            on=self,
            margins=0,
        )
        self.clear()

    def clear(self, why: str = "") -> None:
        """Show none."""
        self.gallery.clear()
        self.words.setText(why)

    def show_frame(self, frame: NearestFrame) -> None:
        """Show what was found."""
        self.clear(frame.problem)
        if not frame.found:
            return
        for neighbour in frame.found:
            self.gallery.addItem(self._item(neighbour, frame.classes))
        by = self.tr("pixels") if not frame.node else frame.node
        self.words.setText(
            self.tr("of {0:,} training samples, by the distance of {1}").format(frame.searched, by)
        )

    def _item(self, neighbour: Neighbour, classes: tuple[str, ...]) -> QListWidgetItem:
        label = neighbour.label
        name = classes[label] if label < len(classes) else str(label)
        item = QListWidgetItem(QIcon(picture_of(unpack(neighbour.image), PICTURE)), name)
        item.setToolTip(
            self.tr("Training sample {0:,}: a {1}, at a distance of {2}").format(
                neighbour.index, name, format_number(neighbour.distance, 3)
            )
        )
        return item
