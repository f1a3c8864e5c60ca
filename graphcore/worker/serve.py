"""The engine process: reads requests from standard input, writes replies to standard output.

A reader thread only puts requests into a queue; everything else happens in the main thread,
which looks at the queue between steps, so a pause never waits behind data.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore import attribution, processor, samples
from graphcore.errors import GradscapeError, WorkerError
from graphcore.worker import messages as m
from graphcore.worker import probe_messages as probes
from graphcore.worker.attribution_messages import AttributionFrame, AttributionRequest
from graphcore.worker.compare_messages import CompareRequest
from graphcore.worker.data_messages import SamplesFrame, SamplesRequest
from graphcore.worker.drag_task import DragTask
from graphcore.worker.embedding_messages import EmbeddingRequest, TsneRequest
from graphcore.worker.health_messages import HealthRequest
from graphcore.worker.kept_weights import kept_weights
from graphcore.worker.landscape_messages import LandscapeRequest, SetPlanePoint
from graphcore.worker.landscape_task import LandscapeTask
from graphcore.worker.nearest_messages import NearestRequest
from graphcore.worker.net_file_messages import LoadWeights, SaveNet
from graphcore.worker.net_file_task import load_weights, save_net
from graphcore.worker.probe_task import ProbeTask
from graphcore.worker.race_messages import RaceRequest
from graphcore.worker.race_task import RaceTask
from graphcore.worker.rate_messages import RateTestRequest
from graphcore.worker.rate_task import RateTask
from graphcore.worker.run_file_messages import OpenRuns, SaveRuns
from graphcore.worker.sample_messages import SampleRequest
from graphcore.worker.session import Session
from graphcore.worker.spread_messages import SpreadRequest
from graphcore.worker.time_task import TimeTask
from graphcore.worker.timeline_messages import (
    CurvesFrame,
    CurvesRequest,
    EditRun,
    EnterRun,
    PutBack,
    ScrubRequest,
    TimelineFrame,
)
from graphcore.worker.tsne_task import TsneTask
from graphcore.worker.walk_messages import (
    CheckRequest,
    ElementRequest,
    NumbersRequest,
    WalkRequest,
)
from graphcore.worker.walk_task import WalkTask
from graphcore.worker.weight_messages import SetNumbers, TensorRequest
from graphcore.worker.weight_task import set_numbers, tensor
from graphcore.worker.what_if_messages import HoldRequest
from graphcore.worker.what_if_task import WhatIfTask

if TYPE_CHECKING:
    import torch
else:
    torch = lazy_loader.load("torch")


def serve() -> int:
    """Serve one window until it says quit or its end of the pipe closes."""
    outgoing = _take_standard_output()
    inbox: queue.SimpleQueue[m.Request | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()

    def send(reply: m.Reply) -> None:
        outgoing.write(m.encode(reply))
        outgoing.flush()

    server = _Server(send)
    with contextlib.suppress(BrokenPipeError):
        server.loop(inbox)
    server.tsne.end()
    return 0


def _take_standard_output() -> Any:
    """Keep the pipe for replies and send whatever is printed to standard error instead."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _read(inbox: queue.SimpleQueue[m.Request | None]) -> None:
    """Put every request into the queue; None when the window is gone."""
    reader = m.FrameReader()
    try:
        while data := os.read(0, 1 << 16):
            for body in reader.feed(data):
                inbox.put(m.decode_request(body))
    except (OSError, WorkerError) as error:
        print(error, file=sys.stderr)
    inbox.put(None)


class _Server:
    """Hands each request to what serves it, and works while none is waiting."""

    def __init__(self, send: Callable[[m.Reply], None]) -> None:
        self.send = send
        self.session = Session(send, "cpu")
        self.what_if, self.race = WhatIfTask(), RaceTask()
        self.landscape = LandscapeTask(partial(kept_weights, self.session, self.race))
        self.drag = DragTask(self.landscape)
        self.walk, self.probe, self.rates = WalkTask(self.what_if), ProbeTask(), RateTask()
        self.time, self.tsne = TimeTask(), TsneTask()
        self.quit = False
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
            probes.ResultsRequest: self.probe.watch_results,
            probes.DigitRequest: lambda request: self.send(self.probe.digit(request, s.trainer)),
        }

    def _tell(self, reply: m.Reply | None) -> None:
        """Send a reply, if there is one."""
        if reply is not None:
            self.send(reply)

    def loop(self, inbox: queue.SimpleQueue[m.Request | None]) -> None:
        while not self.quit:
            wait = self.session.seconds_to_wait()
            idle = wait is None and self._has_views()
            between_steps = bool(wait) and self.probe.has_work(self.session)
            if idle or between_steps:
                wait = 0.0  # what can be seen is made while there is nothing to train
            try:
                request = inbox.get(timeout=wait) if wait != 0.0 else inbox.get_nowait()
            except queue.Empty:
                self._work(inbox)
                continue
            if request is None:
                return
            self._handle(request)

    def _handle(self, request: m.Request) -> None:
        if type(request) is not m.NextFrame:
            self.session.attention.asked()
        try:
            self.handlers[type(request)](request)
        except GradscapeError as error:
            self.send(m.Failure("request", str(error), getattr(error, "node", "")))

    def _has_views(self) -> bool:
        """Whether there is something to compute for the eyes alone."""
        session = self.session
        return (
            self.time.has_work(session)
            or self.rates.has_work
            or self.race.has_work
            or self.tsne.has_work
            or self.walk.has_work(session)
            or self.what_if.has_work(session)
            or self.probe.has_work(session)
            or self.landscape.has_work(session.trainer)
        )

    def _work(self, inbox: queue.SimpleQueue[m.Request | None]) -> None:
        """A piece of training, then what is looked at, unless somebody has asked for something."""
        session = self.session
        told = self._travel()
        session.work()
        self._tell(told)
        if session.running and not inbox.empty():
            return
        for view in (
            self.walk.work(session), self.probe.work(session), self.rates.work(),
            self.what_if.work(session), self.race.work(), self.tsne.work(session),
        ):  # fmt: skip
            self._tell(view)
        trainer = session.trainer
        if trainer is None:
            return
        score, self.session.tested = self.session.tested, None
        if score is not None:
            self.landscape.note_score(trainer, score.loss)
        self._tell(self.landscape.work(trainer, training=self.session.running))

    def _travel(self) -> TimelineFrame | CurvesFrame | None:
        """Go to the step that was asked for, before anything is shown of another."""
        try:
            told = self.time.work(self.session)
        except GradscapeError as error:
            self.send(m.Failure("request", str(error)))
            told = None
        runs = self.session.runs
        self.landscape.visiting, self.landscape.jumps = runs.visiting, runs.jumps
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
        self.what_if.hold(HoldRequest())

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
        self.what_if.hold(request)
        self.walk.again()

    def _end(self) -> None:
        self.quit = True


if __name__ == "__main__":
    sys.exit(serve())
