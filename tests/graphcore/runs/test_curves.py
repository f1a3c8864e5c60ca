"""What a run has been measured to do."""

import numpy as np
import pytest

from graphcore.runs.curves import Curves


def test_the_loss_that_is_told_is_the_smoothed_one() -> None:
    curves, values = Curves(), np.random.default_rng(0).random(400)
    held = 0.0
    for i, value in enumerate(values):
        curves.add(i + 1, (float(value),), 0.01)
        held = 0.9 * held + 0.1 * value
    assert curves.last_loss == pytest.approx(held / (1 - 0.9**400), rel=1e-4)
    curves.add(401, (float("nan"),), 0.01)
    assert curves.last_loss is not None
    assert np.isfinite(curves.last_loss)


def test_nothing_is_told_of_nothing() -> None:
    curves = Curves()
    assert curves.last_loss is None
    curves.add(1, (0.5,), 0.1)
    assert curves.last_loss == 0.5
    curves = curves.until(0)
    assert curves.last_loss is None


@pytest.mark.parametrize("more", [0, 1, 5])
def test_thinned_steps_count_as_many_as_they_were(more: int) -> None:
    """Sixteen thousand losses of 0, then four of 1: at the last the rows become half as many."""
    curves = Curves()
    for step in range(16_380 + 4 + more):
        curves.add(step + 1, (float(step >= 16_380),), 0.0)
    assert curves.last_loss == pytest.approx(1 - 0.9 ** (4 + more), rel=1e-9)
    again = Curves.of(curves.rows, [], [])
    assert again.last_loss == pytest.approx(curves.last_loss, rel=1e-9)


def test_the_smoothed_loss_starts_at_the_first() -> None:
    curves = Curves()
    curves.add(1, (4.0,), 0.0)
    curves.add(2, (1.0,), 0.0)
    assert curves.last_loss == pytest.approx((0.9 * 4 + 1) / 1.9)
    assert curves.until(1).last_loss == 4.0


def test_each_row_has_the_smoothed_loss_of_its_moment() -> None:
    """Losses that are not finite are left out, also the first ones."""
    curves, told = Curves(), []
    for step, loss in enumerate((float("nan"), float("inf"), 3.0, 1.0, float("nan"), 2.0)):
        curves.add(step + 1, (loss,), 0.0)
        told.append(curves.last_loss)
    assert curves.smoothed.tolist()[1:] == told[1:]
    assert told[2:5] == [3.0, pytest.approx((0.9 * 3 + 1) / 1.9), told[3]]
    assert curves.until(4).smoothed.tolist()[2:] == told[2:4]


def test_losses_without_noise_are_not_smoothed() -> None:
    curves = Curves(smoothing=0.0)
    for step, loss in enumerate((3.0, 1.0, float("nan"), 0.5), 1):
        curves.add(step, (loss,), 0.0)
    assert curves.last_loss == 0.5
    assert curves.until(2).smoothed.tolist() == [3.0, 1.0]
    assert Curves.of(curves.rows, [], [], curves.smoothing).last_loss == 0.5
