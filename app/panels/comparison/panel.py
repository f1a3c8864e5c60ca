"""Two runs side by side on one playhead: the same of both nets, and what differs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.tile_view import TileView, as_maps
from app.widgets.layouts import in_column, in_row
from app.widgets.number_field import WholeField
from app.widgets.numbers import accuracy_text, format_number, loss_text
from app.widgets.rich_label import RichLabel
from graphcore.records.arrays import unpack
from graphcore.records.pictures import Picture
from graphcore.views.comparison import CompareFrame, CompareRequest, Side, What
from graphcore.views.timeline import TimelineFrame

WHAT: tuple[What, ...] = ("output", "weights", "map")
NONE = 0
"""The number of no run."""


class _Part(QWidget):
    """A caption above a picture."""

    def __init__(self, name: str, empty: str) -> None:
        super().__init__()
        self.caption = RichLabel()
        self.caption.setObjectName("muted")
        self.caption.setWordWrap(True)
        self.view = TileView(name, empty)
        in_column(self.caption, (self.view, 1), on=self, margins=0, spacing=2)

    def show_picture(self, picture: Picture, limit: float) -> None:
        """Colours reach from -limit to limit, so that parts can be compared."""
        array = unpack(picture.array)
        maps = as_maps(array)
        maps = array.reshape(1, 1, 1) if maps is None else maps
        self.view.set_maps(maps, limit=limit or 1.0)


class ComparePanel(Panel):
    """The run at work and another at the step that is shown; follows the slider and training."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._node = ""
        self._chosen: int | None = None
        self._runs: set[int] = set()
        self._current: int | None = None
        self._left: int | None = None
        self.ours = _Part(self.tr("This run"), "")
        self.theirs = _Part(self.tr("The other run"), "")
        self.difference = _Part(self.tr("The difference"), "")
        self.told = QLabel()
        self.told.setObjectName("muted")
        self.told.setWordWrap(True)
        column = in_column(self._make_controls(), on=self, margins=(8, 4, 8, 8))
        self._parts = QWidget()
        in_row(
            (self.ours, 1), (self.theirs, 1), (self.difference, 1),
            on=self._parts, margins=0, spacing=10,
        )  # fmt: skip
        column.addWidget(self._parts, 1)
        column.addWidget(self.told)
        engine.on(TimelineFrame, self._on_timeline)
        engine.on(CompareFrame, self.show_reply)
        self.clear()
        self._on_timeline(engine.moment)

    def _make_controls(self) -> QHBoxLayout:
        self.run = QComboBox()
        self.run.setAccessibleName(self.tr("The run to compare with"))
        self.run.setToolTip(
            self.tr("Beside the run at work: its net at the same step, or at its last before that")
        )
        self.what = QComboBox()
        self.what.addItems([self.tr("output"), self.tr("weights"), self.tr("decision map")])
        self.what.setAccessibleName(self.tr("What is compared"))
        self.what.setToolTip(
            self.tr("Of the node that is selected on the canvas: its output for a test sample, or "
                    "its weights; or what the whole net answers over the plane of two inputs")
        )  # fmt: skip
        self.sample = WholeField()
        self.sample.setMaximum(0)
        self.sample.setPrefix(self.tr("test sample "))
        self.sample.setAccessibleName(self.tr("Number of the test sample"))
        self.run.activated.connect(self._choose)
        self.what.currentIndexChanged.connect(lambda _i: self.look())
        self.sample.valueChanged.connect(lambda _i: self.look())
        return in_row(QLabel(self.tr("Compare with")), self.run, self.what, self.sample, 1)

    def clear(self) -> None:
        """Another graph: nothing is compared."""
        self._node, self._chosen = "", None
        self._on_timeline(TimelineFrame())

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""
        if len(names) == 1:
            self._node = self._document.prefix + names[0]
            self.look()

    def looks_at(self) -> CompareRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        what, run = WHAT[self.what.currentIndex()], self.run.currentData() or NONE
        return CompareRequest(run, what, self._node, self.sample.value())

    def look(self) -> None:
        """Ask for what is looked at now, and say so where there is nothing to compare."""
        run = self.run.currentData() or NONE
        self.run.setEnabled(bool(run))
        self.sample.setVisible(WHAT[self.what.currentIndex()] == "output")
        if not run:
            self._show_nothing(
                self.tr("Two runs are compared here step by step. Train; then start again, or go "
                        "back in time and train on from there, for the second one.")
            )  # fmt: skip
        super().look()

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """Offer the other runs: the one that was chosen, the one that was left, or the newest."""
        if frame.run != self._current:
            self._left = self._current if frame.run not in self._runs else None
            self._current = frame.run
        self._runs = {r.run for r in frame.runs}
        others = [r for r in frame.runs if r.run != frame.run]
        found = [(r.run, r.name) for r in others]
        known = [(self.run.itemData(i), self.run.itemText(i)) for i in range(self.run.count())]
        if found == known and found:
            return
        parent = next((r.parent for r in frame.runs if r.run == frame.run), None)
        blocker = QSignalBlocker(self.run)
        self.run.clear()
        for info in others:
            self.run.addItem(info.name, info.run)
        places = [self.run.findData(number) for number in (self._chosen, self._left, parent)]
        at = next((i for i in places if i >= 0), self.run.count() - 1)
        self.run.setCurrentIndex(at)
        blocker.unblock()
        self.look()

    def _choose(self, _place: int) -> None:
        self._chosen = self.run.currentData()
        self.look()

    def _show_nothing(self, why: str) -> None:
        for part in (self.ours, self.theirs, self.difference):
            part.view.clear("")
            part.caption.setText("")
        self._say(why, empty=True)

    def _say(self, text: str, empty: bool) -> None:
        """A sentence under what is compared, or in its place."""
        self._parts.setHidden(empty)
        self.told.setText(text)
        everywhere, below = QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred
        self.told.setSizePolicy(below, everywhere if empty else below)
        self.told.setAlignment(
            Qt.AlignmentFlag.AlignCenter if empty else Qt.AlignmentFlag.AlignLeft
        )

    def show_reply(self, frame: CompareFrame) -> None:
        """Show both runs at a step."""
        blocker = QSignalBlocker(self.sample)
        self.sample.setMaximum(max(0, frame.sample_count - 1))
        blocker.unblock()
        ours, theirs = frame.ours.picture, frame.theirs.picture
        if ours is None or theirs is None:
            self._show_nothing(frame.problem)
            return
        limit = max(abs(v) for p in (ours, theirs) for v in (p.low, p.high))
        self.ours.show_picture(ours, limit)
        self.theirs.show_picture(theirs, limit)
        for part, side in ((self.ours, frame.ours), (self.theirs, frame.theirs)):
            part.caption.show_markup("<b>{0}</b> {1}<br>{2}", side.name, *self._of(side))
        self._show_difference(frame)
        self._say(frame.problem or self._sentence(frame), empty=False)

    def _show_difference(self, frame: CompareFrame) -> None:
        if frame.difference is None:
            self.difference.view.clear(self.tr("Their shapes differ."))
            self.difference.caption.setText("")
            return
        self.difference.show_picture(frame.difference, frame.largest)
        self.difference.caption.show_markup(
            self.tr("<b>{0} − {1}</b><br>at most {2}"),
            frame.ours.name, frame.theirs.name, format_number(frame.largest, 3),
        )  # fmt: skip

    def _of(self, side: Side) -> tuple[str, str]:
        """The step of a run, and what it makes of the test set."""
        test = side.test
        loss = loss_text(None if test is None else test.loss)
        text = self.tr("test loss {0}").format(loss)
        if test is not None and test.accuracy is not None:
            text += self.tr(" · right {0} of {1:,}").format(
                accuracy_text(test.accuracy), test.samples
            )
        return self.tr("at step {0:,}").format(side.step), text

    def _sentence(self, frame: CompareFrame) -> str:
        what = {
            "output": self.tr("Output of {0}").format(frame.node),
            "weights": self.tr("Weights of {0}").format(frame.node),
            "map": self.tr("What the nets answer over the plane"),
        }[frame.what]
        if frame.distance == 0:
            return self.tr("{0}. The two nets have the same weights at this step.").format(what)
        if frame.distance is None:
            return self.tr("{0}. The nets have not the same weights to compare.").format(what)
        return self.tr("{0}. All weights differ by {1:.2%} of their length.").format(
            what, frame.distance
        )
