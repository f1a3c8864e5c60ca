"""Small data sets made by rule: the rule is in them, and their columns have names."""

from __future__ import annotations

import numpy as np
import pytest

from graphcore import datasets
from graphcore.errors import DataError


def test_students_pass_by_the_rule() -> None:
    data = datasets.load("will-pass", options={"luck": 0.0})
    assert data.columns == ("hours studied", "hours slept")
    assert data.classes == ("fails", "passes")
    points = data.train.inputs @ np.array([0.6, 0.4])
    assert np.array_equal(points > 5.4, data.train.targets == 1)
    coded = datasets.load("will-pass", options={"targets": "zero-one"})
    assert set(coded.train.targets.ravel().tolist()) == {0.0, 1.0}


def test_prices_follow_from_three_columns_of_different_scales() -> None:
    data = datasets.load("house-prices", options={"noise": 0.0})
    assert data.columns == ("area (m²)", "rooms", "age (years)")
    assert data.target == "price (€)"
    rule = 40_000 + data.train.inputs.astype(float) @ np.array([2_400, 12_000, -900])
    assert np.allclose(data.train.targets[:, 0], rule, atol=51)
    scaled = datasets.load("house-prices", options={"target_scale": "standardize"})
    assert np.allclose(scaled.train.targets.std(), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("curve", "rule"),
    [("sine", lambda x: np.sin(2 * x)), ("step", lambda x: 1.0 * (x > 0)),
     ("cubic", lambda x: x**3 / 9 - x), ("bump", lambda x: np.exp(-2 * x**2))],
)  # fmt: skip
def test_points_lie_on_the_curve(curve: str, rule: object) -> None:
    data = datasets.load("function", options={"curve": curve, "noise": 0.0})
    assert callable(rule)
    assert np.allclose(data.train.targets, rule(data.train.inputs), atol=1e-5)


def test_the_class_is_the_first_of_the_sequence() -> None:
    data = datasets.load("remember", options={"length": 5})
    assert data.input_shape == (5, 1)
    assert np.array_equal(data.train.inputs[:, 0, 0] > 0, data.train.targets == 1)


def test_digits_can_be_limited_to_some_classes_and_samples() -> None:
    data = datasets.load("digits", options={"only_classes": "0-4", "train_samples": 50})
    assert data.classes == ("0", "1", "2", "3", "4")
    assert len(data.train) == 50
    assert set(data.test.targets.tolist()) == {0, 1, 2, 3, 4}
    other = datasets.load("digits", options={"only_classes": "7, 2"})
    assert other.classes == ("2", "7")
    whole = datasets.load("digits")
    sevens = whole.test.inputs[whole.test.targets == 7]
    assert np.array_equal(other.test.inputs[other.test.targets == 1], sevens)
    with pytest.raises(DataError, match="has no option 'only_classes'"):
        datasets.load("linear", options={"only_classes": "0"})


def test_a_zero_is_a_zero_again_after_normalising_and_back() -> None:
    data = datasets.load_dataset("house-prices", normalization="standardize")
    rows = np.concatenate([data.train.inputs, data.test.inputs])
    ages = data.normalization.invert(rows)[:, 2]
    assert (ages == 0).any()
    assert ages[ages != 0].min() >= 0.99


def test_a_word_is_followed_by_one_of_the_next_kind() -> None:
    data = datasets.load("next-word", options={"samples": 2000})
    words, following = data.train.inputs[:, 0].astype(int), data.train.targets
    assert np.array_equal(following // 3, (words // 3 + 1) % 3)
    assert data.classes[3] == "cat"
    counts = np.bincount(following, minlength=9)
    assert counts.min() > 0.7 * counts.max()


def test_figures_can_be_asked_what_where_which_pixels_and_what_comes_next() -> None:
    asked = {ask: datasets.load("figures", options={"ask": ask, "noise": 0.0})
             for ask in ("class", "box", "mask", "next")}  # fmt: skip
    pictures = asked["box"].train.inputs[:, 0]
    for found, box in zip(pictures[:50], asked["box"].train.targets[:50], strict=True):
        rows, columns = np.nonzero(found)
        corners = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.allclose(np.array(corners) / 16, box)
    assert asked["class"].classes == ("square", "cross")
    full = np.array([p.mean() for p in pictures]) * 256 / _areas(asked["box"].train.targets)
    assert np.array_equal(full > 0.99, asked["class"].train.targets == 0)
    masks = asked["mask"].train.targets
    assert masks.shape == (480, 16, 16)
    assert np.array_equal(masks > 0, asked["mask"].train.inputs[:, 0] > 0)
    now, then = asked["next"].train.inputs, asked["next"].train.targets
    assert np.array_equal(then[:, :, 1:, 2:], now[:, :, :-1, :-2])
    assert then.sum() == now.sum(), "no figure leaves the picture"


def _areas(boxes: np.ndarray) -> np.ndarray:
    """Pixels of each box."""
    areas: np.ndarray = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) * 256
    return areas
