"""The window's end of the engine process: starts it, asks it, and passes on what it says.

Runs in the event loop alone: the process's output is read when it arrives, a frame is asked
for when the last one was drawn, every ``FRAME_MS`` at most.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
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
from app.engine.line import Line, write_made
from app.engine.outbox import Outbox
from app.engine.place import Place
from app.engine.process import EngineProcess, lives
from graphcore import files
from graphcore.errors import FileError
from graphcore.graph.elements import Change
from graphcore.records.requests import Command, Look, Outcome, Reply, Request, Shown
from graphcore.runs.checkpoint import newest_step
from graphcore.session import messages as m
from graphcore.session.messages import Hold, HoldRequest, RunEntered, RunsOpened
from graphcore.system import start, user_folders
from graphcore.training.sample import Sample
from graphcore.training.transfer.silent_units import Growth
from graphcore.views.timeline import (
    OpenRuns,
    RunsSaved,
    SaveRuns,
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
EDIT_MS = 250
_STRUCTURE = {"node_added", "node_removed", "node_renamed", "edge_added", "edge_removed",
              "training_changed"}  # fmt: skip
_FIELDS = {"attributes", "initializers", "frozen", "bypassed"}


def checkpoint_folder() -> Path:
    """Where this window's runs are kept for a restart."""
    return user_folders.cache_folder() / "runs" / str(os.getpid())


