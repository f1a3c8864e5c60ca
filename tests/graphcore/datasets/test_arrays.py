"""Arrays from .npz files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphcore import datasets
from graphcore.datasets import Dataset
from graphcore.errors import DataError


def load(tmp_path: Path, arrays: dict[str, Any], **options: Any) -> Dataset:
    np.savez(tmp_path / "a.npz", **arrays)
    return datasets.load_dataset(tmp_path / "a.npz", **options)


def test_images_with_a_test_split(tmp_path: Path) -> None:
    images = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
    data = load(tmp_path, {"x_train": images, "y_train": np.array([0, 1, 2, 0, 1, 2]),
                           "x_test": images[:2], "y_test": np.array([0, 1])})  # fmt: skip
    assert (data.task, data.input_shape, data.classes) == (
        "classification", (1, 4, 4), ("0", "1", "2"),
    )  # fmt: skip
    assert np.allclose(data.train.inputs * 255, images[:, None])
    assert len(data.test) == 2


def test_numbers(tmp_path: Path) -> None:
    x, y = np.linspace(0, 1, 20), np.linspace(1, 2, 20)
    data = load(tmp_path, {"X": x, "y": y})
    assert (data.task, data.input_shape, len(data.train)) == ("regression", (1,), 16)
    assert load(tmp_path, {"a": x, "b": y}, inputs="a", targets_array="b").task == "regression"


REFUSED = [
    ({"x": np.zeros(3)}, "has no array 'y'; it has: x"),
    ({"x": np.zeros(3), "y": np.zeros(4)}, "3 inputs and 4 targets"),
    ({"x": np.full(3, np.nan), "y": np.zeros(3)}, "not all finite"),
    ({"x": np.array([{}], object), "y": np.zeros(1)}, "is no .npz file of numbers"),
    ({"x": np.array(["a", "b"]), "y": np.zeros(2)}, "not all finite numbers"),
]


@pytest.mark.parametrize(("arrays", "message"), REFUSED)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load(tmp_path, arrays)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(DataError, match=r"is no \.npz file"):
        datasets.load_dataset(tmp_path / "a.npz")
