"""The time machine for the window: goes to the step that was asked for last, and tells of it.

A request is only noted; the net is put there when no other request waits, so that a slider that
is dragged never has to wait for steps that it has passed by.
"""

from __future__ import annotations

import time
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from graphcore import files
from graphcore.errors import GradscapeError
from graphcore.graph.difference import changes
from graphcore.records.arrays import pack
from graphcore.records.score import Score
from graphcore.runs.run_file import write_runs
from graphcore.runs.runs import Run, Runs
from graphcore.session.idle_test import ShownTest
from graphcore.session.messages import RunsOpened
from graphcore.session.session import Session
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    RunCurves,
    RunInfo,
    ScrubRequest,
    TimelineFrame,
)
from graphcore.views.timeline.run_files import OpenRuns, RunsSaved, SaveRuns

REST = 0.25
"""Seconds between two frames while the net trains."""
CURVES_REST = 1.0
POINTS, LAST = 500, 100
"""Points of a curve that is sent, and how many of the last rows are sent as they are."""


class TimeTask:
    """What the window is told of the recorded runs, and what it asks of them."""

    def __init__(self) -> None:
        self._wanted: ScrubRequest | None = None
        self._told: Any = None
        self._told_at = 0.0
        self._curves_of: int | None = None
        self._curves_visible = False
        self._curves_told: Any = None
        self._curves_at = 0.0
        self._test = ShownTest()

    # -- requests -----------------------------------------------------------------------------

    def scrub(self, request: ScrubRequest, session: Session) -> None:
        """Stop training and go to a step, as soon as nothing else is asked."""
        session.pause()
        self._wanted = request

    def forget(self) -> None:
        """Another document: no step of the one before is gone to."""
        self._wanted, self._curves_of = None, None

    def settle(self, session: Session) -> None:
        """Go where was asked now; raises FileError if the recorded state cannot be read."""
        request, self._wanted = self._wanted, None
        trainer, runs = session.trainer, session.runs
        if request is None or trainer is None or runs.current is None:
            return
        before = trainer.step, runs.visiting
        if request.step is None:
            runs.come_back(trainer)
        else:
            runs.visit(trainer, request.step)
        session.describe_run()
        if (trainer.step, runs.visiting) != before:
            session.weights_changed()

    def enter(self, request: EnterRun, session: Session) -> None:
        """Go to another run; raises GradscapeError if its graph or its data cannot be had."""
        self.settle(session)
        session.enter(request.run)
        self._curves_of = -1  # the window may have cleared its curves since it was told

    def edit(self, request: EditRun, session: Session) -> None:
        """Rename or remove a run; raises EngineError, and the window has the names as they are."""
        self._told = self._curves_told = None
        if request.remove:
            session.runs.remove(request.run)
        else:
            session.runs.rename(request.run, request.name)

    def watch_curves(self, request: CurvesRequest) -> None:
        """Whether the curves of all runs can be seen."""
        self._curves_visible, self._curves_told = request.visible, None

    def save(self, request: SaveRuns, session: Session) -> RunsSaved:
        """Write all runs to a file."""
        self.settle(session)
        runs, trainer = session.runs, session.trainer
        if trainer is None or runs.current is None or not runs.current.steps:
            return RunsSaved(request.path, "There is no recorded run to save: train first.")
        try:
            if runs.by_hand:
                session.branch()
            runs.keep_newest(trainer)
            write_runs(Path(request.path), runs)
        except GradscapeError as error:
            return RunsSaved(request.path, str(error))
        return RunsSaved(request.path)

    def open(self, request: OpenRuns, session: Session) -> RunsOpened | None:
        """Take up the runs of a file; the answer is the session's, or says why not."""
        self._wanted = None
        try:
            session.open_runs(request.path)
        except GradscapeError as error:
            return RunsOpened(request.path, problem=str(error))
        self._curves_of = -1
        return None

    # -- work ---------------------------------------------------------------------------------

    def has_work(self, session: Session) -> bool:
        """Whether there is something to do or to tell while nothing trains."""
        state = self._state(session)
        return (
            self._wanted is not None
            or state != self._told
            or self._test.wanted(session)
            or (self._curves_visible and self._curves_told != state)
        )

    def work(self, session: Session) -> TimelineFrame | CurvesFrame | None:
        """Go where was asked, then tell what is new."""
        if self._wanted is not None:
            self.settle(session)
        state, now = self._state(session), time.perf_counter()
        another = bool(state and self._told) and state[0] != self._told[0]
        rested = not session.running or another or now - self._told_at >= REST
        if state != self._told and rested:
            self._told, self._told_at = state, now
            return self._frame(session)
        if self._test.wanted(session):
            if self._test.work(session):
                self._told = None
                self._test.note(session)
            return None
        if not self._curves_visible or self._curves_told == state:
            return None
        if session.running and now - self._curves_at < CURVES_REST:
            return None
        self._curves_told, self._curves_at = state, now
        objectives = _objectives(session)
        return CurvesFrame(tuple(_curves(r, objectives) for r in session.runs.all.values()))

    def _state(self, session: Session) -> Any:
        runs, trainer = session.runs, session.trainer
        if runs.current is None or trainer is None:
            return None
        return (
            runs.current.number, len(runs.all), runs.current.steps, trainer.step, runs.visiting,
            runs.by_hand, len(runs.current.curves.tests), runs.store.problem, id(trainer),
            trainer.lr, trainer.held_epoch,
        )  # fmt: skip

    def _frame(self, session: Session) -> TimelineFrame:
        runs, trainer = session.runs, session.trainer
        run = runs.current
        if run is None or trainer is None:
            self._curves_of = None
            return TimelineFrame()
        another = self._curves_of is not None and self._curves_of != run.number
        self._curves_of = run.number
        if another:
            session.frames.drop_points()
        steps = sorted({*run.timeline.steps, run.steps})
        return TimelineFrame(
            run=run.number, steps=pack(np.array(steps, np.int64)), shown=trainer.step,
            newest=run.steps, visiting=runs.visiting, by_hand=runs.by_hand,
            steps_per_epoch=trainer.steps_per_epoch,
            lr=trainer.lr, memory=runs.store.memory, disk=runs.store.disk,
            problem=runs.store.problem, test=self._test.found(session),
            held=0 if runs.by_hand else trainer.held_epoch,
            runs=_table(runs, trainer.lr),
            curves=_curves(run, _objectives(session)) if another else None,
        )  # fmt: skip


