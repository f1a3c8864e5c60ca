"""Messages of the learning-rate range test."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array


class RateTestRequest(msgspec.Struct, tag=True, frozen=True):
    """Begin the range test of what is loaded, or end the one that runs."""

    run: bool = True


class RateTestFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What the test found so far.

    Attributes:
        rates, losses: one entry per step, shape (n,); the losses are smoothed.
        done: share of the steps; 1 at the end, also where the loss exploded before.
        suggestion: a rate that suits the net; None while the test runs, or where there is none.
        problem: why there is no test, or "".
    """

    rates: Array | None = None
    losses: Array | None = None
    done: float = 0.0
    suggestion: float | None = None
    problem: str = ""
