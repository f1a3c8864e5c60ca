"""What the window asks of the loss landscape, and what it is sent."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.worker.arrays import Array

PlaneKind = Literal["random", "pca"]


class LandscapeRequest(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Show the surface around the current weights, refreshed while training.

    Attributes:
        visible: whether anyone looks; nothing is computed otherwise.
        plane: two random filter-normalised directions, or the first two principal
            components of the path of the weights.
        span: half the width of the plane: 1 is as far as the weights are long.
        resolution: points per side at the finest level.
        samples: how many samples of the split the loss is taken over.
        seed: of the random directions.
        refresh: counts up to ask for a new surface now.
    """

    visible: bool = True
    plane: PlaneKind = "random"
    span: float = 1.0
    resolution: int = 25
    samples: int = 200
    split: Literal["train", "test"] = "test"
    seed: int = 0
    refresh: int = 0


class LandscapeFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The surface as far as it is computed, and the path over it.

    Attributes:
        labels: names of the two axes, with the share of the path's variance on a PCA plane.
        shares: share of variance of the two components, or None.
        a, b: coordinates of the grid's columns and rows.
        values: loss, shape (rows, columns); NaN where it is not computed yet.
        level, levels: how fine the grid is so far.
        step: step whose weights are the origin of the plane.
        path: shape (k, 2), the run so far on the plane; ``current`` is where the weights are.
        off_plane: distance of the current weights from the plane, over their length.
        stale: whether the weights have moved on since the surface was begun.
        seconds: work that went into it.
    """

    plane: PlaneKind
    labels: tuple[str, str]
    shares: tuple[float, float] | None
    a: Array
    b: Array
    values: Array
    level: int
    levels: int
    step: int
    samples: int
    split: str
    path: Array
    current: tuple[float, float]
    off_plane: float
    stale: bool
    seconds: float
