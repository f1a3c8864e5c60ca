"""Training a piece at a time: steps, and the tests between them, as fast as it is wanted."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from graphcore.errors import GradscapeError, NonFiniteError
from graphcore.session.faults import failure
from graphcore.session.live_tests import LiveTests
from graphcore.training.evaluation import share_right
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from graphcore.session.session import Session

SEEN = 30
"""Steps a second at most, where every one of them can be seen."""


class Loop:
    """Makes the steps of a session's net, and its tests; notes both in frames and in the run.

    Attributes:
        steps_left: steps until a pause, or None.
        tests: of the net while it trains.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.steps_left: int | None = None
        self.tests = LiveTests()
        self._speed: float | None = None
        self._next_step_at = 0.0

    def set_speed(self, steps_per_second: float | None) -> None:
        """Steps per second at most; None is full speed."""
        self._speed, self._next_step_at = steps_per_second, 0.0

    @property
    def unhurried(self) -> bool:
        """Whether steps are made so slowly that every one of them can be seen."""
        return self._speed is not None and self._speed <= SEEN

    def seconds_to_wait(self) -> float:
        """Return how long it is until the next step is due."""
        return max(0.0, self._next_step_at - time.perf_counter()) if self._speed else 0.0

    def work(self, trainer: Trainer) -> None:
        """Go on with a test, or make steps if it is time for one."""
        if self.tests.at_work:
            self._test(trainer)
        elif self._session.trains and time.perf_counter() >= self._next_step_at:
            self._train_step(trainer)

    # -- steps --------------------------------------------------------------------------------

    def _train_step(self, trainer: Trainer) -> None:
        session = self._session
        if self._speed:
            self._next_step_at = time.perf_counter() + 1 / self._speed
        try:
            recording = self._records_now(trainer)
            begun = time.perf_counter()
            if recording:
                records = [trainer.train_step(record=True)]
            else:
                records = trainer.train_steps(self._steps_at_once(trainer))
            took = (time.perf_counter() - begun) / len(records)
        except GradscapeError as error:
            session.pause()
            diverged = isinstance(error, NonFiniteError)
            session.send(failure("diverged" if diverged else "run", error, "training"))
            return
        session.frames.note(records, trainer.batch_size, recording, took)
        session.runs.note(records, trainer, took)
        if recording:
            self._note_accuracy(trainer)
        session.news = True
        self._after_steps(trainer, len(records))

    def _note_accuracy(self, trainer: Trainer) -> None:
        """How good the answers to the batch were that has just been recorded."""
        share, run = share_right(trainer.recorded, trainer.binding), self._session.runs.current
        if share is not None:
            found = trainer.step, share
            self._session.frames.accuracies.append(found)
            if run is not None:
                run.curves.accuracies.append(found)

    def _steps_at_once(self, trainer: Trainer) -> int:
        """How many steps may be made before anything has to be looked at."""
        if self._speed:
            return 1
        session = self._session
        left = trainer.total_steps - trainer.step if self.steps_left is None else self.steps_left
        room = session.runs.steps_until_kept(trainer.step)
        most = int(session.attention.seconds / max(1e-6, session.frames.plain_seconds))
        return min(left - 1, room, most)

    def _records_now(self, trainer: Trainer) -> bool:
        """Whether the next step is one that the window is shown: the last, or when it is time."""
        last = self.steps_left == 1 or trainer.step + 1 == trainer.total_steps
        return last or self.unhurried or (self._session.wanted and self._session.frames.due)

    def _after_steps(self, trainer: Trainer, count: int) -> None:
        session, epoch_done = self._session, trainer.ends_epoch
        if epoch_done:
            session.frames.epoch_ended = True
            self._note_validation(trainer)
        tested = trainer.epochs.stopped  # what is held again was, at its epoch's end
        if trainer.binding.input and not tested and (epoch_done or self.tests.due):
            self.tests.begin(trainer, session.weights_moved, whole=epoch_done)
        session.write_checkpoint(if_due=not epoch_done)
        if self.steps_left is not None:
            self.steps_left -= count
        if not self.tests.at_work:
            self._end_if_done(trainer)

    def _end_if_done(self, trainer: Trainer) -> None:
        if trainer.finished if self.steps_left is None else self.steps_left <= 0:
            self._session.pause()

    # -- tests --------------------------------------------------------------------------------

    def _test(self, trainer: Trainer) -> None:
        """Go on with the test of the weights of this moment; training waits for it."""
        tests, session = self.tests, self._session
        score = tests.work(trainer, session.weights_moved)
        if tests.at_work:
            return
        if score is not None:
            session.frames.clock.leave_out(time.perf_counter() - tests.begun)
            session.note_test(score, tests.whole)
        self._end_if_done(trainer)

    def _note_validation(self, trainer: Trainer) -> None:
        """The epoch that has just ended was judged by the samples held back, if there are any."""
        if (score := trainer.validated) is not None:
            self._session.add_score(
                msgspec.structs.replace(score, step=trainer.step, held_back=True)
            )
