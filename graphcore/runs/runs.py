"""All runs of one session: each with its recorded states, and where it branched off another.

A run is recorded while it trains. One can look at any of its recorded steps and come back to
the newest one unchanged; or train on from the step that is looked at, which begins a branch:
the run before stays as it is. So does training on with weights that were changed by hand.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from graphcore import files
from graphcore.datasets.learned import Learned, learned
from graphcore.datasets.probe import Probe
from graphcore.errors import EngineError, FileError
from graphcore.graph.difference import same_net
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.epoch_count import EpochCount
from graphcore.records.score import Score
from graphcore.runs.curves import SMOOTHING, Curves
from graphcore.runs.snapshots import Moment, Store, Timeline, net_shapes

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.training.trainer import StepRecord, Trainer


SHARE, ALLOWANCE = 0.02, 0.25
"""Recording may take this share of the training time, and this many seconds beyond it."""


LONGEST_NAME = 60
"""Characters of a run's name."""


@dataclass(eq=False)
class Run:
    """One run.

    Attributes:
        graph: the graph file's bytes; net and training settings.
        settings: the training settings of that graph.
        parent: number of the run that it branched off, or None.
        begun_at: the step where it began: 0, or where it branched.
        by_hand: whether it began with weights changed by hand.
        steps: updates done.
        tested_from: the first step whose tests are of this net: a run takes over the curves of
            its parent, which may have been another net.
        held, held_step: the epoch whose weights an early stop gave back at the newest step, and
            the step that had them; 0 without one.
        data: what was learned about its data; None where it takes none.
        probe: the batch of a script that it is looked at on; None without one.
        watched: whether its steps are made by a script, and not here.
        counts: how its steps make epochs, in their order; none in a file of before they were kept.
    """

    number: int
    name: str
    graph: bytes
    settings: TrainingSettings
    parent: int | None = None
    begun_at: int = 0
    by_hand: bool = False
    steps: int = 0
    timeline: Timeline = field(default_factory=Timeline)
    curves: Curves = field(default_factory=Curves)
    tested_from: int = 0
    held: int = 0
    held_step: int = 0
    data: Learned | None = None
    probe: Probe | None = None
    watched: bool = False
    counts: tuple[EpochCount, ...] = ()

    def __post_init__(self) -> None:
        if self.parent is not None:
            self.tested_from = self.begun_at + 1

    def add(self, records: Sequence[StepRecord], seconds: float) -> None:
        """Note steps and how many seconds each took."""
        self.steps = records[-1].step
        for record in records:
            self.curves.add(record.step, record.losses, seconds, record.lr)

    def count_on(self, before: Run | None, step: int, counting: EpochCount) -> None:
        """Count epochs as another run did up to a step, and from there on as is said."""
        kept = () if before is None else tuple(c for c in before.counts if c.since < step)
        if kept and msgspec.structs.replace(kept[-1], since=counting.since) == counting:
            self.counts = kept
        else:
            self.counts = (*kept, msgspec.structs.replace(counting, since=step))

    @property
    def outdated(self) -> bool:
        """Whether its newest step was made by another net, or on other data, than it has now."""
        return self.steps < self.tested_from

    def validation_at(self, step: int) -> Score | None:
        """Return what the samples held back said of this net at a step; None without any."""
        known = [v for v in self.curves.validations if v.step == step >= self.tested_from]
        return known[-1] if known else None

    def test_at(self, step: int) -> Score | None:
        """Return the test of this net at a step, the one on most samples; None without any."""
        found = [t for t in self.curves.tests if t.step == step >= self.tested_from]
        return max(found, key=lambda test: test.samples, default=None)


def run_of_script(trainer: Trainer, graph: bytes, probe: Probe) -> Run:
    """Return the run that a script begins with the weights that ``trainer`` has."""
    return Run(
        1, "Run 1", graph, trainer.graph.training, timeline=Timeline([Moment.of(trainer)]),
        data=learned(trainer.data), probe=probe, watched=True,
    )  # fmt: skip


