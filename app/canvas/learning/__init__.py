"""Which layers learn and how fast, chosen on the canvas: freezing, rates, a fresh head."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QGraphicsView, QInputDialog

from app.canvas.editor import Editor
from app.canvas.learning.head_dialog import HeadDialog
from app.canvas.selection import Selection
from app.widgets.numbers import counted
from graphcore import datasets
from graphcore.datasets.subsets import chosen_classes
from graphcore.errors import GradscapeError
from graphcore.graph import heads
from graphcore.graph.training_settings import TrainingSettings

CLASSES = 10
"""Proposed where nothing is known of the data."""
LARGEST_FACTOR = 1000.0


class Learning(QObject):
    """Says of the selected nodes whether they learn, and how fast."""

    def __init__(self, view: QGraphicsView, selection: Selection, editor: Editor) -> None:
        super().__init__(view)
        self._view, self._selection, self._editor = view, selection, editor
        self._document = editor.document

    def freeze(self, frozen: bool) -> None:
        """Freeze the selected nodes and all before them, or let them and all after them learn."""
        names = self._selection.names()
        changed: list[int] = []
        if names and self._editor.attempt(
            lambda: changed.append(self._document.freeze_along(names, frozen))
        ):
            one, many = (
                (self.tr("{0} tensor frozen."), self.tr("{0} tensors frozen."))
                if frozen
                else (self.tr("{0} tensor unfrozen."), self.tr("{0} tensors unfrozen."))
            )
            self._editor.said.emit(counted(changed[0], one, many))

    def ask_for_head(self) -> HeadDialog | None:
        """Ask for how many classes the last layer is replaced, and replace it."""
        try:
            layer = heads.find_head(self._document.root)
        except GradscapeError as error:
            self._editor.refuse(str(error), None)
            return None
        dialog = HeadDialog(layer, classes_of(self._document.root.training), self._view)
        dialog.accepted.connect(
            lambda: self._editor.attempt(
                lambda: self._document.replace_head(
                    dialog.classes.value(), dialog.freeze.isChecked()
                )
            )
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def ask_for_rate(self) -> QInputDialog:
        """Ask by what the learning rate of the selected nodes is multiplied."""
        names = self._selection.names()
        dialog = QInputDialog(self._view)
        dialog.setWindowTitle(self.tr("Learning Rate Here"))
        dialog.setLabelText(
            self.tr("The run's learning rate is multiplied by this for {0}:").format(
                ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
            )
        )
        dialog.setInputMode(QInputDialog.InputMode.DoubleInput)
        dialog.setDoubleDecimals(4)
        dialog.setDoubleRange(0.0001, LARGEST_FACTOR)
        path = self._document.prefix + names[0]
        dialog.setDoubleValue(self._document.root.training.rate_at(path))
        dialog.doubleValueSelected.connect(
            lambda factor: self._editor.attempt(lambda: self._document.set_rates(names, factor))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog


def classes_of(training: TrainingSettings) -> int:
    """Return how many classes the data have that a graph is trained on, as far as is known."""
    options = training.dataset_options
    count = datasets.describe(training.dataset).n_classes or options.get("classes") or CLASSES
    names = tuple(map(str, range(count)))
    try:
        chosen = options.get("only_classes", "")
        return len(chosen_classes(chosen, names, "")) if chosen else int(count)
    except GradscapeError:  # they have names of their own
        return int(count)
