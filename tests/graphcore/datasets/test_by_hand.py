"""Points that were set by hand are what was written."""

from __future__ import annotations

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import by_hand
from graphcore.errors import DataError


def test_points_come_back_as_they_were_written() -> None:
    points = np.array([[0.5, -1.25], [2.0, 3.0], [4.0, 5.5]])
    labels, tests = np.array([1, 0, 2]), np.array([False, False, True])
    text = by_hand.to_text(points, labels, tests)
    data = datasets.load("by-hand", options={"points": text, "names": "a, b, c"})
    assert data.classes == ("a", "b", "c")
    assert np.allclose(data.train.inputs, points[:2])
    assert np.allclose(data.test.inputs, points[2:])
    assert data.train.targets.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("text", "said"),
    [("1 2", "is not written"), ("1 2 0 x", "is not written"), ("1 nan 0", "not finite"),
     ("1 2 7", "class 7"), ("", "no point left"), ("1 2 0 t", "no point left")],
)  # fmt: skip
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        datasets.load("by-hand", options={"points": text})


def test_points_in_their_own_numbers_are_normalised_as_is_said() -> None:
    options = {"points": "10 2020 0; 20 2024 1", "normalised": "10 2000 5 8", "columns": "a;b"}
    data = datasets.load("by-hand", options=options, normalization="standardize")
    assert data.train.inputs.tolist() == [[0, 2.5], [2, 3]]
    assert data.columns == ("a", "b")
    plain = datasets.load("by-hand", options=options)
    assert plain.train.inputs.tolist() == [[10, 2020], [20, 2024]]
    for wrong in ("1 2 3", "1 2 3 0", "a b c d"):
        with pytest.raises(DataError, match="no scale of both"):
            datasets.load("by-hand", options={"normalised": wrong}, normalization="standardize")
