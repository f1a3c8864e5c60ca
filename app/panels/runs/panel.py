"""All runs of the session side by side: a table, and their curves over steps or seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.panel import Panel
from app.plots.curve import CurvePlot
from app.style import palette
from app.widgets.layouts import in_column, in_row
from app.widgets.numbers import accuracy_text, loss_text
from graphcore.records.arrays import unpack
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    RunCurves,
    RunInfo,
    TimelineFrame,
)

COLUMNS = (
    "run", "from", "steps", "loss", "test_loss", "test", "changes", "optimizer", "rate", "batch",
    "seed", "seconds",
)  # fmt: skip
"""What decides comes first: a narrow table is cut at the right."""
LONGEST = 28
"""Characters of a change that are shown; the tool tip has all."""


class RunsPanel(Panel):
    """Asks for the curves while it can be seen; a double-click on a row goes to that run."""

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__(document, engine)
        self._seen = True
        self._frame = TimelineFrame()
        self._curves: tuple[RunCurves, ...] = ()
        self._make_table()
        self.go = QPushButton(self.tr("Go to"))
        self.go.setToolTip(self.tr("Load the newest weights of that run"))
        self.go.clicked.connect(self._go)
        self.rename = QPushButton(self.tr("Rename"))
        self.rename.setToolTip(self.tr("Give the run another name (F2)"))
        self.rename.clicked.connect(self._rename)
        self.remove = QPushButton(self.tr("Remove"))
        self.remove.setToolTip(self.tr("Forget a run; its branches stay"))
        self.remove.clicked.connect(self._remove)
        self.over = QComboBox()
        self.over.addItems([self.tr("over steps"), self.tr("over seconds of computing")])
        self.over.setAccessibleName(self.tr("Horizontal axis"))
        self.over.currentIndexChanged.connect(lambda _i: self._draw())
        empty = self.tr("Train: each start and each branch is a run of its own here.")
        self.loss = CurvePlot(self.tr("Training loss, smoothed"), empty=empty)
        self.accuracy = CurvePlot(self.tr("Test accuracy"), marks=None, empty=empty)
        self._lay_out()
        engine.on(TimelineFrame, self._on_timeline)
        engine.on(CurvesFrame, self._on_curves)
        palette.notifier.changed.connect(self._restyle)
        self.clear()
        self._on_timeline(engine.moment)

    def _restyle(self) -> None:
        self._on_timeline(self._frame)

    def _make_table(self) -> None:
        titles = (
            self.tr("Run"), self.tr("from"), self.tr("steps"), self.tr("loss"),
            self.tr("test loss"), self.tr("test"), self.tr("net"), self.tr("optimiser"),
            self.tr("lr"), self.tr("batch"), self.tr("seed"), self.tr("s"),
        )  # fmt: skip
        self.table = QTableWidget(0, len(titles))
        self.table.setAccessibleName(self.tr("Runs"))
        self.table.setHorizontalHeaderLabels(list(titles))
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.table.setToolTip(
            self.tr("Double-click: go to the run. F2: another name. s: seconds of computing")
        )
        self.table.cellDoubleClicked.connect(lambda _row, _column: self._go())
        self.table.itemChanged.connect(self._on_renamed)
        self.table.itemSelectionChanged.connect(self._refresh_buttons)

    def _lay_out(self) -> None:
        left = in_column((self.table, 1), spacing=4)
        left.addLayout(in_row(self.go, self.rename, self.remove, 1, self.over))
        left.setContentsMargins(0, 0, 0, 0)
        beside = QWidget()
        beside.setLayout(left)
        self.parts = QSplitter()
        self.parts.setChildrenCollapsible(False)
        self.parts.setHandleWidth(9)
        for widget, share in ((beside, 3), (self.loss, 2), (self.accuracy, 2)):
            self.parts.addWidget(widget)
            self.parts.setStretchFactor(self.parts.count() - 1, share)
        in_row(self.parts, on=self, margins=(8, 4, 8, 8))

    def clear(self) -> None:
        """Another document."""
        self._curves = ()
        self.table.horizontalScrollBar().setValue(0)
        self._on_timeline(TimelineFrame())
        self._draw()

    def looks_at(self) -> CurvesRequest:
        """Return what is to be kept up to date while the panel is looked at."""
        return CurvesRequest()

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at."""
        super().set_seen(seen)
        if seen:
            self._on_timeline(self._frame)

    # -- the table ----------------------------------------------------------------------------

    def _chosen(self) -> RunInfo | None:
        row = self.table.currentRow()
        return self._frame.runs[row] if 0 <= row < len(self._frame.runs) else None

    def _go(self) -> None:
        if (chosen := self._chosen()) is not None:
            self._engine.ask(EnterRun(chosen.run))

    def _rename(self) -> None:
        name = self.table.item(self.table.currentRow(), 0)
        if name is not None:
            self.table.setFocus()
            self.table.editItem(name)

    def _remove(self) -> None:
        if (chosen := self._chosen()) is not None:
            self._engine.ask(EditRun(chosen.run, remove=True))

    def _on_renamed(self, item: QTableWidgetItem) -> None:
        if item.column() == 0 and item.row() < len(self._frame.runs):
            self._engine.ask(EditRun(self._frame.runs[item.row()].run, item.text()))

    def _refresh_buttons(self) -> None:
        chosen = self._chosen()
        other = chosen is not None and chosen.run != self._frame.run
        self.go.setEnabled(other)
        self.rename.setEnabled(chosen is not None)
        self.remove.setEnabled(other)

    def _on_timeline(self, frame: TimelineFrame) -> None:
        self._frame = frame
        if not self._seen:
            return
        self._show_playhead()
        if self.table.state() == QAbstractItemView.State.EditingState:
            return
        blocker = QSignalBlocker(self.table)
        self.table.setRowCount(len(frame.runs))
        for row, info in enumerate(frame.runs):
            for column, text in zip(COLUMNS, self._texts(info), strict=True):
                self._put(row, column, text, info)
        blocker.unblock()
        self._refresh_buttons()

    def _texts(self, info: RunInfo) -> tuple[str, ...]:
        s, names = info.settings, {r.run: r.name for r in self._frame.runs}
        origin = f"{names.get(info.parent, '–')} @ {info.begun_at:,}" if info.parent else "–"
        if info.by_hand:
            origin = self.tr("{0}, by hand").format(origin)
        how = (s.optimizer, _told(info.rates), str(s.batch), str(s.seed))
        if info.of_script:
            origin, how = self.tr("a script"), ("–",) * 4
        return (
            info.name, origin, self._steps(info),
            loss_text(info.loss), loss_text(None if info.test is None else info.test.loss),
            self._test(info), _short(info.changes),
            *how, f"{info.seconds:.1f}",
        )  # fmt: skip

    def _steps(self, info: RunInfo) -> str:
        if not info.held:
            return f"{info.steps:,}"
        return self.tr("{0:,} (best: epoch {1:,})").format(info.steps, info.held)

    def _test(self, info: RunInfo) -> str:
        """Runs stand below each other whose last tests were of different numbers of samples."""
        if info.test is None or info.test.accuracy is None:
            return "–"
        return self.tr("{0} of {1:,}").format(accuracy_text(info.test.accuracy), info.test.samples)

    def _about(self, column: str, info: RunInfo) -> str:
        if column == "rate":
            rates = " → ".join(f"{rate:g}" for rate in info.rates)
            return self.tr("Learning rates: {0}").format(rates)
        if column == "changes" and info.changes:
            title = self.tr("Unlike the net of the run it comes from, or of the one before:")
            return "\n".join((title, *info.changes))
        if column == "steps" and info.held:
            return self.tr(
                "An early stop gave the net back its best weights, of epoch {0:,}"
            ).format(info.held)
        if column in ("test", "test_loss") and (test := info.test) is not None:
            return self.tr("Of {0:,} test samples at step {1:,}").format(test.samples, test.step)
        if column == "from" and info.by_hand:
            return self.tr("It began with weights that were changed by hand")
        return ""

    def _put(self, row: int, column: str, text: str, info: RunInfo) -> None:
        place = COLUMNS.index(column)
        item = self.table.item(row, place)
        if item is None:
            item = QTableWidgetItem()
            self.table.setItem(row, place, item)
        item.setText(text)
        enabled = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(enabled | Qt.ItemFlag.ItemIsEditable if column == "run" else enabled)
        font = item.font()
        font.setBold(info.run == self._frame.run)
        item.setFont(font)
        item.setToolTip(self._about(column, info))
        if column == "run":
            series = palette.current().series
            item.setForeground(QColor(series[row % len(series)]))

    # -- the curves ---------------------------------------------------------------------------

    def _on_curves(self, frame: CurvesFrame) -> None:
        self._curves = frame.runs
        self._draw()

    def _draw(self) -> None:
        for plot in (self.loss, self.accuracy):
            plot.forget()
        shared = {r.run: r.begun_at for r in self._frame.runs if r.parent is not None}
        means = {r.run: r.loss for r in self._frame.runs}
        for run in self._curves:
            steps, seconds = unpack(run.steps), unpack(run.seconds)
            losses, tests = unpack(run.smooth), unpack(run.tests)
            since = max(shared.get(run.run, 0), run.tested_from)  # before, it is its parent's curve
            own = steps >= since
            steps, seconds, losses = steps[own], seconds[own], losses[own]
            tests = tests[np.isfinite(tests[:, 2]) & (tests[:, 0] >= since)]
            x = steps if self.over.currentIndex() == 0 else seconds
            at = np.interp(tests[:, 0], steps, x) if len(steps) else tests[:, 0]
            self.loss.append(run.name, x, losses)
            if (loss := means.get(run.run)) is not None:
                self.loss.set_last(run.name, loss)
            self.accuracy.append(run.name, at, tests[:, 2])
        tested = np.concatenate([unpack(run.tests) for run in self._curves] or [np.zeros((0, 5))])
        self.accuracy.setVisible(not len(tested) or bool(np.isfinite(tested[:, 2]).any()))
        self.loss.redraw()
        self.accuracy.redraw()
        self._show_playhead()

    def _show_playhead(self) -> None:
        frame, x = self._frame, self._playhead() if self._frame.visiting else None
        here = next((run.name for run in frame.runs if run.run == frame.run), "")
        accuracy = frame.test.accuracy if frame.test is not None else None
        self.loss.set_playhead(x)
        known = x is not None and accuracy is not None
        self.accuracy.set_playhead(x, {here: accuracy} if known else None)

    def _playhead(self) -> float:
        """Where the shown step is on the axis that was chosen."""
        shown = float(self._frame.shown)
        current = next((c for c in self._curves if c.run == self._frame.run), None)
        if self.over.currentIndex() == 0 or current is None or not len(unpack(current.steps)):
            return shown
        return float(np.interp(shown, unpack(current.steps), unpack(current.seconds)))


def _told(rates: Sequence[float]) -> str:
    """The first and the last learning rate of a run."""
    between = " … " if len(rates) > 2 else " → "
    return between.join(f"{rate:g}" for rate in dict.fromkeys((*rates[:1], *rates[-1:])))


def _short(changes: Sequence[str]) -> str:
    """The first change, and how many there are beside it."""
    if not changes:
        return "–"
    first = changes[0] if len(changes[0]) <= LONGEST else changes[0][: LONGEST - 1] + "…"
    return first if len(changes) == 1 else f"{first}, {len(changes) - 1} more"
