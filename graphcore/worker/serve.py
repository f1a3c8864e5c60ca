"""The engine process: reads requests from standard input, writes replies to standard output.

A reader thread only puts requests into a queue; everything else happens in the main thread,
which looks at the queue between steps, so a pause never waits behind data.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import os
import platform
import queue
import select
import sys
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from graphcore import datasets, files
from graphcore.engine import devices, processor
from graphcore.engine.precision import usable_precision
from graphcore.errors import EngineError, WorkerError
from graphcore.graph.binding import bind
from graphcore.late import torch
from graphcore.records.requests import Reply, Request
from graphcore.session import messages as m
from graphcore.session.faults import WindowGone, failure, out_of_memory
from graphcore.session.session import Session
from graphcore.views import view
from graphcore.views.scheduler import Scheduler
from graphcore.worker import background
from graphcore.worker.background import Background
from graphcore.worker.brought import Files
from graphcore.worker.line import SILENCE_S, BringFile, Line, NameFile, Ping, Pong
from graphcore.worker.protocol import FrameReader, decode_request, encode

view.find_requests()


class _End(NamedTuple):
    """Nothing more comes from the window; ``why`` says what was wrong, if anything was."""

    why: str = ""


CLOGGED_S = 0.02
"""Until it is looked again whether the line to a far window is free."""
Inbox = queue.SimpleQueue[Request | WorkerError | _End]


@functools.cache
def _keep_imported() -> None:
    """Have Python's collector leave alone what the first net has brought in, once.

    To walk over all of torch took it 0.12 s now and then, in which every view waited.
    """
    gc.freeze()


def serve() -> int:
    """Serve one window until it says quit or its end of the pipe closes.

    Returns:
        the exit code: 1 where the stream of requests was damaged.
    """
    faulthandler.enable()
    outgoing = _take_standard_output()
    inbox: Inbox = queue.SimpleQueue()
    given_up, writing, line = threading.Event(), threading.Lock(), Line()

    def send(reply: Reply) -> None:
        message = encode(reply)
        try:
            with writing:
                line.sent(len(message))
                outgoing.write(message)
                outgoing.flush()
        except OSError as error:
            raise WindowGone from error

    def answer(ping: Ping) -> None:
        """In the thread that reads: the engine may be at something that takes long."""
        line.arrived(ping.received)
        with contextlib.suppress(WindowGone):
            send(Pong(ping.at))

    server, end = _Server(send, given_up, line), _End()
    hear = {Ping: answer, m.Load: server.read_ahead}
    reader = threading.Thread(target=_read, args=(inbox, given_up, line, hear), daemon=True)
    reader.start()
    with contextlib.suppress(Exception):  # said in answer to the first request
        torch.__version__  # noqa: B018  imported now: that request comes once the window is painted
    with contextlib.suppress(WindowGone):
        end = server.loop(inbox)
    if line.far and not server.quit:
        server.keep()
    server.views.forget()
    server.background.end()
    if end.why:
        print(end.why, file=sys.stderr, flush=True)
    return 1 if end.why else 0


def _take_standard_output() -> Any:
    """Keep the pipe for replies and send whatever is printed to standard error instead."""
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return pipe


def _read(
    inbox: Inbox, given_up: threading.Event, line: Line, hear: dict[type, Callable[[Any], None]]
) -> None:
    """Put every request into the queue, and what could not be read in its place; at last an end.

    Only the wish to give up reading data overtakes the others, as the main thread is at it.

    Args:
        hear: what is done at once with requests of a type.
    """
    reader, end = FrameReader(), _End("The requests could not be read to their end.")
    try:
        while data := _more(line):
            for body in reader.feed(data):
                request = _decoded(body)
                if type(request) in hear:
                    hear[type(request)](request)
                if isinstance(request, Ping):
                    continue
                if isinstance(request, m.CancelReading):
                    given_up.set()
                inbox.put(request)
        end = _End("The window's last message is cut short." if reader.in_the_midst else "")
    except (OSError, WorkerError) as error:
        end = _End(str(error))
    finally:
        inbox.put(end)


def _more(line: Line) -> bytes:
    """Return what came next; raises WorkerError where a far window has fallen silent."""
    if line.far and os.name != "nt" and not select.select([0], [], [], SILENCE_S)[0]:
        raise WorkerError(f"Nothing was heard of the window for {SILENCE_S:.0f} s.")
    return os.read(0, 1 << 16)


def _decoded(body: bytes) -> Request | WorkerError:
    try:
        return decode_request(body)
    except WorkerError as error:
        return error


class _Server:
    """Hands each request to what serves it, and works while none is waiting."""

    def __init__(
        self,
        send: Callable[[Reply], None],
        given_up: threading.Event | None = None,
        line: Line | None = None,
    ) -> None:
        self._send, self.line, self.files = send, line or Line(), Files()
        s = self.session = Session(self._tell, "cpu", given_up)
        self.views, self.background = Scheduler(s), Background()
        self.quit = self.ready = False
        self.handlers: dict[type[Request], Callable[[Any], None]] = {
            m.Hello: self._hello,
            m.Load: self._load,
            m.Run: s.run,
            m.Pause: lambda _: s.stop(),
            m.WatchBegin: self._watch,
            m.WatchSteps: s.script.take,
            m.WatchEnd: lambda _: s.script.end(),
            m.Reset: self._reset,
            m.SetRate: s.set_rate,
            m.SetSpeed: s.set_speed,
            m.CancelReading: lambda _: None,  # done by the thread that reads the requests
            m.Watch: s.watch,
            m.NextFrame: lambda _: s.want_frame(),
            BringFile: lambda piece: s.send(self.files.take(piece)),
            NameFile: self.files.name,
            m.Quit: lambda _: self._end(),
        }
        """What steers training; all other requests are those of views."""

    def loop(self, inbox: Inbox) -> _End:
        """Serve until the window says quit, or its requests end; returns how they ended."""
        while not self.quit:
            wait = self.session.seconds_to_wait()
            idle = wait is None and self.views.has_work()
            if idle or (wait and self.views.has_looks()):
                wait = 0.0  # what can be seen is made while there is nothing to train
            if self.line.clogged and not self.session.trains:
                wait = CLOGGED_S
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
        if type(request) not in (m.NextFrame, m.WatchSteps):
            self.session.attention.asked()
        if type(request) not in (m.Hello, m.Load):  # a net can be trained before any is looked at
            view.find()
        try:
            if isinstance(request, WorkerError):
                raise request
            if self.line.far:
                request = self.files.inward(request)
            self.handlers.get(type(request), self.views.take)(request)
        except WindowGone:
            raise
        except Exception as error:
            kind: m.FailureKind = "load" if isinstance(request, m.Load) else "request"
            if kind == "load":
                self.session.running = False
            self.session.send(failure(kind, error, f"the request {type(request).__name__}"))

    # -- what is done while no request waits --------------------------------------------------

    def _work(self, inbox: Inbox) -> None:
        """A piece of training, then what is looked at, unless there is a request.

        Nothing is looked at while the line to the window is full: it gets newer states later.
        """
        session = self.session
        self._do("the time machine", session.settle)
        if self.line.clogged:
            self._do("training", session.train, session.end, "run")
            return
        told = self.views.first()
        self._do("training", session.train, session.end, "run")
        for reply in told:  # before the steps of a branch: it brings those that it begins with
            session.send(reply)
        self._do("the pictures", session.tell, session.without_pictures)
        if not (session.running and not inbox.empty()):
            self.views.work()

    def _do(
        self,
        name: str,
        action: Callable[[], None],
        end: Callable[[], None] = lambda: None,
        kind: m.FailureKind = "request",
    ) -> None:
        """A piece of work; an error ends what it was at, and nothing else.

        A run that memory does not hold goes, and its memory with it.
        """
        try:
            action()
        except WindowGone:
            raise
        except Exception as error:
            if kind == "run" and out_of_memory(error):
                kind = "load"
            self.session.send(failure(kind, error, name))
            if kind == "load":
                self.session.let_go()
            end()

    # -- requests that concern everything -----------------------------------------------------

    def _load(self, request: m.Load) -> None:
        """Take a graph, in place of all that was looked at if it is another document."""
        self.views.try_again()
        if request.forget:
            self.views.forget()
        self.session.load(request)
        _keep_imported()

    def _watch(self, request: m.WatchBegin) -> None:
        self.views.try_again()
        self.views.forget()
        self.session.script.begin(request)
        _keep_imported()

    def _reset(self, request: m.Reset) -> None:
        self.views.try_again()
        self.session.reset(request.revision)

    def _hello(self, request: m.Hello) -> None:
        if request.protocol != m.PROTOCOL:
            raise WorkerError(
                f"The window speaks version {request.protocol} of the protocol, this engine "
                f"version {m.PROTOCOL}: install the same Gradscape on both machines."
            )
        processor.set_up(request.threads or max(1, (os.cpu_count() or 2) - 1))
        self.ready = True
        refused: list[Reply] = []
        self.session.device = device = self._device(request.device, refused)
        self.session.precision = self._precision(request.precision, device, refused)
        helped = background.wanted(request.helper, device)
        self.session.helper = self.background if helped else None
        far = self.line.far = bool(request.mark) and not os.path.exists(request.mark)
        if far:
            self.session.data.files = self.files.named
        self.session.send(
            m.Ready(
                m.PROTOCOL, device, torch.get_num_threads(), str(torch.__version__), helped,
                precision=self.session.precision,
                devices=tuple((d.name, d.title) for d in devices.available()),
                machine=platform.node(), far=far, brought=self.files.there() if far else (),
                datasets=datasets.found() if far else (),
            )
        )  # fmt: skip

        for refusal in refused:  # a window that waits for this process takes it for lost before
            self.session.send(refusal)

    def _device(self, wanted: str, refused: list[Reply]) -> str:
        """The device that was chosen, or the best where that is no longer there."""
        if wanted:
            try:
                return str(devices.usable_device(wanted))
            except EngineError as error:
                refused.append(failure("request", error, "choosing the device"))
        return devices.best()

    def _precision(self, wanted: str, device: str, refused: list[Reply]) -> str:
        """The precision that was chosen, or float32 where the device does not have it."""
        try:
            return usable_precision(wanted, torch.device(device))
        except EngineError as error:
            refused.append(failure("request", error, "choosing the precision"))
        return "float32"

    def _tell(self, reply: Reply) -> None:
        """Send a reply, with the window's paths where the window is on another machine."""
        if self.line.far:
            for told in self.files.outward(reply):
                self._send(told)
        else:
            self._send(reply)

    def read_ahead(self, request: m.Load) -> None:
        """Read the data of the first graph while torch is imported, in the thread that reads.

        Whatever is wrong with the graph is said when it is loaded.
        """
        if not self.ready:
            with contextlib.suppress(Exception):
                graph = files.loads(request.graph)
                if bind(graph).input:
                    self.session.data.read_ahead(graph.training, request.data_dir)

    def keep(self) -> None:
        """The line is lost: write a checkpoint that another engine goes on from."""
        with contextlib.suppress(WindowGone):
            self._do("the checkpoint", self.session.keep)

    def _end(self) -> None:
        self.quit = True


if __name__ == "__main__":
    sys.exit(serve())
