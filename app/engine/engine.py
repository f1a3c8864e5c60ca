"""The window's end of the engine process: starts it, asks it, and passes on what it says.

Runs in the event loop alone: the process's output is read when it arrives, a frame is asked
for when the last one was drawn, every ``FRAME_MS`` at most.
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
from PySide6.QtCore import QElapsedTimer, QProcess, QTimer, Signal

from app.document.document import Document
from app.engine.processes import lives
from app.engine.views import OF_THE_NET, SHOWN, EngineViews
from graphcore import files
from graphcore.errors import WorkerError
from graphcore.graph.elements import Change
from graphcore.runs.checkpoint import newest_step
from graphcore.session import messages as m
from graphcore.session.messages import RunEntered, RunsOpened
from graphcore.system import start, user_folders
from graphcore.training.sample import Sample
from graphcore.training.transfer.silent_units import Growth
from graphcore.views.net_files import NetSaved, WeightsLoaded
from graphcore.views.timeline import TimelineFrame
from graphcore.views.timeline.run_files import RunsSaved
from graphcore.worker.protocol import FrameReader, Reply, Request, decode_reply, encode

_LOG = logging.getLogger("gradscape")
FRAME_MS = 34
EDIT_MS = 250
CAUSE = 200
"""Characters of the cause of the engine's end that the banner tells."""
_STRUCTURE = {"node_added", "node_removed", "node_renamed", "edge_added", "edge_removed",
              "training_changed"}  # fmt: skip
OF_A_NET = {m.Frame, *SHOWN} - {NetSaved, RunsSaved, WeightsLoaded}
"""Replies that show a net; the others say what became of a request."""
_FIELDS = {"attributes", "initializers", "frozen", "bypassed"}


def checkpoint_folder() -> Path:
    """Where this window's runs are kept for a restart."""
    return user_folders.cache_folder() / "runs" / str(os.getpid())


def remove_left_checkpoints(folder: Path) -> None:
    """Remove the checkpoints of windows that were killed: those of no process that lives."""
    for left in folder.iterdir() if folder.is_dir() else ():
        if left.name.isdecimal() and not lives(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)


