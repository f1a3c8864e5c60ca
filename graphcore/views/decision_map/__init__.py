"""Messages of the decision map: the plane of two inputs as a net and its units divide it."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.requests import Look, Shown


class DecisionRequest(Look, frozen=True):
    """The map of a net over two inputs, and the layer whose warp is wanted."""

    warped: str = ""


class Link(msgspec.Struct, tag=True, frozen=True):
    """Weights between two layers, shape (units of the target, units of the source)."""

    source: str
    target: str
    weights: Array


class Warp(msgspec.Struct, tag=True, frozen=True):
    """Where a layer puts the plane of the inputs.

    Attributes:
        grid: of the points of a grid, shape (r, r, 2), rows from below.
        points: of the samples that are shown, shape (n, 2).
        units: of the layer; where there are more than two, it is the plane of their principal
            components, which holds ``share`` of the grid's variance.
    """

    node: str
    grid: Array
    points: Array
    units: int
    share: float


class DecisionFrame(Shown, frozen=True, kw_only=True):
    """What a net of two inputs says at every place of its plane.

    Attributes:
        low, high: limits of both inputs.
        shares: probability of each class at each place, shape (C, R, R), rows from below; or one
            map of raw answers for a regression.
        neurons: node -> what each of its units says, shape (units, r, r).
        points, labels: training samples (n, 2) and their class or value; ``tests`` of them at
            the end are test samples.
        complete: whether these are all samples of the data set.
        classes: names; empty for a regression.
        links: the weights between the layers of ``neurons``, and from the input to them.
        warp: how the layer that was asked for bends the plane.
        generated: points (n, 2) that the net made itself, out of random numbers.
        columns: names of the two inputs, where they have names.
        shift, scale: make the data's own numbers of the two inputs: x * scale + shift.
        target: what is predicted, with its unit, or "".
        answer_scale: shift and scale of answers that are numbers.
        problem: why there is no map, or "".
    """

    step: int = 0
    low: tuple[float, float] = (0.0, 0.0)
    high: tuple[float, float] = (1.0, 1.0)
    shares: Array | None = None
    neurons: dict[str, Array] = {}
    points: Array | None = None
    labels: Array | None = None
    tests: int = 0
    complete: bool = False
    classes: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    warp: Warp | None = None
    generated: Array | None = None
    columns: tuple[str, ...] = ()
    shift: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    target: str = ""
    answer_scale: tuple[float, float] = (0.0, 1.0)
    problem: str = ""
