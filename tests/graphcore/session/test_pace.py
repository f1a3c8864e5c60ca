"""How long steps are made without looking for requests, and how long views rest."""

import io

import pytest

from graphcore.session import messages as m
from graphcore.session import pace
from graphcore.views.health import HealthRequest
from graphcore.worker.protocol import encode
from graphcore.worker.serve import _Server


@pytest.fixture
def clock(monkeypatch):
    """The time, which a test sets."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "perf_counter", lambda: now[0])
    return now


@pytest.mark.parametrize(("request_", "awaited"), [(m.NextFrame(), False), (HealthRequest(), True)])
def test_steps_are_interrupted_often_only_while_somebody_waits(clock, request_, awaited):
    sent = io.BytesIO()
    server = _Server(lambda reply: sent.write(encode(reply)))
    attention = server.session.attention
    assert attention.seconds == attention.LONG
    server._handle(request_)
    assert attention.seconds == (attention.BRIEF if awaited else attention.LONG)
    clock[0] += attention.LASTS + 0.1
    assert attention.seconds == attention.LONG


def test_views_do_not_rest_for_the_time_that_a_computer_slept():
    assert pace.rest(0.01, 0.02) == pytest.approx(0.5)
    assert pace.rest(3600.0, 0.02) == pace.LONGEST_REST
