"""The generated sets against their published rules, recomputed here point by point."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.errors import DataError

TWO_CLASSES = (
    "circle", "xor", "gauss", "spiral", "moons", "boundary", "xor4", "two-gaussians",
)  # fmt: skip


def everything(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    parts = (data.train, data.test)
    return np.concatenate([p.inputs for p in parts]), np.concatenate([p.targets for p in parts])


def test_circle_is_a_disc_in_a_ring() -> None:
    points, labels = everything(datasets.load("circle"))
    radius = np.hypot(*points.T)
    assert np.array_equal(labels == 1, radius < 2.5)
    assert (labels == 1).sum() == 250
    assert radius[labels == 0].min() >= 3.5 - 1e-6
    assert radius.max() <= 5


def test_circle_noise_moves_the_test_not_the_point() -> None:
    calm, noisy = (everything(datasets.load("circle", options={"noise": n})) for n in (0, 0.5))
    assert np.array_equal(calm[0], noisy[0])
    assert 0.1 < (calm[1] != noisy[1]).mean() < 0.5


def test_circle_noise_is_uniform_and_tested_against_the_disc() -> None:
    options = {"noise": 0.5, "samples": 100_000}
    points, labels = everything(datasets.load("circle", options=options))
    # Share of the square of side 5 around each point that lies in the disc, on a grid.
    grid = (np.arange(25) + 0.5) / 25 * 5 - 2.5
    x, y = points[:4000, 0, None, None] + grid[:, None], points[:4000, 1, None, None] + grid
    expected = (np.hypot(x, y) < 2.5).mean()
    assert labels.mean() == pytest.approx(expected, abs=0.01)


def test_xor_keeps_off_the_axes() -> None:
    points, labels = everything(datasets.load("xor"))
    assert np.abs(points).min() >= 0.3
    assert np.abs(points).max() <= 5.3
    assert np.array_equal(labels == 1, points.prod(1) >= 0)


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.25, 2.25), (0.5, 4.0)])
def test_gauss_variance_grows_linearly_with_noise(noise: float, variance: float) -> None:
    data = datasets.load("gauss", options={"noise": noise, "samples": 20_000})
    points, labels = everything(data)
    for label, centre in ((1, 2.0), (0, -2.0)):
        cloud = points[labels == label]
        assert cloud.mean(0) == pytest.approx([centre, centre], abs=0.1)
        assert cloud.var(0) == pytest.approx([variance, variance], rel=0.05)


def test_spiral_points_lie_on_two_arms() -> None:
    points, labels = everything(datasets.load("spiral", options={"samples": 20}))
    for arm, turned in ((1, 0.0), (0, math.pi)):
        expected = []
        for i in range(10):
            angle = 1.75 * i / 10 * 2 * math.pi + turned
            expected.append((5 * i / 10 * math.sin(angle), 5 * i / 10 * math.cos(angle)))
        found = points[labels == arm]
        ordered = found[np.argsort(np.hypot(*found.T))]
        assert ordered == pytest.approx(np.array(expected), abs=1e-6)


def test_plane_is_a_tenth_of_the_sum() -> None:
    points, targets = everything(datasets.load("plane"))
    assert len(points) == 1200
    assert targets[:, 0] == pytest.approx(points.sum(1) / 10, abs=1e-6)


def hill(x: float, y: float) -> float:
    best = 0.0
    for cx, cy, sign in ((-4, 2.5, 1), (0, 2.5, -1), (4, 2.5, 1),
                         (-4, -2.5, -1), (0, -2.5, 1), (4, -2.5, -1)):  # fmt: skip
        height = sign * max(0.0, 1 - math.hypot(x - cx, y - cy) / 2)
        if abs(height) > abs(best):
            best = height
    return best


def test_multi_gauss_takes_the_largest_hill() -> None:
    points, targets = everything(datasets.load("multi-gauss"))
    assert targets[:, 0] == pytest.approx([hill(x, y) for x, y in points], abs=1e-6)


def test_moons_without_noise_are_scikit_learns() -> None:
    from sklearn.datasets import make_moons

    points, labels = everything(datasets.load("moons", options={"noise": 0.0, "samples": 50}))
    theirs, their_labels = make_moons(50, shuffle=False)
    mine = sorted(zip(labels.tolist(), *points.T.tolist(), strict=True))
    other = sorted(zip(their_labels.tolist(), *theirs.T.tolist(), strict=True))
    assert np.array(mine) == pytest.approx(np.array(other), abs=1e-6)


def test_rings_do_not_touch() -> None:
    points, labels = everything(datasets.load("rings"))
    radius = np.hypot(*points.T)
    assert np.array_equal(labels, (radius // 2).astype(int))
    assert np.bincount(labels).tolist() == [200, 200, 200]


@pytest.mark.parametrize(
    ("curve", "f"),
    [
        ("sine", lambda x: 2.5 * np.sin(x)),
        ("cubic", lambda x: x**3 / 25 - x),
        ("absolute value", lambda x: np.abs(x) - 3),
    ],
)
def test_boundary_is_the_curve(curve: str, f: Callable[[np.ndarray], np.ndarray]) -> None:
    points, labels = everything(datasets.load("boundary", options={"curve": curve}))
    x, y = points.T.astype(float)
    far = np.abs(y - f(x)) > 1e-4  # float32 may put a point on the other side of the curve
    assert np.array_equal(labels[far] == 1, (y > f(x))[far])


def test_xor4_is_trained_and_tested_on_the_same_four_points() -> None:
    data = datasets.load("xor4")
    for split in (data.train, data.test):
        assert split.inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
        assert split.targets.tolist() == [0, 1, 1, 0]


def test_linear_is_solved_by_its_own_line() -> None:
    data = datasets.load("linear", options={"slope": -1.5, "intercept": 4, "noise": 0.0})
    slope, intercept = np.polyfit(data.train.inputs[:, 0], data.train.targets[:, 0], 1)
    assert (slope, intercept) == pytest.approx((-1.5, 4), abs=1e-5)


@pytest.mark.parametrize("name", TWO_CLASSES)
def test_two_classes_as_signs_or_numbers(name: str) -> None:
    classes, signs, numbers = (
        datasets.load(name, options={"targets": kind}) for kind in ("classes", "signs", "zero-one")
    )
    assert classes.train.targets.dtype == np.int64
    assert len(classes.classes) == 2
    for data, expected in ((signs, [-1, 1]), (numbers, [0, 1])):
        assert (data.task, data.classes) == ("classification", classes.classes)
        targets = data.train.targets
        assert targets.dtype == np.float32
        assert targets.shape == (len(data.train), 1)
        assert np.array_equal(targets[:, 0], np.array(expected)[classes.train.targets])
        assert np.array_equal(data.train.inputs, classes.train.inputs)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_train_share(share: float) -> None:
    data = datasets.load("circle", options={"train_share": share, "samples": 200})
    assert (len(data.train), len(data.test)) == (round(200 * share), 200 - round(200 * share))


def test_noise_past_its_bound_is_refused() -> None:
    with pytest.raises(DataError, match=r"'noise' of the data set circle lies between 0 and 0\.5"):
        datasets.load("circle", options={"noise": 0.6})