class Engine(EngineViews):
    """Requests go out as methods, replies come in as signals.

    Signals:
        emptied: the net that was shown is no more, or no more a net that can be trained: what
            there is of another comes in frames of its own.
        ready: the process is up (``Ready``). loaded: graph and data are there (``Loaded``).
        frame: the newest state (``Frame``). landscape: a surface (``LandscapeFrame``).
        progress: something takes a while (``Progress``).
        failed: something was refused or stopped (``Failure``).
        state_changed: "starting", "loading", "idle", "running", "done", "refused" or "dead".
        died: the process ended by itself; the sentence for the banner.

    Attributes:
        moment: what is known of the runs, and of the step that is shown.
        problem: why the open graph cannot be trained; "" where it can, or is not known yet.
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

    def __init__(
        self, document: Document, command: list[str] | None = None, threads: int = 0
    ) -> None:
        super().__init__()
        self.document = document
        self.command = command or start.command("graphcore.worker.serve")
        self.threads = threads
        self.state = "starting"
        self.last_frame: m.Frame | None = None
        self.moment = TimelineFrame()
        self.last_loaded: m.Loaded | None = None
        self.problem = ""
        self._settings = document.root.training
        self.data_dir = ""
        self.growth: Growth = "initial"
        self._speed: float | None = None
        self._process: QProcess | None = None
        self._errors = self._damage = ""
        self._reader = FrameReader()
        self._closing = False
        self._checkpoint_step: int | None = None
        self._run, self._adopting, self._starts = 0, False, 0
        self._revision = self._opened_at = 0  # of the document, and when it was opened
        self._sent_revision = self._net_revision = 0  # of the last Load, and of what is told
        self._checkpoints = checkpoint_folder()
        self._asked = QElapsedTimer()
        self._frame_timer = QTimer(self, singleShot=True)
        self._frame_timer.timeout.connect(self._ask_for_frame)
        self._edit_timer = QTimer(self, singleShot=True, interval=EDIT_MS)
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
        self._reader = FrameReader()
        self._errors = self._damage = ""
        self._sent_revision = self._net_revision = self._starts = 0
        process = QProcess(self)
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_errors)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        self._set_state("starting")
        process.start(self.command[0], self.command[1:])
        for message in (m.Hello(threads=self.threads), m.SetSpeed(self._speed)):
            self._send(message)
        for looked_at in self._looked_at.values():
            self._send(looked_at)
        self._load(keep=False, resume=resume)
        self._send(m.NextFrame())

    def restart(self) -> None:
        """Start anew after the process died, from the last checkpoint if there is one."""
        self.start(str(self._checkpoints) if self._checkpoint_step is not None else "")

    def begin(self) -> None:
        """Start, unless the window was closed before it came to that."""
        if not self._closing:
            left = self._checkpoints.parent
            Thread(target=remove_left_checkpoints, args=(left,), daemon=True).start()
            self.start()

    def close(self) -> None:
        """End the process; waits for it a moment, then kills it."""
        self._closing = True
        for timer in (self._frame_timer, self._edit_timer):
            timer.stop()
        if self._process is not None:
            self._send(m.Quit())
            self._process.closeWriteChannel()
            self._process.finished.disconnect(self._on_finished)
            if not self._process.waitForFinished(1500):
                self._process.kill()
                self._process.waitForFinished(1500)
            self._process = None
        shutil.rmtree(self._checkpoints, ignore_errors=True)

    @property
    def process_id(self) -> int:
        """Of the engine process; 0 if there is none."""
        return int(self._process.processId()) if self._process is not None else 0

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
        if self.state != "done" or frame is None:
            return ""
        planned = -(-frame.total_steps // max(1, frame.steps_per_epoch))
        if frame.step < frame.total_steps:
            return self.tr("Train on after the early stop, to epoch {0:,}").format(planned)
        more = self.document.root.training.epochs
        done = max(planned, -(-frame.step // max(1, frame.steps_per_epoch)))
        return self.tr("Train {0:,} epochs more, to epoch {1:,}").format(more, done + more)

    def run(self, steps: int | None) -> None:
        """Train so many steps."""
        if not self.alive:
            self.restart()
        if self._edit_timer.isActive():
            self._edit_timer.stop()
            self._load(keep=True)
        elif self.state == "refused":  # what was missing may be there now
            self._load(keep=True)
        self._send(m.Run(steps))
        self._want_frame()

    def run_epoch(self) -> None:
        """Train to the end of the current epoch."""
        per_epoch = (self.last_loaded.steps_per_epoch if self.last_loaded else 0) or 1
        self.run(per_epoch - self.step % per_epoch)

    def pause(self) -> None:
        """Stop after the current step."""
        self._send(m.Pause())
        self._want_frame()

    def reset(self) -> None:
        """Back to the same start."""
        self._send(m.Reset())
        self._starts += 1
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
        self._settings = self.document.root.training
        self._set_state("loading")
        self._revision += 1
        self._sent_revision = self._revision
        self._starts += not keep
        self._send(
            m.Load(files.dumps(self.document.root), keep, resume, str(self._checkpoints),
                   self.data_dir, self.growth, forget, self._revision)
        )  # fmt: skip

    def _is_rate_alone(self) -> bool:
        """Whether the engine's settings are those of the document but for the learning rate."""
        now = self.document.root.training
        return msgspec.structs.replace(now, lr=self._settings.lr) == self._settings

    def _send(self, message: Request) -> None:
        if self._process is not None and self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.write(encode(message))

    # -- replies ------------------------------------------------------------------------------

    def _on_output(self) -> None:
        if self._process is None:
            return
        try:
            data = bytes(self._process.readAllStandardOutput().data())
            for body in self._reader.feed(data):
                self._take(decode_reply(body))
        except WorkerError as error:
            self._damage = str(error)
            if self._process is not None:
                self._process.kill()

    def _take(self, reply: Reply) -> None:
        """Pass a reply on, unless it is of a net that is no longer the document's."""
        if isinstance(reply, m.Loaded):
            self._net_revision = reply.revision
        if self.state == "loading" and type(reply) in OF_A_NET:
            self._want_frame()  # of the net before
            return
        current = self._net_revision == self._revision
        if current or type(reply) not in OF_THE_NET:
            self._handlers[type(reply)](self, reply)

    def _on_frame(self, frame: m.Frame) -> None:
        if frame.revision < self._opened_at or frame.starts < self._starts:  # of what was before
            self._want_frame()
            return
        if frame.revision != self._revision:  # its curve goes on, its pictures are of another net
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

    def _on_loaded(self, loaded: m.Loaded) -> None:
        self.last_loaded, self.problem = loaded, loaded.problem
        self._set_state("idle" if len(self.document.root) else "refused")
        if self.problem:
            self.emptied.emit()
        self.loaded.emit(loaded)

    def _on_failure(self, failure: m.Failure) -> None:
        if failure.details:
            _LOG.error("engine: %s\n%s", failure.message, failure.details)
        if failure.kind == "load":
            self.problem = failure.message
            self._sent_revision = self._net_revision
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
        self.timeline.emit(frame)

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
        self.runs_opened.emit(opened)

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
        return self._edit_timer.isActive() or self._sent_revision != self._net_revision

    def _agree(self) -> None:
        """The engine has what the document has just become."""
        self._edit_timer.stop()
        self._revision = self._net_revision
        self._opened_at = min(self._opened_at, self._revision)

    _handlers: dict[type, Callable[[Any, Any], None]] = {
        m.Ready: lambda self, reply: self.ready.emit(reply),
        m.Loaded: _on_loaded,
        m.Frame: _on_frame,
        m.Progress: lambda self, reply: self.progress.emit(reply),
        m.Failure: _on_failure,
        m.CheckpointWritten: _on_checkpoint,
        **SHOWN,
        TimelineFrame: _on_timeline,
        RunsOpened: _on_runs_opened,
        RunEntered: _on_run_entered,
    }

    def _on_errors(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode(errors="replace")
            self._errors = (self._errors + text)[-20_000:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._closing:
            self._set_state("dead")
            self.died.emit(self.tr("The engine could not be started."))

    def _on_finished(self) -> None:
        if self._closing or self._process is None:
            return
        self._on_errors()
        cause = self._cause(self._process)
        _LOG.error("the engine stopped (%s); it wrote:\n%s", cause, self._errors)
        self._process = None
        self._frame_timer.stop()
        self._set_state("dead")
        if self._checkpoint_step is not None:  # one may have been written and not been told of
            self._checkpoint_step = newest_step(self._checkpoints)
        since = ""
        if self._checkpoint_step is not None:
            since = self.tr(" Restart goes on from step {0}.").format(self._checkpoint_step)
        sentence = self.tr("The engine stopped unexpectedly ({0}); your graph is safe.")
        self.died.emit(sentence.format(cause) + since)

    def _cause(self, process: QProcess) -> str:
        """Why the process ended, as far as it has said: one line."""
        lines = [line.strip() for line in self._errors.splitlines() if line[:1].strip()]
        fatal = next((line for line in lines if line.startswith("Fatal Python error")), "")
        code = process.exitCode()
        if process.exitStatus() == QProcess.ExitStatus.CrashExit:
            said = self._damage or fatal or self.tr("ended by signal {0}").format(code)
        else:
            said = lines[-1] if lines else self.tr("exit code {0}").format(code)
        return said[:CAUSE].rstrip(".")

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    # -- the document -------------------------------------------------------------------------

    def _on_opened(self) -> None:
        self._revision += 1
        self._opened_at = self._revision
        self._checkpoint_step = None
        self.last_frame, self.last_loaded, self.moment = None, None, TimelineFrame()
        self.choose_sample(Sample())
        if self._process is not None and not self._adopting:
            self._edit_timer.stop()
            self._load(keep=False, forget=True)

    def _on_change(self, change: Change) -> None:
        field = change.kind == "node_changed" and change.what in _FIELDS
        if change.kind == "training_changed" and self._is_rate_alone():
            self._settings = self.document.root.training
            self._send(m.SetRate(self._settings.lr))
        elif change.kind in _STRUCTURE or field:
            self._revision += 1
            self._edit_timer.start()