def remove_left_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of windows that were killed: those of no process that lives."""
    try:
        found = list(folder.iterdir())
    except OSError:
        return  # there are none, or nothing can be kept there at all
    for left in found:
        if left.name.isdecimal() and not lives(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)


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
        uncovered: names of nodes whose values a view showed on the canvas until now.
        sample_chosen: ``chosen_sample`` is another. held: other values are held.
        line_changed: there are other figures of the line to another machine.

    Attributes:
        place: where the process runs, on what, and with how many threads.
        about: what the process has said of itself; None before it did.
        line: to a process on another machine; None to one on this.
        moment: what is known of the runs, and of the step that is shown.
        problem: why the open graph cannot be trained; "" where it can, or is not known yet.
        covered: nodes whose values a view shows on the canvas, in place of the running step's.
        drawing: whether the canvas shows what the net makes of a drawing, and of nothing else.
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
    uncovered = Signal(object)
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
        self._carried, self._carried_graph, self._train_on = "", b"", False
        self._starts, self._launched = 0, False
        self._starts_with: dict[str, Request] = {}  # what was taken from files, by path
        self.state = "starting"
        self.last_frame: m.Frame | None = None
        self.moment = TimelineFrame()
        self.last_loaded: m.Loaded | None = None
        self.problem = ""
        self._settings = document.root.training
        self.data_dir = ""
        self.growth: Growth = "initial"
        self._speed: float | None = None
        self._process: EngineProcess | None = None
        self._closing = False
        self._looked_at: dict[type, Look] = {TimelineRequest: TimelineRequest()}
        self._channels: dict[type, _Channel] = {}
        self._kinds: dict[str, type[Reply]] = {kind.__name__: kind for kind in self._handlers}
        self._watched = m.Watch()
        self._closely: tuple[str, ...] = ()
        self.chosen_sample = Sample()
        self.covered: frozenset[str] = frozenset()
        self.drawing = False
        self.script = b""
        self._checkpoint_step: int | None = None
        self._run, self._adopting = 0, False
        self._revision = self._loaded_at = 0  # of the last Load or Reset, and of the last Load
        self._opened_at = self._begun_at = 0  # of the last Load of another net, or Reset
        self._told = 0  # of the newest reply
        self._base = self._checkpoints = checkpoint_folder()
        self._moving: Place | None = None
        self._asked = QElapsedTimer()
        self._frame_timer = QTimer(self, singleShot=True)
        self._frame_timer.timeout.connect(self._ask_for_frame)
        self._edit_timer = QTimer(self, singleShot=True, interval=EDIT_MS)
        self._renamed: list[tuple[str, str]] = []
        self._emptied_at: int | None = None  # edits made when everything was deleted or undone
        self._edit_timer.timeout.connect(lambda: self._load(keep=True))
        document.opened.connect(self._on_opened)
        document.changed.connect(self._on_change)

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
        self._revision = self._loaded_at = self._opened_at = self._begun_at = self._told = 0
        if self._launched and self.state != "dead":
            self._launched = False
        else:
            self.launch()
        if self._process is None:
            return
        self._send(m.SetSpeed(self._speed))
        for looked_at in self._looked_at.values():
            self._send(looked_at)
        if self.script:
            self._set_state("loading")
            self.pass_on(self.script)
        else:
            self._load(keep=False, resume=resume)
        if self._carried:
            self._send(OpenRuns(self._carried, own=True))
        for begun_with in self._starts_with.values():
            self._send(begun_with)
        self._send(m.NextFrame())

    def launch(self, started: QProcess | None = None) -> None:
        """Start the process, without a graph: it imports what it needs meanwhile.

        Args:
            started: the process, if it was started already.
        """
        process = self._process = EngineProcess(self, self._kinds, started)
        process.replied.connect(self._take)
        process.refused.connect(self._on_refused)
        process.ended.connect(self._on_ended)
        self._set_state("starting")
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
            self._send(msgspec.structs.replace(hello, mark=self._mark()))
            self._waiting = []
        else:
            self._send(hello)

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

    def _mark(self) -> str:
        """Write a file that a process on another machine does not find."""
        mark = self._base / f"here-{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        return str(mark)

    def restart(self) -> None:
        """Restart after the process died, from the last checkpoint if there is one.

        Where that was elsewhere it may live on for a while, and write to its own checkpoint.
        """
        before = str(self._checkpoints) if self._checkpoint_step is not None else ""
        if self.place.command:
            self._starts += 1
            self._checkpoints = self._base / f"start-{self._starts}"
        self.start(before)

    # -- another place ------------------------------------------------------------------------

    def move(self, place: Place) -> None:
        """Let a process at another place, or with another device or threads, go on with all runs.

        The runs go there as a file; a process that is dead has none to give.
        """
        if place == self.place and self.alive:
            return
        self._train_on |= self.state == "running"
        if self._moving is not None:
            self._moving = place
        elif self._carried:  # the runs are still on their way to the place before
            self._go_to(place)
        elif self.alive and self.has_net and self.moment.runs and not self.script:
            self.pause()
            self._moving = place
            self._carried = str(self._base / f"moved-{secrets.token_hex(4)}.runs")
            self._carried_graph = files.dumps(self.document.root)
            with contextlib.suppress(OSError):
                self._base.mkdir(parents=True, exist_ok=True)
            self._send(SaveRuns(self._carried))
        else:
            self._go_to(place)

    def _on_runs_saved(self, saved: RunsSaved) -> None:
        """The runs are in the file that they are carried in; without any there is nothing to."""
        if saved.problem:
            self._carried = ""
        if self._moving is not None:
            self._go_to(self._moving)

    def _go_to(self, place: Place) -> None:
        self._moving = None
        self._end_process()
        self.place, self._checkpoint_step = place, None
        self.start()

    def _end_process(self) -> None:
        self._frame_timer.stop()
        if self._process is not None:
            self._process.replied.disconnect(self._take)
            self._process.end()
            self._process = None

    def _on_carried(self, opened: RunsOpened) -> None:
        """The runs are at the new place; the document is theirs, unless it was edited since."""
        with contextlib.suppress(OSError):
            os.unlink(self._carried)
        self._carried = ""
        if opened.problem:
            self.failed.emit(m.Failure("request", opened.problem))
        elif files.dumps(self.document.root) != self._carried_graph:
            self._edit_timer.start()
        if self._train_on:
            self.run(None)
        self._train_on = False

    def begin(self) -> None:
        """Start, unless the window was closed before it came to that."""
        if not self._closing:
            left = self._base.parent
            Thread(target=remove_left_checkpoints, args=(left,), daemon=True).start()
            self.start()

    def close(self) -> None:
        """End the process; waits for it a moment, then kills it."""
        self._closing = True
        for timer in (self._frame_timer, self._edit_timer):
            timer.stop()
        if self._process is not None:
            self._process.end()
            self._process = None
        shutil.rmtree(self._base, ignore_errors=True)

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
        if self._edit_timer.isActive():
            self._edit_timer.stop()
            self._load(keep=True)
        elif self.state == "refused":  # what was missing may be there now
            self._load(keep=True)
        self._send(request)
        self._want_frame()

    def run_epoch(self) -> None:
        """Train to the end of the current epoch."""
        self._train(m.Run(epoch=True))

    def pause(self) -> None:
        """Stop after the current step."""
        self._send(m.Pause())

    def cancel_reading(self) -> None:
        """Give up the data that are being read; the engine then says that they were refused."""
        self._send(m.CancelReading())
        self._want_frame()

    def reset(self) -> None:
        """Back to the same start."""
        self._revision += 1
        self._begun_at = self._revision
        self._send(m.Reset(self._revision))
        self.last_frame = None
        self.reset_done.emit()
        self._want_frame()

    def start_anew(self) -> None:
        """Take the graph as it is now with its initial weights, and go on training if it did."""
        was_running = self.state == "running"
        self._edit_timer.stop()
        self._load(keep=False)
        self.reset_done.emit()
        if was_running:
            self.run(None)

    def set_speed(self, steps_per_second: float | None) -> None:
        """Steps per second at most; None is full speed."""
        self._speed = steps_per_second
        self._send(m.SetSpeed(steps_per_second))

    def _load(self, keep: bool, resume: str = "", forget: bool = False) -> None:
        if keep and self._is_begun_anew():
            keep, forget = False, True
        self._settings = self.document.root.training
        self._set_state("loading")
        self._revision += 1
        self._loaded_at = self._revision
        if not keep:
            self._opened_at = self._begun_at = self._revision
        self._send(
            m.Load(files.dumps(self.document.root), keep, resume, str(self._checkpoints),
                   self.data_dir, self.growth, forget, self.document.origin.weights,
                   tuple(self._renamed), self._revision)
        )  # fmt: skip
        self._renamed.clear()

    def _is_begun_anew(self) -> bool:
        """Whether another net is being built where everything was deleted, and not undone again."""
        steps = self.document.steps_made
        if not len(self.document.root):
            self._emptied_at = steps if self._emptied_at is None else self._emptied_at
            return False
        anew = self._emptied_at is not None and steps != self._emptied_at
        if anew:
            self._emptied_at = None
        return anew

    def _is_rate_alone(self) -> bool:
        """Whether the engine's settings are those of the document but for the learning rate."""
        now = self.document.root.training
        return msgspec.structs.replace(now, lr=self._settings.lr) == self._settings

    def _send(self, message: Request) -> None:
        if self._waiting is not None:
            self._waiting.append(message)
            return
        if self._outbox is not None:
            self._outbox.send(message, self._settings)
        elif self._process is not None:
            self._process.send(message)

    def pass_on(self, message: bytes) -> None:
        """Send a request of a script that is encoded already."""
        if self._waiting is not None:
            self._waiting.append(message)
        elif self._process is not None:
            if self._outbox is not None:
                self._outbox.send(message, self._settings)
            else:
                self._process.pass_on(message)
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

        Its answer there is passed on to nobody.
        """
        self._starts_with.pop(path, None)
        self._starts_with[path] = request

    def ask(self, request: Request) -> None:
        """Send a question, a job or a command; its reply arrives by type."""
        self._send(request)
        if isinstance(request, Command):
            self._want_frame()

    def ask_of_document(self, request: Request) -> None:
        """Send a question about the document as it is now, edits of this moment too."""
        if self._edit_timer.isActive():
            self._edit_timer.stop()
            self._load(keep=True)
        self.ask(request)

    def look(self, request: Look) -> None:
        """Have this kept up to date from now on, if it is not that already."""
        if self._looked_at.get(type(request)) != request:
            self._looked_at[type(request)] = request
            self._send(request)

    def looked_at(self, kind: type[L]) -> L:
        """Return what is looked at of a type."""
        found = self._looked_at.get(kind)
        return found if isinstance(found, kind) else kind(visible=False)

    def watch(self, values: tuple[str, ...], gradients: tuple[str, ...], level: str = "") -> None:
        """Say which nodes' pictures can be seen just now, and on which level."""
        self._watched = m.Watch(values, gradients, level=level)
        self._tell_watched()

    def watch_closely(self, nodes: tuple[str, ...]) -> None:
        """Say of which nodes both values and gradients are wanted, whatever the canvas shows."""
        self._closely = nodes
        self._tell_watched()

    def _tell_watched(self) -> None:
        w = self._watched
        values = tuple(dict.fromkeys((*w.values, *self._closely)))
        gradients = tuple(dict.fromkeys((*w.gradients, *self._closely)))
        self.look(m.Watch(values, gradients, level=w.level))

    def cover(self, nodes: frozenset[str]) -> None:
        """Say which nodes' values the canvas is shown by a view, and not by the running step.

        Those that a view no longer shows get the running step's again.
        """
        bare, self.covered = self.covered - nodes, nodes
        if bare:
            self.uncovered.emit(bare)
            self.watch_again()

    def show_drawing(self, on: bool) -> None:
        """Say whether the canvas is shown a drawing; behind it come the running step's values."""
        back = self.drawing and not on
        self.drawing = on
        if back:
            self.watch_again()

    def watch_again(self) -> None:
        """Have the values of the running step sent once more."""
        if (watched := self._looked_at.get(m.Watch)) is not None:
            self._send(watched)
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
        self._send(ScrubRequest(step))
        self._send(m.NextFrame())  # at once: the views follow the slider

    # -- replies ------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        """Pass a reply on, unless it is of a net that is no longer the document's."""
        if self._closing:  # what the process had still said when it was ended
            return
        if self._is_of_move(reply) or getattr(reply, "again", False):  # the document has that
            return
        self._told = max(self._told, reply.revision)
        if self._is_old(reply):
            self._want_frame()
            return
        handle = self._handlers.get(type(reply))
        if handle is not None:
            handle(self, reply)
        if type(reply) in self._channels:
            self._channels[type(reply)].came.emit(reply)

    def _is_of_move(self, reply: Reply) -> bool:
        """Whether a reply is about the file that runs are carried in; it is taken then."""
        path = getattr(reply, "path", "")
        if not self._carried or path != self._carried:
            return False
        if isinstance(reply, FileMade):
            self._on_made(reply)
        elif isinstance(reply, RunsSaved):
            self._on_runs_saved(reply)
        elif isinstance(reply, RunsOpened):
            self._on_carried(reply)
        return True

    def _is_old(self, reply: Reply) -> bool:
        """Whether a reply is of another document, or what it shows comes again of a newer net."""
        if isinstance(reply, Outcome):
            return False
        if isinstance(reply, Shown):
            return self._is_of_another_graph(reply)
        return reply.revision < self._opened_at

    def _is_of_another_graph(self, reply: Reply) -> bool:
        return reply.revision < self._loaded_at or self._edit_timer.isActive()

    def _on_frame(self, frame: m.Frame) -> None:
        if frame.revision < self._begun_at:  # of what was before
            self._want_frame()
            return
        if self._is_of_another_graph(frame):
            # its curve goes on, its pictures are of another net
            frame = msgspec.structs.replace(frame, values={}, gradients={}, flow=())
        self.last_frame = frame
        if self.has_net:  # else it is of the net before
            self._set_state(frame.state)
        self.frame.emit(frame)
        self._want_frame()

    def _want_frame(self) -> None:
        """Ask for the next frame, not sooner than ``FRAME_MS`` after the last."""
        if not self._frame_timer.isActive():
            passed = self._asked.elapsed() if self._asked.isValid() else FRAME_MS
            self._frame_timer.start(max(0, FRAME_MS - int(passed)))

    def _ask_for_frame(self) -> None:
        self._asked.start()
        self._send(m.NextFrame())
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
            if isinstance(message, bytes):
                self.pass_on(message)
            else:
                self._send(message)
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

    def _on_made(self, made: FileMade) -> None:
        """A file that the engine has written for the window goes where it was wanted."""
        try:
            write_made(made)
        except FileError as error:
            self._refuse(str(error))

    def _on_loaded(self, loaded: m.Loaded) -> None:
        self.last_loaded, self.problem = loaded, loaded.problem
        if not self.problem:
            self._emptied_at = None
        self._set_state("idle" if len(self.document.root) else "refused")
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
            self._set_state("dead")
        if failure.kind == "load":
            self.problem = failure.message
            self._told = self._loaded_at
            self._set_state("refused")
            self.emptied.emit()
        self.failed.emit(failure)

    def _on_checkpoint(self, written: m.CheckpointWritten) -> None:
        self._checkpoint_step = written.step

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """The settings of the document are those of the run that one goes to."""
        another, self._run = frame.run != self._run, frame.run
        self.moment = frame
        settings = next((r.settings for r in frame.runs if r.run == frame.run), None)
        root = self.document.root
        settled = not self._ahead and self.has_net
        if another and settled and settings is not None and settings != root.training:
            self._settings = settings  # the engine has them already
            self.document.set_training(settings)
            self._agree()

    def _on_runs_opened(self, opened: RunsOpened) -> None:
        """The engine has the graph of the file's run already: the document follows."""
        if not opened.problem:
            ahead = self._ahead
            self._adopting, self._run = True, 0
            self.document.open_graph(files.loads(opened.graph))
            self._adopting, self._settings = False, self.document.root.training
            if ahead:  # behind the file the engine takes an edit that came before it
                self._edit_timer.start()
            else:
                self._agree()

    def _on_run_entered(self, entered: RunEntered) -> None:
        """The engine has the graph of that run already: the document follows, as one step.

        One that was edited since goes its own way, and the engine with it.
        """
        if self._ahead:
            self._edit_timer.start()
            return
        self.document.become(files.loads(entered.graph), self.tr("Go to {0}").format(entered.name))
        self._agree()
        self._settings = self.document.root.training
        self.document.message.emit(
            self.tr("This is {0}, on a graph of its own; undo brings the other graph back.").format(
                entered.name
            )
        )

    @property
    def _ahead(self) -> bool:
        """Whether the engine will be given, or has not answered, what the document is now."""
        return self._edit_timer.isActive() or self._told < self._loaded_at

    def _agree(self) -> None:
        """The engine has what the document has just become."""
        self._edit_timer.stop()

    _handlers: dict[type, Callable[[Any, Any], None]] = {
        m.Ready: _on_ready,
        Pong: _on_pong,
        FileMade: _on_made,
        RunsSaved: lambda self, reply: None,
        m.Loaded: _on_loaded,
        m.Frame: _on_frame,
        m.Progress: _on_progress,
        m.Failure: _on_failure,
        m.CheckpointWritten: _on_checkpoint,
        TimelineFrame: _on_timeline,
        RunsOpened: _on_runs_opened,
        RunEntered: _on_run_entered,
    }

    def _on_refused(self, why: str = "") -> None:
        self._process, self._waiting = None, None
        self._set_state("dead")
        if self.place.command:
            sentence = self.tr("The engine could not be started by “{0}”").format(
                self.place.command
            )
            self.died.emit(f"{sentence}: {why}." if why else f"{sentence}.")
        else:
            self.died.emit(self.tr("The engine could not be started."))

    def _on_ended(self, cause: str) -> None:
        far, self.line, self._outbox = self.line is not None, None, None
        self._process, self._waiting, self._moving = None, None, None
        self._frame_timer.stop()
        self._set_state("dead")
        if self._checkpoint_step is not None and not far:  # one may be there without a reply
            self._checkpoint_step = newest_step(self._checkpoints)
        since = ""
        if self._checkpoint_step is not None:
            later = self.tr(" Restart goes on from step {0}, or later.")
            since = later if far else self.tr(" Restart goes on from step {0}.")
            since = since.format(self._checkpoint_step)
        sentence = self.tr("The engine stopped unexpectedly ({0}); your graph is safe.")
        self.died.emit(sentence.format(cause) + since)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    # -- the document -------------------------------------------------------------------------

    def _on_opened(self) -> None:
        self._checkpoint_step = self._emptied_at = None
        if not self._adopting:
            self._carried = ""
            self._starts_with.clear()
        self.last_frame, self.last_loaded, self.moment = None, None, TimelineFrame()
        self.choose_sample(Sample())
        if self._moving is not None and not self._adopting:  # these runs are wanted no more
            self._train_on = False
            self._go_to(self._moving)
        elif self._process is not None and not (self._adopting or self._launched):
            self._edit_timer.stop()
            self._load(keep=False, forget=True)

    def _on_change(self, change: Change) -> None:
        field = change.kind == "node_changed" and change.what in _FIELDS
        if change.kind == "training_changed" and self._is_rate_alone():
            self._settings = self.document.root.training
            self._send(m.SetRate(self._settings.lr))
        elif change.kind in _STRUCTURE or field:
            if change.kind == "node_renamed":
                prefix = self.document.prefix
                self._renamed.append((prefix + change.old, prefix + change.name))
            self._edit_timer.start()
