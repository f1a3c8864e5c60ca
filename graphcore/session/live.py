"""Frames of a run: its newest state, curves since the last frame, pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from graphcore.engine import pictures as recording
from graphcore.engine.plan import Plan
from graphcore.graph.graph import Graph
from graphcore.records.arrays import pack
from graphcore.records.epoch_count import EpochCount, epochs_done
from graphcore.records.score import Score
from graphcore.session import messages as m
from graphcore.session.pace import TrainingClock, rest, thinned
from graphcore.training.trainer import StepRecord, Trainer

RECORD_SHARE = 0.02
"""Share of the time that recording for the views may take; fewer pictures rather than more."""
SLOW_REST = 0.3
"""Seconds between two pictures, while a net trains, of what changes slowly and takes long: its
weights, and how bright its edges are. Values and gradients have twice as many pictures for it."""


class Frames:
    """Gathers what happens between two frames, and says when a step is worth recording.

    Attributes:
        watch: what the window shows just now.
        clock: samples per second.
        scores: tests of the net since the last frame.
        accuracies: (step, share of right answers) of the batches recorded since the last frame.
        pictured_step: the step whose values can be shown; 0 for none.
        fresh: whether they were not shown yet.
        epoch_ended: whether one did since the last frame.
        blind: whether no picture is made, because one could not be.
        plain_seconds: what a step that is not recorded takes.
    """

    def __init__(self) -> None:
        self.watch = m.Watch()
        self.clock = TrainingClock()
        self.scores: list[Score] = []
        self.accuracies: list[tuple[int, float]] = []
        self.pictured_step = 0
        self.fresh = self.blind = False
        self.epoch_ended = False
        self._points: list[tuple[int, tuple[float, ...]]] = []
        self._record_at = self._slow_at = 0.0
        self.plain_seconds = 0.0

    def forget(self, keep_curves: bool) -> None:
        """Another net, or another start."""
        self.pictured_step, self.blind = 0, False
        if not keep_curves:
            self.drop_points()
            self.clock = TrainingClock()

    def drop_points(self) -> None:
        """Drop what has happened since the last frame: another reply reports it."""
        self._points, self.scores, self.accuracies = [], [], []

    def look_at(self, watch: m.Watch) -> None:
        """The window shows something else."""
        self.watch, self.fresh, self.blind, self._slow_at = watch, True, False, 0.0

    def picture(self, step: int) -> None:
        """The values of this step are there to be shown."""
        self.pictured_step, self.fresh = step, True

    # -- what happens -------------------------------------------------------------------------

    @property
    def due(self) -> bool:
        """Whether recording has rested long enough since the last time."""
        return time.perf_counter() >= self._record_at

    def note(
        self, records: Sequence[StepRecord], batch: int, recorded: bool, seconds: float
    ) -> None:
        """Steps were done, and took so long each.

        After a recorded step recording rests in proportion to what it took more than a plain one.
        """
        if recorded:
            extra = max(0.0, seconds - self.plain_seconds)
            self._record_at = time.perf_counter() + rest(extra, RECORD_SHARE)
            self.picture(records[-1].step)
        else:
            self.plain_seconds += 0.1 * (seconds - self.plain_seconds)
        self._points += [(record.step, (record.lr, *record.losses)) for record in records]
        self.clock.count(batch * len(records))

    # -- frames -------------------------------------------------------------------------------

    def of_run(
        self,
        trainer: Trainer,
        graph: Graph,
        running: bool,
        steps: int | None,
        moved: int,
        moved_on: bool,
        counts: tuple[EpochCount, ...],
    ) -> m.Frame:
        """The newest state of a run that has ``steps`` to go, or all that are left."""
        places, (rates, *losses) = thinned(self._points)
        done, per_epoch = trainer.finished, trainer.steps_per_epoch
        total = max(trainer.total_steps, trainer.step + (steps or 0))
        frame = m.Frame(
            state="running" if running else "done" if done else "idle",
            step=trainer.step, epoch=_epochs(trainer, counts), counts=counts,
            epochs=-(-trainer.counting.position(total) // per_epoch), total_steps=total,
            lr=trainer.current_lr(), samples_per_second=self.clock.rate,
            seconds_left=self._seconds_left(trainer, steps) if running else None,
            stopped="" if running else trainer.early_stop,
            steps=pack(places), losses=pack(losses[0]), rates=pack(rates),
            accuracies=tuple(self.accuracies), scores=tuple(self.scores),
            pictured_step=self.pictured_step,
            epoch_ended=self.epoch_ended, moved=moved, moved_on=moved_on,
            further={g.loss: pack(y) for g, y in zip(trainer.groups[1:], losses[1:], strict=False)},
            **(self._pictures(trainer.recorded, graph, running) if self._has_pictures else {}),
        )  # fmt: skip
        self.drop_points()
        self.epoch_ended = False
        return frame

    def of_calculation(self, plan: Plan, graph: Graph) -> m.Frame:
        """Values and gradients of a graph that has nothing to learn."""
        return msgspec.structs.replace(
            EMPTY, pictured_step=1,
            **(self._pictures(plan, graph, running=False) if self._has_pictures else {}),
        )  # fmt: skip

    @property
    def _has_pictures(self) -> bool:
        """Whether there are values that were not shown yet."""
        return bool(self.pictured_step and self.fresh and not self.blind)

    def _pictures(self, plan: Plan, graph: Graph, running: bool) -> dict[str, Any]:
        begun = time.perf_counter()
        watch, self.fresh = self.watch, False
        slow = not running or begun >= self._slow_at
        if slow:
            self._slow_at = begun + SLOW_REST
        pictures = {
            "values": recording.value_pictures(plan, graph, watch.values, weights=slow),
            "gradients": recording.gradient_pictures(plan, graph, watch.gradients, weights=slow),
            "flow": recording.edge_flow(plan, graph, watch.level) if watch.flow and slow else (),
        }
        self._record_at += rest(time.perf_counter() - begun, RECORD_SHARE)
        return pictures

    def _seconds_left(self, trainer: Trainer, steps: int | None) -> float | None:
        if self.clock.rate <= 0:
            return None
        left = trainer.total_steps - trainer.step if steps is None else steps
        return left * trainer.batch_size / self.clock.rate


_NOTHING = pack(np.zeros(0, np.float32))


def _epochs(trainer: Trainer, counts: tuple[EpochCount, ...]) -> float:
    """The epochs done up to the step that is looked at, as they were counted when it was made."""
    if not counts:
        return trainer.position / trainer.steps_per_epoch
    return float(epochs_done(counts, np.array([trainer.step]))[0])


EMPTY = m.Frame(
    state="idle", step=0, epoch=0, epochs=0, total_steps=0, lr=0.0,
    samples_per_second=0.0, seconds_left=None, steps=_NOTHING, losses=_NOTHING,
    rates=_NOTHING,
)  # fmt: skip
"""A window without a net."""