def _objectives(session: Session) -> tuple[str, ...]:
    return tuple(g.loss for g in session.trainer.groups[1:]) if session.trainer else ()


def _table(runs: Runs, lr: float) -> tuple[RunInfo, ...]:
    """A row of each; ``lr`` is the learning rate of the moment."""
    rows = []
    before: Run | None = None
    for run in runs.all.values():
        origin = runs.all.get(run.parent or 0, before)
        newest = run is runs.current and not runs.visiting
        row = _info(run, (lr,) if newest else ())
        if origin is not None:
            row = msgspec.structs.replace(row, changes=_changes(origin.graph, run.graph))
        rows.append(row)
        before = run
    return tuple(rows)


@lru_cache(maxsize=64)
def _changes(before: bytes, after: bytes) -> tuple[str, ...]:
    return changes(files.loads(before), files.loads(after))


def _info(run: Run, now: tuple[float, ...]) -> RunInfo:
    """A row of the table; ``now`` is the learning rate of the moment, where it is the run's."""
    test = run.curves.last_test
    if test is not None:
        test = run.test_at(test.step)  # none if it is of the net or the weights of before
    kept = [moment.lr for moment in run.timeline.moments if moment.step >= run.begun_at]
    rates = tuple(rate for rate, _ in groupby((*kept, *now)))
    return RunInfo(
        run=run.number, name=run.name, parent=run.parent, begun_at=run.begun_at,
        by_hand=run.by_hand, steps=run.steps, settings=run.settings, rates=rates,
        loss=run.curves.last_loss, test=test, held=run.held, seconds=run.curves.seconds,
    )  # fmt: skip


def _curves(run: Run, objectives: tuple[str, ...]) -> RunCurves:
    every = run.curves.rows
    rows, ends, stride = _thinned(every)
    return RunCurves(
        run=run.number, name=run.name, steps=pack(rows[:, 0]), seconds=pack(rows[:, 1]),
        losses=pack(np.ascontiguousarray(rows[:, 2:].T)),
        tests=_scores(run.curves.tests), validations=_scores(run.curves.validations), stride=stride,
        smooth=pack(run.curves.smoothed[ends]),
        accuracies=pack(np.array(run.curves.accuracies, np.float64).reshape(-1, 2)),
        objectives=objectives,
    )  # fmt: skip


def _thinned(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Return means of equally many rows at the place of the last of them, which, and how many."""
    stride = max(1, -(-len(rows) // POINTS))
    starts = np.arange(0, len(rows), stride)
    ends = np.minimum(starts + stride, len(rows)) - 1
    if stride == 1:
        return rows, ends, 1
    means = np.add.reduceat(rows, starts) / (ends - starts + 1)[:, None]
    means[:, :2] = rows[ends, :2]
    return means, ends, stride


def _scores(scores: list[Score]) -> Any:
    """Shape (n, 4): step, loss, accuracy or NaN, and the number of samples."""
    none = float("nan")
    rows = [
        (s.step, s.loss, none if s.accuracy is None else s.accuracy, s.samples) for s in scores
    ]  # fmt: skip
    return pack(np.array(rows, np.float64).reshape(-1, 4))
