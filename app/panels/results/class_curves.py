"""How well one class is told from the others at every threshold: ROC, precision and recall."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QWidget

from app.plots.scatter import ScatterPlot
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from graphcore.records.arrays import unpack
from graphcore.views.results import ResultsFrame

DIAGONAL = np.array([[0.0, 0.0], [1.0, 1.0]])


class ClassCurvesPage(QWidget):
    """One curve of one class; the dot is where the net's own answers lie.

    Args:
        roc: whether it is the ROC curve, and not precision over recall.
    """

    def __init__(self, roc: bool) -> None:
        super().__init__()
        self._roc = roc
        self._frame: ResultsFrame | None = None
        name = self.tr("ROC curve") if roc else self.tr("Precision and recall")
        self.plot = ScatterPlot(name, self.tr("The curve of a class appears here."))
        self.plot.plot.setMouseEnabled(x=False, y=False)
        self.plot.plot.setRange(xRange=(0, 1), yRange=(0, 1), padding=0.02)
        self.of = QComboBox()
        self.of.setAccessibleName(self.tr("Class"))
        self.of.setToolTip(self.tr("The class that is told from all others"))
        self.of.currentIndexChanged.connect(lambda _i: self._show())
        self.said = Note("", lines=2)
        self.said.setToolTip(
            self.tr("Area 1 is perfect, 0.5 is guessing: the chance that a sample of the class "
                    "gets a larger share than one of the others")
            if roc else
            self.tr("Average precision: the mean of the precision over the recall, 1 is perfect; "
                    "guessing gives the share of the class")
        )  # fmt: skip
        if roc:
            self.plot.label(self.tr("false positive rate"), self.tr("true positive rate"))
        else:
            self.plot.label(self.tr("recall"), self.tr("precision"))
        row = in_row(self.of, (self.said, 1))
        in_column(row, (self.plot, 1), on=self, margins=0)

    def clear(self) -> None:
        """Show nothing."""
        self._frame = None
        self.said.setText("")
        self.plot.clear()

    def show_frame(self, frame: ResultsFrame) -> None:
        """Show the class that was chosen; of two classes the second is the positive one."""
        self._frame = frame
        names = list(frame.classes[: len(frame.curves)])
        if names != [self.of.itemText(i) for i in range(self.of.count())]:
            with QSignalBlocker(self.of):
                self.of.clear()
                self.of.addItems(names)
                self.of.setCurrentIndex(1 if len(names) == 2 else 0)
        self._show()

    def _show(self) -> None:
        frame, k = self._frame, self.of.currentIndex()
        if frame is None or frame.counts is None or not 0 <= k < len(frame.curves):
            return
        found, counts = frame.curves[k], unpack(frame.counts).astype(np.float64)
        line = unpack(found.roc if self._roc else found.recall).astype(np.float64)
        if not np.isfinite(line).all():
            self.plot.clear()
            self.said.setText(
                self.tr("The test set has no samples of {0}, or no others.").format(
                    self.of.currentText()
                )
            )
            return
        right, taken, own = counts[k, k], counts[:, k].sum(), counts[k].sum()
        hits, share = right / own, own / counts.sum()
        at = ((taken - right) / (counts.sum() - own), hits) if self._roc else (
            hits, right / taken if taken else 1.0)  # fmt: skip
        self.plot.set_reference(DIAGONAL if self._roc else np.array([[0.0, share], [1.0, share]]))
        self.plot.set_data(np.array([at]), np.zeros((0, 2)), line)
        self.said.setText(self._sentence(frame, k))

    def _sentence(self, frame: ResultsFrame, k: int) -> str:
        values = [c.area if self._roc else c.average for c in frame.curves]
        said = self.tr("Area {0:.4f}") if self._roc else self.tr("Average precision {0:.4f}")
        text = said.format(values[k])
        if len(values) > 2:
            text += self.tr(", over all classes {0:.4f}").format(float(np.nanmean(values)))
        return text
