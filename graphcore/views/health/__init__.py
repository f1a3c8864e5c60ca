"""Messages about how well a net is: what the gradients, the units and the updates look like."""

from __future__ import annotations

import msgspec

from graphcore.records.requests import Look, Shown


class HealthRequest(Look, frozen=True):
    """The examination of the net."""


class LayerHealth(msgspec.Struct, frozen=True):
    """One weight, from the input to the loss.

    Attributes:
        gradient, weight: root mean squares.
        change: that of what the optimiser would change now.
    """

    name: str
    node: str
    gradient: float
    weight: float
    change: float


class UnitHealth(msgspec.Struct, frozen=True):
    """One activation over a batch.

    Attributes:
        dead: share of units whose slope is 0 for every sample.
        saturated: share of values where the slope is below a hundredth.
    """

    node: str
    dead: float
    saturated: float
    operator: str = ""


class Finding(msgspec.Struct, frozen=True):
    """Something that keeps the net from learning.

    Attributes:
        node: where it shows, or "".
        sentence: what it is, with its figure.
        remedy: key of the usual remedy, see ``app.panels.health.remedies``; "" if there is none.
    """

    node: str
    sentence: str
    remedy: str = ""


class HealthFrame(Shown, frozen=True, kw_only=True):
    """An examination at a step.

    Attributes:
        ratio: gradient of the first weight over that of the last; None with fewer than two.
        problem: why there is none, or "".
    """

    step: int = 0
    layers: tuple[LayerHealth, ...] = ()
    units: tuple[UnitHealth, ...] = ()
    findings: tuple[Finding, ...] = ()
    ratio: float | None = None
    problem: str = ""
