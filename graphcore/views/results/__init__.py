"""How a net does on the test split."""

from __future__ import annotations

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.requests import Look, Shown

MOST_CURVES = 100


class ResultsRequest(Look, frozen=True):
    """The net's results on the test split."""


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


class ClassCurves(msgspec.Struct, tag=True, frozen=True):
    """How one class is told from all others, whatever share is asked of it.

    Attributes:
        roc: false and true positive rates, shape (m, 2). area: under that curve.
        recall: recall and precision, shape (m, 2). average: precision, over recall.
    """

    roc: Array
    area: float
    recall: Array
    average: float


class Curve(msgspec.Struct, tag=True, frozen=True):
    """What a net of one input answers over its data; ``tests`` points at the end are of the test.

    Attributes:
        x, y: places and answers, in the data's own units.
    """

    column: str
    x: Array
    y: Array
    points_x: Array
    points_y: Array
    tests: int


class Quantities(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """How far a net's numbers are from the truth, in the data's own unit.

    Attributes:
        target: what is predicted, or "".
        outputs: numbers per sample; the errors are over all of them.
        r2: share of the targets' variance that the net explains; None where they never vary.
        spread: standard deviation of the targets, the error of always saying their mean.
        truth, answers: of some samples, shape (m,).
        curve: of a net of one input.
    """

    target: str
    samples: int
    outputs: int
    mae: float
    rmse: float
    r2: float | None
    spread: float
    truth: Array
    answers: Array
    curve: Curve | None = None


class ResultsFrame(Shown, frozen=True, kw_only=True):
    """How a classifier does on the test split, or a net that answers with numbers.

    Attributes:
        quantities: of a net that answers with numbers; nothing else is there then.
        counts: shape (C, C), a row per true class and a column per answer.
        precision, recall, f1: shape (C,).
        mistakes: the surest wrong answers first, a few of every cell.
        calibration: shape (bins, 3), for equal parts of the confidence from 0 to 1: answers, their
            mean confidence, and the share of them that is right; NaN where there are none.
        calibration_error: the expected calibration error, 0 to 1.
        curves: of each class, of the first ``MOST_CURVES``.
        top: share of samples whose class is among the k likeliest, by k.
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
    curves: tuple[ClassCurves, ...] = ()
    top: dict[int, float] = {}
    problem: str = ""
    quantities: Quantities | None = None
