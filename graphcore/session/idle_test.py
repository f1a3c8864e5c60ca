"""The test of the net that is looked at, while nothing trains.

What is shown beside a step that was gone to, weights changed by hand, or a run that was paused
between two tests is to be said of that net, not of another.
"""

from __future__ import annotations

import math
import time

import msgspec

from graphcore.errors import GradscapeError
from graphcore.records.score import Score
from graphcore.runs.runs import Run
from graphcore.session.live_tests import SAMPLES, Testing
from graphcore.session.session import Session

SETTLED, NAP = 0.15, 0.005
"""Seconds that a net is looked at before it is tested, so that dragging does not wait for it."""
Key = tuple[Run, int, int]
"""Run, step, and how often the weights were changed."""


class ShownTest:
    """Tests the net on a few samples once it has been looked at for a moment."""

    def __init__(self) -> None:
        self._key: Key | None = None
        self._at = 0.0
        self._testing: Testing | None = None
        self._score: Score | None = None
        self._held_back: Score | None = None

    def held_back(self, session: Session) -> Score | None:
        """The score of the same net on the samples held back from training, if there are any."""
        if of_former_net(session):
            return None
        known = self._held_back if self._key == _key(session) else None
        return _own_validation(session) or known

    def found(self, session: Session) -> Score | None:
        """The score of the net that is looked at, if it was tested."""
        if of_former_net(session):
            return None
        if (test := _own(session)) is not None:
            return test
        known = self._key is not None and self._key == _key(session)
        return self._score if known and self._score and math.isfinite(self._score.loss) else None

    def wanted(self, session: Session) -> bool:
        """Whether the net that is looked at has not been tested."""
        run, trainer = session.runs.current, session.trainer
        if session.running or run is None or trainer is None or not len(trainer.data.test):
            return False
        if not trainer.trains or not trainer.binding.input:  # without data nothing is tested
            return False
        if of_former_net(session):  # its figures are those that were measured then
            return False
        if trainer.plan.rests:  # a big net is not run by being opened
            return False
        if run.watched:  # a batch that a script trains on tests nothing
            return False
        if _own(session) is not None and (
            trainer.data.validation is None or _own_validation(session) is not None
        ):
            return False
        return self._key != _key(session) or self._score is None

    def work(self, session: Session) -> bool:
        """Wait a little, or test a batch; whether the score is found."""
        trainer, now = session.trainer, time.perf_counter()
        assert trainer is not None
        if (key := _key(session)) != self._key:
            self._key, self._at = key, now + SETTLED
            self._testing = self._score = self._held_back = None
        if now < self._at:
            time.sleep(NAP)
            return False
        try:
            if self._testing is None:
                self._testing = Testing(trainer, SAMPLES)
            plan = trainer.evaluation_plan()
            if not self._testing.judge_held_back(plan):
                return False
            score = self._testing.work(plan)
            if score is not None:
                self._score = msgspec.structs.replace(score, step=trainer.step)
                self._held_back = self._testing.held_back
                trainer.end_evaluation()
        except GradscapeError:
            self._score = Score(math.nan, None, 0)
        return self._score is not None

    def note(self, session: Session) -> None:
        """Add the score to the run's curves if it is of the weights that training has left.

        Of a run that branched off, those it began with are in the curves that it took over.
        """
        score, run, trainer = self._score, session.runs.current, session.trainer
        if score is None or run is None or trainer is None or not math.isfinite(score.loss):
            return
        if _own(session) is not None:
            return
        newest = not session.runs.visiting and not session.runs.by_hand
        if newest and (trainer.step > run.begun_at or trainer.step == 0):
            session.note_test(score, whole=False)


def of_former_net(session: Session) -> bool:
    """Whether an earlier step is shown that another net made, or that was made on other data."""
    run, trainer = session.runs.current, session.trainer
    if run is None or trainer is None:
        return False
    return session.runs.visiting and trainer.step < run.tested_from


def _own(session: Session) -> Score | None:
    """The test that the run has made of just this net."""
    run, trainer = session.runs.current, session.trainer
    if run is None or trainer is None or session.runs.by_hand:
        return None
    return run.test_at(trainer.held_step or trainer.step)


def _own_validation(session: Session) -> Score | None:
    """What the run has noted of just this net on the samples held back, at an epoch's end."""
    run, trainer = session.runs.current, session.trainer
    if run is None or trainer is None or session.runs.by_hand:
        return None
    return run.validation_at(trainer.held_step or trainer.step)


def _key(session: Session) -> Key | None:
    run, trainer = session.runs.current, session.trainer
    if run is None or trainer is None:
        return None
    return run, trainer.step, session.weights_moved
