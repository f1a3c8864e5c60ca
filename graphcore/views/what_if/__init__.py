"""Messages for holding neurons, channels and edges at other values."""

from __future__ import annotations

from graphcore.records.requests import Shown


class WhatIfFrame(Shown, frozen=True, kw_only=True):
    """What the holds do to the test split; first free, then held.

    Attributes:
        right: share of right answers in all of them; empty where there are no classes.
        before, after: share of right answers per class; empty where there are no classes.
        problem: why a hold does not work, or "".
    """

    step: int = 0
    samples: int = 0
    loss: tuple[float, float] = (0.0, 0.0)
    right: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    problem: str = ""
