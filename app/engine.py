"""The window's end of the engine process: starts it, asks it, and passes on what it says.

Runs in the event loop alone: the process's output is read when it arrives, a frame is asked
for when the last one was drawn, every ``FRAME_MS`` at most.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
from PySide6.QtCore import QElapsedTimer, QProcess, QTimer, Signal

from app.document import Document
from app.engine_views import SHOWN, EngineViews
from graphcore import files
from graphcore.binding import learns
from graphcore.elements import Change
from graphcore.errors import WorkerError
from graphcore.growth import Growth
from graphcore.worker import messages as m
from graphcore.worker.data_messages import Sample
from graphcore.worker.run_file_messages import RunsOpened
from graphcore.worker.timeline_messages import RunEntered, TimelineFrame

FRAME_MS = 34
EDIT_MS = 250
_STRUCTURE = {"node_added", "node_removed", "node_renamed", "edge_added", "edge_removed",
              "training_changed"}  # fmt: skip
_FIELDS = {"attributes", "initializers", "frozen", "bypassed"}


def checkpoint_folder() -> Path:
    """Where this window's runs are kept for a restart."""
    return Path(platformdirs.user_cache_dir("gradscape")) / "runs" / str(os.getpid())


class Engine(EngineViews):
    """Requests go out as methods, replies come in as signals.

    Signals:
        ready: the process is up (``Ready``). loaded: graph and data are there (``Loaded``).
        frame: the newest state (``Frame``). landscape: a surface (``LandscapeFrame``).
        progress: something takes a while (``Progress``).
        failed: something was refused or stopped (``Failure``).
        state_changed: "starting", "loading", "idle", "running", "done", "refused" or "dead".
        died: the process ended by itself; the sentence for the banner.

    Attributes:
        moment: what is known of the runs, and of the step that is shown.
    """

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
        self.command = command or [sys.executable, "-m", "graphcore.worker.serve"]
        self.threads = threads
        self.state = "starting"
        self.last_frame: m.Frame | None = None
        self.moment = TimelineFrame()
        self.last_loaded: m.Loaded | None = None
        self.lr: float | None = None
        self.data_dir = ""
        self.growth: Growth = "initial"
        self._speed: float | None = None
        self._process: QProcess | None = None
        self._errors = ""
        self._reader = m.FrameReader()
        self._closing = False
        self._checkpoint_step: int | None = None
        self._run, self._adopting, self._starts = 0, False, 0
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
        self._reader = m.FrameReader()
        self._errors, self._starts = "", 0
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
        if len(self.document.root):
            self._load(keep=False, resume=resume)
        self._send(m.NextFrame())

    def restart(self) -> None:
        """Start anew after the process died, from the last checkpoint if there is one."""
        self.start(str(self._checkpoints) if self._checkpoint_step is not None else "")

    def begin(self) -> None:
        """Start, unless the window was closed before it came to that."""
        if not self._closing:
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
        elif self.state == "refused":
            self._load(keep=True)
        if self.state == "refused":
            return
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

    def set_rate(self, lr: float) -> None:
        """Learning rate from the next step on; the document is not changed."""
        self.lr = lr
        self._send(m.SetRate(lr))

    def set_speed(self, steps_per_second: float | None) -> None:
        """Steps per second at most; None is full speed."""
        self._speed = steps_per_second
        self._send(m.SetSpeed(steps_per_second))

    def _load(self, keep: bool, resume: str = "", forget: bool = False) -> None:
        if self._unfinished():
            self._set_state("refused")
            self._send(m.Pause())
            return
        self.lr = None
        self._set_state("loading")
        self._starts += not keep
        self._send(
            m.Load(files.dumps(self.document.root), keep, resume, str(self._checkpoints),
                   self.data_dir, self.growth, forget)
        )  # fmt: skip

    def _unfinished(self) -> bool:
        """Whether the graph cannot run yet: the canvas says what is missing, no banner does."""
        graph = self.document.root
        if not len(graph) or self.document.levels[0].shapes.problems:
            return True
        if learns(graph):
            return False
        inputs = [node for node in graph if node.operator == "Input"]
        return any(node.attributes["value"] is None for node in inputs)

    def _send(self, message: m.Request) -> None:
        if self._process is not None and self._process.state() != QProcess.ProcessState.NotRunning:
            self._process.write(m.encode(message))

    # -- replies ------------------------------------------------------------------------------

    def _on_output(self) -> None:
        if self._process is None:
            return
        try:
            data = bytes(self._process.readAllStandardOutput().data())
            for body in self._reader.feed(data):
                reply = m.decode_reply(body)
                if type(reply) in SHOWN and not len(self.document.root):
                    continue  # a view of the net that was there before the empty canvas
                self._handlers[type(reply)](self, reply)
        except WorkerError as error:
            self._errors = str(error)
            if self._process is not None:
                self._process.kill()

    def _on_frame(self, frame: m.Frame) -> None:
        if frame.starts < self._starts:  # it was on its way when the net began again
            self._want_frame()
            return
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
        self.last_loaded = loaded
        self._set_state("idle")
        self.loaded.emit(loaded)

    def _on_failure(self, failure: m.Failure) -> None:
        if failure.kind == "load":
            self._set_state("refused")
        self.failed.emit(failure)

    def _on_checkpoint(self, written: m.CheckpointWritten) -> None:
        self._checkpoint_step = written.step

    def _on_timeline(self, frame: TimelineFrame) -> None:
        """The settings of the document are those of the run that one goes to."""
        another, self._run = frame.run != self._run, frame.run
        self.moment = frame
        settings = next((r.settings for r in frame.runs if r.run == frame.run), None)
        root = self.document.root
        settled = not self._edit_timer.isActive() and self.has_net
        if another and settled and settings is not None and settings != root.training:
            self.document.set_training(settings)
            self._edit_timer.stop()  # the engine has them already
        self.timeline.emit(frame)

    def _on_runs_opened(self, opened: RunsOpened) -> None:
        """The engine has the graph of the file's run already: the document follows."""
        if not opened.problem:
            self._edit_timer.stop()
            self._adopting, self._run = True, 0
            self.document.open_graph(files.loads(opened.graph))
            self._adopting = False
        self.runs_opened.emit(opened)

    def _on_run_entered(self, entered: RunEntered) -> None:
        """The engine has the graph of that run already: the document follows, as one step."""
        self.document.become(files.loads(entered.graph), self.tr("Go to {0}").format(entered.name))
        self._edit_timer.stop()
        self.document.message.emit(
            self.tr("This is {0}, on a graph of its own; undo brings the other graph back.").format(
                entered.name
            )
        )

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
            self._errors = (self._errors + text)[-4000:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and not self._closing:
            self._set_state("dead")
            self.died.emit(self.tr("The engine could not be started."))

    def _on_finished(self) -> None:
        if self._closing or self._process is None:
            return
        self._process = None
        self._frame_timer.stop()
        self._set_state("dead")
        since = ""
        if self._checkpoint_step is not None:
            since = self.tr(" Restart goes on from step {0}.").format(self._checkpoint_step)
        self.died.emit(self.tr("The engine stopped unexpectedly; your graph is safe.") + since)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.state_changed.emit(state)

    # -- the document -------------------------------------------------------------------------

    def _on_opened(self) -> None:
        self._checkpoint_step = None
        self.last_frame = None
        self.choose_sample(Sample())
        if self._process is not None and not self._adopting:
            self._edit_timer.stop()
            self._send(m.Pause())
            if len(self.document.root):
                self._load(keep=False, forget=True)

    def _on_change(self, change: Change) -> None:
        if change.kind in _STRUCTURE or (change.kind == "node_changed" and change.what in _FIELDS):
            self._edit_timer.start()
