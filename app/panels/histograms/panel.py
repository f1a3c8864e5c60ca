"""How the numbers of the selected node are spread, and how that changes while the net learns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QStackedWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.heat_strips import HeatStrips
from app.plots.histogram import Ridge
from app.widgets.layouts import in_column, in_row
from graphcore.records.arrays import unpack
from graphcore.views.histograms import Spread, SpreadFrame, SpreadRequest
from graphcore.views.timeline import TimelineFrame

MOST_FRAMES = 256
"""Histograms that are kept to go back to; every other one goes when they become more."""
KINDS = ("weights", "gradient", "update", "activation")


class HistogramsPanel(Panel):
    """Ridges or heat strips per kind; a node that is selected again starts without history."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node, self._run, self._at = "", 0, 0
        self._frames: list[SpreadFrame] = []
        self.title = QLabel()
        names = (self.tr("Weights"), self.tr("Gradient"), self.tr("Update"), self.tr("Activation"))
        self.ridges = {key: Ridge(name) for key, name in zip(KINDS, names, strict=True)}
        self.strips = {key: HeatStrips(name) for key, name in zip(KINDS, names, strict=True)}
        self.form = QComboBox()
        self.form.addItems([self.tr("Ridges"), self.tr("Heat")])
        self.form.setAccessibleName(self.tr("Form of the histograms"))
        self.title.setWordWrap(True)
        head = in_row((self.title, 1), self.form)
        row = QHBoxLayout()
        self.folds = [row]
        for key, name in zip(KINDS, names, strict=True):
            caption = QLabel(name)
            caption.setObjectName("muted")
            forms = QStackedWidget()
            forms.addWidget(self.ridges[key])
            forms.addWidget(self.strips[key])
            self.form.currentIndexChanged.connect(forms.setCurrentIndex)
            row.addLayout(in_column(caption, (forms, 1)), 1)
        in_column(head, (row, 1), on=self, margins=(8, 4, 8, 8))
        engine.on(SpreadFrame, self.show_reply)
        engine.on(TimelineFrame, self._on_timeline)
        engine.reset_done.connect(self.clear)
        self.clear()

    def clear(self) -> None:
        """Forget the histograms."""
        self._frames = []
        for plot in (*self.ridges.values(), *self.strips.values()):
            plot.clear()
        self._show_title()

    def forget(self) -> None:
        """Another graph was opened: none of its nodes is chosen yet."""
        self._node = ""
        self.clear()
        self.look()

    def _show_title(self) -> None:
        """The node, and since when there is more of it than its weights."""
        name = self._node or self.tr("Select a node: its histograms appear here as the net learns.")
        since = self._frames[0].step if self._frames else 0
        told = self.tr(
            "{0} · weights of the whole run, the rest since step {1:,}, when the panel was opened"
        )
        if self._at < since:
            told = self.tr("{0} · weights up to step {2:,}, the rest of this step alone")
        self.title.setText(told.format(name, since, self._at) if since > 1 else name)

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        node = self._document.prefix + names[0] if len(names) == 1 else ""
        if node and node != self._node:
            self._node = node
            self.clear()
            self.look()

    def looks_at(self) -> SpreadRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return SpreadRequest(self._node)

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """Another run has histograms of its own."""
        if frame.run != self._run:
            self._run = frame.run
            self.clear()
            self._engine.look(SpreadRequest())  # what came before is sent again with the next
            self.look()

    def show_reply(self, frame: SpreadFrame) -> None:
        """Show the histograms of a step."""
        if frame.node != self._node:
            return
        if not self._frames or self._frames[-1].step < frame.step:
            self._frames.append(frame)
        if len(self._frames) > MOST_FRAMES:
            self._frames = [*self._frames[:-1:2], self._frames[-1]]
        self._at = frame.step
        self._show_title()
        shown = self.ridges["weights"].steps or self.ridges["activation"].steps
        if frame.past or (shown and shown[-1] > frame.step):
            self._go_to(frame)
        self._append(frame)

    def _go_to(self, frame: SpreadFrame) -> None:
        """Show the run up to the step of a frame."""
        for plot in (*self.ridges.values(), *self.strips.values()):
            plot.clear()
        for step, spread in frame.past:
            self._append_to("weights", step, spread)
        for earlier in self._frames:
            if earlier.step < frame.step:
                self._append(earlier)

    def _append(self, frame: SpreadFrame) -> None:
        for key in KINDS:
            self._append_to(key, frame.step, getattr(frame, key))

    def _append_to(self, key: str, step: int, spread: Spread | None) -> None:
        """Show the histogram of a step, if it is later than those that are shown."""
        ridge = self.ridges[key]
        if spread is not None and (not ridge.steps or ridge.steps[-1] < step):
            for plot in (ridge, self.strips[key]):
                plot.append(step, unpack(spread.counts), unpack(spread.edges))
