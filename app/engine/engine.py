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
import numpy as np
from PySide6.QtCore import QCoreApplication, QElapsedTimer, QObject, QTimer, Signal

from app.document.document import Document
from app.engine.process import EngineProcess, lives
from app.engine.views import OF_A_NET, OF_THE_NET, SIGNALS
from graphcore import files
from graphcore.graph.elements import Change
from graphcore.records.arrays import pack
from graphcore.runs.checkpoint import newest_step
from graphcore.session import messages as m
from graphcore.session.messages import Hold, HoldRequest, RunEntered, RunsOpened
from graphcore.system import start, user_folders
from graphcore.training.sample import Sample
from graphcore.training.transfer.silent_units import Growth
from graphcore.views.comparison import CompareRequest
from graphcore.views.decision_map import DecisionRequest
from graphcore.views.drawing import DigitRequest, NearestRequest
from graphcore.views.embedding import EmbeddingRequest, TsneRequest
from graphcore.views.health import HealthRequest
from graphcore.views.histograms import SpreadRequest
from graphcore.views.landscape import LandscapeRequest, SetPlanePoint
from graphcore.views.lesson import FactsRequest
from graphcore.views.net_files import LoadWeights, SaveNet
from graphcore.views.race import RaceRequest
from graphcore.views.rate_test import RateTestRequest
from graphcore.views.results import ResultsRequest
from graphcore.views.saliency import AttributionRequest
from graphcore.views.samples import SamplesRequest
from graphcore.views.samples.shown import SampleRequest
from graphcore.views.stepper import CheckRequest, ElementRequest, NumbersRequest, WalkRequest
from graphcore.views.timeline import (
    CurvesRequest,
    EditRun,
    EnterRun,
    PutBack,
    ScrubRequest,
    TimelineFrame,
)
from graphcore.views.timeline.run_files import OpenRuns, SaveRuns
from graphcore.views.weights import SetNumbers, TensorRequest
from graphcore.worker.protocol import Reply, Request

_LOG = logging.getLogger("gradscape")
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
    if moment.held:
        text = QCoreApplication.translate("Engine", " · best weights, of epoch {0:,}")
        return text.format(moment.held)
    return ""


