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
