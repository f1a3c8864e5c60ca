"""What a run has been measured to do."""

import numpy as np
import pytest

from graphcore.curves import Curves


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
