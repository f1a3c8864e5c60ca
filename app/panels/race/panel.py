"""A race: optimisers, learning rates or batch sizes from the same start on the same data."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QCoreApplication, QSize
from PySide6.QtWidgets import (
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.panels.race.runners import RunnersTable
from app.plots.curve import CurvePlot
from app.plots.landscape_view import LandscapeView
from app.widgets.layouts import in_row
from app.widgets.note import Note
from app.widgets.number_field import WholeField
from app.widgets.numbers import counted, loss_text
from graphcore.records.arrays import unpack
from graphcore.views.race import RaceFrame, RaceRequest, RaceSurface, What, entrants

KINDS: tuple[tuple[What, str], ...] = (
    ("optimizer", "Optimisers"), ("lr", "Learning rates"), ("batch", "Batch sizes"),
)  # fmt: skip

RUNNERS, BOTH, LOSS, SURFACE = range(4)
ACROSS, DOWN = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
LEAST_MAP = 200
TWO_PICTURES = 640
"""Pixels of width from which there is room for two pictures."""
WIDE = 100.0
"""Ratio of the largest loss to the smallest from which on the axis is logarithmic."""


class RacePanel(Panel):
    """Curves of all runners over the samples they have seen."""

    unfolded = 440

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self.what = QComboBox()
        self.what.setAccessibleName(self.tr("What differs"))
        for key, text in KINDS:
            self.what.addItem(QCoreApplication.translate("RacePanel", text), key)
        self.steps = WholeField()
        self.steps.setRange(10, 100_000)
        self.steps.setValue(300)
        self.steps.setPrefix(self.tr("steps "))
        self.steps.setToolTip(self.tr("How many batches of the run's size each runner gets"))
        self.start = QPushButton(self.tr("Race"))
        self.start.setObjectName("primary")
        self.start.clicked.connect(self._toggle)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.said = QLabel()
        self.said.setWordWrap(True)
        same = self.tr("All start from the same weights and see the same samples.")
        self.plot = CurvePlot(self.tr("Loss over samples seen"), empty=same)
        self.map = LandscapeView(self.tr("The paths of all runners appear here, on one surface."))
        self.in_space = QCheckBox(self.tr("3-D"))
        self.in_space.setToolTip(self.tr("The surface in space: drag turns it, the wheel zooms"))
        self.in_space.toggled.connect(self.map.set_in_space)
        self._racing = self._narrow = False
        self._number = 0
        self._names: tuple[str, ...] = ()
        self._make_runners()
        self._lay_out(same)
        engine.on(RaceFrame, self._on_frame)
        document.changed.connect(lambda _change: self._on_document())
        self.forget()

    def _make_runners(self) -> None:
        """The table of who runs, and the buttons that show it and bring its defaults back."""
        self.runners = RunnersTable()
        self.runners.refused.connect(self.said.setText)
        self.shown = QComboBox()
        self.shown.addItems([self.tr("Runners"), self.tr("Loss and surface"), self.tr("Loss"),
                             self.tr("Surface")])  # fmt: skip
        self.shown.setAccessibleName(self.tr("What is shown of the race"))
        self.shown.setToolTip(
            self.tr("Who runs, with which learning rate and settings; or how they ran")
        )
        self.shown.currentIndexChanged.connect(self._show_page)
        self.defaults = QPushButton(self.tr("Defaults"))
        self.defaults.setToolTip(
            self.tr("Every optimiser with the learning rate with which it usually learns, the "
                    "run's own with that of the run")
        )  # fmt: skip
        self.defaults.clicked.connect(self._show_defaults)
        self.what.currentIndexChanged.connect(lambda _i: self._show_defaults())

    def _show_page(self, page: int) -> None:
        self.pages.setCurrentIndex(0 if page == RUNNERS else 1)
        self.plot.plot.setVisible(page != SURFACE)  # its legend names the paths on the surface
        self.map.setVisible(page != LOSS)
        self.map.setMinimumHeight(LEAST_MAP if page == SURFACE else 0)
        self._drawn.setDirection(DOWN if page == SURFACE else ACROSS)
        for part in (self.plot, self.map):
            self._drawn.setStretchFactor(part, 0 if page == SURFACE and part is self.plot else 1)

    def set_room(self, room: QSize) -> None:
        """One picture at a time where two have no room, and the controls above where it is less."""
        self._narrow = room.width() < TWO_PICTURES
        super().set_room(room)
        for controls in self._controls:
            controls.setDirection(DOWN if room.width() >= self.unfolded else ACROSS)
        if self._narrow and self.shown.currentIndex() == BOTH:
            self.shown.setCurrentIndex(LOSS)

    def _show_defaults(self) -> None:
        what = self.what.currentData()
        self.runners.show_defaults(what, entrants(self._document.root.training, what))
        self.shown.setCurrentIndex(RUNNERS)

    def _on_document(self) -> None:
        """Runners that were not chosen by hand follow the settings of the run."""
        what = self.what.currentData()
        if not self.runners.edited:
            self.runners.show_defaults(what, entrants(self._document.root.training, what))

    def _lay_out(self, same: str) -> None:
        side = QVBoxLayout()
        self._controls = [QVBoxLayout(), QVBoxLayout()]
        for controls, widgets in zip(
            self._controls,
            ((self.what, self.steps), (self.start, self.shown, self.in_space)), strict=True,
        ):  # fmt: skip
            side.addLayout(controls)
            for widget in widgets:
                controls.addWidget(widget)
        side.addWidget(self.progress)
        side.addWidget(self.said)
        side.addStretch(1)
        self.pages, results, before = QStackedWidget(), QWidget(), QWidget()
        self._drawn = drawn = QHBoxLayout(results)
        column = QVBoxLayout(before)
        for layout in (drawn, column):
            layout.setContentsMargins(0, 0, 0, 0)
        drawn.setSpacing(14)
        drawn.addWidget(self.plot, 1)
        drawn.addWidget(self.map, 1)
        column.addWidget(self.runners, 1)
        told = Note()
        told.setText(same)
        column.addLayout(in_row((told, 1), self.defaults))
        self.pages.addWidget(before)
        self.pages.addWidget(results)
        row = QHBoxLayout(self)
        self.folds = [row]
        row.setContentsMargins(10, 6, 10, 8)
        row.setSpacing(14)
        row.addLayout(side, 1)
        row.addWidget(self.pages, 4)

    def clear(self) -> None:
        """Another graph."""
        self._set_racing(False)
        self._names = ()
        self.said.setText("")
        self.progress.setValue(0)
        self.plot.forget()
        self.plot.redraw()
        self.map.clear()
        self.map.contour.set_stamp("", False)

    def forget(self) -> None:
        """Another graph was opened, with settings of its own."""
        self.clear()
        self._show_defaults()

    def _set_racing(self, racing: bool) -> None:
        self._racing = racing
        self.start.setText(self.tr("Stop") if racing else self.tr("Race"))

    def _toggle(self) -> None:
        if self._racing:
            self._engine.ask(RaceRequest(run=False))
            self._set_racing(False)
            return
        self.clear()
        chosen = self.runners.entrants()
        if not chosen:
            self.said.setText(self.tr("No runner is chosen: tick one."))
            return
        self.shown.setCurrentIndex(LOSS if self._narrow else BOTH)
        self._set_racing(True)
        self._number += 1
        what, steps = self.what.currentData(), self.steps.value()
        self._engine.ask(RaceRequest(what, steps, self._number, chosen))

    def _on_frame(self, frame: RaceFrame) -> None:
        if frame.number != self._number:  # of a race that was ended
            return
        if self._racing:
            self._names = frame.names
        if frame.surface is not None and self._names == frame.names:
            self._show_surface(frame.surface)
        if not self._racing:
            return
        if frame.problem:
            self._set_racing(False)
            self.said.setText(frame.problem)
            return
        for name, samples, losses in zip(frame.names, frame.samples, frame.losses, strict=True):
            self.plot.append(name, unpack(samples), unpack(losses))
        self.plot.set_log(self._differ_widely())
        self.progress.setValue(round(100 * frame.done))
        if frame.done >= 1:
            self._set_racing(False)
        result = self._result(frame) if frame.done >= 1 else ""
        self.said.setText("\n".join(filter(None, (result, self._rates(frame)))))

    def _differ_widely(self) -> bool:
        """Whether the losses span too many powers of ten for a linear axis."""
        losses = [y[np.isfinite(y) & (y > 0)] for _x, y in map(self.plot.points, self._names)]
        found = np.concatenate(losses) if losses else np.empty(0)
        return found.size > 0 and float(found.max()) > WIDE * float(found.min())

    def _show_surface(self, surface: RaceSurface) -> None:
        """The paths of all runners on the plane that holds them best."""
        paths = dict(zip(self._names, map(unpack, surface.paths), strict=True))
        self.map.set_surface(unpack(surface.a), unpack(surface.b), unpack(surface.values))
        self.map.set_path(np.empty((0, 2)), paths)
        self.map.set_labels(*surface.labels)
        self.map.redraw()
        samples = counted(surface.samples, self.tr("{0} sample"), self.tr("{0} samples"))
        parts = [self.tr("{0} of test, evaluation mode").format(samples)]
        if surface.shares is None:
            parts.append(self.tr("exact: the net has these two numbers"))
        else:
            text = self.tr("plane holds {0:.0%} of the variance of all paths")
            parts.append(text.format(sum(surface.shares)))
        if surface.level < surface.levels:
            parts.append(self.tr("refinement {0} of {1}").format(surface.level, surface.levels))
        self.map.contour.set_stamp(" · ".join(parts), False)

    def _rates(self, frame: RaceFrame) -> str:
        """With which learning rates they run, unless these are their names."""
        if frame.names == tuple(f"{rate:g}" for rate in frame.rates):
            return ""
        if len(set(frame.rates)) == 1:
            return self.tr("Learning rate {0:g}").format(frame.rates[0])
        pairs = zip(frame.names, frame.rates, strict=True)
        listed = "; ".join(f"{name} {rate:g}" for name, rate in pairs)
        return self.tr("Learning rates: {0}").format(listed)

    def _result(self, frame: RaceFrame) -> str:
        """Who won, and who fell."""
        last = {}
        for name in frame.names:
            values = self.plot.points(name)[1]
            if name not in frame.fallen and len(values):
                last[name] = float(values[-1])
        if not last:
            return self.tr("The loss of every runner exploded.")
        best = min(last, key=lambda name: last[name])
        said = self.tr("{0} is first: loss {1}.").format(best, loss_text(last[best]))
        if frame.fallen:
            said += " " + self.tr("Exploded: {0}.").format(", ".join(frame.fallen))
        return said
