"""Whatever goes wrong in the engine process is a sentence: it lives, and trains on."""

import queue
import struct
import subprocess
import sys

import msgspec
import pytest

from graphcore import files, presets
from graphcore.engine import pictures as recording
from graphcore.records.requests import Reply, Request
from graphcore.session import live_tests
from graphcore.session import messages as m
from graphcore.session import session as sessions
from graphcore.session.messages import Hold, HoldRequest
from graphcore.training.trainer import Trainer
from graphcore.views.embedding import TsneFrame, TsneRequest, tsne_task
from graphcore.views.health import HealthFrame, HealthRequest
from graphcore.views.health import compute as health
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest
from graphcore.views.landscape import compute as landscape_task
from graphcore.views.race import RaceFrame, RaceRequest
from graphcore.views.race import compute as race_task
from graphcore.views.rate_test import RateTestFrame, RateTestRequest
from graphcore.views.rate_test import compute as rate_task
from graphcore.views.results import ResultsFrame, ResultsRequest
from graphcore.views.results import compute as results
from graphcore.views.stepper import WalkFrame, WalkRequest
from graphcore.views.stepper import compute as walk_task
from graphcore.views.timeline import CurvesRequest, TimelineRequest
from graphcore.views.timeline import compute as time_task
from graphcore.views.weights import TensorRequest
from graphcore.views.weights import compute as weights
from graphcore.views.what_if import compute as what_if_task
from graphcore.worker import serve
from graphcore.worker.protocol import FrameReader, decode_reply, encode


class Engine:
    """A server in this process: requests are put to it, and what it sends is kept."""

    def __init__(self) -> None:
        self.said: list[Reply] = []
        self.server = serve._Server(lambda reply: (encode(reply), self.said.append(reply)))
        load = m.Load(files.dumps(presets.load("circle")))
        self.ask(m.Hello(threads=1), TimelineRequest(), load, m.NextFrame())

    def ask(self, *requests: Request) -> None:
        for request in requests:
            self.server._handle(request)

    def work(self, turns: int = 40) -> None:
        inbox: serve.Inbox = queue.SimpleQueue()
        for _ in range(turns):
            if self.server.session.seconds_to_wait() is not None or self.server.views.has_work():
                self.server._work(inbox)
            self.server._handle(m.NextFrame())

    def of(self, kind: type) -> list:
        return [reply for reply in self.said if isinstance(reply, kind)]

    def trains(self) -> bool:
        """Whether steps are made, and told of."""
        session = self.server.session
        before = session.trainer.step
        self.said.clear()
        self.ask(m.Run(20), m.NextFrame())
        self.work()
        told = [frame.step for frame in self.of(m.Frame)]
        return session.trainer.step == before + 20 == max(told)


def boom(*_: object, **__: object) -> object:
    raise ZeroDivisionError("planted\n<b>fault</b>")


VIEWS: dict[str, tuple[tuple[object, str], Request]] = {
    "a request": ((weights, "_packed"), TensorRequest("hidden1.weight")),
    "the stepper": ((walk_task, "go_through"), WalkRequest(visible=True)),
    "the examination": ((health, "examine"), HealthRequest()),
    "the results": ((results, "results_in_pieces"), ResultsRequest()),
    "the landscape": ((landscape_task, "choose"), LandscapeRequest(visible=True)),
    "pictures": ((recording, "value_pictures"), m.Watch(("hidden1",), ())),
    "the table of runs": ((time_task, "_table"), m.Run(2)),
    "the curves of runs": ((time_task, "_curves"), CurvesRequest()),
    "the rate test": ((rate_task, "suggestion"), RateTestRequest()),
    "a race": ((race_task, "_seen"), RaceRequest("lr", 20)),
    "t-SNE": ((tsne_task, "_finished"), TsneRequest(run=True)),
    "what if": ((what_if_task, "compare"), HoldRequest((Hold("hidden1"),), compare=True)),
}


