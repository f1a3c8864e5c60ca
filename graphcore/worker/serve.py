"""The engine process: reads requests from standard input, writes replies to standard output.

A reader thread only puts requests into a queue; everything else happens in the main thread,
which looks at the queue between steps, so a pause never waits behind data.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec

from graphcore.engine import processor
from graphcore.errors import GradscapeError, WorkerError
from graphcore.late import torch
from graphcore.session import messages as m
from graphcore.session.faults import WindowGone, failure, out_of_memory
from graphcore.session.messages import HoldRequest
from graphcore.session.session import Session
from graphcore.views import decision_map as probes
from graphcore.views.comparison import CompareRequest
from graphcore.views.drawing import DigitRequest, NearestRequest
from graphcore.views.embedding import EmbeddingRequest, TsneRequest
from graphcore.views.embedding.tsne_task import TsneTask
from graphcore.views.health import HealthRequest
from graphcore.views.histograms import SpreadRequest
from graphcore.views.landscape import LandscapeRequest, SetPlanePoint
from graphcore.views.landscape.drag import DragTask
from graphcore.views.landscape.kept_weights import kept_weights
from graphcore.views.landscape.task import LandscapeTask
from graphcore.views.lesson import FactsRequest
from graphcore.views.lesson.compute import LessonTask
from graphcore.views.net_files import LoadWeights, SaveNet
from graphcore.views.net_files.task import load_weights, save_net
from graphcore.views.race import RaceRequest
from graphcore.views.race.task import RaceTask
from graphcore.views.rate_test import RateTestRequest
from graphcore.views.rate_test.task import RateTask
from graphcore.views.results import ResultsRequest
from graphcore.views.saliency import AttributionFrame, AttributionRequest
from graphcore.views.saliency import compute as attribution
from graphcore.views.samples import SamplesFrame, SamplesRequest
from graphcore.views.samples import compute as samples
from graphcore.views.samples.shown import SampleRequest
from graphcore.views.scheduler import ProbeTask
from graphcore.views.stepper import CheckRequest, ElementRequest, NumbersRequest, WalkRequest
from graphcore.views.stepper.task import WalkTask
from graphcore.views.timeline import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    PutBack,
    ScrubRequest,
    TimelineFrame,
)
from graphcore.views.timeline.run_files import OpenRuns, SaveRuns
from graphcore.views.timeline.task import TimeTask
from graphcore.views.weights import SetNumbers, TensorRequest
from graphcore.views.weights.task import set_numbers, tensor
from graphcore.views.what_if.task import WhatIfTask
from graphcore.worker.protocol import FrameReader, Reply, Request, decode_request, encode


class _End(NamedTuple):
    """Nothing more comes from the window; ``why`` says what was wrong, if anything was."""

    why: str = ""


Inbox = queue.SimpleQueue[Request | WorkerError | _End]
Answer = TypeVar("Answer")


_ASKS = {
    m.Load, m.Reset, m.Watch, LandscapeRequest, WalkRequest, HoldRequest, ScrubRequest,
    CurvesRequest,
}  # fmt: skip
"""Requests behind which a view that was given up is tried again."""


def serve() -> int:
    """Serve one window until it says quit or its end of the pipe closes.

    Returns:
        the exit code: 1 where the stream of requests was damaged.
    """
    faulthandler.enable()
    outgoing = _take_standard_output()
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()

    def send(reply: msgspec.Struct) -> None:
        message = encode(reply)
        try:
            outgoing.write(message)
            outgoing.flush()
        except OSError as error:
            raise WindowGone from error

    server, end = _Server(send), _End()
    with contextlib.suppress(WindowGone):
        end = server.loop(inbox)
    server.tsne.end()
    if end.why:
        print(end.why, file=sys.stderr, flush=True)
    return 1 if end.why else 0


def _take_standard_output() -> Any:
    """Keep the pipe for replies and send whatever is printed to standard error instead."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _read(inbox: Inbox) -> None:
    """Put every request into the queue, and what could not be read in its place; at last an end."""
    reader, end = FrameReader(), _End("The requests could not be read to their end.")
    try:
        while data := os.read(0, 1 << 16):
            for body in reader.feed(data):
                inbox.put(_decoded(body))
        end = _End("The window's last message is cut short." if reader.in_the_midst else "")
    except (OSError, WorkerError) as error:
        end = _End(str(error))
    finally:
        inbox.put(end)


