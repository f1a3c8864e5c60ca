"""The learning-rate range test for the window: a few steps at a time, so nothing waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.training.rate_test import STEPS, RatePoint, rate_test, suggestion
from graphcore.views.rate_test import RateTestFrame, RateTestRequest

SLICE = 0.1
"""Seconds of work between two looks at the requests."""


class RateTask:
    """Runs at most one test; the run that trains is not touched."""

    def __init__(self) -> None:
        self._test: Iterator[RatePoint] | None = None
        self._points: list[RatePoint] = []

    def request(self, request: RateTestRequest, session: Session) -> RateTestFrame | None:
        """Begin or end."""
        self._test, self._points = None, []
        if not request.run:
            return None
        trainer = session.trainer
        if trainer is None:
            return RateTestFrame(done=1.0, problem="There is no net to train.")
        self._test = rate_test(trainer.graph, trainer.data, trainer.settings, device=session.device)
        return None

    def drop(self, problem: str) -> RateTestFrame:
        """End the test because of a problem."""
        self._test = None
        return RateTestFrame(done=1.0, problem=problem)

    @property
    def has_work(self) -> bool:
        """Whether a test runs."""
        return self._test is not None

    def work(self) -> RateTestFrame | None:
        """Some steps, and what was found so far."""
        if self._test is None:
            return None
        end, over = time.perf_counter() + SLICE, False
        try:
            while time.perf_counter() < end and not over:
                point = next(self._test, None)
                over = point is None
                self._points += [point] if point else []
        except GradscapeError as error:
            return self.drop(str(error))
        if over:
            self._test = None
        rates = np.array([p.rate for p in self._points], np.float64)
        losses = np.array([p.loss for p in self._points], np.float64)
        return RateTestFrame(
            rates=pack(rates), losses=pack(losses),
            done=1.0 if over else len(rates) / STEPS,
            suggestion=suggestion(self._points) if over else None,
        )  # fmt: skip