@pytest.mark.parametrize("place", VIEWS)
def test_an_error_anywhere_is_said_once_and_training_goes_on(
    place: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine()
    engine.ask(m.Run(5))
    engine.work()
    (owner, name), request = VIEWS[place]
    monkeypatch.setattr(owner, name, boom)
    engine.ask(request)
    while engine.server.views._jobs:
        engine.work(1)
    engine.work(400)
    (failure,) = engine.of(m.Failure)
    assert failure.kind == "request"
    assert "ZeroDivisionError: planted" in failure.message
    assert "\n" not in failure.message
    assert "in boom" in failure.details
    assert "in boom" in capfd.readouterr().err
    assert engine.trains()


@pytest.mark.parametrize(
    ("request_", "frame", "place"),
    [
        (RateTestRequest(), RateTestFrame, (rate_task, "suggestion")),
        (RaceRequest("lr", 20), RaceFrame, (race_task, "_seen")),
        (TsneRequest(run=True), TsneFrame, (tsne_task, "_finished")),
    ],
    ids=["rates", "race", "t-SNE"],
)
def test_a_job_that_fails_says_so_where_it_is_waited_for(request_, frame, place, monkeypatch):
    engine = Engine()
    monkeypatch.setattr(*place, boom)
    engine.ask(request_)
    while engine.server.views.has_work():
        engine.work(1)
    assert "planted" in engine.of(frame)[-1].problem


def test_a_view_that_failed_is_tried_again_when_it_is_asked_for_or_the_net_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, made = Engine(), []
    monkeypatch.setattr(health, "examine", lambda *_: made.append(1) or boom())
    engine.ask(HealthRequest(), ResultsRequest(), m.Run(30))
    engine.work(100)
    assert len(made) == 1
    assert engine.of(ResultsFrame), "the other views are made"
    engine.ask(HealthRequest())
    engine.work()
    assert len(made) == 2
    engine.ask(m.Load(files.dumps(presets.load("xor"))))
    engine.work()
    assert len(made) == 3
    monkeypatch.undo()
    engine.ask(HealthRequest())
    engine.work()
    assert engine.of(HealthFrame)


@pytest.mark.parametrize(
    ("request_", "frame", "place"),
    [
        (WalkRequest(visible=True), WalkFrame, (walk_task, "go_through")),
        (LandscapeRequest(visible=True), LandscapeFrame, (landscape_task, "choose")),
    ],
    ids=["walk", "landscape"],
)
def test_the_other_views_likewise(request_, frame, place, monkeypatch):
    engine = Engine()
    monkeypatch.setattr(*place, boom)
    engine.ask(request_, m.Run(30))
    engine.work(100)
    assert len(engine.of(m.Failure)) == 1
    monkeypatch.undo()
    engine.ask(request_)
    engine.work()
    assert engine.of(frame)


@pytest.mark.parametrize("where", ["step", "test"])
def test_an_error_of_a_step_or_a_test_ends_training_with_a_sentence(where, monkeypatch):
    engine = Engine()
    place = (Trainer, "train_steps") if where == "step" else (live_tests.Evaluation, "work")
    monkeypatch.setattr(*place, boom)
    engine.ask(m.Run(50))
    engine.work(200)
    failures = engine.of(m.Failure)
    assert failures[0].kind == "run"
    assert [f.kind for f in failures].count("run") == 1
    assert engine.of(m.Frame)[-1].state == "idle"
    monkeypatch.undo()
    engine.ask(m.Load(files.dumps(presets.load("xor")), keep=True))
    assert engine.trains()


def test_an_error_while_loading_is_a_refusal_and_the_net_stays(monkeypatch):
    engine = Engine()
    monkeypatch.setattr(sessions, "loaded", boom)
    monkeypatch.setattr(sessions, "Trainer", boom)
    engine.ask(m.Load(files.dumps(presets.load("xor"))))
    assert [f.kind for f in engine.of(m.Failure)] == ["load"]
    monkeypatch.undo()
    engine.ask(m.Load(files.dumps(presets.load("xor")), keep=True))
    assert engine.trains()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")],
    ids=["python", "torch"],
)
def test_a_run_without_memory_is_dropped_and_the_next_net_trains(error, monkeypatch):
    def no_memory(*_: object, **__: object) -> None:
        raise error

    engine = Engine()
    monkeypatch.setattr(Trainer, "train_steps", no_memory)
    engine.ask(m.Run(50))
    engine.work(100)
    (failure,) = engine.of(m.Failure)
    assert failure.kind == "load", "the window loads again before it trains"
    assert "not enough memory" in failure.message
    assert engine.server.session.trainer is None
    monkeypatch.undo()
    engine.ask(m.Load(files.dumps(presets.load("circle")), keep=True))
    assert engine.trains()


