"""One window's training session: the net, the data, and the replies to the window."""

from __future__ import annotations

import contextlib
import gc
import threading
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
    ShapeError,
)
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
from graphcore.session.loaded import calculation_loaded, loaded, nothing_loaded
from graphcore.session.loop import Loop
from graphcore.session.messages import RunEntered, RunsOpened
from graphcore.session.pace import Attention
from graphcore.session.script import OVER, OWN, Script
from graphcore.session.warm_start import WarmStart
from graphcore.training.trainer import Trainer
from graphcore.training.transfer.keep_weights import Kept, overlap, same_scores

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
        loop: makes its steps. frames: replies to the window.
        wanted: whether the window waits for a frame. news: whether there is anything for one.
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
        self._warm_start = WarmStart()
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
        self.running = False
        self._graph, self._graph_bytes = Graph(), b""
        self.data = KeptData(self.send, given_up)
        self.frames, self.runs, self.attention = Frames(), Runs(), Attention()
        self.wanted = self.news = self._look = False
        self._checkpoints = Checkpoints(self.send)
        self.script = Script(self)
        self.loop = Loop(self)

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

    # -- requests -----------------------------------------------------------------------------

    def load(self, request: m.Load) -> None:
        """Take a graph and its data, or as much of the graph as can be run.

        What was there before is not shown any more; if the graph is refused it is kept aside, so
        that its weights go on in the next one that can be trained.
        """
        self.script.leave()
        self._warm_start.rename(request.renamed)
        if request.forget:
            self._drop()
        elif not request.keep:
            self._set_aside()
            self._forget_weights()
        try:
            self._warm_start.read(request.start)
            self._take(request, files.loads(request.graph))
        except GradscapeError as error:
            self._set_aside()
            self._problem, self.revision = str(error), request.revision
            self.send(failure("load", error, "loading"))

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
        start = self._warm_start
        start.tensors = {**start.tensors, **tensors}
        if later and self._moved_on(trainer):
            trainer.plan.start_later_with(start.tensors)
            return True
        start.begin(trainer.plan)
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
            self._warm_start.keep_edited_initialisers(trainer, self.trainer)
            kept = self._warm_start.take_over(trainer, self.trainer, request.growth)
        else:
            kept = Kept()
        if request.resume:
            state, tensors = read_checkpoint(Path(request.resume))
            trainer.load_state(tensors, state.step, trainer.lr)
        return trainer, kept

    def _trainer_of(self, graph: Graph, folder: str | None = None) -> Trainer:
        """A run of a graph on its data, in double precision where it takes none."""
        if bind(graph).input:
            data = self.data.of(graph.training, folder)
            trainer = Trainer(graph, data, device=self.device, dtype=self.precision)
        else:
            trainer = Trainer(graph, NOTHING, device=self.device, dtype="float64")
        self._warm_start.begin(trainer.plan)
        return trainer

    def _made_forward(self, request: m.Load, part: Graph) -> Trainer:
        """A net that only runs forward; the one that was trained is kept for when it is mended."""
        data = self.data.of(part.training, request.data_dir)
        trainer = Trainer(
            part, data, device=self.device, binding=bind_forward(part), dtype=self.precision
        )
        self._warm_start.begin(trainer.plan)
        if request.keep:
            self._warm_start.take_over(trainer, self.trainer, "initial")
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
        self._warm_start.adopt(trainer, self.trainer)
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

    def _set_aside(self) -> None:
        """There is nothing to look at; what was learned goes on in the next net."""
        if self.trainer is not None:
            self.runs.leave(self.trainer)
        self._warm_start.set_aside(self.trainer)
        self.trainer = self._calculation = None
        self.pause()
        self._forget(keep_curves=True)

    def _drop(self) -> None:
        """There is no net, and nothing is kept of the one before."""
        self._set_aside()
        self.altered.clear()
        self._warm_start.forget()
        self._graph, self._graph_bytes = Graph(), b""
        self._going_to = None
        self.runs.clear()
        self.named_weights.clear()
        self._forget(keep_curves=False)

    def _forget_weights(self) -> None:
        """The next net begins with its initial weights, whatever was learned or changed."""
        self._warm_start.forget_learned()
        self.altered.clear()

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
        self.running, self.loop.steps_left = True, steps
        self.frames.clock.start()
        if self._checkpoints.none:
            self.write_checkpoint()

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
        self.news = self._look = True

    def stop(self) -> None:
        """Stop after the current step; a script waits there."""
        self.script.hold()
        self.pause()

    def pause(self) -> None:
        """Stop after the current step, and show the values of the weights that it left."""
        self.running, self.news = False, True
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
        start, file = self._warm_start.tensors, self._warm_start.file
        self.adopt_runs(path, trainer, current, runs, graph, text)
        if own:
            self._warm_start.tensors, self._warm_start.file = start, file
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
        self._warm_start.read("")
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
            self._warm_start.aside = self._calculation = None
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
        self.news = True

    def describe_run(self) -> None:
        """Note the settings of the current run; those set at an earlier step are a branch's."""
        if not self.runs.visiting:
            self.runs.describe(self._graph_bytes, self._graph.training)

    def set_speed(self, request: m.SetSpeed) -> None:
        """Steps per second at most."""
        self.loop.set_speed(request.steps_per_second)
        self.script.set_speed(request.steps_per_second)

    def watch(self, request: m.Watch) -> None:
        """What the window shows from now on."""
        self.frames.look_at(request)
        self.news = True

    def want_frame(self) -> None:
        """The window has drawn the last frame."""
        self.wanted = True

    # -- work ---------------------------------------------------------------------------------

    def seconds_to_wait(self) -> float | None:
        """0: there is work; None: none until a request comes; else when to look again."""
        if (self.wanted and self.news) or self.loop.tests.at_work or self._going_to:
            return 0.0
        if not self.trains:
            return POLL if self.running else None
        return self.loop.seconds_to_wait()

    def work(self) -> None:
        """A piece of training, then a frame if one is wanted."""
        self.train()
        self.tell()

    def train(self) -> None:
        """A piece of a test or a step, if it is time for one."""
        if self.trainer is not None:
            self.loop.work(self.trainer)

    def tell(self) -> None:
        """Send a frame if one is wanted and there is news."""
        if self.wanted and self.news:
            self.news = False
            self.send(self._frame())
            self.wanted = False

    # -- giving up ----------------------------------------------------------------------------

    def end(self) -> None:
        """Stop training where it is, whatever it was at."""
        self.loop.tests.forget()
        self.pause()

    def without_pictures(self) -> None:
        """Send frames without pictures until others are asked for or another net comes."""
        self.news = not self.frames.blind
        self.frames.blind = True

    def let_go(self) -> None:
        """Drop the net and its runs with all memory that they take."""
        self.trainer = self._calculation = None
        self.runs.clear()
        self._warm_start.forget_gone()
        self.end()
        self._forget(keep_curves=False)
        gc.collect()

    def write_checkpoint(self, if_due: bool = False) -> None:
        """Write a checkpoint; if wanted, only where the last is old."""
        if self.trainer is not None and (self._checkpoints.due or not if_due):
            self._checkpoints.write(self.trainer, self._graph_bytes)

    def keep(self) -> None:
        """Write a checkpoint of the newest step, unless there is nothing to lose."""
        trainer = self.trainer
        if trainer is None or not trainer.trains or self._checkpoints.none:
            return
        self.newest()
        self.write_checkpoint()

    def note_test(self, score: Score, whole: bool) -> None:
        """Add a test of the newest weights to the curves; ``whole`` if on all samples."""
        assert self.trainer is not None
        self.tested, self.news = score, True
        self.add_score(msgspec.structs.replace(score, step=self.trainer.step, whole=whole))

    def add_score(self, score: Score) -> None:
        """Add a test to the curves."""
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
            self.loop.steps_left,
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
        """Let the weights be changed by hand meanwhile: training on with them begins a run."""
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
            self.loop.tests.forget()

    def weights_changed(self) -> None:
        """The weights are others than the last step's: every view is out of date."""
        self.weights_moved += 1
        self.news = self._look = True
        if self._calculation is not None:
            self._end = calculate(self._calculation, self._graph)
            self.frames.fresh = True

    # -- formulas -----------------------------------------------------------------------------

    def _load_calculation(self, graph: Graph, revision: int) -> None:
        """A graph that has nothing to learn: its inputs' own values run through it.

        Both passes are done at once, so every node has its number, and again after each edit.
        """
        plan = compile(graph, self.device, "float64", "inspect")
        self._warm_start.begin(plan)
        if self._calculation is not None:
            for name in self.altered & plan.parameters.keys() & self._calculation.parameters.keys():
                overlap(plan.parameters[name], self._calculation.parameters[name])
        end = calculate(plan, graph)
        self._set_aside()
        self._calculation, self._graph, self._end = plan, graph, end
        self.frames.picture(1)
        self.revision = revision
        self.send(calculation_loaded(plan, self._problem))

    def _forget(self, keep_curves: bool) -> None:
        self.news, self._started = True, None
        self.loop.tests.forget()
        self.frames.forget(keep_curves)
        if not keep_curves:
            self._checkpoints.forget()
