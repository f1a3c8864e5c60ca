"""The six data sets of TensorFlow Playground, by the rules of its ``dataset.ts``.

Points lie in [-6, 6]². Noise is a fraction n from 0 to 0.5. The same seed draws the same points
whatever the noise, so a noise slider moves them smoothly.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.datasets.registry import TARGETS, TRAIN_SHARE, Option, Request, Samples, dataset

NOISE = Option("noise", 0.0, "Noise of the points or of their labels.", 0.0, 0.5)
SAMPLES = Option("samples", 500, "Number of points, train and test together.", 10, 100_000)
SIGNS = ("-1", "+1")
_POINTS = (NOISE, TRAIN_SHARE, SAMPLES, TARGETS)
_SURFACE = (NOISE, TRAIN_SHARE, replace(SAMPLES, default=1200))


def disturbance(request: Request, reach: float, shape: tuple[int, ...]) -> Array:
    """uniform(-reach, reach) · n, of the given shape."""
    noise: float = request.options["noise"]
    return request.rng.uniform(-reach, reach, shape) * noise


def polar(radius: Array, angle: Array) -> Array:
    """Points (n, 2), their angle in radians counted from the y axis as Playground does."""
    return np.stack((radius * np.sin(angle), radius * np.cos(angle)), axis=1)


def halves(request: Request) -> tuple[int, int]:
    """How many points each of two classes gets."""
    n = request.options["samples"]
    return n // 2, n - n // 2


@dataset("circle", "Circle", classes=SIGNS, options=_POINTS)
def circle(request: Request) -> Samples:
    """A disc of radius 2.5 (+1) inside a ring from 3.5 to 5 (-1).

    Noise moves the label test, not the point: a point is +1 if it is closer than 2.5 to the
    origin after uniform(-5, 5) · n is added to each coordinate.
    """
    rng, (inside, outside) = request.rng, halves(request)
    radius = np.concatenate((rng.uniform(0, 2.5, inside), rng.uniform(3.5, 5, outside)))
    points = polar(radius, rng.uniform(0, 2 * np.pi, len(radius)))
    tested = points + disturbance(request, 5, points.shape)
    return Samples(points, (np.hypot(*tested.T) < 2.5).astype(np.int64))


@dataset("xor", "Exclusive or", classes=SIGNS, options=_POINTS)
def xor(request: Request) -> Samples:
    """Four quadrants: +1 where x and y have the same sign, -1 elsewhere.

    Points are uniform in (-5, 5)² and pushed 0.3 away from each axis. Noise moves the label
    test, not the point, by uniform(-5, 5) · n.
    """
    points = request.rng.uniform(-5, 5, (request.options["samples"], 2))
    points += np.where(points > 0, 0.3, -0.3)
    tested = points + disturbance(request, 5, points.shape)
    return Samples(points, (tested.prod(1) >= 0).astype(np.int64))


@dataset("gauss", "Two clouds", classes=SIGNS, options=_POINTS)
def gauss(request: Request) -> Samples:
    """Normal clouds around (2, 2) (+1) and (-2, -2) (-1).

    Their variance grows with noise, linearly from 0.5 at 0 to 4 at 0.5.
    """
    labels = np.repeat([1, 0], halves(request))
    spread = np.sqrt(0.5 + 7 * request.options["noise"])
    points = 2.0 * (2 * labels - 1)[:, None] + spread * request.rng.normal(size=(len(labels), 2))
    return Samples(points, labels)


@dataset("spiral", "Two spirals", classes=SIGNS, options=_POINTS)
def spiral(request: Request) -> Samples:
    """Two spiral arms of 1.75 turns around each other, out to radius 5.

    Noise moves the points by uniform(-1, 1) · n.
    """
    arms = [np.arange(m) / m for m in halves(request)]
    points = np.concatenate(
        [polar(5 * t, 1.75 * 2 * np.pi * t + k * np.pi) for k, t in enumerate(arms)]
    )
    points += disturbance(request, 1, points.shape)
    return Samples(points, np.repeat([1, 0], [len(t) for t in arms]))


@dataset("plane", "Plane", task="regression", options=_SURFACE)
def plane(request: Request) -> Samples:
    """A slope to be learned: target (x + y) / 10 on the square [-6, 6]².

    Noise moves the point the target is read at by uniform(-6, 6) · n.
    """
    points, read_at = _square(request)
    return Samples(points, read_at.sum(1, keepdims=True) / 10)


@dataset("multi-gauss", "Six hills", task="regression", options=_SURFACE)
def multi_gauss(request: Request) -> Samples:
    """Six cones of radius 2, three up and three down, on the square [-6, 6]².

    Each gives sign · max(0, 1 - distance / 2); the largest in size wins. Noise moves the point
    the target is read at by uniform(-6, 6) · n.
    """
    points, read_at = _square(request)
    centres = np.array([(x, y) for y in (2.5, -2.5) for x in (-4, 0, 4)])
    signs = np.array([1, -1, 1, -1, 1, -1])
    distance = np.linalg.norm(read_at[:, None] - centres, axis=2)
    heights = signs * np.maximum(0, 1 - distance / 2)
    winner = np.abs(heights).argmax(1, keepdims=True)
    return Samples(points, np.take_along_axis(heights, winner, axis=1))


def _square(request: Request) -> tuple[Array, Array]:
    points = request.rng.uniform(-6, 6, (request.options["samples"], 2))
    return points, points + disturbance(request, 6, points.shape)
