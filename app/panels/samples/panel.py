"""Choose the sample that is explained: out of the data set, drawn, or typed."""

from __future__ import annotations

import msgspec
import numpy as np
from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QLabel,
    QPushButton,
    QTabWidget,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.panels.samples.grid import SampleGrid
from app.panels.samples.own_row import OwnRow
from app.panels.samples.typed import TypedSample
from app.widgets.layouts import in_column
from app.widgets.scroller import Scroller
from app.widgets.sketch import Sketch
from graphcore.records.arrays import pack
from graphcore.training.sample import Sample
from graphcore.views.samples import SamplesFrame, SamplesRequest
from graphcore.views.stepper import WalkFrame

DATA, DRAWN, ROW, TYPED = 0, 1, 2, 3


class SamplesPanel(Panel):
    """Four ways to the one sample that the stepper, saliency and what-if look at."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self.grid, self.typed = SampleGrid(engine), TypedSample(document, engine)
        self.row = OwnRow(engine)
        self.row.asked.connect(self.look)
        self.row.has_columns.connect(self._on_columns)
        self.sketch = Sketch()
        self.sketch.changed.connect(self._on_drawn)
        self.wipe = QPushButton(self.tr("Clear"))
        self.wipe.clicked.connect(self.sketch.clear)
        self.label = QComboBox()
        self.label.setAccessibleName(self.tr("Its class"))
        self.label.setToolTip(self.tr("Target: the class that the loss compares with"))
        self.label.activated.connect(lambda _i: self._relabel())
        self.hint = QLabel()
        self.hint.setObjectName("muted")
        self.hint.setWordWrap(True)
        self._lay_out()
        engine.on(SamplesFrame, self._on_page)
        self.grid.asked.connect(self.look)
        engine.on(WalkFrame, self._on_walk)

    def _lay_out(self) -> None:
        drawing = QWidget()
        in_column((self.sketch, 1), self.wipe, on=drawing, margins=(0, 6, 0, 0))
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        for page, title in (
            (self.grid, self.tr("Data")), (drawing, self.tr("Draw")),
            (Scroller(self.row), self.tr("Row")), (self.typed, self.tr("Type")),
        ):  # fmt: skip
            self.tabs.addTab(page, title)
        form = QFormLayout()
        self.label_name = QLabel(self.tr("Its class"))
        form.addRow(self.label_name, self.label)
        in_column((self.tabs, 1), form, self.hint, on=self, margins=(8, 4, 8, 8))
        self.label_name.hide()
        self.label.hide()
        self.tabs.setTabVisible(ROW, False)

    # -- the engine ---------------------------------------------------------------------------

    def looks_at(self) -> SamplesRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return self.grid.request

    def look(self) -> None:
        """Ask for the page of samples, and for the answer to a row of one's own."""
        super().look()
        request = self.row.request
        self._engine.look(msgspec.structs.replace(request, visible=self._seen))

    def _on_columns(self, there: bool) -> None:
        """Rows are written by their columns where the data are a table."""
        self.tabs.setTabVisible(ROW, there)

    def forget(self) -> None:
        """Another graph was opened: its data are others, and nothing is drawn or typed."""
        self.grid.clear()
        self.typed.clear()
        self.row.clear()
        self.hint.clear()
        self.tabs.setTabVisible(DATA, True)
        self.tabs.setCurrentIndex(DATA)
        with QSignalBlocker(self.sketch):
            self.sketch.forget()
        self.look()

    def _on_page(self, frame: SamplesFrame) -> None:
        has_data = not frame.problem
        comes_back = has_data and not self.tabs.isTabVisible(DATA)
        self.tabs.setTabVisible(DATA, has_data)
        self.tabs.setTabVisible(DRAWN, has_data and frame.images is not None)
        if comes_back:
            self.tabs.setCurrentIndex(DATA)
        self.typed.set_data(has_data, frame.columns)
        self.hint.setText("" if has_data else self._hint_without_data(frame.problem))
        names = [self.label.itemText(i) for i in range(1, self.label.count())]
        if names != list(frame.classes) or not self.label.count():
            self.label.clear()
            self.label.addItem(self.tr("what the net says"), None)
            for i, name in enumerate(frame.classes):
                self.label.addItem(name, float(i))

    def _hint_without_data(self, problem: str) -> str:
        if any(node.operator == "Input" for node in self._document.root):
            return self.tr("This graph has its own numbers: type others here.")
        return problem

    def _on_walk(self, frame: WalkFrame) -> None:
        own = self._engine.chosen_sample.given is not None
        for widget in (self.label_name, self.label):
            widget.setVisible(own and self.label.count() > 1)
        self.typed.show_sample(frame)

    # -- one's own ----------------------------------------------------------------------------

    def _on_drawn(self) -> None:
        """What is drawn is the sample; wiped, the one of the data set is again."""
        before = self._engine.chosen_sample
        if self.sketch.empty:
            self._engine.choose_sample(Sample(before.index, before.split))
            return
        pixels = np.asarray(self.sketch.pixels(), np.float32)
        self._engine.choose_sample(
            Sample(before.index, before.split, pack(pixels), drawn=True,
                   label=self.label.currentData())
        )  # fmt: skip

    def _relabel(self) -> None:
        s = self._engine.chosen_sample
        self._engine.choose_sample(
            Sample(s.index, s.split, s.given, s.drawn, self.label.currentData())
        )
