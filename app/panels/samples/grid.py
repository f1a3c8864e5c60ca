"""A page of the data set as pictures or rows of numbers: a click or the keys choose the sample."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QIcon
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QToolButton,
    QWidget,
)

from app.engine.engine import Engine
from app.style import palette
from app.widgets.gallery import gallery, picture_of
from app.widgets.layouts import in_column, in_row
from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from graphcore.training.sample import Sample
from graphcore.views.samples import SamplesFrame, SamplesRequest

PICTURE = 44
PAGE = 48


class SampleGrid(QWidget):
    """Shows a page at a time; knows of the data set no more than that page.

    Signals:
        asked: another page is wanted.
    """

    asked = Signal()

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self._engine = engine
        self.frame: SamplesFrame | None = None
        self._start = 0
        self._listed: object = None
        self._make_filters()
        self.list = gallery(self.tr("Samples"), PICTURE)
        self.list.setUniformItemSizes(True)
        self.list.currentRowChanged.connect(self._choose)
        self.list.itemClicked.connect(lambda item: self._choose(self.list.row(item)))
        self.back, self.next = QToolButton(), QToolButton()
        for button, sign, name, pages in (
            (self.back, "‹", self.tr("Page before"), -1), (self.next, "›", self.tr("Next page"), 1),
        ):  # fmt: skip
            button.setText(sign)
            button.setAutoRaise(True)
            button.setToolTip(name)
            button.setAccessibleName(name)
            button.clicked.connect(lambda _on, p=pages: self._turn(p))
        self.where = QLabel()
        self.where.setObjectName("muted")
        self.where.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._lay_out()
        engine.on(SamplesFrame, self._on_frame)
        engine.sample_chosen.connect(self._mark)
        palette.notifier.changed.connect(self._show)

    def _make_filters(self) -> None:
        self.split, self.label = QComboBox(), QComboBox()
        self.split.addItem(self.tr("test"), "test")
        self.split.addItem(self.tr("train"), "train")
        self.split.setAccessibleName(self.tr("Split"))
        self.split.setToolTip(
            self.tr("Samples that the net learns from, or that it is tested with")
        )
        self.label.addItem(self.tr("all"), -1)
        self.label.setAccessibleName(self.tr("Class"))
        self.label.setToolTip(self.tr("Samples of one class alone"))
        self.wrong = QCheckBox(self.tr("mistakes"))
        self.wrong.setToolTip(self.tr("Only samples that the net gets wrong now"))
        self.split.currentIndexChanged.connect(lambda _i: self.first_page())
        self.label.currentIndexChanged.connect(lambda _i: self.first_page())
        self.wrong.toggled.connect(lambda _on: self.first_page())

    def _lay_out(self) -> None:
        filters = in_row(self.split, self.label, self.wrong, 1)
        turning = in_row(self.back, (self.where, 1), self.next)
        in_column(filters, (self.list, 1), turning, on=self, margins=0, spacing=4)

    # -- asking -------------------------------------------------------------------------------

    def first_page(self) -> None:
        """From the beginning, after another filter."""
        self._start = 0
        self.asked.emit()

    @property
    def request(self) -> SamplesRequest:
        """The page that is shown, with what the net takes each sample for."""
        return SamplesRequest(
            self.split.currentData(), self._start, PAGE, self.label.currentData(),
            self.wrong.isChecked(),
        )  # fmt: skip

    def _turn(self, pages: int) -> None:
        total = self.frame.total if self.frame else 0
        start = self._start + pages * PAGE
        if 0 <= start < total:
            self._start = start
            self.asked.emit()

    # -- showing ------------------------------------------------------------------------------

    def clear(self) -> None:
        """Another graph."""
        self.frame, self._start = None, 0
        for box in (self.split, self.label):
            with QSignalBlocker(box):
                box.setCurrentIndex(0)
        with QSignalBlocker(self.wrong):
            self.wrong.setChecked(False)
        self._show()

    def _on_frame(self, frame: SamplesFrame) -> None:
        self.frame, self._start = frame, frame.start
        if [self.label.itemText(i) for i in range(1, self.label.count())] != list(frame.classes):
            with QSignalBlocker(self.label):
                while self.label.count() > 1:
                    self.label.removeItem(1)
                for i, name in enumerate(frame.classes):
                    self.label.addItem(name, i)
        for widget in (self.label, self.wrong):
            widget.setVisible(bool(frame.classes))
        self._show()

    def _show(self) -> None:
        frame = self.frame
        with QSignalBlocker(self.list):
            if frame is None or frame.problem:
                self.list.clear()
            else:
                self._list_samples(frame)
        self._mark(self._engine.chosen_sample)
        self.where.setText(self._place())
        total = frame.total if frame else 0
        self.back.setEnabled(self._start > 0)
        self.next.setEnabled(self._start + PAGE < total)

    def _list_samples(self, frame: SamplesFrame) -> None:
        """The same samples keep their places: what the net says of them changes as it trains."""
        page = frame.split, frame.indices, frame.images
        if page != self._listed or self.list.count() != len(frame.indices):
            self._listed = page
            self.list.clear()
            icons = frame.images is not None
            self.list.setViewMode(
                QListWidget.ViewMode.IconMode if icons else QListWidget.ViewMode.ListMode
            )
            for _ in frame.indices:
                self.list.addItem(QListWidgetItem())
            if frame.images is not None:
                for i, image in enumerate(unpack(frame.images)):
                    self.list.item(i).setIcon(QIcon(picture_of(image, PICTURE)))
        for i in range(len(frame.indices)):
            self._label(self.list.item(i), frame, i)

    def _place(self) -> str:
        frame = self.frame
        if frame is None or frame.problem:
            return frame.problem if frame else ""
        if not frame.total:
            return self.tr("none of these")
        last = frame.start + len(frame.indices)
        place = self.tr("{0:,}–{1:,} of {2:,}").format(frame.start + 1, last, frame.total)
        said = frame.answers and frame.step
        return place + self.tr(" · step {0:,}").format(frame.step) if said else place

    def _label(self, item: QListWidgetItem, frame: SamplesFrame, i: int) -> None:
        label = frame.labels[i] if frame.labels else ""
        answer = frame.answers[i] if frame.answers else ""
        wrong = bool(answer) and answer != label
        text = f"{label}→{answer}" if wrong else label
        if frame.images is None and frame.rows is not None:
            numbers = ", ".join(_short(float(x)) for x in unpack(frame.rows)[i])
            text = f"{frame.indices[i]}:  {numbers}" + (f"   {text}" if text else "")
        item.setText(text)
        colour = palette.current().color("warning" if wrong else "text")
        item.setForeground(QColor(colour))
        told = self.tr("{0} sample {1}").format(frame.split, frame.indices[i])
        if label:
            told += self.tr(": a {0}").format(label)
        if answer:
            told += self.tr(", predicted as {0} at step {1:,}").format(answer, frame.step)
        item.setToolTip(told)

    # -- choosing -----------------------------------------------------------------------------

    def _choose(self, row: int) -> None:
        frame = self.frame
        if frame is not None and 0 <= row < len(frame.indices):
            self._engine.choose_sample(Sample(frame.indices[row], frame.split))

    def _mark(self, sample: Sample) -> None:
        """Mark the sample that is looked at, if it is on this page."""
        frame = self.frame
        known = frame is not None and sample.given is None and sample.split == frame.split
        row = -1
        if frame is not None and known and sample.index in frame.indices:
            row = frame.indices.index(sample.index)
        with QSignalBlocker(self.list):
            self.list.setCurrentRow(row)


def _short(number: float) -> str:
    """A number of a row among others: whole where it is a year or a price, four digits else."""
    return format_number(number, 4 if abs(number) < 1000 else 7)
