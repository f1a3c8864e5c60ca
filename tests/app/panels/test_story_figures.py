"""Every figure of a run is of the step, the weights and the data that it stands beside."""

from __future__ import annotations

import math

import pytest

from graphcore.views.timeline import EnterRun


def rates_of(session) -> dict[int, float]:
    return {row.step: row.lr for row in session.window.exports.metrics.log.rows if row.step}


def test_the_metrics_have_the_learning_rate_that_each_step_was_made_with(session) -> None:
    session.settings(schedule="cosine", epochs=2)
    session.train(40)
    used = {k: 0.03 * (1 + math.cos(math.pi * (k - 1) / 49)) / 2 for k in range(1, 41)}
    assert rates_of(session) == pytest.approx(used)
    session.settings(schedule="constant")
    session.train(1)
    session.wait(lambda: rates_of(session).get(41) is not None)
    assert rates_of(session) == pytest.approx({**used, 41: 0.03})
    session.engine.ask(EnterRun(1))  # its table comes as a whole
    session.wait(lambda: len(rates_of(session)) == 40)
    assert rates_of(session) == pytest.approx(used)