def test_a_reply_that_cannot_be_written_is_said() -> None:
    engine = Engine()
    send = engine.server.session.send
    engine.server.handlers[m.Pause] = lambda _: send(m.CheckpointWritten("", 2**70))
    engine.ask(m.Pause())
    assert "OverflowError" in engine.of(m.Failure)[0].message
    engine.server.handlers[m.Pause] = lambda _: boom_with("\udcff" * 1000)
    engine.ask(m.Pause())
    assert len(engine.of(m.Failure)[-1].message) <= 300
    assert engine.trains()


def boom_with(text: str) -> None:
    raise OSError(text)


# -- the real process -----------------------------------------------------------------------------


def run(code: str, sent: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", code], input=sent, capture_output=True, timeout=120, check=False
    )


SERVE = "import sys, graphcore.worker.serve as s; {}sys.exit(s.serve())"


def said(process: subprocess.CompletedProcess[bytes]) -> list[Reply]:
    return [decode_reply(body) for body in FrameReader().feed(process.stdout)]


def test_the_process_lives_on() -> None:
    sent = b"".join(
        encode(request)
        for request in (
            m.Hello(threads=1), m.Load(files.dumps(presets.load("xor"))),
            TensorRequest("hidden.weight"), m.Run(10), m.NextFrame(),
            m.Pause(), m.Quit(),
        )
    )  # fmt: skip
    done = run(
        SERVE.format(
            "from graphcore.views.weights import compute as w; w._plan = lambda _: 1 / 0; "
        ),
        sent,
    )
    assert done.returncode == 0
    assert b"ZeroDivisionError" in done.stderr
    assert [type(r) for r in said(done)[:4]] == [m.Ready, m.DataRead, m.Loaded, m.Failure]


def framed(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def test_a_message_that_is_none_is_answered() -> None:
    bodies = (
        b"", b"\xc1", b"noise", msgspec.msgpack.encode({"type": "Nothing"}),
        msgspec.msgpack.encode({"type": "SetRate", "lr": "high"}),
        b"\x91" * 100_000 + b"\x00", b"\x81\xa4type\xa4\xff\xff\xff\xff",
    )  # fmt: skip
    sent = b"".join(map(framed, bodies))
    done = run(SERVE.format(""), encode(m.Hello(threads=1)) + sent + encode(m.Quit()))
    ready, *failures = said(done)
    assert isinstance(ready, m.Ready)
    assert ["was not understood" in f.message for f in failures] == [True] * len(bodies)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("tail", "words"),
    [(b"\xff\xff\xff\xff" + b"x" * 70_000, "4,294,967,295 bytes"), (b"\0\0\0\x09abc", "cut short")],
    ids=["length", "end"],
)
def test_a_stream_that_is_lost_ends_the_process_with_a_reason(tail: bytes, words: str) -> None:
    done = run(SERVE.format(""), encode(m.Hello(threads=1)) + tail)
    assert done.returncode == 1
    assert words in done.stderr.decode()
    assert isinstance(said(done)[0], m.Ready)
