"""A learning rate is suggested only where the loss fell once learning had begun."""

import numpy as np
import pytest

from graphcore.records.arrays import unpack
from graphcore.training import rate_test
from graphcore.training.rate_test import START, STEPS, RatePoint, suggestion
from graphcore.views.rate_test.compute import _found


def points(losses) -> list[RatePoint]:
    """What the test yields for batches of these losses."""
    found, mean = [], 0.0
    for i, loss in enumerate(losses):
        mean = rate_test.SMOOTHING * mean + (1 - rate_test.SMOOTHING) * loss
        smoothed = mean / (1 - rate_test.SMOOTHING ** (i + 1))
        found.append(RatePoint(1e-6 * 1e7 ** (i / (STEPS - 1)), smoothed, loss))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_one_easy_batch_at_the_start_is_no_learning(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(2.31, 0.002, STEPS)
    noise[:START] = np.resize([2.2, 2.5], START)
    noise[0] = 1.9
    found = points(noise)
    assert min(found, key=lambda p: p.loss) is found[0]
    assert min(found[START:], key=lambda p: p.loss).loss < noise[:START].mean(), "by a trifle"
    assert suggestion(found) is None


def test_the_smallest_loss_that_is_drawn_is_the_one_that_is_spoken_of() -> None:
    losses = np.linspace(2.3, 0.5, STEPS)
    losses[0] = 0.1
    frame = _found(points(losses), over=True)
    assert frame.rates is not None
    assert frame.losses is not None
    rates, drawn = unpack(frame.rates), unpack(frame.losses)
    assert frame.suggestion == pytest.approx(rates[drawn.argmin()] / 10, rel=0.5)
    assert frame.done == 1


def test_the_smallest_loss_after_the_fall_is_what_is_divided() -> None:
    losses = np.full(STEPS, 2.3)
    losses[0] = 0.1  # a batch that happened to be easy
    losses[60:80] = np.linspace(2.3, 0.5, 20)
    losses[80:] = np.linspace(0.5, 9, 20)
    found = points(losses)
    shown = found[START:]
    best = min(shown, key=lambda p: p.loss)
    assert suggestion(found) == pytest.approx(best.rate / 10, rel=0.5)
    assert best.rate > 1e-2
    assert suggestion(points(np.linspace(1, 3, STEPS))) is None
    assert suggestion(found[:START]) is None


def test_noisy_batches_that_are_learnt_all_the_same_have_a_suggestion() -> None:
    loud = np.random.default_rng(0).chisquare(1, STEPS)
    loud[50:] *= 0.01
    assert suggestion(points(loud)) is not None
