"""Messages about how a node's numbers are spread, step after step."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.requests import Look, Shown


class SpreadRequest(Look, frozen=True):
    """The histograms of a node; an empty name stands for none."""

    node: str = ""

    @property
    def wanted(self) -> bool:
        """Whether there is something to compute."""
        return self.visible and bool(self.node)


class Spread(msgspec.Struct, frozen=True):
    """A histogram: ``counts`` (n) between ``edges`` (n + 1)."""

    counts: Array
    edges: Array


class SpreadFrame(Shown, frozen=True, kw_only=True):
    """How a node's numbers are spread at a step; None where there are none.

    Attributes:
        weights, gradient, update: of its weight: the numbers, their gradient, and what the
            optimiser would change now.
        activation: what the node gave out in the recorded step.
        past: the numbers at some earlier steps of the run, in their order; in a frame that is not
            of a step soon after that of the one before.
    """

    node: str
    step: int = 0
    weights: Spread | None = None
    gradient: Spread | None = None
    update: Spread | None = None
    activation: Spread | None = None
    past: tuple[tuple[int, Spread], ...] = ()
