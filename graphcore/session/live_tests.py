"""Testing while a net trains: now and then on a few samples, after every epoch on all.

Training waits for a test, requests do not: it is made batch by batch.
"""

from __future__ import annotations

import time

import msgspec

from graphcore.engine.plan import Plan
from graphcore.records.score import Score
from graphcore.training.evaluation import SEEN, Evaluation, spread
from graphcore.training.trainer import Trainer

SHARE = 0.005
"""Share of the time that the running estimate may take."""
SAMPLES, BATCH = 500, 200
FIRST_REST = 0.5
"""Seconds from the first test to the next, at most."""


class Testing:
    """A test of a net, and beside it the answers to training samples, by the same weights.

    Args:
        limit: test samples and training samples, spread over theirs; None is all and SEEN.

    Attributes:
        held_back: the test of the samples held back from training, once ``judge_held_back`` is
            through.
    """

    def __init__(self, trainer: Trainer, limit: int | None) -> None:
        data, batch = trainer.data, trainer.at_once(BATCH)
        self._test, self._training = (
            Evaluation(trainer.binding, *trainer.tensors(spread(split, most)), batch)
            for split, most in ((data.test, limit), (data.train, limit or SEEN))
        )
        self.held_back: Score | None = None
        self._validation: Evaluation | None = None
        if data.validation is not None:
            samples = spread(data.validation, limit)
            self._validation = Evaluation(trainer.binding, *trainer.tensors(samples), batch)
        self._short = min(len(data.train), limit or SEEN) <= batch
        self._score: Score | None = None

    def work(self, plan: Plan) -> Score | None:
        """Evaluate one batch; return the score after the last one."""
        if self._score is None:
            self._score = self._test.work(plan)
            if self._score is None or self._score.accuracy is None:
                return self._score
            if not self._short:
                return None
        seen = self._training.work(plan)
        return seen and msgspec.structs.replace(self._score, training=seen.accuracy)

    def judge_held_back(self, plan: Plan) -> bool:
        """Evaluate one batch of the samples held back; return whether there are no more."""
        if self._validation is not None and self.held_back is None:
            self.held_back = self._validation.work(plan)
        return self._validation is None or self.held_back is not None


class LiveTests:
    """The test at work, and when the next one is due.

    Attributes:
        whole: whether the test at work is one on all samples.
        begun: when it began.
    """

    def __init__(self) -> None:
        self.whole, self.begun = False, 0.0
        self._testing: Testing | None = None
        self._of: tuple[Trainer, int, int] | None = None
        self.forget()

    def forget(self) -> None:
        """Another run: test soon, and let go of the test at work."""
        self._at, self._rest, self._took = 0.0, FIRST_REST, 0.0
        self._testing = None

    @property
    def due(self) -> bool:
        """Whether it is time for an estimate."""
        return time.perf_counter() >= self._at

    @property
    def at_work(self) -> bool:
        """Whether a test has begun that is not through."""
        return self._testing is not None

    def begin(self, trainer: Trainer, moved: int, whole: bool) -> None:
        """Test the weights of this moment.

        Args:
            moved: how often weights were changed by hand so far.
        """
        self.whole, self.begun, self._took = whole, time.perf_counter(), 0.0
        self._of = trainer, trainer.step, moved
        self._testing = Testing(trainer, None if whole else SAMPLES)

    def work(self, trainer: Trainer, moved: int) -> Score | None:
        """Evaluate one batch; return the score after the last. Other weights end the test."""
        begun = time.perf_counter()
        if self._testing is None or self._of != (trainer, trainer.step, moved):
            self._testing = None
            return None
        score = self._testing.work(trainer.evaluation_plan())
        now = time.perf_counter()
        self._took += now - begun
        if score is not None:
            self._testing = None
            trainer.end_evaluation()
            if not self.whole:  # the first takes long: it makes its plan
                self._rest = min(2 * self._rest, self._took / SHARE)
            self._at = now + self._rest
        return score
