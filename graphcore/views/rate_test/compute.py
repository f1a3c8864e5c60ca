"""The learning-rate range test for the window: a few steps at a time, so nothing waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.training.rate_test import START, STEPS, RatePoint, rate_test, suggestion
from graphcore.views.rate_test import RateTestFrame, RateTestRequest
from graphcore.views.view import view

SLICE = 0.1
"""Seconds of work between two looks at the requests."""


def _lost(_: RateTestRequest, problem: str) -> RateTestFrame:
    return RateTestFrame(done=1.0, problem=problem)


@view(RateTestRequest, lost=_lost)
def rates(session: Session, request: RateTestRequest) -> Iterator[RateTestFrame]:
    """Some steps at a time, and what was found so far; the run that trains is not touched."""
    trainer = session.trainer
    if trainer is None:
        yield _lost(request, "There is no net to train.")
        return
    points: list[RatePoint] = []
    test = rate_test(trainer.graph, trainer.data, trainer.settings, device=session.device)
    over = False
    while not over:
        end = time.perf_counter() + SLICE
        try:
            while time.perf_counter() < end and not over:
                point = next(test, None)
                over = point is None
                points += [point] if point else []
        except GradscapeError as error:
            yield _lost(request, str(error))
            return
        yield _found(points, over)


def _found(points: list[RatePoint], over: bool) -> RateTestFrame:
    shown = points[START:]
    rates_ = np.array([p.rate for p in shown], np.float64)
    losses = np.array([p.loss for p in shown], np.float64)
    return RateTestFrame(
        rates=pack(rates_), losses=pack(losses), done=1.0 if over else len(points) / STEPS,
        suggestion=suggestion(points) if over else None,
    )  # fmt: skip
