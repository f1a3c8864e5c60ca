"""Augmentations: what they may change, and that the seed decides."""

from __future__ import annotations

import numpy as np
import pytest

from graphcore.datasets import augmentation
from graphcore.errors import DataError

IMAGES = np.random.default_rng(0).random((5, 2, 9, 7), np.float32)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", augmentation.names())
def test_every_augmentation(name: str) -> None:
    help_, options = augmentation.describe(name)
    assert help_.endswith(".")
    (strength,) = options.values()
    before = IMAGES.copy()
    first, again, other = (augmentation.apply({name: strength}, IMAGES, rng(s)) for s in (0, 0, 1))
    assert np.array_equal(IMAGES, before)
    assert first.dtype == np.float32
    assert first.shape == IMAGES.shape
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    np.testing.assert_allclose(augmentation.apply({name: 0}, IMAGES, rng()), IMAGES, atol=1e-6)
    assert augmentation.apply({name: strength}, IMAGES[:0], rng()).shape == (0, 2, 9, 7)


def test_shift_moves_whole_pixels_and_zeros_come_in() -> None:
    dot = np.zeros((200, 1, 7, 7), np.float32)
    dot[:, 0, 3, 3] = 1
    moved = augmentation.shift(dot, rng(), 2)
    places = np.argwhere(moved[:, 0] == 1)
    assert len(places) == 200
    assert set(places[:, 1]) == set(places[:, 2]) == {1, 2, 3, 4, 5}
    full = augmentation.shift(np.ones((200, 1, 7, 7), np.float32), rng(), 2)
    assert set(full.sum((1, 2, 3)).astype(int)) == {a * b for a in (5, 6, 7) for b in (5, 6, 7)}


def test_a_quarter_turn_is_rot90() -> None:
    class QuarterTurn(np.random.Generator):
        def uniform(self, low: float, high: float, size: int) -> np.ndarray:  # type: ignore[override]
            return np.full(size, high)

    square = np.random.default_rng(1).random((3, 2, 8, 8), np.float32)
    turned = augmentation.rotate(square, QuarterTurn(np.random.PCG64(0)), 90)
    np.testing.assert_allclose(turned, np.rot90(square, -1, (2, 3)), atol=1e-5)


def test_noise_has_the_standard_deviation_asked_for() -> None:
    flat = np.full((50, 1, 28, 28), 0.5, np.float32)
    noisy = augmentation.apply({"noise": 0.2}, flat, rng())
    assert noisy.std() == pytest.approx(0.2, rel=0.02)
    assert noisy.mean() == pytest.approx(0.5, abs=0.01)


def test_refused() -> None:
    with pytest.raises(DataError, match="no augmentation called 'flip'; there are: shift"):
        augmentation.apply({"flip": 1}, IMAGES, rng())
    with pytest.raises(DataError, match="noise takes a strength from 0 on, not -1"):
        augmentation.apply({"noise": -1}, IMAGES, rng())
    with pytest.raises(DataError, match=r"got inputs of shape \(5, 2\)"):
        augmentation.apply({"noise": 1}, IMAGES[:, :, 0, 0], rng())
