"""Training: which batch comes next, one update after another, and how good the net is.

A ``Trainer`` is one run, described by a graph and its ``TrainingSettings``. The data order
depends on the seed and the epoch alone, so a run can be taken up at any step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from graphcore.datasets import Dataset, Split, augmentation
from graphcore.engine.compiler import compile
from graphcore.engine.fast.cached_step import Repetition
from graphcore.engine.feeds import Rows
from graphcore.engine.non_finite import finite, first_non_finite
from graphcore.engine.parameters import ParameterInfo, seed_of
from graphcore.engine.plan import PROGRAMS, Mode, Plan
from graphcore.engine.precision import kept_in
from graphcore.errors import DataError, EngineError, GradscapeError, GraphError, NonFiniteError
from graphcore.graph.binding import Binding, bind
from graphcore.graph.counts import counts
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import check_batch, training_bytes
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.records.epoch_count import EpochCount
from graphcore.records.score import Score
from graphcore.system import memory
from graphcore.training import parameter_groups, schedules, settings_check
from graphcore.training.batches import Batches, leaves_one
from graphcore.training.early_stopping import Epochs
from graphcore.training.evaluation import evaluate
from graphcore.training.step_block import Stride

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.training.distributed import Shard


LARGE = 1 << 30
"""Bytes of training from which on buffers are kept for one pass at a time."""
MOST_AT_ONCE = 1 << 27
"""Numbers that the values of samples in evaluation may hold together."""
DESCENT_STEPS = 100
"""Steps of an epoch where a graph takes no data."""


class StepRecord(NamedTuple):
    """One step: ``step`` counts from 1, ``epoch`` from 0; ``loss`` is before the update.

    ``losses`` has one number per objective; ``loss`` is the first of them.
    """

    step: int
    epoch: int
    loss: float
    lr: float
    losses: tuple[float, ...]


class Trainer:
    """One training run.

    Args:
        dtype: of numbers, or of products alone: see ``compile``.
        mode: "inspect" keeps every value of every step; "train" only of recorded ones.
        binding: where the data go, if the graph does not say it: see ``bind_forward``.

    Attributes:
        validated: how good the net was on the samples held back, when the last epoch ended.
        counting: how its steps make epochs.
        note: what is not done as the settings say; "" if there is nothing of the kind.

    Raises:
        GraphError, ShapeError, AttributeRefusedError: the graph cannot be trained as it is.
        DataError: the data do not fit the graph's input.
    """

    def __init__(
        self, graph: Graph, data: Dataset, settings: TrainingSettings | None = None, *,
        device: str = "cpu", dtype: str = "float32", mode: Mode = "train",
        binding: Binding | None = None,
    ) -> None:  # fmt: skip
        self.graph = graph.copy()
        self.settings = settings or graph.training
        settings_check.check(self.settings)
        self.graph.training = self.settings
        self.binding = bind(self.graph) if binding is None else binding
        self.data = data
        self._large = self._check_batch(device, kept_in(dtype).itemsize)
        self.plan: Plan = compile(
            self.graph, device, dtype, mode, self.settings.seed, transposed=True
        )
        self._bound(self.plan)
        self.train_x, self.train_t = self.tensors(data.train)
        self._check_targets()
        self.note = ""
        self.batches = self._new_batches()
        self._evaluation: Plan | None = None
        self._recorded: Plan | None = None
        self._looking: Plan | None = None
        self._callbacks: list[Callable[[StepRecord], object]] = []
        self.step, self.counting = 0, EpochCount(self.steps_per_epoch)
        parameter_groups.check(self.plan.layout, self.settings.objectives)
        self.groups = self._new_groups()
        self.epochs = Epochs()
        self.validated: Score | None = None
        self._repetition: Repetition | None = None
        self._strides: list[Stride] = []
        self._single = 0  # up to this step they are made one by one
        self.shard: Shard | None = None
        self.lr = self.settings.lr

    def _new_batches(self) -> Batches:
        """The order of the samples; no batch of one where the net needs several in training.

        Raises:
            DataError: there is one sample in all.
        """
        samples, s = len(self.train_x), self.settings
        if not self.binding.input:
            return Batches(DESCENT_STEPS, 1, s.seed, self.plan.device)
        if s.batch > samples > 1:
            self.note = f"A batch of {s.batch:,} takes all {samples:,} samples: one step per epoch."
        joined = False
        if samples == 1 or s.batch == 1 or leaves_one(samples, s.batch):
            why = self._refusal(1)
            if why and samples == 1:
                raise DataError(f"{self.data.name} has one sample to train on. {why}")
            several = bool(why) and not self._refusal(2)
            joined = several and s.batch > 1
            if several and not joined:
                self.note = f"A batch of one sample cannot be trained on: {why}"
        if joined:
            self.note = (
                f"The last batch would be of one sample, of {samples:,} in batches of {s.batch:,}: "
                "it is joined to the batch before it, as this net trains on several at a time."
            )
        return Batches(
            samples, s.batch, s.seed, self.plan.device, joined, not self.data.fixed_order
        )

    def needs_several(self) -> bool:
        """Whether the net trains on two samples at a time, and not on one, as batch norm does."""
        return len(self.train_x) > 1 and bool(self._refusal(1)) and not self._refusal(2)

    def _refusal(self, samples: int) -> str:
        """Why the net cannot be trained on so few samples at a time; "" if it can."""
        try:
            feeds = self.binding.feeds(self.train_x[:samples], self.train_t[:samples])
            self._another("train").forward(feeds, training=True)
        except GradscapeError as error:
            return str(error)
        return ""

    # -- the run ------------------------------------------------------------------------------

    @property
    def steps_per_epoch(self) -> int:
        return self.batches.per_epoch

    @property
    def batch_size(self) -> int:
        """Samples of a step, at most."""
        return min(self.settings.batch, len(self.train_x))

    @property
    def trains(self) -> bool:
        """Whether there is a loss to minimise; without one the net only runs forward."""
        return bool(self.binding.loss)

    @property
    def total_steps(self) -> int:
        """The step that ends the last epoch."""
        return self.counting.behind + self._planned_steps

    @property
    def _planned_steps(self) -> int:
        return self.steps_per_epoch * self.settings.epochs

    @property
    def position(self) -> int:
        """Steps of the present length that the epochs done are: ``step``, if none was another."""
        return self.counting.position(self.step)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return self.position // self.steps_per_epoch

    @property
    def epoch_left(self) -> int:
        """Steps to the end of the begun epoch, or of the next where none is begun."""
        return self.steps_per_epoch - self.position % self.steps_per_epoch

    @property
    def ends_epoch(self) -> bool:
        """Whether the last step was the last of an epoch."""
        return self.position % self.steps_per_epoch == 0

    def current_lr(self, ahead: int = 0) -> float:
        """Learning rate of the next step, or of one ``ahead`` of it in the same epoch."""
        return self.scheduled(self.lr, self.position + ahead, self.epoch)

    def scheduled(self, lr: float, position: int, epoch: int | None = None) -> float:
        """Return what the schedule makes of a learning rate for the update after ``position``.

        Args:
            epoch: that the position belongs to; found from it if left out.
        """
        s = self.settings
        if s.schedule == "constant":
            return lr
        epoch = position // self.steps_per_epoch if epoch is None else epoch
        losses = self.epochs.losses[:epoch]
        moment = schedules.Moment(position, self._planned_steps, epoch, s.epochs, losses)
        return lr * schedules.factor(s.schedule, moment, s.schedule_options)

    def set_rate(self, lr: float) -> None:
        """Change the learning rate of the run; an objective that has its own keeps it."""
        self.settings = msgspec.structs.replace(self.settings, lr=lr)
        self.graph.training = msgspec.structs.replace(self.graph.training, lr=lr)
        self.lr = lr
        for group, objective in zip(self.groups, self.settings.objectives, strict=False):
            group.rate = parameter_groups.rate_of(objective, lr)

    def on_step(self, callback: Callable[[StepRecord], object]) -> None:
        """Call a function after every step that ``run`` makes, with the step's record.

        trainer.on_step(lambda r: wandb.log({"loss": r.loss, "lr": r.lr}, step=r.step))
        trainer.on_step(lambda r: mlflow.log_metric("loss", r.loss, step=r.step))
        trainer.on_step(lambda r: bar.update())   # a bar of tqdm's
        """
        self._callbacks.append(callback)

    def run(self, epochs: int | None = None, steps: int | None = None) -> Score:
        """Train, and return the score on the test split.

        Args:
            epochs, steps: how many more; without either, up to the last epoch of the settings.
                A count goes past the end of the settings if it is larger than what is left.

        Raises:
            NonFiniteError: the loss or a gradient became NaN or infinite.
        """
        count = steps if epochs is None else epochs * self.steps_per_epoch + (steps or 0)
        for record in self.steps(count, ahead=1 if self._callbacks else self.total_steps):
            for callback in self._callbacks:
                callback(record)
        return self.evaluate(self.data.test)

    def steps(self, count: int | None = None, ahead: int = 1) -> Iterator[StepRecord]:
        """Train, one record per step; without a count, up to the end of the last epoch.

        Args:
            ahead: how many steps may be made at once, which small nets gain from: the net is
                then further than the record that one holds.

        Raises:
            NonFiniteError: the loss or a gradient became NaN or infinite; the weights are
                those before that step.
        """
        end = self.total_steps if count is None else self.step + count
        while self.step < end and not self.epochs.stopped:
            yield from self.train_steps(min(ahead, end - self.step))

    def train_steps(self, most: int) -> list[StepRecord]:
        """One step, or as many as can be made at once, all of one epoch; raises as ``steps``."""
        return self._stride(most) or [self.train_step()]

    def train_step(self, record: bool = False) -> StepRecord:
        """One batch forward, backward, and one update.

        Args:
            record: run this step in ``recorded``, a plan that keeps every value and gradient
                to be looked at. The kernels, and so the numbers, are the same.
        """
        lr = self.current_lr()
        losses = None if record else self._again(lr)
        if losses is None:
            shown = record or (self._large and self._recorded is not None)
            losses = self._anew(self.recorded if shown else self.plan, lr)
        return self._count(losses, lr)

    def _stride(self, most: int) -> list[StepRecord]:
        """Make at most ``most`` steps at once; none where they have to be made one by one."""
        again = self._repetition
        if most < 2 or again is None or again is not self.plan.repeated or self.step < self._single:
            return []
        rows = self.batches.whole(self.position, 2)
        if len(rows) < 2 or len(rows[0]) != len(again.rows):
            return []
        stride = self._stride_for(again)
        rows = self.batches.whole(self.position, min(most, stride.most))
        if len(rows) < 2:
            return []
        rates = [self.current_lr(i) for i in range(len(rows))]
        losses = stride.run(rows, rates)
        if losses is None:
            self._single = self.step + len(rows)
            return []
        return [self._count((loss,), lr) for loss, lr in zip(losses, rates, strict=True)]

    def _stride_for(self, again: Repetition) -> Stride:
        """The block of steps like this one; kept for every size of batch that comes back."""
        made_for = again, self.groups[0], self.settings
        fitting = next((s for s in self._strides if s.fits(*made_for)), None)
        if fitting is None:
            fitting = Stride(self.plan, *made_for)
            self._strides = [fitting, *self._strides[: PROGRAMS - 1]]
        return fitting

    def _count(self, losses: tuple[float, ...], lr: float) -> StepRecord:
        """Note that a step was made."""
        epoch = self.epoch
        self.step += 1
        self.epochs.count(losses[0])
        if self.ends_epoch:
            self._end_epoch()
        return StepRecord(self.step, epoch, losses[0], lr, losses)

    def _again(self, lr: float) -> tuple[float, ...] | None:
        """The step that was just made over the next rows; None if it has to be built again."""
        rows, again = self.next_rows(), self._repetition
        if again is None or again is not self.plan.repeated or len(again.rows) != len(rows):
            return None
        random_state = self._random_state()
        with torch.inference_mode():
            loss = self.plan.repeat(rows)
            if loss is None:
                return None
            group, square = self.groups[0], self.plan.gradient_square
            if not finite(loss, square):
                self._blame(self.next_feeds(), group.loss, loss, random_state)
            self._change(group, lr)
        return (loss,)

    def _anew(self, plan: Plan, lr: float) -> tuple[float, ...]:
        """The next step with all that it is fed looked up; the loss of each group."""
        feeds = self.next_feeds()
        losses = tuple([self._update(plan, group, feeds, lr) for group in self.groups])
        alone = len(self.groups) == 1 and self.shard is None
        self._repetition = self.plan.repeated if alone else None
        return losses

    def _update(
        self, plan: Plan, group: parameter_groups.Group, feeds: dict[str, Any], lr: float
    ) -> float:
        """Forward, backward from a group's loss and one update; returns the loss before it."""
        random_state = self._random_state()
        with torch.inference_mode():
            if self.shard is None:
                loss = plan.step(feeds, group.loss)
                square = plan.gradient_square
            else:
                loss = self.shard.step(plan, feeds, group)
                square = torch.dot(group.optimizer.g, group.optimizer.g)
            if not finite(loss, square):
                self._blame(feeds, group.loss, loss, random_state)
            self._change(group, lr)
        return loss

    def _random_state(self) -> Tensor | None:
        return self.plan.generator.get_state() if self.plan.draws_random else None

    def _change(self, group: parameter_groups.Group, lr: float) -> None:
        group.penalise(self.settings)
        group.update(lr)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or patience is worn out."""
        return self.epochs.stopped or self.step >= self.total_steps

    def _end_epoch(self) -> None:
        if self.shard is not None:
            self.shard.agree()
        held_back, patience = self.data.validation, self.settings.patience
        self.validated = None if held_back is None else self.evaluate(held_back)
        validation = None if self.validated is None else self.validated.loss
        if self.shard is not None and validation is not None:
            validation = self.shard.firsts(validation)
        self.epochs.end(validation, self.plan, patience)

    @property
    def recorded(self) -> Plan:
        """A plan in record mode over the same weights, gradients, statistics and randomness."""
        if self.plan.mode == "inspect":
            return self.plan
        if self._recorded is None:
            self._recorded = self._another("record", share=self.plan)
            if self._large:  # from now on it makes every step
                self._repetition, self._strides = None, []
                self.plan.release()
        return self._recorded

    def next_feeds(self) -> dict[str, Any]:
        """The batch of the step that comes next."""
        rows = self.next_rows()
        x: Tensor | None = None
        if self.settings.augmentation and self.binding.input:
            x = self._augmented(self.train_x.index_select(0, rows))
        if self.shard is not None:
            rows, x = self.shard.begin(rows, x)
        inputs = Rows(self.train_x, rows) if x is None else x
        return self.binding.feeds(inputs, Rows(self.train_t, rows))

    def next_rows(self) -> Tensor:
        """Which samples come next."""
        return self.batches.at(self.position)

    def _augmented(self, images: Tensor) -> Tensor:
        """Images changed at random, the same ones at the same step of the same run."""
        seed = seed_of(self.settings.seed, f"augmentation {self.step}")
        changed = augmentation.apply_normalised(
            self.settings.augmentation, images.to("cpu", torch.float32).numpy(),
            np.random.default_rng(seed), self.data.normalization,
        )  # fmt: skip
        return torch.from_numpy(changed).to(images)

    def _blame(
        self, feeds: dict[str, Any], end: str, loss: float, random_state: Tensor | None
    ) -> None:
        """Repeat the step in inspect mode to name the node where it happened; always raises."""
        plan = self._another("inspect")
        plan.copy_state(self.plan)
        if random_state is not None:
            plan.generator.set_state(random_state)
        node, phase = first_non_finite(plan, feeds, end)
        what = "value" if phase == "forward" else "gradient"
        raise NonFiniteError(
            f"The {what} of {node or end} became NaN or infinite at step "
            f"{self.step + 1} (loss {loss:.4g}): try a smaller learning rate. "
            "The weights before that step are kept.",
            node, phase,
        )  # fmt: skip

    # -- looking ------------------------------------------------------------------------------

    def evaluate(self, split: Split, *, limit: int | None = None, batch: int = 200) -> Score:
        """Loss and accuracy over a split (its first ``limit`` samples), in evaluation mode.

        Runs in a plan of its own, so the values of the running step stay to be looked at.
        """
        given = self.tensors(split, limit)
        score = evaluate(self.evaluation_plan(), self.binding, *given, self.at_once(batch))
        self.end_evaluation()
        return score

    def end_evaluation(self) -> None:
        """Give back the buffers of ``evaluation_plan`` where they are large."""
        if self._large and self._evaluation is not None:
            self._evaluation.release()

    def at_once(self, samples: int) -> int:
        """Return how many of these samples go through the net at a time, at most."""
        return max(1, min(samples, MOST_AT_ONCE // max(1, self._values)))

    def evaluation_plan(self) -> Plan:
        """A second plan of the same net with the weights and statistics of this moment."""
        if self._evaluation is None:
            self._evaluation = self._another("train")
        self._evaluation.copy_state(self.plan)
        return self._evaluation

    def looking_plan(self) -> Plan:
        """A plan that keeps every value, with the weights and statistics of this moment.

        Whoever looks at the same samples sees the same random numbers.
        """
        if self._looking is None:
            self._looking = self._another("inspect")
        self._looking.copy_state(self.plan)
        self._looking.draw_alike()
        return self._looking

    def look(self) -> None:
        """Run both passes of the next batch in ``recorded``, in evaluation mode, without an update.

        Without a loss there is no backward pass. Nothing of the run depends on it: the random
        numbers of the next step stay what they are.
        """
        plan, random_state = self.recorded, self._random_state()
        plan.forward(self.next_feeds())
        if self.trains:
            plan.backward(self.groups[0].loss)
        if random_state is not None:
            plan.generator.set_state(random_state)

    def _another(self, mode: Mode, share: Plan | None = None) -> Plan:
        """A further plan of the same net."""
        seed = self.settings.seed
        plan = compile(self.graph, mode=mode, seed=seed, share=share, **self.plan.made_for)
        self._bound(plan)
        return plan

    def _bound(self, plan: Plan) -> None:
        """Let a plan of a large net keep buffers for one size of batch alone."""
        if self._large:
            plan.most_programs = 1

    def tensors(self, split: Split, limit: int | None = None) -> tuple[Tensor, Tensor]:
        """Inputs and targets of a split (its first ``limit`` samples) as they are fed."""
        inputs, targets = split.inputs[:limit], split.targets[:limit]
        if not self.binding.input:
            return torch.from_numpy(inputs), torch.from_numpy(targets)
        node, shape = self.graph.node(self.binding.input), self.input_shape
        given = inputs.shape[1:]
        if math.prod(given) != math.prod(shape):
            raise DataError(
                f"{self.data.name} has samples of shape {tuple(given)}, but {node.name} takes "
                f"{shape}."
            )
        x = torch.from_numpy(inputs.reshape(len(inputs), *shape)).to(self.plan.device)
        x = x.to(torch.int64 if node.attributes["dtype"] == "int" else self.plan.dtype)
        t = torch.from_numpy(targets).to(self.plan.device)
        return x, t.to(self.plan.dtype) if t.is_floating_point() else t

    def _check_batch(self, device: str, itemsize: int) -> bool:
        """A batch has samples, and its values have room; raises DataError or ShapeError.

        Returns whether training takes so much memory that little of it is kept twice.
        """
        samples = len(self.data.train)
        if not samples:
            raise DataError(f"{self.data.name} has no samples to train on.")
        free = memory.available() if device == "cpu" else None
        batch = min(self.settings.batch, samples)
        shapes = check_batch(self.graph, batch, itemsize, free)
        self._values = counts(self.graph, shapes).values
        return training_bytes(shapes, batch, itemsize) > LARGE

    def _check_targets(self) -> None:
        """Raise GraphError where the loss itself is given targets that it has no meaning for."""
        target, t = self.binding.target, self.train_t
        if not target or not t.is_floating_point() or not len(t):
            return
        for edge in self.graph.edges_from(target):
            judge = self.graph.node(edge.target)
            limits = judge.op.target_range
            if limits is None or edge.input != "target":
                continue
            low, high = float(t.min()), float(t.max())
            if not limits[0] <= low <= high <= limits[1]:
                raise GraphError(
                    f"{judge.name} ({judge.operator}) takes targets from {limits[0]:g} to "
                    f"{limits[1]:g}, but those of {self.data.name} lie between {low:.6g} and "
                    f"{high:.6g}: MSELoss is for numbers of any size."
                )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample as the net takes it; (0,) where it takes none."""
        name = self.binding.input
        return tuple(self.graph.node(name).attributes["shape"]) if name else (0,)

    # -- state --------------------------------------------------------------------------------

    def lengthen(self) -> None:
        """Go on after the end: to the last epoch after an early stop, else for more epochs.

        There are as many more as the graph's settings name.
        """
        self.epochs.go_on()
        if self.step >= self.total_steps:
            done = max(self.settings.epochs, math.ceil(self.position / self.steps_per_epoch))
            self._plan_epochs(done + self.graph.training.epochs)

    def _plan_epochs(self, epochs: int) -> None:
        self.settings = msgspec.structs.replace(self.settings, epochs=epochs)

    @property
    def held_epoch(self) -> int:
        """The epoch whose weights an early stop has given back to the net; 0 without one."""
        return self.epoch - self.epochs.since_best if self.epochs.stopped else 0

    @property
    def held_step(self) -> int:
        """The step that had the weights which an early stop has given back; 0 without one."""
        since = self.epochs.since_best * self.steps_per_epoch
        return self.step - since if self.epochs.stopped else 0

    @property
    def early_stop(self) -> str:
        """Why training ended before its last epoch and which weights are held, or ""."""
        if not self.epochs.stopped:
            return ""
        waited, loss = self.epochs.waited, min(self.epochs.losses)
        which = "training loss" if self.data.validation is None else "loss of the samples held back"
        return (
            f"Stopped early after epoch {self.epoch:,} of {self.settings.epochs:,}: the {which} "
            f"has not fallen for {waited:,} epoch{'s' if waited != 1 else ''}. The net holds the "
            f"weights of epoch {self.held_epoch:,}, where it was {loss:.4g}."
        )

    def reset(self) -> None:
        """Back to the same start: weights, optimiser, random state, order, statistics.

        A run that was lengthened has the epochs of its graph's settings again.
        """
        self.plan.reset()
        self._plan_epochs(self.graph.training.epochs)
        self.epochs = Epochs()
        self.step, self.lr, self._single = 0, self.settings.lr, 0
        self.counting = EpochCount(self.steps_per_epoch)
        self.groups = self._new_groups()

    def _prefixed(self) -> list[tuple[str, parameter_groups.Group]]:
        """The groups with what their optimisers' states are called in a checkpoint."""
        return [(f"optimizer{i or ''}:", group) for i, group in enumerate(self.groups)]

    def state(self) -> dict[str, Tensor]:
        """Everything that a resumed run needs, as copies: see ``load_state``."""
        self.plan.draw()
        return {k: v.clone() for k, v in self.parts_of_state().items()}

    def parts_of_state(self) -> dict[str, Tensor]:
        """What ``state`` copies, the run's own tensors; its weights may not be drawn yet."""
        return {
            **self.plan.parts_of_state(),
            "generator": self.plan.generator.get_state(),
            "position": torch.tensor([self.position, self.steps_per_epoch]),
            **{f"{p}{k}": v for p, g in self._prefixed() for k, v in g.optimizer.state.items()},
            **self.epochs.state(),
        }

    def load_state(self, state: dict[str, Tensor], step: int, lr: float) -> None:
        """Take up a run at ``step``.

        Raises:
            EngineError: the state is of another net, or damaged; nothing has changed then.
        """
        self._check_state(state)
        epochs = Epochs()
        epochs.load_state(state)
        self.plan.load_state(state)
        self.groups = self._new_groups()
        for prefix, group in self._prefixed():
            group.optimizer.load_state(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )
        self.plan.generator.set_state(state["generator"])
        self.epochs = epochs
        self.step, self.lr, self._single = step, lr, 0
        self.counting = self.counting_of(state, step)

    def counting_of(self, state: Mapping[str, Tensor], step: int) -> EpochCount:
        """Return how a state at ``step`` goes on: its epochs done, in epochs of this length."""
        given = state.get("position")  # older states have none
        position, per_epoch = (step, self.steps_per_epoch) if given is None else given.tolist()
        return EpochCount(per_epoch, step - position).for_length(self.steps_per_epoch, step)

    def go_on_from(self, old: Trainer) -> None:
        """Stand where another run does: its steps made, and its epochs done."""
        self.step = old.step
        self.counting = old.counting.for_length(self.steps_per_epoch, old.step)

    def _check_state(self, state: Mapping[str, Tensor]) -> None:
        """Raise EngineError unless every tensor of a state fits."""
        flat = state.get("flat")
        if flat is None or flat.shape != self.plan.flat.shape:
            raise EngineError("The saved weights are of another net than this graph.")
        own = {f"buffer:{name}": buffer for name, buffer in self.plan.buffers.items()}
        for prefix, group in self._prefixed():
            own |= {f"{prefix}{k}": v for k, v in group.optimizer.state.items()}
        best = {f"best:{name}": buffer for name, buffer in self.plan.buffers.items()}
        if any(name.startswith("best:") for name in state):
            own |= {**best, "best:flat": flat}
        for name, tensor in own.items():
            if name not in state or state[name].shape != tensor.shape:
                raise EngineError(
                    f"The saved state has no {name} of this net and its optimiser: it is of "
                    "others, or damaged."
                )
        place = state.get("position", torch.tensor([0, 1]))
        if place.shape != (2,) or place.dtype != torch.int64 or place[0] < 0 or place[1] < 1:
            raise EngineError("The saved state is damaged: its place in the run is not there.")
        try:
            torch.Generator(self.plan.device).set_state(state["generator"])
        except (KeyError, RuntimeError, TypeError):
            raise EngineError("The saved state is damaged: it has no random state.") from None

    def _new_groups(self) -> list[parameter_groups.Group]:
        return parameter_groups.make(self.plan, self.settings, self.binding.loss)

    def group_of(self, info: ParameterInfo) -> parameter_groups.Group:
        """The group that trains a parameter that is not frozen."""
        return next(g for g in self.groups if g.start <= info.offset < g.end)
