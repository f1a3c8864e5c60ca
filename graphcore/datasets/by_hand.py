"""Points of a plane set by hand, kept with the graph as text."""

from __future__ import annotations

import math

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.datasets.normalization import Normalization
from graphcore.datasets.registry import TARGETS, Option, Request, Samples, dataset
from graphcore.errors import DataError

NAME = "by-hand"
MOST = 5000
"""Points that a text may hold."""


@dataset(
    NAME, "Points by hand", classes=None,
    options=(Option("points", "-1 0 0; 1 0 1; -1 0 0 t; 1 0 1 t",
                    "x, y and class of each point, separated by semicolons; t marks test points."),
             Option("names", "0,1", "Names of the classes, separated by commas."),
             Option("columns", "", "Names of the two inputs, separated by a semicolon."),
             Option("target", "", "Name of the answer."),
             Option("normalised", "", "Shift of both inputs and scale of both, where they are "
                    "normalised; empty has them measured."), TARGETS),
)  # fmt: skip
def by_hand(request: Request) -> Samples:
    """Points that were painted, moved or removed in the decision map.

    Each is "x y class", or "x y class t" for a test point, in the data's own numbers.
    """
    names = tuple(n.strip() for n in request.options["names"].split(",") if n.strip())
    points, labels, tests = _read(request.options["points"], len(names))
    inputs, targets = points[~tests], labels[~tests]
    if not len(inputs):
        raise DataError("There is no point left to train on: paint one in the decision map.")
    test = (points[tests], labels[tests]) if tests.any() else (inputs, targets)
    columns = tuple(c.strip() for c in request.options["columns"].split(";"))
    return Samples(
        inputs,
        targets,
        test=test,
        classes=names,
        columns=columns if len(columns) == 2 else (),
        target=request.options["target"],
        normalization=_normalization(request.options["normalised"]),
    )


def _normalization(text: str) -> Normalization | None:
    """The map that is given as "shift shift scale scale", or None; raises DataError."""
    if not text.strip():
        return None
    try:
        numbers = np.array([float(word) for word in text.split()]).reshape(2, 2)
    except ValueError:
        numbers = np.zeros((2, 2))
    if not np.isfinite(numbers).all() or not (numbers[1] > 0).all():
        raise DataError(f"{text!r} is no shift of two inputs and no scale of both above 0.")
    return Normalization("standardize", *numbers)


def to_text(points: Array, labels: Array, tests: Array) -> str:
    """Points (n, 2) with their class (n,), and which are test points (n,), as the option's text."""
    return "; ".join(
        f"{x:.7g} {y:.7g} {int(label)}{' t' if test else ''}"
        for (x, y), label, test in zip(points.tolist(), labels, tests, strict=True)
    )


def _read(text: str, classes: int) -> tuple[Array, Array, Array]:
    """Points (n, 2), classes (n,), and which are test points (n,); raises DataError."""
    rows = [row.split() for row in text.split(";") if row.strip()]
    if len(rows) > MOST:
        raise DataError(f"There are {len(rows):,} points; {MOST:,} can be set by hand.")
    points, labels = np.zeros((len(rows), 2)), np.zeros(len(rows), np.int64)
    tests = np.zeros(len(rows), bool)
    for i, row in enumerate(rows):
        points[i], labels[i], tests[i] = _point(row, classes)
    return points, labels, tests


def _point(row: list[str], classes: int) -> tuple[tuple[float, float], int, bool]:
    said = f"The point {' '.join(row)!r}"
    try:
        x, y, label = float(row[0]), float(row[1]), int(row[2])
    except (ValueError, IndexError):
        raise DataError(f"{said} is not written as 'x y class' or 'x y class t'.") from None
    if len(row) > 3 and row[3:] != ["t"]:
        raise DataError(f"{said} is not written as 'x y class' or 'x y class t'.")
    if not (math.isfinite(x) and math.isfinite(y)):
        raise DataError(f"{said} lies nowhere: its place is not finite.")
    if not 0 <= label < classes:
        raise DataError(f"{said} is of class {label}, but there are {classes} names of classes.")
    return (x, y), label, len(row) > 3
