"""Messages of two runs that are looked at side by side."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.pictures import Picture
from graphcore.records.requests import Look, Shown
from graphcore.records.score import Score

What = Literal["output", "weights", "map"]


class CompareRequest(Look, frozen=True):
    """Which run is put beside the one at work; 0 for none.

    Attributes:
        what: a node's value for a test sample, its weights, or the decision map of the whole net.
    """

    run: int = 0
    what: What = "output"
    node: str = ""
    sample: int = 0

    @property
    def wanted(self) -> bool:
        """Whether there is something to compute."""
        return self.visible and self.run > 0


class Side(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """One of the two runs, at the step that is shown.

    Attributes:
        test: on samples of the test split, the same for both.
    """

    name: str = ""
    step: int = 0
    picture: Picture | None = None
    test: Score | None = None


class CompareFrame(Shown, frozen=True, kw_only=True):
    """Two runs at the same step, and how far they are from each other.

    Attributes:
        ours, theirs: the run at work, and the other at its last recorded step up to that one.
        difference: ours minus theirs, downscaled after it was taken; None where their shapes
            differ.
        largest: of what is shown, the largest difference.
        distance: ‖w − w'‖ / ‖w‖ over all weights; None where the nets are not the same.
        sample_count: how many test samples there are to choose from.
        problem: why there is nothing to compare, or no difference, or "".
    """

    what: What = "output"
    node: str = ""
    ours: Side = Side()
    theirs: Side = Side()
    difference: Picture | None = None
    largest: float = 0.0
    distance: float | None = None
    sample_count: int = 0
    problem: str = ""
