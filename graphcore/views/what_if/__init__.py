"""Messages for holding neurons, channels and edges at other values."""

from __future__ import annotations

import msgspec


class Hold(msgspec.Struct, tag=True, frozen=True):
    """One value that is held.

    Attributes:
        node: whose output is held.
        unit: place behind the batch axis, (3,) for the fourth neuron or map; () for all of it.
        value: a number; None takes the value that the node has for ``sample`` of the test split.
        target, input: the one edge that is held; "" holds what every reader gets.
    """

    node: str
    unit: tuple[int, ...] = ()
    value: float | None = 0.0
    sample: int = 0
    target: str = ""
    input: str = ""


class HoldRequest(msgspec.Struct, tag=True, frozen=True):
    """Hold these and nothing else; the stepper's passes run with them, training never does.

    Attributes:
        compare: whether the figures of the test split are wanted too.
    """

    holds: tuple[Hold, ...] = ()
    compare: bool = False


class WhatIfFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What the holds do to the test split; first free, then held.

    Attributes:
        before, after: share of right answers per class; empty where there are no classes.
        problem: why a hold does not work, or "".
    """

    step: int = 0
    samples: int = 0
    loss: tuple[float, float] = (0.0, 0.0)
    classes: tuple[str, ...] = ()
    before: tuple[float, ...] = ()
    after: tuple[float, ...] = ()
    problem: str = ""
