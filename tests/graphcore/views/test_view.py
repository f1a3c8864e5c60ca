"""What registers is served by its kind: looks, questions, jobs and commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphcore import files, presets
from graphcore.errors import WorkerError
from graphcore.records.requests import Ask, Command, Job, Look, Reply, Request
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.views import view as views
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.scheduler import Scheduler
from graphcore.views.view import VIEWS, view
from graphcore.worker.line import Ping
from graphcore.worker.protocol import by_name
from graphcore.worker.serve import _Server

KINDS = (Look, Ask, Job, Command)


class Count(Look, frozen=True):
    name: str = ""


class Counted(Reply, frozen=True):
    name: str
    step: int = 0


class Work(Job, frozen=True):
    name: str = ""


class Nobody(Ask, frozen=True):
    pass


@pytest.fixture
def registered():
    """Lets a test register views, which are gone behind it."""
    known = dict(VIEWS)
    yield view
    VIEWS.clear()
    VIEWS.update(known)


@pytest.fixture
def served():
    said: list[Reply] = []
    session = Session(said.append, "cpu")
    session.load(m.Load(files.dumps(presets.load("circle"))))
    said.clear()
    return Scheduler(session), session, said


def trained(session: Session, steps: int) -> None:
    session.run(m.Run(steps))
    while session.running:
        session.work()


def test_every_request_is_served_by_something() -> None:
    server = _Server(lambda reply: None)
    kinds = [k for k in by_name(Request).values() if k.__module__.startswith("graphcore.")]
    asked = [k for k in kinds if k not in KINDS]
    assert len(asked) > 35
    asked.remove(Ping)  # the line answers it, whatever the server is at
    assert [k for k in asked if k not in VIEWS and k not in server.handlers] == []


def test_every_record_stands_beside_what_answers_it() -> None:
    views.find()
    for request, found in VIEWS.items():
        if request.__module__.startswith("graphcore.views."):
            assert found.answer.__module__.startswith(f"{request.__module__}."), request


def test_a_request_that_nothing_serves_is_refused(served) -> None:
    with pytest.raises(WorkerError, match="Nobody"):
        served[0].take(Nobody())


def test_a_look_is_made_again_when_the_weights_are_others_and_not_else(served, registered) -> None:
    scheduler, session, said = served
    registered(Count)(lambda s, request: Counted(request.name, s.trainer.step))
    scheduler.take(Count("a"))
    for _ in range(3):
        scheduler.work()
    assert said == [Counted("a", 0)]
    trained(session, 2)
    with session.changed_by_hand():
        pass
    scheduler.work()
    scheduler.take(Count("a", visible=False))
    trained(session, 2)
    scheduler.work()
    assert [reply.step for reply in said if isinstance(reply, Counted)] == [0, 2]


def test_views_take_turns(served) -> None:
    scheduler, _, said = served
    scheduler.take(ResultsRequest())
    scheduler.take(HealthRequest())
    scheduler.work()
    scheduler.work()
    assert {type(reply) for reply in said} >= {HealthFrame}
    while scheduler.has_work():
        scheduler.work()
    assert {type(reply) for reply in said} == {HealthFrame, ResultsFrame}


@pytest.mark.parametrize(("how", "wanted"), [("kept", [0, 5]), ("once", [0]), ("never", [])])
def test_while_training(served, registered, how: str, wanted: list[int]) -> None:
    scheduler, session, said = served
    made = registered(Count, while_training=how, rest=0.0, share=1e9)
    made(lambda s, request: Counted("", s.trainer.step))
    session.run(m.Run(10))
    scheduler.take(Count())
    scheduler.work()
    while session.trainer.step < 5:
        session.work()
    scheduler.work()
    assert [reply.step > 0 for reply in said if isinstance(reply, Counted)] == [
        step > 0 for step in wanted
    ]


def test_pieces_are_replies_and_pauses(served, registered) -> None:
    scheduler, _, said = served

    def pieces(_: Session, request: Count) -> Iterator[Counted | None]:
        yield None
        yield Counted("first")
        yield None
        yield Counted("second")

    registered(Count)(pieces)
    scheduler.take(Count())
    turns = 0
    while scheduler.has_work():
        scheduler.work()
        turns += 1
    assert (turns, [reply.name for reply in said]) == (5, ["first", "second"])


def test_a_job_ends_the_one_before_and_is_ended(served, registered) -> None:
    scheduler, _, said = served
    ended = []

    def work(_: Session, request: Work) -> Iterator[Counted]:
        try:
            while True:
                yield Counted(request.name)
        finally:
            ended.append(request.name)

    registered(Work)(work)
    for name in ("a", "b"):
        scheduler.take(Work(name))
        scheduler.work()
    scheduler.take(Work(run=False))
    scheduler.work()
    assert not scheduler.has_work()
    assert [reply.name for reply in said] == ["a", "b"]
    assert ended == ["a", "b"]


def test_every_reply_bears_the_revision_of_the_net(served) -> None:
    scheduler, session, said = served
    session.load(m.Load(files.dumps(presets.load("xor")), revision=7))
    scheduler.take(HealthRequest())
    scheduler.work()
    session.reset(8)
    trained(session, 1)
    scheduler.work()
    told = {type(reply): reply.revision for reply in said}
    assert told[m.Loaded] == 7
    assert told[HealthFrame] == 8