class Runs:
    """The runs of a session, one of which is the current one.

    Attributes:
        all: number -> run.
        current: the run that is looked at and trained, or None before the first.
        store: where their states are.
        by_hand: whether the weights that training left were changed by hand.
        jumps: how often the weights have gone elsewhere than training led them.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.all: dict[int, Run] = {}
        self.current: Run | None = None
        self.by_hand, self.jumps = False, 0
        self._learned: Tensor | None = None
        self._newest: Moment | None = None
        self._newest_learned: Tensor | None = None
        self._spent = 0.0

    @property
    def visiting(self) -> bool:
        """Whether an earlier step than the newest is looked at."""
        return self._newest is not None

    # -- recording ----------------------------------------------------------------------------

    def begin(self, trainer: Trainer, graph: bytes, same: bool = False) -> Run:
        """A run starts, or goes on with another graph or settings, where ``trainer`` stands.

        At step 0 it has no parent. Later it is a branch of the current run. A current run that
        has not trained yet gives way to it. An edit that was undone leads back to the parent.

        Args:
            same: whether the net computes what the current run's net does, on the same data.
        """
        before, step = self.current, trainer.step
        parent = before if step else None
        if before is not None and before.steps == before.begun_at and not self._children(before):
            del self.all[before.number]
            parent = self.all.get(before.parent or 0) if step else None
        if parent is not None and not self.by_hand and self._back_to(parent, trainer, graph):
            return parent
        run = self._add(graph, trainer.graph.training, parent, step)
        run.data = learned(trainer.data) if trainer.binding.input else None
        run.by_hand = self.by_hand and step > 0
        run.count_on(parent, step, trainer.counting)
        whole = all(count.per_epoch == 1 for count in run.counts)
        run.curves.smoothing = 0.0 if whole else SMOOTHING
        if parent is not None and before is not None and same and not run.by_hand:
            run.tested_from = before.tested_from
        elif parent is not None:
            run.curves.part()
        self.jumps += run.by_hand
        if parent is not None and self._has_same_state(parent, trainer, step):
            run.timeline = parent.timeline.until(step)
        self._enter(run)
        self._keep(Moment.of(trainer))
        return run

    def _back_to(self, parent: Run, trainer: Trainer, graph: bytes) -> bool:
        """Go on with a run if net, settings and weights are those it ended with."""
        if parent.steps != trainer.step or parent.settings != trainer.graph.training:
            return False
        if not same_net(files.loads(parent.graph), trainer.graph):
            return False
        newest = parent.timeline.moments[-1]
        if newest.step != parent.steps or newest.shapes != net_shapes(trainer.state()):
            return False
        try:
            tensors = newest.tensors()
        except FileError:
            return False
        if not tensors["flat"].equal(trainer.plan.flat.to("cpu")):
            return False
        newest.put(trainer, tensors)
        parent.graph = graph
        self._enter(parent)
        return True

    def note(self, records: Sequence[StepRecord], trainer: Trainer, seconds: float) -> None:
        """Note steps and how many seconds each took; the net stands after the last."""
        run = self._run()
        run.add(records, seconds)
        run.held, run.held_step = trainer.held_epoch, trainer.held_step
        affordable = self._spent <= ALLOWANCE + SHARE * run.curves.seconds
        if run.timeline.due(run.steps) and affordable:
            begun = time.perf_counter()
            self._keep(Moment.of(trainer))
            self._spent += time.perf_counter() - begun

    def follow(
        self, records: Sequence[StepRecord], trainer: Trainer, weights: Mapping[str, Any],
        seconds: float,
    ) -> None:  # fmt: skip
        """Note steps that a script has made, and the weights that the last of them left.

        Whatever step is looked at stays looked at; weights changed by hand give way.

        Args:
            weights: name in the plan -> numbers: parameters and running statistics.
            seconds: that each step took.

        Raises:
            EngineError: the weights are of another net; nothing has changed then.
        """
        visited = trainer.step if self.visiting else None
        self.come_back(trainer)
        trainer.plan.load_state_dict(weights)
        self.by_hand, self._learned = False, None
        trainer.step = records[-1].step
        self.note(records, trainer, seconds)
        if visited is not None:
            self.visit(trainer, visited)

    def steps_until_kept(self, step: int) -> int:
        """How many steps can be made before the state may have to be kept."""
        return self._run().timeline.steps_until_due(step)

    def add_score(self, score: Score) -> None:
        """Note how the net did on the test samples, or on those held back."""
        curves = self._run().curves
        (curves.validations if score.held_back else curves.tests).append(score)

    def _keep(self, moment: Moment) -> None:
        run = self._run()
        run.timeline.add(moment)
        self.store.add(moment)
        if self.store.full:
            self._make_room()

    def _make_room(self) -> None:
        """Thin the fullest timelines until the rest has room."""
        self._drop_unused()
        for run in sorted(self.all.values(), key=lambda r: -len(r.timeline.moments)):
            if not self.store.full:
                return
            run.timeline.halve()
            self._drop_unused()

    def _drop_unused(self) -> None:
        used = [m for run in self.all.values() for m in run.timeline.moments]
        self.store.keep_only([*used, *([self._newest] if self._newest else [])])

    @staticmethod
    def _has_same_state(parent: Run, trainer: Trainer, step: int) -> bool:
        earlier = parent.timeline.until(step).moments
        return bool(earlier) and earlier[-1].shapes == net_shapes(trainer.state())

    # -- looking at earlier steps -------------------------------------------------------------

    def visit(self, trainer: Trainer, step: int) -> int:
        """Give the net the state that was recorded last up to a step; returns which it was.

        Raises:
            FileError: the recorded state is on disk and cannot be read.
        """
        run = self._run()
        moment = run.timeline.at(step)
        if moment.step >= run.steps and moment is run.timeline.moments[-1]:
            self.come_back(trainer)
            return trainer.step
        tensors = moment.tensors()  # first: a file that cannot be read changes nothing
        if self._newest is None:
            self._newest, self._newest_learned = Moment.of(trainer), self._learned
        moment.put(trainer, tensors)
        self._compare(trainer, None)
        return moment.step

    def come_back(self, trainer: Trainer) -> None:
        """Give the net its newest state again, as if no other had been looked at."""
        if self._newest is not None:
            self._newest.put(trainer)
            self._newest = None
            self._compare(trainer, self._newest_learned)

    def leave(self, trainer: Trainer) -> None:
        """Keep the newest state of the current run, which is about to be another."""
        run = self.current
        if run is None or not run.timeline.moments:
            return
        self.keep_newest(trainer)
        self._newest = None

    def keep_newest(self, trainer: Trainer) -> None:
        """Keep the newest state of the current run among its moments, whatever is looked at."""
        newest = self._newest or Moment.of(trainer)
        if newest.step > self._run().timeline.moments[-1].step:
            self._keep(newest)

    def branch(self, trainer: Trainer) -> Run:
        """Go on from the step or the weights that are looked at as a run of its own.

        A run that has not trained yet stays the one, whatever weights it begins with.
        """
        before, by_hand = self._run(), self.by_hand
        if self.visiting or before.steps > before.begun_at:
            self.leave(trainer)
            run = self._add(before.graph, before.settings, before, trainer.step)
            run.tested_from, run.data = before.tested_from, before.data
            run.count_on(before, trainer.step, trainer.counting)
            run.timeline = before.timeline.until(trainer.step)
        else:
            run = before
        if by_hand:
            run.tested_from = run.begun_at + 1
            run.curves.part()
        run.by_hand |= by_hand
        self.jumps += by_hand
        self._enter(run)
        self._keep(Moment.of(trainer))
        return run

    def enter(self, trainer: Trainer, number: int, before: Trainer | None = None) -> None:
        """Make another run the current one and give the net its newest state.

        Args:
            trainer: of that run's net.
            before: of the current run, which is left; None if there is none.

        Raises:
            EngineError, FileError: there is no such run, its states are of another net or cannot
                be read; nothing changed.
        """
        run = self.get(number)
        newest = run.timeline.moments[-1]
        if newest.shapes != net_shapes(trainer.state()):
            raise EngineError(f"The states of {run.name} are of another net than its graph.")
        tensors = newest.tensors()  # first: a file that cannot be read changes nothing
        if before is not None:
            self.leave(before)
        newest.put(trainer, tensors)
        run.counts = run.counts or (trainer.counting,)
        self.jumps += 1
        self._enter(run)

    def legs(self) -> list[int]:
        """Of each moment of the current run, which unbroken part of its path it belongs to.

        The newest part has the number ``jumps``.
        """
        run = self._run()
        line = [run]
        while (parent := self.all.get(line[-1].parent or 0)) is not None:
            line.append(parent)
        breaks = [r.begun_at for r in line if r.by_hand]
        return [self.jumps - sum(at > step for at in breaks) for step in run.timeline.steps]

    # -- weights changed by hand --------------------------------------------------------------

    @contextmanager
    def changed_by_hand(self, trainer: Trainer) -> Iterator[None]:
        """Let the weights be changed by hand meanwhile; what training had left stays recorded."""
        if self._learned is None:
            self.keep_newest(trainer)
            self._learned = trainer.plan.flat.clone()
        yield
        self._compare(trainer, self._learned)

    def put_back(self, trainer: Trainer) -> bool:
        """Restore the weights of the newest training step; return whether anything changed."""
        if self._learned is None or self.visiting or not self.by_hand:
            return False
        trainer.plan.flat.copy_(self._learned)
        self._compare(trainer, self._learned)
        return True

    def _compare(self, trainer: Trainer, learned: Tensor | None) -> None:
        """See whether the weights are what training had left; None: they are."""
        self._learned = learned
        self.by_hand = learned is not None and not trainer.plan.flat.equal(learned)

    # -- the table of runs --------------------------------------------------------------------

    def describe(self, graph: bytes, settings: TrainingSettings) -> None:
        """Note the graph and the settings of the current run as they are now."""
        if self.current is not None:
            self.current.graph, self.current.settings = graph, settings

    def get(self, number: int) -> Run:
        """A run by its number; raises EngineError."""
        if number not in self.all:
            raise EngineError(f"There is no run {number} any more.")
        return self.all[number]

    def rename(self, number: int, name: str) -> None:
        """Give a run another name; raises EngineError if another run has it."""
        run, name = self.get(number), " ".join(name.split())[:LONGEST_NAME]
        if any(other.name == name for other in self.all.values() if other is not run):
            raise EngineError(f"Another run is called {name} already: choose another name.")
        if name:
            run.name = name

    def remove(self, number: int) -> None:
        """Forget a run; raises EngineError for the current one. Its branches stay."""
        run = self.get(number)
        if run is self.current:
            raise EngineError(f"{run.name} is the one at work: go to another run first.")
        del self.all[number]
        for other in self.all.values():
            if other.parent == number:
                other.parent = run.parent
        self._drop_unused()

    def take(self, trainer: Trainer, current: int, runs: list[Run]) -> None:
        """Have these runs in place of all others, and give the net the current one's state.

        Raises:
            EngineError: its states are of another net than ``trainer`` is of; nothing changed.
        """
        chosen = next(r for r in runs if r.number == current)
        shapes = net_shapes(trainer.state())
        if any(m.shapes != shapes for m in chosen.timeline.moments):
            raise EngineError(f"The states of {chosen.name} are of another net than its graph.")
        chosen.timeline.moments[-1].put(trainer)  # raises before anything has changed
        self.clear()
        self.all = {r.number: r for r in runs}
        for run in runs:
            for moment in run.timeline.moments:
                self.store.add(moment)
        self.enter(trainer, current)

    def clear(self) -> None:
        """Forget every run."""
        self.all.clear()
        self.current, self._newest = None, None
        self.by_hand, self._learned = False, None
        self._drop_unused()

    def _add(self, graph: bytes, settings: TrainingSettings, parent: Run | None, step: int) -> Run:
        number = next(n for n in itertools.count(1) if n not in self.all)
        run = Run(
            number, self._free_name(number), graph, settings,
            parent=None if parent is None else self._maker(parent, step).number,
            begun_at=step, steps=step,
            timeline=Timeline(begun=step),
        )  # fmt: skip
        if parent is not None:
            run.curves, run.probe = parent.curves.until(step), parent.probe
        self.all[number] = run
        return run

    def _maker(self, run: Run, step: int) -> Run:
        """Return the run that has made a step of a run, which may have begun behind it."""
        while step < run.begun_at or (step == run.begun_at and not run.by_hand):
            before = self.all.get(run.parent or 0)
            if before is None:
                break
            run = before
        return run

    def _free_name(self, number: int) -> str:
        """Return the usual name of a run, with a mark where another run was given it."""
        taken, name = {run.name for run in self.all.values()}, f"Run {number}"
        while name in taken:
            name += "′"
        return name

    def _enter(self, run: Run) -> None:
        self.current, self._spent = run, 0.0
        self.by_hand, self._learned = False, None

    def _run(self) -> Run:
        if self.current is None:
            raise EngineError("There is no run yet: load a graph first.")
        return self.current

    def _children(self, run: Run) -> list[Run]:
        return [r for r in self.all.values() if r.parent == run.number]
