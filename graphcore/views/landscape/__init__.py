"""What the window asks of the loss landscape, and what it is sent."""

from __future__ import annotations

from typing import Literal

import numpy as np

from graphcore.records.arrays import Array, pack
from graphcore.records.requests import Command, Look, Shown

PlaneKind = Literal["random", "pca", "weights", "towards"]


class LandscapeRequest(Look, frozen=True, kw_only=True):
    """Show the surface around the current weights, refreshed while training.

    Attributes:
        plane: two random filter-normalised directions; the first two principal components of
            the path of the weights; two single weights; or the way to other weights. A net of
            two numbers is always shown over those two.
        weights: of a plane of weights: (parameter, place in it), twice.
        target: of a plane towards others: one of the frame's ``targets``.
        line: a slice along the first direction in place of the plane.
        span: half the width of the plane. Of random directions 1 is as far as the weights are
            long; of single weights it is in their values.
        resolution: points per side at the finest level.
        samples: how many samples of the split the loss is taken over.
        seed: of the random directions.
        refresh: counts up to ask for a new surface now.
    """

    plane: PlaneKind = "random"
    weights: tuple[tuple[str, int], ...] = ()
    target: str = ""
    line: bool = False
    span: float = 1.0
    resolution: int = 25
    samples: int = 200
    split: Literal["train", "test"] = "test"
    seed: int = 0
    refresh: int = 0

    @property
    def points(self) -> int:
        """Points of the finest grid."""
        return self.resolution if self.line else self.resolution**2


class SetPlanePoint(Command, frozen=True):
    """Give the net the weights at a point of the shown landscape, as a dot is dragged.

    Attributes:
        release: ends the drag; a net that trained goes on from there.
        back: ends the drag with the weights of before it.
    """

    a: float
    b: float
    release: bool = False
    back: bool = False


_NOTHING = pack(np.zeros(0, np.float32))


class LandscapeFrame(Shown, frozen=True, kw_only=True):
    """The surface as far as it is computed, and the path over it.

    Attributes:
        plane: the kind that is shown, which may not be the one that was asked for: see ``note``.
        exact: whether the axes are all the numbers that the net has.
        labels: names of the two axes, with the share of the path's variance on a PCA plane.
        shares: share of variance of the two components, or None.
        a, b: coordinates of the grid's columns and rows.
        values: loss, shape (rows, columns), one row in a slice; NaN where it is not computed yet.
        level, levels: how fine the grid is so far.
        step: step whose weights are the origin of the plane.
        path: shape (k, 2), the run so far on the plane, with a row of NaN where the weights went
            elsewhere than training led them; ``current`` is where the weights are.
        lowest: (a, b, loss) of the smallest loss in closed form, where it is quadratic.
        off_plane: distance of the current weights from the plane, over their length.
        stale: whether the weights have moved on since the surface was begun.
        seconds: work that went into it.
        targets: weights that a plane may go towards.
        parameters: shape of every parameter, to choose single weights from.
        note: why another plane is shown than was asked for, or "".
    """

    plane: PlaneKind = "random"
    exact: bool = False
    labels: tuple[str, str] = ("", "")
    shares: tuple[float, float] | None = None
    a: Array = _NOTHING
    b: Array = _NOTHING
    values: Array = _NOTHING
    level: int = 0
    levels: int = 1
    step: int = 0
    samples: int = 0
    split: str = ""
    path: Array = _NOTHING
    current: tuple[float, float] = (0.0, 0.0)
    lowest: tuple[float, float, float] | None = None
    off_plane: float = 0.0
    stale: bool = False
    seconds: float = 0.0
    targets: tuple[str, ...] = ()
    parameters: dict[str, tuple[int, ...]] = {}
    note: str = ""
