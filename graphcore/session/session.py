"""One window's training session: the net, the data, and the replies to the window."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from graphcore import files
from graphcore.datasets import NOTHING
from graphcore.datasets.probe import Probe
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.engine.reading import calculate
from graphcore.errors import (
    EngineError,
    GradscapeError,
    GraphError,
    NonFiniteError,
    ShapeError,
)
from graphcore.files.state_dict import read_tensors
from graphcore.graph.binding import bind, bind_forward, waiting
from graphcore.graph.difference import same_net
from graphcore.graph.graph import Graph
from graphcore.graph.runnable import runnable_part
from graphcore.records.requests import Look, Reply
from graphcore.records.score import Score
from graphcore.records.tasks import Helper
from graphcore.runs.checkpoint import read_checkpoint
from graphcore.runs.run_file import read_runs
from graphcore.runs.runs import Run, Runs
from graphcore.session import messages as m
from graphcore.session.checkpoints import Checkpoints
from graphcore.session.data_cache import KeptData
from graphcore.session.faults import failure
from graphcore.session.holds import Holds
from graphcore.session.live import EMPTY, Frames
from graphcore.session.live_tests import HeldOut
from graphcore.session.loaded import calculation_loaded, loaded, nothing_loaded
from graphcore.session.messages import RunEntered, RunsOpened
from graphcore.session.pace import Attention
from graphcore.session.script import OVER, OWN, Script
from graphcore.training.evaluation import share_right
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept, overlap, same_scores, take_over
from graphcore.training.transfer.renames import Renames, under_new_names
from graphcore.training.transfer.silent_units import Growth

if TYPE_CHECKING:
    from torch import Tensor


L = TypeVar("L", bound=Look)
Part = TypeVar("Part")
POLL = 0.02
"""Seconds until it is looked again what is due while a script makes the steps."""
NO_NODES = "The graph is empty: add nodes, or open a preset."


class Session:
    """Serves requests that concern training; ``deliver`` takes the replies.

    Attributes:
        trainer: the run, or None before a graph was loaded.
        running: whether ``work`` trains.
        steps_left: steps until a pause, or None.
        frames: replies to the window.
        runs: this run and those before it, recorded.
        attention: whether the window waits for answers.
        revision: of the last ``Load`` or ``Reset``.
        weights_moved: counts the times that others than the optimiser changed the weights.
        altered: names of the parameters changed by hand.
        tested: the newest score on the test split; whoever has taken note of it sets None.
        entered: counts the times that another recorded run was gone to.
        named_weights: of all parameters in a row, kept to be looked at beside the net's.
        data: reads data sets, and keeps the last.
        device, precision: what nets are computed on, and their products in.
        parts: what views keep of the document, by type; see ``part``.
        helper: a process that works beside the training; None where there is none.
    """

    def __init__(
        self, deliver: Callable[[Reply], None], device: str,
        given_up: threading.Event | None = None,
    ) -> None:  # fmt: skip
        self._deliver, self.device, self.precision = deliver, device, "float32"
        self.trainer: Trainer | None = None
        self._aside: Trainer | None = None
        self._problem = NO_NODES
        self._calculation: Plan | None = None
        self._end: str | None = None
        self._started: tuple[tuple[int, int], bool] | None = None
        self.weights_moved = self.revision = self.entered = 0
        self.named_weights: dict[str, Tensor] = {}
        self.parts: dict[type, Any] = {}
        self.helper: Helper | None = None
        self._looks: dict[type[Look], Look] = {}
        self._going_to: tuple[int | None] | None = None
        self.tested: Score | None = None
        self.altered: set[str] = set()
        self.holds = Holds()
        self._gone: dict[str, Tensor] = {}
        self._renames = Renames()
        self.running = False
        self.steps_left: int | None = None
        self._graph, self._graph_bytes = Graph(), b""
        self._start, self._start_file = dict[str, "Tensor"](), ""
        self.data = KeptData(self.send, given_up)
        self.frames, self.runs, self.attention = Frames(), Runs(), Attention()
        self._wanted = self._news = self._look = False
        self._speed: float | None = None
        self._next_step_at = 0.0
        self._checkpoints = Checkpoints(self.send)
        self.script = Script(self)
        self._held_out = HeldOut()

    def send(self, reply: Reply) -> None:
        """Send a reply to the window."""
        self._deliver(msgspec.structs.replace(reply, revision=self.revision))

    def part(self, kind: type[Part]) -> Part:
        """Return the one object of a type that a view keeps; it is dropped with the document."""
        if kind not in self.parts:
            self.parts[kind] = kind()
        found: Part = self.parts[kind]
        return found

    def look(self, request: Look) -> None:
        """Note what is looked at from now on."""
        self._looks[type(request)] = request
        if isinstance(request, m.HoldRequest):
            self.holds.hold(request)

    def looked_at(self, kind: type[L]) -> L:
        """Return the newest request of a type, or one that asks for nothing in particular."""
        found = self._looks.get(kind)
        return found if isinstance(found, kind) else kind(visible=False)

    def need_trainer(self) -> Trainer:
        """Return the run; raises EngineError where there is none."""
        if self.trainer is None:
            raise EngineError("There is no net that can be trained.")
        return self.trainer

    @property
    def moment(self) -> tuple[int, int, int]:
        """Net, step and changes by hand: what was computed at another moment is out of date."""
        step = 0 if self.trainer is None else self.trainer.step
        return id(self.net), step, self.weights_moved

    @property
    def graph(self) -> Graph:
        """The graph that was loaded last."""
        return self._graph

    @property
    def net(self) -> object:
        """What was made of the graph; another object whenever another net comes."""
        return self.trainer or self._calculation

    def held_graph(self) -> Graph | None:
        """Return the graph with the values that are held; None where none is."""
        return self.holds.graph(self._held_in, self.trainer)

    def held_plan(self, like: Plan) -> tuple[Plan, Graph] | None:
        """Return a plan of the held graph with the weights of another, and the graph."""
        return self.holds.plan(self._held_in, self.trainer, like)

    @property
    def _held_in(self) -> Graph:
        return self._graph if self.trainer is None else self.trainer.graph

    @property
    def calculation(self) -> tuple[Plan, Graph, str | None] | None:
        """Plan, graph and the end that both passes ran to, where there is nothing to learn."""
        plan = self._calculation
        return None if plan is None else (plan, self._graph, self._end)

    @property
    def unhurried(self) -> bool:
        """Whether steps are made so slowly that every one of them can be seen."""
        return self._speed is not None and self._speed <= 30

    # -- requests -----------------------------------------------------------------------------

    def load(self, request: m.Load) -> None:
        """Take a graph and its data, or as much of the graph as can be run.

        What was there before is not shown any more; if the graph is refused it is kept aside, so
        that its weights go on in the next one that can be trained.
        """
        self.script.leave()
        self._renames.add(request.renamed)
        self._start = under_new_names(self._start, request.renamed)
        if request.forget:
            self._drop()
        elif not request.keep:
            self._set_aside()
            self._forget_weights()
        try:
            self._begin_with(request.start)
            self._take(request, files.loads(request.graph))
        except GradscapeError as error:
            self._set_aside()
            self._problem, self.revision = str(error), request.revision
            self.send(failure("load", error, "loading"))

    def _begin_with(self, file: str) -> None:
        """Let nets of the document start with the weights of a file; raises FileError."""
        if file != self._start_file:
            self._start = read_tensors(Path(file)) if file else {}
            self._start_file = file

    def start_with(self, tensors: dict[str, Tensor], later: bool = False) -> bool:
        """Let a net that has not trained start with these weights, now and after every reset.

        Args:
            later: whether a net that has trained goes back there by a reset; it stays as it is.

        Returns:
            whether it starts with them.
        """
        trainer = self.trainer
        if trainer is None or (self._moved_on(trainer) and not later):
            return False
        self._start = {**self._start, **tensors}
        if later and self._moved_on(trainer):
            trainer.plan.start_later_with(self._start)
            return True
        trainer.plan.begin_with(self._start)
        self.reset()
        self.weights_changed()
        return True

    def _take(self, request: m.Load, graph: Graph) -> None:
        """Make the net of a graph: to be trained, or to be run as far as that goes."""
        self._problem = "" if len(graph) else NO_NODES
        if not len(graph):
            if request.keep:  # undo may bring it back
                self._set_aside()
            else:
                self._drop()
            self.revision = request.revision
            self.send(nothing_loaded(NO_NODES))
            return
        try:
            trainer, kept = self._made(request, graph)
        except (GraphError, ShapeError) as error:
            self._problem, part = str(error), runnable_part(graph)
            if not waiting(part):
                self._load_calculation(part, request.revision)
                return
            trainer, kept = self._made_forward(request, part), Kept()
        self._adopt(request, trainer, graph)
        self.send(loaded(trainer, trainer.data, kept, self._problem))

    def _made(self, request: m.Load, graph: Graph) -> tuple[Trainer, Kept]:
        """A net that can be trained, with what it keeps of the one before."""
        trainer = self._trainer_of(graph, request.data_dir)
        if request.keep:
            self._drop_starts(trainer)
        kept = self._take_over(trainer, request.growth) if request.keep else Kept()
        if request.resume:
            state, tensors = read_checkpoint(Path(request.resume))
            trainer.load_state(tensors, state.step, trainer.lr)
        return trainer, kept

    def _drop_starts(self, trainer: Trainer) -> None:
        """A parameter whose initialiser was changed by an edit starts by it, not from a file."""
        before = self._aside or self.trainer
        rules = {} if before is None else {p.name: p.initializer for p in before.plan.layout}
        layout = trainer.plan.layout
        changed = {p.name for p in layout if rules.get(p.name, p.initializer) != p.initializer}
        if changed & self._start.keys():
            self._start = {k: v for k, v in self._start.items() if k not in changed}
            trainer.plan.begin_with(self._start)
            trainer.plan.reset()

    def _trainer_of(self, graph: Graph, folder: str | None = None) -> Trainer:
        """A run of a graph on its data, in double precision where it takes none."""
        if bind(graph).input:
            data = self.data.of(graph.training, folder)
            trainer = Trainer(graph, data, device=self.device, dtype=self.precision)
        else:
            trainer = Trainer(graph, NOTHING, device=self.device, dtype="float64")
        trainer.plan.begin_with(self._start)
        return trainer

    def _made_forward(self, request: m.Load, part: Graph) -> Trainer:
        """A net that only runs forward; the one that was trained is kept for when it is mended."""
        data = self.data.of(part.training, request.data_dir)
        trainer = Trainer(
            part, data, device=self.device, binding=bind_forward(part), dtype=self.precision
        )
        trainer.plan.begin_with(self._start)
        if request.keep:
            self._take_over(trainer, "initial")
        return trainer

    def _adopt(self, request: m.Load, trainer: Trainer, graph: Graph) -> None:
        """The net of a graph takes the place of the one before."""
        self._checkpoints.folder = request.checkpoints
        if request.resume:
            self.runs.clear()
        elif self.trainer is not None:
            self.runs.leave(self.trainer)
        folder = Path(request.checkpoints) / "moments" if request.checkpoints else None
        self.runs.store.folder = folder
        self._aside = None if trainer.trains else self._source
        if trainer.trains:
            self._renames.clear()
        before = self.trainer
        kept = before if request.keep and before is not None and before.step else None
        same = kept is not None and same_scores(trainer, kept)
        self.trainer, self._graph, self._graph_bytes = trainer, graph, request.graph
        self._calculation, self.revision = None, request.revision
        if not trainer.trains:
            self.pause()
        self._forget(keep_curves=bool(request.keep))
        self._look = trainer.step > 0 or not (trainer.trains and trainer.binding.input)
        self.runs.begin(trainer, request.graph, same)

    @property
    def _source(self) -> Trainer | None:
        """The net whose weights go on: the one that was trained, with what was changed since."""
        if self._aside is None or self.trainer is None:
            return self._aside or self.trainer
        ours, theirs = self._aside.plan.parameters, self.trainer.plan.parameters
        for name in ours.keys() & theirs.keys():
            if ours[name].shape == theirs[name].shape:
                ours[name].copy_(theirs[name])
        return self._aside

    def _set_aside(self) -> None:
        """There is nothing to look at; what was learned goes on in the next net."""
        if self.trainer is not None:
            self.runs.leave(self.trainer)
        self._aside, self.trainer, self._calculation = self._source, None, None
        self.pause()
        self._forget(keep_curves=True)

    def _drop(self) -> None:
        """There is no net, and nothing is kept of the one before."""
        self._set_aside()
        self._forget_weights()
        self._graph, self._graph_bytes = Graph(), b""
        self._start, self._start_file = {}, ""
        self._going_to = None
        self.runs.clear()
        self.named_weights.clear()
        self._forget(keep_curves=False)

    def _forget_weights(self) -> None:
        """The next net begins with its initial weights, whatever was learned or changed."""
        self._aside = None
        self._renames.clear()
        self.altered.clear()
        self._gone.clear()

    def run(self, request: m.Run) -> None:
        """Start training, from the step that was gone to."""
        self.settle()
        steps = request.steps
        if request.epoch and self.trainer is not None:
            steps = self.trainer.epoch_left
        if self.script.at_work:
            self.script.go(steps)
            return
        if self.trainer is None or not self.trainer.trains:
            self.send(m.Failure("untrainable", self._problem))
            return
        if self.of_script:
            self.send(m.Failure("untrainable", OVER))
            return
        self.branch()
        if steps is None and self.trainer.finished:
            self.trainer.lengthen()
        self.running, self.steps_left = True, steps
        self.frames.clock.start()
        if self._checkpoints.none:
            self._checkpoints.write(self.trainer, self._graph_bytes)

    @property
    def of_script(self) -> bool:
        """Whether the steps of the run that is looked at were made by a script."""
        return self.runs.current is not None and self.runs.current.watched

    @property
    def trains(self) -> bool:
        """Whether steps are made here."""
        return self.running and not self.script.at_work

    def newest(self) -> None:
        """Look at the newest step, with the weights that it left."""
        if self.trainer is not None and self.runs.visiting:
            self.runs.come_back(self.trainer)
            self.weights_changed()
        self.put_back()

    def stepped(self) -> None:
        """A step was made elsewhere: its values are to be computed and shown."""
        self._news = self._look = True

    def stop(self) -> None:
        """Stop after the current step; a script waits there."""
        self.script.hold()
        self.pause()

    def pause(self) -> None:
        """Stop after the current step, and show the values of the weights that it left."""
        self.running, self._news = False, True
        self._look |= self.trainer is not None and self.trainer.step > 0

    def reset(self, revision: int = 0) -> None:
        """Back to the same start."""
        if self.of_script:
            self.send(m.Failure("request", OWN.format("start")))
            return
        self.revision = revision or self.revision
        if self.trainer is not None:
            self.runs.leave(self.trainer)
            self.trainer.reset()
            self.weights_moved += 1
            self._forget_weights()
            self.pause()
            self._forget(keep_curves=False)
            self.runs.begin(self.trainer, self._graph_bytes)

    def open_runs(self, path: str, own: bool = False) -> None:
        """Take up the runs of a file; raises GradscapeError, and nothing has changed then.

        Args:
            own: whether they are of the document that is loaded, which keeps its start.
        """
        self._going_to = None
        current, runs = read_runs(Path(path))
        text = next(r.graph for r in runs if r.number == current)
        graph = files.loads(text)
        trainer = self.trainer_on(graph, [r.probe for r in runs if r.probe is not None])
        start, file = self._start, self._start_file
        self.adopt_runs(path, trainer, current, runs, graph, text)
        if own:
            self._start, self._start_file = start, file
            trainer.plan.start_later_with(start)

    def trainer_on(self, graph: Graph, probes: Iterable[Probe]) -> Trainer:
        """Return a run of a graph on its data, which may be the batch of a script."""
        for probe in probes:
            self.data.give(probe)
        return self._trainer_of(graph)

    def adopt_runs(
        self, path: str, trainer: Trainer, current: int, runs: list[Run], graph: Graph, text: bytes
    ) -> None:
        """Have these runs in place of all others, and look at the newest step of one.

        Args:
            path: of the file that they come from, or "".
            trainer: of the current run. graph, text: its graph, and as a file.
        """
        self.script.leave()
        self.runs.take(trainer, current, runs)
        self._begin_with("")
        trainer.plan.begin_with({})
        self.running, self._calculation = False, None
        self._forget_weights()
        self.trainer, self._graph, self._graph_bytes = trainer, graph, text
        self._forget(keep_curves=False)
        self.send(RunsOpened(path, text))
        self.send(loaded(trainer, trainer.data, Kept()))
        self.entered += 1
        self.weights_changed()

    def enter(self, number: int) -> None:
        """Go to another run and its graph; raises GradscapeError, nothing has changed then."""
        self.settle()
        self.script.leave()
        self.entered += 1
        run, before = self.runs.get(number), self.trainer
        if before is not None and run is self.runs.current:
            return
        graph = files.loads(run.graph)
        another = before is None or not same_net(graph, self._graph)
        trainer = before
        if trainer is None or another or graph.training != self._graph.training:
            trainer = self._trainer_of(graph)
        self.runs.enter(trainer, number, before)
        if trainer is not before:
            self._aside = self._calculation = None
            self.trainer, self._graph, self._graph_bytes = trainer, graph, run.graph
        self.pause()
        self._forget(keep_curves=False)
        if another:
            self.send(RunEntered(run.name, run.graph))
            self.send(loaded(trainer, trainer.data, Kept()))
        self.weights_changed()

    def scrub(self, step: int | None) -> None:
        """Stop training and go to a recorded step, as soon as nothing else is asked.

        The net is put there by ``settle``, so that a slider that is dragged never has to wait for
        steps that it has passed by.
        """
        self.stop()
        self._going_to = (step,)

    def settle(self) -> None:
        """Go where was asked now; raises FileError if the recorded state cannot be read."""
        wanted, self._going_to = self._going_to, None
        trainer, runs = self.trainer, self.runs
        if wanted is None or trainer is None or runs.current is None:
            return
        before = trainer.step, runs.visiting
        if wanted[0] is None:
            runs.come_back(trainer)
        else:
            runs.visit(trainer, wanted[0])
        self.describe_run()
        if (trainer.step, runs.visiting) != before:
            self.weights_changed()

    def set_rate(self, request: m.SetRate) -> None:
        """Learning rate of the net, of its graph and of its run from the next step on."""
        if self.trainer is None:
            return
        if self.of_script:
            self.send(m.Failure("request", OWN.format("learning rate")))
            return
        self.trainer.set_rate(request.lr)
        self._graph.training = msgspec.structs.replace(self._graph.training, lr=request.lr)
        self._graph_bytes = files.dumps(self._graph)
        self.describe_run()
        self._news = True

    def describe_run(self) -> None:
        """Note the settings of the current run; those set at an earlier step are a branch's."""
        if not self.runs.visiting:
            self.runs.describe(self._graph_bytes, self._graph.training)

    def set_speed(self, request: m.SetSpeed) -> None:
        """Steps per second at most."""
        self._speed, self._next_step_at = request.steps_per_second, 0.0
        self.script.set_speed(request.steps_per_second)

    def watch(self, request: m.Watch) -> None:
        """What the window shows from now on."""
        self.frames.look_at(request)
        self._news = True

    def want_frame(self) -> None:
        """The window has drawn the last frame."""
        self._wanted = True

    # -- work ---------------------------------------------------------------------------------

    def seconds_to_wait(self) -> float | None:
        """0: there is work; None: none until a request comes; else when to look again."""
        if (self._wanted and self._news) or self._held_out.at_work or self._going_to:
            return 0.0
        if not self.trains:
            return POLL if self.running else None
        return max(0.0, self._next_step_at - time.perf_counter()) if self._speed else 0.0

    def work(self) -> None:
        """A piece of training, then a frame if one is wanted."""
        self.train()
        self.tell()

    def train(self) -> None:
        """A piece of a test or a step, if it is time for one."""
        if self._held_out.at_work:
            self._test()
        elif self.trains and time.perf_counter() >= self._next_step_at:
            self._train_step()

    def tell(self) -> None:
        """Send a frame if one is wanted and there is news."""
        if self._wanted and self._news:
            self._news = False
            self.send(self._frame())
            self._wanted = False

    # -- giving up ----------------------------------------------------------------------------

    def end(self) -> None:
        """Stop training where it is, whatever it was at."""
        self._held_out.forget()
        self.pause()

    def without_pictures(self) -> None:
        """Send frames without pictures until others are asked for or another net comes."""
        self._news = not self.frames.blind
        self.frames.blind = True

    def let_go(self) -> None:
        """Drop the net and its runs with all memory that they take."""
        self.trainer = self._calculation = None
        self.runs.clear()
        self._gone.clear()
        self.end()
        self._forget(keep_curves=False)
        gc.collect()

    def _train_step(self) -> None:
        trainer = self.trainer
        assert trainer is not None
        if self._speed:
            self._next_step_at = time.perf_counter() + 1 / self._speed
        try:
            recording = self._records_now(trainer)
            begun = time.perf_counter()
            if recording:
                records = [trainer.train_step(record=True)]
            else:
                records = trainer.train_steps(self._steps_at_once(trainer))
            took = (time.perf_counter() - begun) / len(records)
        except NonFiniteError as error:
            self._stop(failure("diverged", error, "training"))
            return
        except GradscapeError as error:
            self._stop(failure("run", error, "training"))
            return
        self.frames.note(records, trainer.batch_size, recording, took)
        self.runs.note(records, trainer, took)
        if recording:
            self._note_accuracy(trainer)
        self._news = True
        self._after_steps(trainer, len(records))

    def _note_accuracy(self, trainer: Trainer) -> None:
        """How good the answers to the batch were that has just been recorded."""
        share, run = share_right(trainer.recorded, trainer.binding), self.runs.current
        if share is not None:
            found = trainer.step, share
            self.frames.accuracies.append(found)
            if run is not None:
                run.curves.accuracies.append(found)

    def _steps_at_once(self, trainer: Trainer) -> int:
        """How many steps may be made before anything has to be looked at."""
        if self._speed:
            return 1
        left = trainer.total_steps - trainer.step if self.steps_left is None else self.steps_left
        room = self.runs.steps_until_kept(trainer.step)
        return min(
            left - 1, room, int(self.attention.seconds / max(1e-6, self.frames.plain_seconds))
        )

    def _records_now(self, trainer: Trainer) -> bool:
        """Whether the next step is one that the window is shown: the last, or when it is time."""
        last = self.steps_left == 1 or trainer.step + 1 == trainer.total_steps
        return last or self.unhurried or (self._wanted and self.frames.due)

    def _after_steps(self, trainer: Trainer, count: int) -> None:
        epoch_done = trainer.ends_epoch
        if epoch_done:
            self.frames.epoch_ended = True
            self._note_validation(trainer)
        tested = trainer.epochs.stopped  # what is held again was, at its epoch's end
        if trainer.binding.input and not tested and (epoch_done or self._held_out.due):
            self._held_out.begin(trainer, self.weights_moved, whole=epoch_done)
        if epoch_done or self._checkpoints.due:
            self._checkpoints.write(trainer, self._graph_bytes)
        if self.steps_left is not None:
            self.steps_left -= count
        if not self._held_out.at_work:
            self._end_if_done(trainer)

    def _end_if_done(self, trainer: Trainer) -> None:
        if trainer.finished if self.steps_left is None else self.steps_left <= 0:
            self.pause()

    def keep(self) -> None:
        """Write a checkpoint of the newest step, unless there is nothing to lose."""
        trainer = self.trainer
        if trainer is None or not trainer.trains or self._checkpoints.none:
            return
        self.newest()
        self._checkpoints.write(trainer, self._graph_bytes)

    def _stop(self, failure: m.Failure) -> None:
        self.pause()
        self.send(failure)

    def _test(self) -> None:
        """Go on with the test of the weights of this moment; training waits for it."""
        assert self.trainer is not None
        tests = self._held_out
        score = tests.work(self.trainer, self.weights_moved)
        if tests.at_work:
            return
        if score is not None:
            self.frames.clock.leave_out(time.perf_counter() - tests.begun)
            self.note_test(score, tests.whole)
        self._end_if_done(self.trainer)

    def note_test(self, score: Score, whole: bool) -> None:
        """Add a test of the newest weights to the curves; ``whole`` if on all samples."""
        assert self.trainer is not None
        self.tested, self._news = score, True
        self._add_score(msgspec.structs.replace(score, step=self.trainer.step, whole=whole))

    def _note_validation(self, trainer: Trainer) -> None:
        """The epoch that has just ended was judged by the samples held back, if there are any."""
        if (score := trainer.validated) is not None:
            self._add_score(msgspec.structs.replace(score, step=trainer.step, held_back=True))

    def _add_score(self, score: Score) -> None:
        self.frames.scores.append(score)
        self.runs.add_score(score)

    def _frame(self) -> m.Frame:
        if self._calculation is not None:
            return self.frames.of_calculation(self._calculation, self._graph)
        if self.trainer is None:
            return EMPTY
        if self._look and not self.trains:
            with contextlib.suppress(GradscapeError):  # training reports it when it is needed
                self.trainer.look()
                self.frames.picture(max(1, self.trainer.step))
        self._look = False
        frame = self.frames.of_run(
            self.trainer,
            self._graph,
            self.running,
            self.steps_left,
            self.weights_moved,
            self._moved_on(self.trainer),
            self.runs.current.counts if self.runs.current else (),
        )
        return self.script.said_of(frame) if self.of_script else frame

    def _moved_on(self, trainer: Trainer) -> bool:
        """Whether there is a start to go back to: the net, or its run, is another than there."""
        run, key = self.runs.current, (id(trainer), self.weights_moved)
        if trainer.step > 0 or (run is not None and run.steps > 0):
            return True
        if self._started is None or self._started[0] != key:
            plan = trainer.plan
            self._started = key, all(plan.is_at_start(info) for info in plan.layout)
        return not self._started[1]

    @contextlib.contextmanager
    def changed_by_hand(self) -> Iterator[None]:
        """Somebody changes the weights meanwhile: to train on with them begins a run."""
        trainer = self.trainer
        with self.runs.changed_by_hand(trainer) if trainer else contextlib.nullcontext():
            yield
        if self.trains:
            self.branch()
        self.weights_changed()

    def put_back(self) -> None:
        """The weights that training had left are the net's again."""
        if self.trainer is not None and self.runs.put_back(self.trainer):
            self.weights_changed()

    def branch(self) -> None:
        """What is looked at becomes a run of its own, if it is not the end of the current one."""
        if self.script.at_work:
            self.newest()
        elif self.trainer is not None and (self.runs.visiting or self.runs.by_hand):
            self.runs.branch(self.trainer)
            self.describe_run()
            self._held_out.forget()

    def weights_changed(self) -> None:
        """The weights are others than the last step's: every view is out of date."""
        self.weights_moved += 1
        self._news = self._look = True
        if self._calculation is not None:
            self._end = calculate(self._calculation, self._graph)
            self.frames.fresh = True

    # -- formulas -----------------------------------------------------------------------------

    def _load_calculation(self, graph: Graph, revision: int) -> None:
        """A graph that has nothing to learn: its inputs' own values run through it.

        Both passes are done at once, so every node has its number, and again after each edit.
        """
        plan = compile(graph, self.device, "float64", "inspect")
        plan.begin_with(self._start)
        if self._calculation is not None:
            for name in self.altered & plan.parameters.keys() & self._calculation.parameters.keys():
                overlap(plan.parameters[name], self._calculation.parameters[name])
        end = calculate(plan, graph)
        self._set_aside()
        self._calculation, self._graph, self._end = plan, graph, end
        self.frames.picture(1)
        self.revision = revision
        self.send(calculation_loaded(plan, self._problem))

    # -- loading ------------------------------------------------------------------------------

    def _take_over(self, new: Trainer, growth: Growth) -> Kept:
        """Give the new net every weight of the old one that still fits."""
        old = self._source
        return Kept() if old is None else take_over(new, old, self._gone, growth, self._renames)

    def _forget(self, keep_curves: bool) -> None:
        self._news, self._started = True, None
        self._held_out.forget()
        self.frames.forget(keep_curves)
        if not keep_curves:
            self._checkpoints.forget()
