"""Small generated data sets beside Playground's: for lessons, and to check numbers by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphcore.datasets.playground import NOISE, SAMPLES, disturbance, halves, polar
from graphcore.datasets.registry import TARGETS, TRAIN_SHARE, Option, Request, Samples, dataset

_CURVES = {
    "sine": lambda x: 2.5 * np.sin(x),
    "cubic": lambda x: x**3 / 25 - x,
    "absolute value": lambda x: np.abs(x) - 3,
}


@dataset(
    "moons", "Two moons", classes=("0", "1"),
    options=(replace(NOISE, default=0.1, help="Standard deviation of the points."),
             TRAIN_SHARE, replace(SAMPLES, default=200), TARGETS),
)  # fmt: skip
def moons(request: Request) -> Samples:
    """Two half circles of radius 1 that reach into each other.

    The second is mirrored and moved by (1, 0.5). Noise is normal.
    Source: scikit-learn's make_moons, as micrograd uses it (100 train points, noise 0.1).
    """
    first, second = (np.linspace(0, np.pi, n) for n in halves(request))
    outer = np.stack((np.cos(first), np.sin(first)), axis=1)
    inner = np.stack((1 - np.cos(second), 0.5 - np.sin(second)), axis=1)
    points = np.concatenate((outer, inner))
    points += request.options["noise"] * request.rng.normal(size=points.shape)
    return Samples(points, np.repeat([0, 1], [len(outer), len(inner)]))


@dataset(
    "rings", "Three rings", classes=("inner", "middle", "outer"),
    options=(NOISE, TRAIN_SHARE, replace(SAMPLES, default=600)),
)  # fmt: skip
def rings(request: Request) -> Samples:
    """Three classes: a disc of radius 1.2, a ring from 2 to 3.2 and one from 4 to 5.2.

    Noise moves the points by uniform(-2, 2) · n.
    """
    rng, n = request.rng, request.options["samples"]
    labels = np.arange(n) % 3
    points = polar(2 * labels + rng.uniform(0, 1.2, n), rng.uniform(0, 2 * np.pi, n))
    return Samples(points + disturbance(request, 2, points.shape), labels)


@dataset(
    "boundary", "Above a curve", classes=("below", "above"),
    options=(Option("curve", "sine", "The function f of the boundary.", choices=tuple(_CURVES)),
             NOISE, TRAIN_SHARE, SAMPLES, TARGETS),
)  # fmt: skip
def boundary(request: Request) -> Samples:
    """Points of the square [-6, 6]² that lie above a curve: y > f(x).

    f is 2.5 · sin(x), x³ / 25 - x, or |x| - 3. Noise moves the label test, not the point, by
    uniform(-6, 6) · n.
    """
    points = request.rng.uniform(-6, 6, (request.options["samples"], 2))
    x, y = (points + disturbance(request, 6, points.shape)).T
    return Samples(points, (y > _CURVES[request.options["curve"]](x)).astype(np.int64))


@dataset("xor4", "Exclusive or, four points", classes=("0", "1"), options=(TARGETS,))
def xor4(request: Request) -> Samples:
    """The four points (0, 0), (0, 1), (1, 0), (1, 1) and their exclusive or: 0, 1, 1, 0.

    Train and test split are the same four points.
    """
    inputs, targets = np.array([(0, 0), (0, 1), (1, 0), (1, 1)]), np.array([0, 1, 1, 0])
    return Samples(inputs, targets, test=(inputs, targets))


@dataset(
    "two-gaussians", "Two Gaussians", classes=("lower left", "upper right"),
    options=(Option("spread", 1.0, "Standard deviation of each cloud.", 0.01, 5.0),
             TRAIN_SHARE, replace(SAMPLES, default=1000), TARGETS),
)  # fmt: skip
def two_gaussians(request: Request) -> Samples:
    """A distribution with two modes, at (-2, -2) and (2, 2), for a GAN to imitate.

    The target says which mode a point was drawn from; a generator has no use for it.
    """
    labels = request.rng.integers(0, 2, request.options["samples"])
    centres = np.array([(-2.0, -2.0), (2.0, 2.0)])[labels]
    noise = request.options["spread"] * request.rng.normal(size=centres.shape)
    return Samples(centres + noise, labels)


@dataset(
    "linear", "Straight line", task="regression", shape=(1,),
    options=(Option("slope", 2.0, "a of y = a x + b."),
             Option("intercept", 1.0, "b of y = a x + b."),
             Option("noise", 0.5, "Standard deviation of y around the line.", 0.0, 10.0),
             TRAIN_SHARE, replace(SAMPLES, default=200)),
)  # fmt: skip
def linear(request: Request) -> Samples:
    """Points around y = a x + b, with x uniform in [-3, 3] and normal noise: two parameters.

    The loss is a bowl whose lowest point is known in closed form.
    """
    o, n = request.options, request.options["samples"]
    x = request.rng.uniform(-3, 3, (n, 1))
    return Samples(
        x, o["slope"] * x + o["intercept"] + o["noise"] * request.rng.normal(size=(n, 1))
    )