class Engine(QObject):
    """Requests go out as methods, replies come in as signals.

    What is looked at is told again to a process that takes another's place.

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
        sample_chosen: ``chosen_sample`` is another.
        The other signals bring the replies that ``SIGNALS`` names them for.

    Attributes:
        moment: what is known of the runs, and of the step that is shown.
        problem: why the open graph cannot be trained; "" where it can, or is not known yet.
        covered: nodes whose values a view shows on the canvas, in place of the running step's.
        drawing: whether the canvas shows what the net makes of a drawing, and of nothing else.
        chosen_sample: the one that the stepper and all that belongs to it look at.
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
    # what is looked at
    landscape = Signal(object)
    walk = Signal(object)
    numbers = Signal(object)
    element = Signal(object)
    checked = Signal(object)
    decision = Signal(object)
    rates = Signal(object)
    tensor = Signal(object)
    what_if = Signal(object)
    held = Signal(object)
    results = Signal(object)
    health = Signal(object)
    embedding = Signal(object)
    samples = Signal(object)
    uncovered = Signal(object)
    sample_chosen = Signal(object)
    attribution = Signal(object)
    spread = Signal(object)
    race = Signal(object)
    digit = Signal(object)
    nearest = Signal(object)
    sample = Signal(object)
    tsne = Signal(object)
    net_saved = Signal(object)
    weights_loaded = Signal(object)
    timeline = Signal(object)
    curves = Signal(object)
    runs_saved = Signal(object)
    runs_opened = Signal(object)
    comparison = Signal(object)
    facts = Signal(object)

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
        self._process: EngineProcess | None = None
        self._closing = False
        self._looked_at: dict[type, Request] = {}
        self._watched = m.Watch()
        self._closely: tuple[str, ...] = ()
        self.chosen_sample = Sample()
        self.covered: frozenset[str] = frozenset()
        self.drawing = False
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
        self._sent_revision = self._net_revision = self._starts = 0
        process = self._process = EngineProcess(self)
        process.replied.connect(self._take)
        process.refused.connect(self._on_refused)
        process.ended.connect(self._on_ended)
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
            self._process.end()
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
        if self._process is not None:
            self._process.send(message)

    # -- what is looked at --------------------------------------------------------------------

    def _look(self, request: Request) -> None:
        """Send what is looked at from now on, if it is not that already."""
        if self._looked_at.get(type(request)) != request:
            self._looked_at[type(request)] = request
            self._send(request)

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
        self._look(m.Watch(values, gradients, level=w.level))

    def request_landscape(self, request: LandscapeRequest) -> None:
        """Say which surface is wanted, or that none is."""
        self._look(request)

    def request_walk(self, request: WalkRequest) -> None:
        """Say whether both passes of a sample are wanted; ``walk`` brings them."""
        self._look(request)

    def ask_numbers(self, name: str) -> None:
        """Have all numbers of a node or a parameter at the shown sample sent; ``numbers`` tells."""
        self._send(NumbersRequest(name))

    def ask_element(self, node: str, index: tuple[int, ...] = (), backward: bool = False) -> None:
        """Have one number of a node's output, or of a gradient, written out; ``element`` tells."""
        self._send(ElementRequest(node, index, backward))

    def check_gradients(self, step: float, part: str = "") -> None:
        """Have gradients compared with finite differences of a step; ``checked`` tells.

        Args:
            part: see ``CheckRequest``.
        """
        self._send(CheckRequest(step, part))

    def watch_decision(self, visible: bool, warped: str = "") -> None:
        """Whether the map of a net over two inputs can be seen, and how a layer warps it."""
        self._look(DecisionRequest(visible, warped))

    def cover(self, nodes: frozenset[str]) -> None:
        """Say which nodes' values the canvas is shown by a view, and not by the running step.

        Those that a view no longer shows get the running step's again.
        """
        bare, self.covered = self.covered - nodes, nodes
        if bare:
            self.uncovered.emit(bare)
            self._watch_again()

    def show_drawing(self, on: bool) -> None:
        """Say whether the canvas is shown a drawing; behind it come the running step's values."""
        back = self.drawing and not on
        self.drawing = on
        if back:
            self._watch_again()

    def _watch_again(self) -> None:
        """Have the values of the running step sent once more."""
        if (watched := self._looked_at.get(m.Watch)) is not None:
            self._send(watched)
            self._want_frame()

    def watch_results(self, visible: bool) -> None:
        """Whether the results on the test set can be seen."""
        self._look(ResultsRequest(visible))

    def watch_health(self, visible: bool) -> None:
        """Whether the examination of the net can be seen."""
        self._look(HealthRequest(visible))

    def watch_embedding(self, visible: bool, node: str) -> None:
        """Whether the samples as points can be seen, and by which node's values."""
        self._look(EmbeddingRequest(visible, node))

    def embed(self, run: bool, node: str) -> None:
        """Begin t-SNE of a node's values, or end it; ``tsne`` tells how far it is."""
        self._send(TsneRequest(run, node))

    def watch_sample(self, nodes: tuple[str, ...], sample: int) -> None:
        """Whose values and gradients can be seen for a test sample; ``sample`` brings them."""
        self._look(SampleRequest(nodes, sample))

    def watch_spread(self, node: str) -> None:
        """Whose histograms can be seen; "" for nobody's."""
        self._look(SpreadRequest(node))

    def hold(self, holds: tuple[Hold, ...]) -> None:
        """Hold these values while one looks; ``walk`` and ``what_if`` tell what follows."""
        self._look(HoldRequest(holds, compare=bool(holds)))
        self.held.emit(holds)

    @property
    def holds(self) -> tuple[Hold, ...]:
        """What is held."""
        request = self._looked_at.get(HoldRequest)
        return request.holds if isinstance(request, HoldRequest) else ()

    def test_rates(self, run: bool) -> None:
        """Begin the learning-rate range test, or end it; ``rates`` tells what it finds."""
        self._send(RateTestRequest(run))

    def request_race(self, request: RaceRequest) -> None:
        """Begin a race, or end it; ``race`` tells how far the runners are."""
        self._send(request)

    def ask_tensor(self, name: str) -> None:
        """Have the numbers of a parameter sent; ``tensor`` brings them."""
        self._send(TensorRequest(name))

    def set_numbers(self, name: str, places: tuple[int, ...], values: tuple[float, ...]) -> None:
        """Change numbers of a parameter by hand."""
        self._send(SetNumbers(name, places, values))
        self.ask_tensor(name)

    def ask_facts(self, request: FactsRequest) -> None:
        """Have expressions of a lesson computed with the graph as it is now; ``facts`` tells."""
        if self._edit_timer.isActive():
            self._edit_timer.stop()
            self._load(keep=True)
        self._send(request)

    def choose_sample(self, sample: Sample) -> None:
        """Look at this sample from now on."""
        if sample != self.chosen_sample:
            self.chosen_sample = sample
            self.sample_chosen.emit(sample)

    def ask_samples(self, request: SamplesRequest) -> None:
        """Have a page of the data set sent; ``samples`` brings it."""
        self._send(request)

    def ask_attribution(self, node: str) -> None:
        """Have the answer to the chosen sample explained; ``attribution`` tells."""
        self._send(AttributionRequest(self.chosen_sample, node))

    def ask_digit(self, pixels: np.ndarray, centred: bool) -> None:
        """Run a drawing through the net; ``digit`` tells what it makes of it."""
        watched = self._looked_at.get(m.Watch)
        names = watched.values if isinstance(watched, m.Watch) else ()
        self._send(DigitRequest(pack(pixels), centred, names))

    def ask_nearest(self, pixels: np.ndarray, centred: bool, node: str) -> None:
        """Have the training samples found that are like a drawing; ``nearest`` tells."""
        self._send(NearestRequest(pack(pixels), centred, node))

    def scrub(self, step: int | None) -> None:
        """Let every view show a recorded step; None: the newest. ``timeline`` tells."""
        self._send(ScrubRequest(step))
        self._send(m.NextFrame())  # at once: the views follow the slider

    def put_learned_back(self) -> None:
        """The weights that training had left, in place of those changed by hand."""
        self._send(PutBack())
        self._want_frame()

    def enter_run(self, number: int) -> None:
        """Go to another run of the session."""
        self._send(EnterRun(number))
        self._want_frame()

    def edit_run(self, number: int, name: str = "", remove: bool = False) -> None:
        """Rename or remove a run."""
        self._send(EditRun(number, name, remove))

    def save_runs(self, path: str) -> None:
        """Have all runs written to a file; ``runs_saved`` tells."""
        self._send(SaveRuns(path))

    def open_runs(self, path: str) -> None:
        """Take up the runs of a file; ``runs_opened`` tells."""
        self._send(OpenRuns(path))
        self._want_frame()

    def watch_curves(self, visible: bool) -> None:
        """Whether the curves of all runs can be seen."""
        self._look(CurvesRequest(visible))

    def watch_comparison(self, request: CompareRequest) -> None:
        """Put another run beside the one at work, or none; ``comparison`` tells."""
        self._look(request)

    def save_net(self, folder: str) -> None:
        """Have graph and weights written to a folder; ``net_saved`` tells."""
        self._send(SaveNet(folder))

    def load_weights(self, path: str) -> None:
        """Fill the net from a safetensors file; ``weights_loaded`` tells what fitted."""
        self._send(LoadWeights(path))
        self._want_frame()

    def set_weights_on_plane(self, a: float, b: float, release: bool = False) -> None:
        """Give the net the weights at a point of the shown surface."""
        self._send(SetPlanePoint(a, b, release))
        self._want_frame()

    def put_weights_back(self) -> None:
        """The weights of before the last drag over the surface, unless the net learned since."""
        self._send(SetPlanePoint(0.0, 0.0, back=True))
        self._want_frame()

    # -- replies ------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        """Pass a reply on, unless it is of a net that is no longer the document's."""
        if isinstance(reply, m.Loaded):
            self._net_revision = reply.revision
        if self.state == "loading" and type(reply) in OF_A_NET:
            self._want_frame()  # of the net before
            return
        current = self._net_revision == self._revision
        if current or type(reply) not in OF_THE_NET:
            handle = self._handlers.get(type(reply))
            if handle is not None:
                handle(self, reply)
            else:
                getattr(self, SIGNALS[type(reply)]).emit(reply)

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
        TimelineFrame: _on_timeline,
        RunsOpened: _on_runs_opened,
        RunEntered: _on_run_entered,
    }

    def _on_refused(self) -> None:
        self._set_state("dead")
        self.died.emit(self.tr("The engine could not be started."))

    def _on_ended(self, cause: str) -> None:
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
