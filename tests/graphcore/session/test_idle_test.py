"""The net that a run began with is tested once, and its test is a point of the curves."""

import time

from graphcore import files, presets
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.views.scheduler import Scheduler
from graphcore.views.timeline import TimelineRequest
from graphcore.views.view import find


def test_the_untrained_net_is_a_point_of_the_curves() -> None:
    session = Session(lambda _reply: None, "cpu")
    find()
    session.load(m.Load(files.dumps(presets.load("circle"))))
    views = Scheduler(session)
    views.take(TimelineRequest())

    def look() -> list[int]:
        end = time.perf_counter() + 1.0
        while views.has_looks() and time.perf_counter() < end:
            views.first()
        assert session.runs.current is not None
        return [test.step for test in session.runs.current.curves.tests]

    assert look() == [0]
    assert [score.step for score in session.frames.scores] == [0], "the window draws it"
    assert look() == [0], "once"
