"""Messages of the learning-rate range test."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.requests import Job, Reply


class RateTestRequest(Job, frozen=True):
    """The range test of what is loaded."""


class RateTestFrame(Reply, frozen=True, kw_only=True):
    """What the test found so far.

    Attributes:
        rates, losses: one entry per step after the first few, shape (n,); losses are smoothed.
        done: share of the steps; 1 at the end, also where the loss exploded before.
        suggestion: a rate that suits the net; None while the test runs, or where there is none.
        problem: why there is no test, or "".
    """

    rates: Array | None = None
    losses: Array | None = None
    done: float = 0.0
    suggestion: float | None = None
    problem: str = ""