def _decoded(body: bytes) -> Request | WorkerError:
    try:
        return decode_request(body)
    except WorkerError as error:
        return error


class _Part(NamedTuple):
    """A part of the engine's work beside the requests.

    Attributes:
        name: what is said of it, such as "the landscape".
        has_work: whether there is something to do while nothing trains.
        work: does a piece, and gives what the window is to be sent of it.
        drop: takes the sentence and gives the part up, and what the window is to be sent of that;
            None: the part is left out until something is asked or another net comes.
        kind: of its failures.
    """

    name: str
    has_work: Callable[[], bool]
    work: Callable[[], Reply | None]
    drop: Callable[[str], Reply | None] | None = None
    kind: m.FailureKind = "request"


class _Server:
    """Hands each request to what serves it, and works while none is waiting."""

    def __init__(self, send: Callable[[msgspec.Struct], None]) -> None:
        self.send = send
        self.session = Session(send, "cpu")
        self.what_if, self.race = WhatIfTask(), RaceTask()
        self.landscape = LandscapeTask(partial(kept_weights, self.session, self.race.ends))
        self.drag = DragTask(self.landscape)
        self.walk, self.probe, self.rates = WalkTask(), ProbeTask(), RateTask()
        self.time, self.tsne, self.lesson = TimeTask(), TsneTask(), LessonTask()
        self.quit = False
        s = self.session
        self._travelling = _Part("the time machine", lambda: self.time.has_work(s), self._travel)
        self._training = _Part("training", lambda: s.running, s.train, s.end, "run")
        self._telling = _Part("the pictures", lambda: s.running, s.tell, s.without_pictures)
        self._parts = self._views()
        self._probing = next(p for p in self._parts if p.name == "a view")
        self._left_out: dict[str, object] = {}
        self.handlers = {**self._of_training(), **self._of_runs(), **self._of_views()}

    def _of_training(self) -> dict[type, Callable[[Any], None]]:
        """What serves the requests that steer training and change the net."""
        s = self.session
        return {
            m.Hello: self._hello,
            m.Load: self._load,
            m.Run: self._run,
            m.Pause: lambda _: s.pause(),
            m.Reset: lambda _: s.reset(),
            m.SetRate: s.set_rate,
            m.SetSpeed: s.set_speed,
            RateTestRequest: lambda request: self._tell(self.rates.request(request, s)),
            RaceRequest: lambda request: self._tell(self.race.request(request, s)),
            SetPlanePoint: lambda request: self.drag.move(request, s),
            SetNumbers: lambda request: set_numbers(request, s),
            SaveNet: lambda request: self.send(save_net(request, s)),
            LoadWeights: lambda request: self.send(load_weights(request, s)),
            m.Quit: lambda _: self._end(),
        }

    def _of_runs(self) -> dict[type, Callable[[Any], None]]:
        """What serves the time machine."""
        s = self.session
        return {
            ScrubRequest: lambda request: self.time.scrub(request, s),
            PutBack: lambda _: s.put_back(),
            EnterRun: self._enter,
            EditRun: lambda request: self.time.edit(request, s),
            CurvesRequest: self.time.watch_curves,
            SaveRuns: lambda request: self.send(self.time.save(request, s)),
            OpenRuns: self._open,
        }

    def _of_views(self) -> dict[type, Callable[[Any], None]]:
        """What serves those who look."""
        s = self.session
        return {
            m.Watch: s.watch,
            m.NextFrame: lambda _: s.want_frame(),
            LandscapeRequest: self.landscape.request,
            WalkRequest: self.walk.request,
            CheckRequest: lambda request: self.send(self.walk.check(request, s)),
            FactsRequest: lambda request: self.send(self.lesson.answer(request, s)),
            NumbersRequest: lambda request: self.send(self.walk.numbers(request, s)),
            ElementRequest: lambda request: self.send(self.walk.element(request, s)),
            HoldRequest: self._hold,
            AttributionRequest: self._attribute,
            SamplesRequest: self._show_samples,
            TensorRequest: lambda request: self.send(tensor(request, s)),
            SpreadRequest: self.probe.watch_spread,
            HealthRequest: self.probe.watch_health,
            EmbeddingRequest: self.probe.watch_embedding,
            SampleRequest: self.probe.watch_sample,
            CompareRequest: self.probe.watch_comparison,
            TsneRequest: lambda request: self._tell(self.tsne.request(request, s)),
            NearestRequest: lambda request: self.send(self.probe.nearest(request, s.trainer)),
            probes.DecisionRequest: self.probe.watch_decision,
            ResultsRequest: self.probe.watch_results,
            DigitRequest: lambda request: self.send(self.probe.digit(request, s.trainer)),
        }

    def _tell(self, reply: Reply | None) -> None:
        """Send a reply, if there is one."""
        if reply is not None:
            self.send(reply)

    def loop(self, inbox: Inbox) -> _End:
        """Serve until the window says quit, or its requests end; returns how they ended."""
        while not self.quit:
            wait = self.session.seconds_to_wait()
            idle = wait is None and self._has_views()
            between_steps = bool(wait) and bool(self._do(self._probing, self._probing.has_work))
            if idle or between_steps:
                wait = 0.0  # what can be seen is made while there is nothing to train
            try:
                request = inbox.get(timeout=wait) if wait != 0.0 else inbox.get_nowait()
            except queue.Empty:
                self._work(inbox)
                continue
            if isinstance(request, _End):
                return request
            self._handle(request)
        return _End()

    def _handle(self, request: Request | WorkerError) -> None:
        """Serve a request; whatever goes wrong is a refusal of it and of nothing else."""
        if type(request) is not m.NextFrame:
            self.session.attention.asked()
        if type(request) in _ASKS:
            self._left_out.clear()
        try:
            if isinstance(request, WorkerError):
                raise request
            self.handlers[type(request)](request)
        except WindowGone:
            raise
        except Exception as error:
            kind: m.FailureKind = "load" if isinstance(request, m.Load) else "request"
            if kind == "load":
                self.session.running = False
            self.send(failure(kind, error, f"the request {type(request).__name__}"))

    # -- what is done while no request waits --------------------------------------------------

    def _views(self) -> tuple[_Part, ...]:
        """What is looked at and what runs beside training, in the order of its turns."""
        s, rates, race, tsne = self.session, self.rates, self.race, self.tsne
        return (
            _Part("the stepper", lambda: self.walk.has_work(s), lambda: self.walk.work(s)),
            _Part(
                "a view", lambda: self.probe.has_work(s), lambda: self.probe.work(s),
                lambda _: self.probe.drop(s),
            ),
            _Part("the learning-rate test", lambda: rates.has_work, rates.work, rates.drop),
            _Part("what if", lambda: self.what_if.has_work(s), lambda: self.what_if.work(s)),
            _Part("the race", lambda: race.has_work, race.work, race.drop),
            _Part("t-SNE", lambda: tsne.has_work, lambda: tsne.work(s), tsne.drop),
            _Part("the landscape", lambda: self.landscape.has_work(s.trainer), self._land),
        )  # fmt: skip

    def _has_views(self) -> bool:
        """Whether there is something to compute for the eyes alone."""
        parts = (self._travelling, *self._parts)
        return any(self._do(part, part.has_work) for part in parts)

    def _work(self, inbox: Inbox) -> None:
        """A piece of training, then what is looked at, unless there is a request."""
        session = self.session
        told = self._do(self._travelling, self._travelling.work)
        self._do(self._training, session.train)
        self._do(self._telling, session.tell)
        self._tell(told)
        if session.running and not inbox.empty():
            return
        for part in self._parts:
            self._tell(self._do(part, part.work))

    def _do(self, part: _Part, action: Callable[[], Answer]) -> Answer | None:
        """A piece of a part's work; an error ends what the part was at, and nothing else."""
        if part.name in self._left_out and self._left_out[part.name] is self.session.net:
            return None
        try:
            return action()
        except WindowGone:
            raise
        except Exception as error:
            self._give_up(part, error)
            return None

    def _give_up(self, part: _Part, error: Exception) -> None:
        """Say what was wrong; a run that memory does not hold goes, and its memory with it."""
        kind = part.kind
        if kind == "run" and out_of_memory(error):
            kind = "load"
        self.send(told := failure(kind, error, part.name))
        if kind == "load":
            self.session.let_go()
        if part.drop is not None:
            self._tell(part.drop(told.message))
        else:
            self._left_out[part.name] = self.session.net

    def _land(self) -> Reply | None:
        """A piece of the landscape, which has taken note of the newest test."""
        trainer = self.session.trainer
        if trainer is None:
            return None
        score, self.session.tested = self.session.tested, None
        if score is not None:
            self.landscape.note_score(trainer, score.loss)
        return self.landscape.work(trainer, training=self.session.running)

    def _travel(self) -> TimelineFrame | CurvesFrame | None:
        """Go to the step that was asked for, before anything is shown of another."""
        told = None
        try:
            told = self.time.work(self.session)
        except GradscapeError as error:  # a state that cannot be read: the others can
            self.send(failure("request", error, "the time machine"))
        runs = self.session.runs
        self.landscape.visiting, self.landscape.jumps = runs.visiting, runs.jumps
        self.landscape.moved = self.session.weights_moved
        return told

    def _load(self, request: m.Load) -> None:
        """Take a graph; Python's collector leaves alone what the first one has brought in.

        To walk over all of torch took it 0.12 s now and then, in which every view waited.
        """
        if request.forget:
            self._forget()
        self.session.load(request)
        if not gc.get_freeze_count():
            gc.freeze()

    def _forget(self) -> None:
        """Another document: what was asked about the one before is of no interest."""
        self.race.forget()
        self.tsne.end()
        self.rates.request(RateTestRequest(run=False), self.session)
        self.landscape.forget()
        self.time.forget()
        self._hold(HoldRequest())

    def _enter(self, request: EnterRun) -> None:
        self.time.enter(request, self.session)
        self.landscape.retrace(self.session)

    def _open(self, request: OpenRuns) -> None:
        problem = self.time.open(request, self.session)
        if problem is None:
            self.landscape.retrace(self.session)
        else:
            self.send(problem)

    def _run(self, request: m.Run) -> None:
        self.time.settle(self.session)
        self.session.run(request)

    def _hello(self, request: m.Hello) -> None:
        if request.protocol != m.PROTOCOL:
            raise WorkerError(
                f"The window speaks version {request.protocol} of the protocol, this engine "
                f"version {m.PROTOCOL}: install the same Gradscape on both machines."
            )
        processor.set_up(request.threads or max(1, (os.cpu_count() or 2) - 1))
        device = request.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.session.device = device
        self.send(m.Ready(m.PROTOCOL, device, torch.get_num_threads(), str(torch.__version__)))

    def _attribute(self, request: AttributionRequest) -> None:
        trainer = self.session.trainer
        if trainer is None:
            self.send(AttributionFrame(problem="There is no net that tells classes apart."))
        else:
            self.send(attribution.attribute(trainer, request.sample, request.node))

    def _show_samples(self, request: SamplesRequest) -> None:
        trainer = self.session.trainer
        if trainer is None:
            self.send(SamplesFrame(problem="This graph takes its numbers from no data set."))
        else:
            self.send(samples.browse(trainer, request))

    def _hold(self, request: HoldRequest) -> None:
        self.session.holds.hold(request)
        self.what_if.again()
        self.walk.again()

    def _end(self) -> None:
        self.quit = True


if __name__ == "__main__":
    sys.exit(serve())
