"""How a classifier does on the test set: confusion, figures per class, the surest mistakes."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.engine import Engine
from app.plots.confusion import ConfusionMatrix
from graphcore.worker.arrays import unpack
from graphcore.worker.probe_messages import Mistake, ResultsFrame

PICTURE = 56


class ResultsPanel(QWidget):
    """Asks for the results while it can be seen."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self._frame: ResultsFrame | None = None
        self._cell: tuple[int, int] | None = None
        empty = self.tr("Train a classifier: what it takes for what appears here.")
        self.matrix = ConfusionMatrix(empty)
        self.matrix.cell_clicked.connect(self._choose)
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels([self.tr("prec."), self.tr("recall"), self.tr("F1")])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAccessibleName(self.tr("Figures per class"))
        self.table.horizontalHeader().setDefaultSectionSize(58)
        self.table.setFixedWidth(230)
        self.table.setToolTip(self.tr("Precision, recall and F1 of each class on the test set"))
        self.table.verticalHeader().setDefaultSectionSize(24)
        self.gallery = QListWidget()
        self.gallery.setViewMode(QListWidget.ViewMode.IconMode)
        self.gallery.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.gallery.setMovement(QListWidget.Movement.Static)
        self.gallery.setIconSize(QSize(PICTURE, PICTURE))
        self.gallery.setAccessibleName(self.tr("Mistakes"))
        self.title, self.stamp = QLabel(), QLabel()
        self.stamp.setObjectName("muted")
        self._lay_out()
        engine.results.connect(self._on_frame)
        document.opened.connect(self.clear)
        self.clear()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 8)
        row.addWidget(self.matrix, 4)
        row.addWidget(self.table)
        column = QVBoxLayout()
        column.addWidget(self.title)
        column.addWidget(self.gallery, 1)
        column.addWidget(self.stamp)
        row.addLayout(column, 3)

    def clear(self) -> None:
        """Another graph."""
        self._frame, self._cell = None, None
        self.matrix.clear()
        self.table.setRowCount(0)
        self.gallery.clear()
        self.title.setText("")
        self.stamp.setText("")

    def _on_frame(self, frame: ResultsFrame) -> None:
        if frame.problem or frame.counts is None:
            self.clear()
            self.stamp.setText(frame.problem)
            return
        self._frame = frame
        self.matrix.set_counts(unpack(frame.counts), frame.classes)
        self._show_table(frame)
        self._show_mistakes()
        self.stamp.setText(
            self.tr("Step {0:,} · test accuracy {1:.2%}").format(frame.step, frame.accuracy)
        )

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

    def _choose(self, label: int, answer: int) -> None:
        """Show the mistakes of one cell; a click on it again shows all."""
        cell = (label, answer)
        self._cell = None if cell == self._cell or label == answer else cell
        self._show_mistakes()

    def _show_mistakes(self) -> None:
        frame = self._frame
        if frame is None:
            return
        shown = [m for m in frame.mistakes if self._cell in (None, (m.label, m.answer))]
        if self._cell is None:
            self.title.setText(self.tr("The surest mistakes; click a cell to see its own"))
        else:
            names = [frame.classes[i] for i in self._cell]
            self.title.setText(self.tr("{0}, taken for {1}").format(*names))
        self.gallery.clear()
        for mistake in shown[:60]:
            self.gallery.addItem(self._item(mistake, frame.classes))

    def _item(self, mistake: Mistake, classes: tuple[str, ...]) -> QListWidgetItem:
        label, answer = classes[mistake.label], classes[mistake.answer]
        item = QListWidgetItem(f"{label} → {answer}")
        item.setToolTip(
            self.tr("Test sample {0}: a {1}, taken for {2} with {3:.1%}").format(
                mistake.index, label, answer, mistake.share
            )
        )
        if mistake.image is not None:
            item.setIcon(QIcon(picture_of(unpack(mistake.image))))
        return item

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        self._engine.watch_results(seen)


def picture_of(image: np.ndarray) -> QPixmap:
    """A grey picture from brightness (H, W), whatever its range."""
    low, high = float(image.min()), float(image.max())
    grey = ((image - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    grey = np.ascontiguousarray(grey)
    height, width = grey.shape
    picture = QImage(grey.data, width, height, width, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(picture.copy()).scaled(
        PICTURE, PICTURE, Qt.AspectRatioMode.KeepAspectRatio
    )
