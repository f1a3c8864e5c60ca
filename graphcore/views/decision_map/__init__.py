"""Messages for looking at what a net has learned: the plane it divides, its mistakes, a drawing."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.pictures import Picture


class DecisionRequest(msgspec.Struct, tag=True, frozen=True):
    """Whether the map of a net over two inputs can be seen, and the layer whose warp is wanted."""

    visible: bool = True
    warped: str = ""


class ResultsRequest(msgspec.Struct, tag=True, frozen=True):
    """Whether the net's results on the test split can be seen."""

    visible: bool = True


class DigitRequest(msgspec.Struct, tag=True, frozen=True):
    """A drawing to be run through the net.

    Attributes:
        pixels: brightness 0 to 1, shape (H, W); any size.
        centred: whether it is put in the middle the way MNIST's digits were.
        watch: nodes whose pictures are wanted.
    """

    pixels: Array
    centred: bool = True
    watch: tuple[str, ...] = ()


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


class DecisionFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
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
    problem: str = ""


class Mistake(msgspec.Struct, tag=True, frozen=True):
    """A test sample that the net gets wrong.

    Attributes:
        share: probability that the net gives to its wrong answer.
        image: shape (H, W), or None where samples are no images.
        numbers: the first of the sample's numbers, before normalisation, where it is no image.
    """

    index: int
    label: int
    answer: int
    share: float
    image: Array | None
    numbers: tuple[float, ...] = ()


class ResultsFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """How a classifier does on the test split.

    Attributes:
        counts: shape (C, C), a row per true class and a column per answer.
        precision, recall, f1: shape (C,).
        mistakes: the surest wrong answers first, a few of every cell.
        calibration: shape (bins, 3), for equal parts of the confidence from 0 to 1: answers, their
            mean confidence, and the share of them that is right; NaN where there are none.
        calibration_error: the expected calibration error, 0 to 1.
        problem: why there are no results, or "".
    """

    step: int = 0
    classes: tuple[str, ...] = ()
    counts: Array | None = None
    precision: Array | None = None
    recall: Array | None = None
    f1: Array | None = None
    accuracy: float = 0.0
    mistakes: tuple[Mistake, ...] = ()
    calibration: Array | None = None
    calibration_error: float = 0.0
    problem: str = ""


class DigitFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What the net makes of a drawing.

    Attributes:
        shares: probability of each class.
        seen: the picture as the net gets it, shape (H, W), before normalisation.
        values: pictures of the nodes that were asked for.
        problem: why it makes nothing of it, or "".
    """

    classes: tuple[str, ...] = ()
    shares: Array | None = None
    seen: Array | None = None
    values: dict[str, Picture] = {}
    problem: str = ""
