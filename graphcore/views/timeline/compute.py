"""The time machine for the window: which runs there are, and which step is looked at."""

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
from graphcore.session.idle_test import ShownTest, of_former_net
from graphcore.session.messages import RunsOpened
from graphcore.session.session import Session
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    OpenRuns,
    PutBack,
    RunCurves,
    RunInfo,
    RunsSaved,
    SaveRuns,
    ScrubRequest,
    TimelineFrame,
    TimelineRequest,
)
from graphcore.views.view import view

REST = 0.25
"""Seconds between two frames while the net trains."""
CURVES_REST = 1.0
POINTS, LAST = 500, 100
"""Points of a curve that is sent, and how many of the last rows are sent as they are."""


class _Told:
    """What was sent to the window last, and the test of the net that is shown."""

    def __init__(self) -> None:
        self.state: Any = None
        self.at = 0.0
        self.run: Run | None = None
        self.entered = 0
        self.test = ShownTest()


@view(ScrubRequest)
def scrub(session: Session, request: ScrubRequest) -> None:
    """Stop training and go to a step, as soon as nothing else is asked."""
    session.scrub(request.step)


@view(PutBack)
def put_back(session: Session, _: PutBack) -> None:
    """Have the weights again that training had left."""
    session.put_back()


@view(EnterRun)
def enter(session: Session, request: EnterRun) -> None:
    """Go to another run; raises GradscapeError if its graph or its data cannot be had."""
    session.enter(request.run)


@view(EditRun)
def edit(session: Session, request: EditRun) -> None:
    """Rename or remove a run; raises EngineError, and the window has the names as they are."""
    session.part(_Told).state = None
    if request.remove:
        session.runs.remove(request.run)
    else:
        session.runs.rename(request.run, request.name)


@view(SaveRuns)
def save(session: Session, request: SaveRuns) -> RunsSaved:
    """Write all runs to a file."""
    session.settle()
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


@view(OpenRuns)
def open_runs(session: Session, request: OpenRuns) -> RunsOpened | None:
    """Take up the runs of a file; the answer is the session's, or says why not."""
    try:
        session.open_runs(request.path, request.own)
    except GradscapeError as error:
        return RunsOpened(request.path, problem=str(error))
    return None


def _state(session: Session) -> Any:
    """What the table of runs and their curves depend on."""
    runs, trainer = session.runs, session.trainer
    if runs.current is None or trainer is None:
        return None
    return (
        runs.current, len(runs.all), runs.current.steps, trainer.step, runs.visiting,
        runs.by_hand, len(runs.current.curves.tests), runs.store.problem, id(trainer),
        trainer.lr, trainer.held_epoch,
    )  # fmt: skip


def _due(session: Session, _: TimelineRequest) -> bool:
    told, state = session.part(_Told), _state(session)
    if state == told.state:
        return told.test.wanted(session)
    another = bool(state and told.state) and state[0] != told.state[0]
    return not session.running or another or time.perf_counter() - told.at >= REST


@view(TimelineRequest, due=_due, first=True)
def timeline(session: Session, _: TimelineRequest) -> TimelineFrame | None:
    """Tell what is new, then test the net that is looked at."""
    told, state = session.part(_Told), _state(session)
    if state != told.state:
        told.state, told.at = state, time.perf_counter()
        return _frame(session, told)
    if told.test.work(session):
        told.state = None
        told.test.note(session)
    return None


@view(CurvesRequest, rest=CURVES_REST, also=lambda session: (_state(session), _names(session)))
def curves(session: Session, _: CurvesRequest) -> CurvesFrame:
    """The curves of all runs."""
    objectives = _objectives(session)
    return CurvesFrame(tuple(_curves(r, objectives) for r in session.runs.all.values()))


def _names(session: Session) -> tuple[str, ...]:
    return tuple(run.name for run in session.runs.all.values())


def _frame(session: Session, told: _Told) -> TimelineFrame:
    runs, trainer = session.runs, session.trainer
    run = runs.current
    if run is None or trainer is None:
        told.run = None
        return TimelineFrame()
    # one that has not trained yet gives its number to the next
    another = told.entered != session.entered or told.run not in (None, run)
    told.run, told.entered = run, session.entered
    if another:
        session.frames.drop_points()
    steps = sorted({*run.timeline.steps, run.steps})
    then = run.timeline.at(trainer.step) if runs.visiting else None
    lr = then.lr if then else trainer.lr
    rate = run.curves.rate_at(trainer.step) if then else None
    return TimelineFrame(
        run=run.number, steps=pack(np.array(steps, np.int64)), shown=trainer.step,
        newest=run.steps, visiting=runs.visiting, by_hand=runs.by_hand,
        counts=() if run.watched else run.counts, outdated=run.outdated,
        former=of_former_net(session),
        lr=lr, rate=lr if rate is None else rate, memory=runs.store.memory, disk=runs.store.disk,
        problem=runs.store.problem, test=told.test.found(session),
        validation=told.test.held_back(session),
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
        # none if it is of the net or the weights of before
        test = run.test_at(run.held_step or test.step)
    kept = [moment.lr for moment in run.timeline.moments if moment.step >= run.begun_at]
    rates = tuple(rate for rate, _ in groupby((*kept, *now)))
    return RunInfo(
        run=run.number, name=run.name, parent=run.parent, begun_at=run.begun_at,
        by_hand=run.by_hand, steps=run.steps, settings=run.settings, rates=rates,
        loss=None if run.outdated else run.curves.last_loss, test=test, held=run.held,
        seconds=run.curves.seconds, of_script=run.watched,
    )  # fmt: skip


def _curves(run: Run, objectives: tuple[str, ...]) -> RunCurves:
    every = np.column_stack([run.curves.rows, run.curves.rates])
    rows, ends, stride = _thinned(every)
    return RunCurves(
        run=run.number, name=run.name, tested_from=run.tested_from,
        steps=pack(rows[:, 0]), seconds=pack(rows[:, 1]),
        losses=pack(np.ascontiguousarray(rows[:, 2:-1].T)), rates=pack(rows[:, -1]),
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
    """Shape (n, 5), see ``RunCurves.tests``."""
    rows = [(s.step, s.loss, s.accuracy, s.samples, s.training) for s in scores]
    return pack(np.array(rows, np.float64).reshape(-1, 5))
