"""How sharply the loss bends where the weights are, and how it did along the run."""

from __future__ import annotations

import msgspec

from graphcore.records.requests import Look, Shown


class SharpnessRequest(Look, frozen=True):
    """The largest eigenvalue of the Hessian of the loss."""


class SharpnessPoint(msgspec.Struct, frozen=True):
    """The sharpness at a step.

    Attributes:
        value: largest eigenvalue of the Hessian of the loss on the batch of the step.
        limit: 2 / learning rate: above it plain gradient descent does not settle.
    """

    step: int
    value: float
    limit: float


class SharpnessFrame(Shown, frozen=True, kw_only=True):
    """The sharpness at a step, and at the steps of the run where it is known.

    Attributes:
        points: in the order of their steps.
        error: relative, at the step; it is larger where the iteration was given up.
        problem: why there is none, or "".
    """

    step: int = 0
    points: tuple[SharpnessPoint, ...] = ()
    error: float = 0.0
    problem: str = ""
