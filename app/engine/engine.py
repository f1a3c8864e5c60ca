"""The window's end of the engine process: starts it, asks it, and passes on what it says.

Runs in the event loop alone: the process's output is read when it arrives, a frame is asked
for when the last one was drawn, every ``FRAME_MS`` at most.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from threading import Thread
from typing import Any, TypeVar

import msgspec
from PySide6.QtCore import (
    QCoreApplication,
    QElapsedTimer,
    QObject,
    QProcess,
    QTimer,
    Signal,
    SignalInstance,
)

from app.document.document import Document
from app.engine.agreement import Agreement
from app.engine.canvas_values import CanvasValues
from app.engine.checkpoints import Checkpoints, remove_left_checkpoints
from app.engine.line import Line, write_made
from app.engine.move import Move
from app.engine.outbox import Outbox
from app.engine.place import Place
from app.engine.process import EngineProcess
from graphcore.errors import FileError
from graphcore.records.requests import Command, Look, Reply, Request
from graphcore.session import messages as m
from graphcore.session.messages import Hold, HoldRequest, RunEntered, RunsOpened
from graphcore.system import start
from graphcore.training.sample import Sample
from graphcore.training.transfer.silent_units import Growth
from graphcore.views.timeline import (
    RunsSaved,
    ScrubRequest,
    TimelineFrame,
    TimelineRequest,
)
from graphcore.worker.line import FileMade, Pong

L = TypeVar("L", bound=Look)
R = TypeVar("R", bound=Reply)
_LOG = logging.getLogger("gradscape")
HERE = Place()
FRAME_MS = 34


def whose_weights(moment: TimelineFrame) -> str:
    """Say behind a step whose weights are shown, where they are not those of its update."""
    if moment.by_hand:
        return QCoreApplication.translate("Engine", " · weights changed by hand")
    if moment.former:
        return QCoreApplication.translate("Engine", " · in the net as it is now")
    if moment.held:
        text = QCoreApplication.translate("Engine", " · best weights, of epoch {0:,}")
        return text.format(moment.held)
    return ""


class _Channel(QObject):
    """Where the replies of one type come out."""

    came = Signal(object)


class Engine(QObject):
    """Requests go out; replies come to whoever has subscribed to their type with ``on``.

    What is looked at is sent again to a process that takes another's place.

    Signals:
        emptied: the net that was shown is no more, or no more a net that can be trained: what
            there is of another comes in frames of its own.
        ready: the process is up (``Ready``). loaded: graph and data are there (``Loaded``).
        frame: the newest state (``Frame``).
        progress: something takes a while (``Progress``).
        failed: something was refused or stopped (``Failure``).
        state_changed: "starting", "loading", "idle", "running", "done", "refused" or "dead".
        died: the process ended by itself; the sentence for the banner.
        sample_chosen: ``chosen_sample`` is another. held: other values are held.
        line_changed: there are other figures of the line to another machine.

    Attributes:
        place: where the process runs, on what, and with how many threads.
        about: what the process has said of itself; None before it did.
        line: to a process on another machine; None to one on this.
        moment: what is known of the runs, and of the step that is shown.
        problem: why the open graph cannot be trained; "" where it can, or is not known yet.
        shown: which values the canvas is shown.
        checkpoints: where the runs are kept for another process.
        agreement: with the document.
        chosen_sample: the one that the stepper and all that belongs to it look at.
        script: the request, encoded, that gives a process the net of a script in place of the
            document; empty without one.
    """

    emptied = Signal()
    ready = Signal(object)
    loaded = Signal(object)
    frame = Signal(object)
    progress = Signal(object)
    failed = Signal(object)
    state_changed = Signal(str)
    died = Signal(str)
    reset_done = Signal()
    sample_chosen = Signal(object)
    held = Signal(object)
    line_changed = Signal()

    def __init__(
        self, document: Document, command: list[str] | None = None, place: Place = HERE
    ) -> None:
        super().__init__()
        self.document = document
        self.command = command or start.command("graphcore.worker.serve")
        self.place = place
        self.about: m.Ready | None = None
        self.line: Line | None = None
        self._outbox: Outbox | None = None
        self._waiting: list[Request | bytes] | None = None  # for a process elsewhere to be there
        self._launched = False
        self._starts_with: dict[str, Request] = {}  # what was taken from files, by path
        self.state = "starting"
        self.last_frame: m.Frame | None = None
        self.moment = TimelineFrame()
        self.last_loaded: m.Loaded | None = None
        self.problem = ""
        self.data_dir = ""
        self.growth: Growth = "initial"
        self._speed: float | None = None
        self._process: EngineProcess | None = None
        self._closing = False
        self._looked_at: dict[type, Look] = {TimelineRequest: TimelineRequest()}
        self._channels: dict[type, _Channel] = {}
        self._kinds: dict[str, type[Reply]] = {kind.__name__: kind for kind in self._handlers}
        self.chosen_sample = Sample()
        self.script = b""
        self.shown, self.checkpoints = CanvasValues(self), Checkpoints()
        self.agreement = Agreement(self)
        self._move = Move(self, self.checkpoints.base)
        self._asked = QElapsedTimer()
        self._frame_timer = QTimer(self, singleShot=True)
        self._frame_timer.timeout.connect(self._ask_for_frame)
        document.opened.connect(self._on_opened)
        document.changed.connect(self.agreement.follow)

    @property
    def has_net(self) -> bool:
        """Whether the process holds the net of the open graph."""
        return self.state in ("idle", "running", "done")

    # -- the process --------------------------------------------------------------------------

    def start(self, resume: str = "") -> None:
        """Start the process and hand it the open graph.

        Args:
            resume: folder of a checkpoint to go on from.
        """
        self._closing = False
        self.agreement.begin()
        if self._launched and self.state != "dead":
            self._launched = False
        else:
            self.launch()
        if self._process is None:
            return
        self.send(m.SetSpeed(self._speed))
        for looked_at in self._looked_at.values():
            self.send(looked_at)
        if self.script:
            self.set_state("loading")
            self.pass_on(self.script)
        else:
            self.agreement.load(keep=False, resume=resume)
        self._move.bring()
        for begun_with in self._starts_with.values():
            self.send(begun_with)
        self.send(m.NextFrame())

    def launch(self, started: QProcess | None = None) -> None:
        """Start the process, without a graph: it imports what it needs meanwhile.

        Args:
            started: the process, if it was started already.
        """
        process = self._process = EngineProcess(self, self._kinds, started)
        process.replied.connect(self._take)
        process.refused.connect(self._on_refused)
        process.ended.connect(self._on_ended)
        self.set_state("starting")
        self.about, self.line, self._outbox, self._waiting = None, None, None, None
        command = self._command()
        if not command:
            return
        process.start(command)
        at = self.place
        hello = m.Hello(
            device=at.device, threads=at.threads, precision=at.precision, helper=at.helper
        )
        if self.place.command:
            self.send(msgspec.structs.replace(hello, mark=self.checkpoints.mark()))
            self._waiting = []
        else:
            self.send(hello)

    def launch_early(self, started: QProcess | None = None) -> None:
        """Start the process while the window is still being made; see ``launch``."""
        self.launch(started)
        self._launched = self._process is not None

    def _command(self) -> list[str]:
        """The command that starts the process; empty where it cannot be read, which is said."""
        try:
            return self.place.arguments or self.command
        except ValueError as error:
            self._on_refused(str(error))
            return []

    def restart(self) -> None:
        """Restart after the process died, from the last checkpoint if there is one."""
        self.start(self.checkpoints.restart(elsewhere=bool(self.place.command)))

    # -- another place ------------------------------------------------------------------------

    def move(self, place: Place) -> None:
        """Let a process at another place, or with another device or threads, go on with all runs.

        The runs go there as a file; a process that is dead has none to give.
        """
        if place == self.place and self.alive:
            return
        self._move.begin(place)

    def go_to(self, place: Place) -> None:
        """Start the process at a place, in place of the one that there is."""
        self._move.to = None
        self._end_process()
        self.place, self.checkpoints.step = place, None
        self.start()

    def _end_process(self) -> None:
        self._frame_timer.stop()
        if self._process is not None:
            self._process.replied.disconnect(self._take)
            self._process.end()
            self._process = None

    def begin(self) -> None:
        """Start, unless the window was closed before it came to that."""
        if not self._closing:
            left = self.checkpoints.base.parent
            Thread(target=remove_left_checkpoints, args=(left,), daemon=True).start()
            self.start()

    def close(self) -> None:
        """End the process; waits for it a moment, then kills it."""
        self._closing = True
        self._frame_timer.stop()
        self.agreement.stop()
        if self._process is not None:
            self._process.end()
            self._process = None
        self.checkpoints.remove()

    @property
    def process_id(self) -> int:
        """Of the engine process; 0 if there is none."""
        return self._process.number if self._process is not None else 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self.state != "dead"

    @property
    def step(self) -> int:
        """Steps that the net had made at the newest frame; 0 before the first."""
        return self.last_frame.step if self.last_frame is not None else 0

    # -- requests -----------------------------------------------------------------------------

    def play(self) -> None:
        """Train to the end of the last epoch; past it, for as many epochs more as are set."""
        if further := self.further_epochs():
            self.document.message.emit(further)
        self.run(None)

    def further_epochs(self) -> str:
        """What Play does at the end of a run, or "" where it only goes on to the last epoch."""
        frame = self.last_frame
        if self.state != "done" or frame is None or frame.of_script:
            return ""
        if frame.step < frame.total_steps:
            return self.tr("Train on after the early stop, to epoch {0:,}").format(frame.epochs)
        more = self.document.root.training.epochs
        done = max(frame.epochs, math.ceil(frame.epoch))
        one = self.tr("Train {0:,} epoch more, to epoch {1:,}")
        said = one if more == 1 else self.tr("Train {0:,} epochs more, to epoch {1:,}")
        return said.format(more, done + more)

    def run(self, steps: int | None) -> None:
        """Train a number of steps, or to the end of the last epoch."""
        self._train(m.Run(steps))

    def _train(self, request: m.Run) -> None:
        if not self.alive:
            self.restart()
        if self.state == "refused":  # what was missing may be there now
            self.agreement.load(keep=True)
        else:
            self.agreement.load_edits()
        self.send(request)
        self._want_frame()

    def run_epoch(self) -> None:
        """Train to the end of the current epoch."""
        self._train(m.Run(epoch=True))

    def pause(self) -> None:
        """Stop after the current step."""
        self.send(m.Pause())

    def cancel_reading(self) -> None:
        """Give up the data that are being read; the engine then says that they were refused."""
        self.send(m.CancelReading())
        self._want_frame()

    def reset(self) -> None:
        """Back to the same start."""
        self.send(self.agreement.reset())
        self.last_frame = None
        self.reset_done.emit()
        self._want_frame()

    def start_anew(self) -> None:
        """Take the graph as it is now with its initial weights, and go on training if it did."""
        was_running = self.state == "running"
        self.agreement.load(keep=False)
        self.reset_done.emit()
        if was_running:
            self.run(None)

    def set_speed(self, steps_per_second: float | None) -> None:
        """Steps per second at most; None is full speed."""
        self._speed = steps_per_second
        self.send(m.SetSpeed(steps_per_second))

    def send(self, message: Request | bytes) -> None:
        """Send a request, or one that is encoded already, in its order."""
        if self._waiting is not None:
            self._waiting.append(message)
        elif self._outbox is not None:
            self._outbox.send(message, self.agreement.settings)
        elif self._process is not None:
            self._process.send(message)

    def pass_on(self, message: bytes) -> None:
        """Send a request of a script that is encoded already."""
        self.send(message)
        self._want_frame()

    # -- what is looked at --------------------------------------------------------------------

    def replies(self, kind: type[Reply]) -> SignalInstance:
        """Return the signal that brings the replies of a type."""
        self._kinds[kind.__name__] = kind
        if kind not in self._channels:
            self._channels[kind] = _Channel(self)
        return self._channels[kind].came

    def on(self, kind: type[R], show: Callable[[R], object]) -> None:
        """Have the replies of a type shown."""
        self.replies(kind).connect(show)

    def begins_with(self, path: str, request: Request) -> None:
        """Send a request to every process that takes another's place: the net began with a file.

        The reply of that process is dropped.
        """
        self._starts_with.pop(path, None)
        self._starts_with[path] = request

    def ask(self, request: Request) -> None:
        """Send a question, a job or a command; its reply arrives by type."""
        self.send(request)
        if isinstance(request, Command):
            self._want_frame()

    def ask_of_document(self, request: Request) -> None:
        """Send a question about the document as it is now, edits of this moment too."""
        self.agreement.load_edits()
        self.ask(request)

    def look(self, request: Look) -> None:
        """Have this kept up to date from now on, if it is not that already."""
        if self._looked_at.get(type(request)) != request:
            self._looked_at[type(request)] = request
            self.send(request)

    def looked_at(self, kind: type[L]) -> L:
        """Return what is looked at of a type."""
        found = self._looked_at.get(kind)
        return found if isinstance(found, kind) else kind(visible=False)

    def send_again(self, kind: type[Look]) -> None:
        """Have what is looked at of a type sent once more."""
        if (looked_at := self._looked_at.get(kind)) is not None:
            self.send(looked_at)
            self._want_frame()

    def hold(self, holds: tuple[Hold, ...]) -> None:
        """Hold these values while one looks."""
        self.look(HoldRequest(holds, compare=bool(holds)))
        self.held.emit(holds)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What is held."""
        return self.looked_at(HoldRequest).holds

    def choose_sample(self, sample: Sample) -> None:
        """Look at this sample from now on."""
        if sample != self.chosen_sample:
            self.chosen_sample = sample
            self.sample_chosen.emit(sample)

    def scrub(self, step: int | None) -> None:
        """Let every view show a recorded step; None: the newest."""
        self.send(ScrubRequest(step))
        self.send(m.NextFrame())  # at once: the views follow the slider

    # -- replies ------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        """Pass a reply on, unless it is of a net that is no longer the document's."""
        if self._closing:  # what the process had still said when it was ended
            return
        if self._move.takes(reply) or getattr(reply, "again", False):  # the document has that
            return
        self.agreement.note(reply)
        if self.agreement.is_old(reply):
            self._want_frame()
            return
        handle = self._handlers.get(type(reply))
        if handle is not None:
            handle(self, reply)
        if type(reply) in self._channels:
            self._channels[type(reply)].came.emit(reply)

    def _on_frame(self, frame: m.Frame) -> None:
        if self.agreement.is_of_another_start(frame):
            self._want_frame()
            return
        if self.agreement.is_of_another_graph(frame):
            # its curve goes on, its pictures are of another net
            frame = msgspec.structs.replace(frame, values={}, gradients={}, flow=())
        self.last_frame = frame
        if self.has_net:  # else it is of the net before
            self.set_state(frame.state)
        self.frame.emit(frame)
        self._want_frame()

    def _want_frame(self) -> None:
        """Ask for the next frame, not sooner than ``FRAME_MS`` after the last."""
        if not self._frame_timer.isActive():
            passed = self._asked.elapsed() if self._asked.isValid() else FRAME_MS
            self._frame_timer.start(max(0, FRAME_MS - int(passed)))

    def _ask_for_frame(self) -> None:
        self._asked.start()
        self.send(m.NextFrame())
        if self.line is not None and self.state == "running":
            self._frame_timer.start(FRAME_MS)  # a frame is on its way for long: ask for more

    def _on_ready(self, ready: m.Ready) -> None:
        """The process is there: what has waited for it goes out, with the files that it lacks."""
        self.about = ready
        if ready.far and self._process is not None:
            self.line = Line(self._process, ready)
            self._outbox = Outbox(self._process, self.line, self._refuse)
            self.line.changed.connect(self.line_changed)
        waiting, self._waiting = self._waiting or [], None
        for message in waiting:
            self.send(message)
        self.ready.emit(ready)

    def _refuse(self, sentence: str) -> None:
        self.failed.emit(m.Failure("request", sentence))

    def _on_progress(self, progress: m.Progress) -> None:
        if self._outbox is not None:
            self._outbox.answered(progress)
        self.progress.emit(progress)

    def _on_pong(self, pong: Pong) -> None:
        if self.line is not None:
            self.line.answered(pong)

    def write(self, made: FileMade) -> None:
        """A file that the engine has written for the window goes where it was wanted."""
        try:
            write_made(made)
        except FileError as error:
            self._refuse(str(error))

    def _on_loaded(self, loaded: m.Loaded) -> None:
        self.last_loaded, self.problem = loaded, loaded.problem
        self.agreement.loaded(self.problem)
        self.set_state("idle" if len(self.document.root) else "refused")
        if self.problem:
            self.emptied.emit()
        self.loaded.emit(loaded)

    def _on_failure(self, failure: m.Failure) -> None:
        if failure.details:
            _LOG.error("engine: %s\n%s", failure.message, failure.details)
        if self._outbox is not None and failure.kind == "request":
            self._outbox.failed()
        if self._waiting is not None:  # such as a process of another version
            self._end_process()
            self.set_state("dead")
        if failure.kind == "load":
            self.problem = failure.message
            self.agreement.refused()
            self.set_state("refused")
            self.emptied.emit()
        self.failed.emit(failure)

    def _on_checkpoint(self, written: m.CheckpointWritten) -> None:
        self.checkpoints.step = written.step

    def _on_timeline(self, frame: TimelineFrame) -> None:
        self.moment = frame
        self.agreement.go_to_run(frame)

    _handlers: dict[type, Callable[[Any, Any], None]] = {
        m.Ready: _on_ready,
        Pong: _on_pong,
        FileMade: write,
        RunsSaved: lambda self, reply: None,
        m.Loaded: _on_loaded,
        m.Frame: _on_frame,
        m.Progress: _on_progress,
        m.Failure: _on_failure,
        m.CheckpointWritten: _on_checkpoint,
        TimelineFrame: _on_timeline,
        RunsOpened: lambda self, reply: self.agreement.open_runs(reply),
        RunEntered: lambda self, reply: self.agreement.enter_run(reply),
    }

    def _on_refused(self, why: str = "") -> None:
        self._process, self._waiting = None, None
        self.set_state("dead")
        if self.place.command:
            sentence = self.tr("The engine could not be started by “{0}”").format(
                self.place.command
            )
            self.died.emit(f"{sentence}: {why}." if why else f"{sentence}.")
        else:
            self.died.emit(self.tr("The engine could not be started."))

    def _on_ended(self, cause: str) -> None:
        far, self.line, self._outbox = self.line is not None, None, None
        self._process, self._waiting, self._move.to = None, None, None
        self._frame_timer.stop()
        self.set_state("dead")
        if not far:
            self.checkpoints.look()
        since = ""
        if self.checkpoints.step is not None:
            later = self.tr(" Restart goes on from step {0}, or later.")
            since = later if far else self.tr(" Restart goes on from step {0}.")
            since = since.format(self.checkpoints.step)
        sentence = self.tr("The engine stopped unexpectedly ({0}); your graph is safe.")
        self.died.emit(sentence.format(cause) + since)

    def set_state(self, state: str) -> None:
        """Note what the process is at."""
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    def _on_opened(self) -> None:
        self.checkpoints.step = None
        self.agreement.opened()
        adopting = self.agreement.adopting
        if not adopting:
            self._move.drop()
            self._starts_with.clear()
        self.last_frame, self.last_loaded, self.moment = None, None, TimelineFrame()
        self.choose_sample(Sample())
        if adopting:
            return
        if self._move.to is not None:  # these runs are wanted no more
            self._move.train_on = False
            self.go_to(self._move.to)
        elif self._process is not None and not self._launched:
            self.agreement.load(keep=False, forget=True)
