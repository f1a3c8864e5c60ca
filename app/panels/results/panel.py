"""How a net does on the test set: confusion, mistakes and calibration, or the errors of numbers."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QListWidgetItem,
    QSizePolicy,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine, whose_weights
from app.panels.panel import Panel
from app.panels.results.class_curves import ClassCurvesPage
from app.panels.results.quantities import QuantitiesPage
from app.plots.confusion import ConfusionMatrix
from app.plots.reliability import ReliabilityPlot
from app.widgets.gallery import gallery, picture_of
from app.widgets.note import Note
from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from graphcore.views.results import Mistake, ResultsFrame, ResultsRequest

PICTURE = 56
SHOWN = 60
"""Mistakes beside the matrix, at most."""


class ResultsPanel(Panel):
    """Asks for the results while it can be seen."""

    unfolded = 440

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._frame: ResultsFrame | None = None
        self._cell: tuple[int, int] | None = None
        empty = self.tr("The confusion matrix of the test set appears here.")
        self.matrix = ConfusionMatrix(empty)
        self.matrix.cell_clicked.connect(self._choose)
        self.table = self._make_table()
        self.gallery = gallery(self.tr("Mistakes"), PICTURE)
        self.calibration = ReliabilityPlot(self.tr("How sure the net is of its answers, and how "
                                                   "often it is right, appears here."))  # fmt: skip
        self.calibration_words = Note("", lines=2)
        self.shown = QComboBox()
        self.shown.addItems([self.tr("Mistakes"), self.tr("Calibration"), self.tr("ROC"),
                             self.tr("Precision and recall")])  # fmt: skip
        self.curves = [ClassCurvesPage(roc=True), ClassCurvesPage(roc=False)]
        self.shown.setAccessibleName(self.tr("What is shown beside the figures"))
        self.title, self.stamp = Note("", lines=2), Note(lines=3)
        self._lay_out()
        engine.on(ResultsFrame, self.show_reply)
        self.clear()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, 3)
        table.setHorizontalHeaderLabels([self.tr("prec."), self.tr("recall"), self.tr("F1")])
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setAccessibleName(self.tr("Figures per class"))
        table.horizontalHeader().setDefaultSectionSize(58)
        table.setFixedWidth(230)
        table.setToolTip(self.tr("Precision, recall and F1 of each class on the test set"))
        table.verticalHeader().setDefaultSectionSize(24)
        return table

    def _lay_out(self) -> None:
        whole = QVBoxLayout(self)
        whole.setContentsMargins(8, 4, 8, 8)
        self.kinds, self._classes = QStackedWidget(), QWidget()
        self.quantities = QuantitiesPage()
        self.kinds.addWidget(self._classes)
        self.kinds.addWidget(self.quantities)
        self.kinds.currentChanged.connect(self._give_room)
        self._give_room(0)
        whole.addWidget(self.kinds)
        row = QHBoxLayout(self._classes)
        self.folds = [row]
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.matrix, 4)
        row.addWidget(self.table)
        column = QVBoxLayout()
        column.addWidget(self.shown, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._make_pages(), 1)
        column.addWidget(self.stamp)
        row.addLayout(column, 3)

    def _give_room(self, shown: int) -> None:
        """Let the page that is shown alone say how high the panel is."""
        ignored, wanted = QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred
        for page in (self._classes, self.quantities):
            policy = wanted if page is self.kinds.widget(shown) else ignored
            page.setSizePolicy(policy, policy)
        self.kinds.updateGeometry()

    def _make_pages(self) -> QStackedWidget:
        """The mistakes, or how sure the net is."""
        pages = QStackedWidget()
        for above, below in (
            (self.title, self.gallery), (self.calibration_words, self.calibration),
        ):  # fmt: skip
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(above)
            column.addWidget(below, 1)
            pages.addWidget(page)
        for page in self.curves:
            pages.addWidget(page)
        self.shown.currentIndexChanged.connect(pages.setCurrentIndex)
        return pages

    def clear(self) -> None:
        """Another graph."""
        self._frame, self._cell = None, None
        self.kinds.setCurrentIndex(0)
        self.quantities.clear()
        self.matrix.clear()
        self.table.setRowCount(0)
        self.gallery.clear()
        self.calibration.clear()
        for page in self.curves:
            page.clear()
        self.title.setText("")
        self.calibration_words.setText("")
        self.stamp.setText("")

    def show_reply(self, frame: ResultsFrame) -> None:
        """Show the results at a step."""
        if frame.quantities is not None:
            said = self.tr("Step {0:,}").format(frame.step) + whose_weights(self._engine.moment)
            self.kinds.setCurrentWidget(self.quantities)
            self.quantities.show_quantities(frame.quantities, said)
            return
        self.kinds.setCurrentIndex(0)
        if frame.problem or frame.counts is None:
            self.clear()
            self.stamp.setText(frame.problem)
            return
        self._frame = frame
        self.matrix.set_counts(unpack(frame.counts), frame.classes)
        self._show_table(frame)
        self._show_mistakes()
        self._show_calibration(frame)
        for page in self.curves:
            page.show_frame(frame)
        said = self.tr("Step {0:,} · test accuracy {1:.2%} of {2:,}").format(
            frame.step, frame.accuracy, int(unpack(frame.counts).sum())
        )
        for k, share in frame.top.items():
            said += self.tr(" · top {0} {1:.1%}").format(k, share)
        self.stamp.setToolTip(
            self.tr("Top k: the true class is among the k likeliest") if frame.top else ""
        )
        self.stamp.setText(said + whose_weights(self._engine.moment))

    def _show_table(self, frame: ResultsFrame) -> None:
        columns = [unpack(c) for c in (frame.precision, frame.recall, frame.f1) if c is not None]
        self.table.setRowCount(len(frame.classes))
        self.table.setVerticalHeaderLabels(list(frame.classes))
        for j, column in enumerate(columns):
            for i, share in enumerate(column):
                text = "–" if np.isnan(share) else f"{float(share):.1%}"
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.table.setItem(i, j, item)

    def _show_calibration(self, frame: ResultsFrame) -> None:
        if frame.calibration is None:
            return
        bins = unpack(frame.calibration)
        self.calibration.set_bins(bins)
        sure = float(np.nansum(bins[:, 0] * bins[:, 1]) / max(1.0, bins[:, 0].sum()))
        text = self.tr(
            "Expected calibration error {0:.2%}: {1:.1%} sure on average, {2:.1%} right."
        )
        self.calibration_words.setText(text.format(frame.calibration_error, sure, frame.accuracy))
        self.calibration_words.setToolTip(
            self.tr("The mean distance of the bars from the diagonal, weighed by their answers")
        )

    def _choose(self, label: int, answer: int) -> None:
        """Show the mistakes of one cell; a click on it again shows all."""
        cell = (label, answer)
        self._cell = None if cell == self._cell or label == answer else cell
        self._show_mistakes()

    def _show_mistakes(self) -> None:
        frame = self._frame
        if frame is None:
            return
        shown = [m for m in frame.mistakes if self._cell in (None, (m.label, m.answer))][:SHOWN]
        if self._cell is None:
            self.title.setText(self.tr("The surest mistakes; click a cell for those in it"))
        else:
            names = [frame.classes[i] for i in self._cell]
            said = self.tr("{0}, predicted as {1}: {2:,}").format(*names, self._count(frame))
            if len(shown) < self._count(frame):
                said += self.tr(", the surest {0} of them").format(len(shown))
            self.title.setText(said)
        self.gallery.clear()
        for mistake in shown:
            self.gallery.addItem(self._item(mistake, frame.classes))

    def _count(self, frame: ResultsFrame) -> int:
        """Mistakes in the cell that was chosen."""
        assert frame.counts is not None
        assert self._cell is not None
        return int(unpack(frame.counts)[self._cell])

    def _item(self, mistake: Mistake, classes: tuple[str, ...]) -> QListWidgetItem:
        label, answer = classes[mistake.label], classes[mistake.answer]
        numbers = ", ".join(format_number(number, 2) for number in mistake.numbers)
        lines = [f"({numbers})"] if numbers else []
        item = QListWidgetItem("\n".join((*lines, f"{label} → {answer}")))
        item.setToolTip(
            self.tr("Test sample {0}: a {1}, predicted as {2} with {3:.1%}").format(
                mistake.index, label, answer, mistake.share
            )
        )
        if mistake.image is not None:
            item.setIcon(QIcon(picture_of(unpack(mistake.image), PICTURE)))
        return item

    def looks_at(self) -> ResultsRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return ResultsRequest()
