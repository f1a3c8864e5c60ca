"""What excites a unit most: a picture that climbs its gradient, beside the best of training."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QProgressBar, QPushButton

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.tile_view import TileView
from app.widgets.layouts import in_column, in_row
from app.widgets.note import Note
from app.widgets.number_field import WholeField
from app.widgets.numbers import format_number
from app.widgets.rich_label import RichLabel
from graphcore.records.arrays import unpack
from graphcore.views.maximisation import MaximisationFrame, MaximisationRequest

MOST_UNITS = 1_000_000


class MaximisationPanel(Panel):
    """Searches for a unit of the selected node, and shows the picture while it climbs."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node, self._number, self._searching = "", 0, False
        self.said = RichLabel()
        self.unit = WholeField()
        self.unit.setRange(0, MOST_UNITS)
        self.unit.setPrefix(self.tr("unit "))
        self.unit.setToolTip(self.tr("Number of the unit, or of the feature map of a convolution"))
        self.unit.setAccessibleName(self.tr("Unit"))
        self.start = QPushButton(self.tr("Maximise"))
        self.start.setObjectName("primary")
        self.start.clicked.connect(self._toggle)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        nothing = self.tr("It appears here.")
        self.image = TileView(self.tr("Picture that excites the unit most"), nothing)
        self.best = TileView(self.tr("Training picture that excites it most"), nothing)
        self.image_said, self.best_said = Note("", lines=2), Note("", lines=2)
        self._lay_out()
        engine.on(MaximisationFrame, self.show_reply)
        engine.reset_done.connect(self.clear)
        self.forget()

    def _lay_out(self) -> None:
        self.said.setWordWrap(True)
        side = in_column(self.said, self.unit, self.start, self.progress, 1)
        row = in_row((side, 1), on=self, margins=(12, 8, 12, 8), spacing=14)
        for view, note in ((self.image, self.image_said), (self.best, self.best_said)):
            heading = Note()
            heading.setText(view.accessibleName())
            row.addLayout(in_column(heading, (view, 1), note), 2)

    def clear(self) -> None:
        """The net is another, or its weights are: what was found is of no use."""
        if self._searching:
            self._engine.ask(MaximisationRequest(run=False))
        self._number += 1
        self._set_searching(False)
        self.progress.setValue(0)
        for view, note in ((self.image, self.image_said), (self.best, self.best_said)):
            view.clear()
            note.setText("")

    def forget(self) -> None:
        """Another graph was opened."""
        self._node = ""
        self.clear()
        self._describe("")

    def show_selection(self, names: Sequence[str]) -> None:
        """The node whose unit is looked for is the one that is selected on the canvas."""
        node = self._document.prefix + names[0] if len(names) == 1 else self._node
        if node != self._node:
            self._node = node
            self.clear()
            self.unit.setMaximum(MOST_UNITS)
            self._describe("")

    def _describe(self, problem: str) -> None:
        self.start.setEnabled(bool(self._node))
        if problem:
            self.said.show_markup("{0}", problem)
        elif self._node:
            self.said.show_markup(self.tr("What excites <b>{0}</b> most?"), self._node)
        else:
            self.said.show_markup(self.tr("Select a node: what excites one of its units most?"))

    def _set_searching(self, searching: bool) -> None:
        self._searching = searching
        self.start.setText(self.tr("Stop") if searching else self.tr("Maximise"))

    def _toggle(self) -> None:
        if self._searching:
            self._engine.ask(MaximisationRequest(run=False))
            self._set_searching(False)
            return
        self.clear()
        self._describe("")
        self._set_searching(True)
        self._engine.ask(MaximisationRequest(self._node, self.unit.value(), self._number))

    def show_reply(self, frame: MaximisationFrame) -> None:
        """Show how far the search is."""
        if frame.number != self._number or not self._searching:
            return
        if frame.problem:
            self._set_searching(False)
            self._describe(frame.problem)
            return
        self.unit.setMaximum(max(0, frame.units - 1))
        self.progress.setValue(round(100 * frame.done))
        if frame.done >= 1:
            self._set_searching(False)
        if frame.image is not None:
            self.image.set_maps(unpack(frame.image))
            self.image_said.setText(
                self.tr("unit {0} at {1}").format(frame.unit, format_number(frame.activation))
            )
        if frame.best is not None:
            self.best.set_maps(unpack(frame.best))
            what = self.tr(", a {0}").format(frame.label) if frame.label else ""
            self.best_said.setText(
                self.tr("unit {0} at {1}: training sample {2:,}{3}, of {4:,}").format(
                    frame.unit, format_number(frame.best_activation), frame.index, what,
                    frame.searched,
                )
            )  # fmt: skip
