"""Groups of parameters: each made better by its own loss with its own optimiser.

A graph has one group, unless its settings name several objectives, as a GAN's do: there the
discriminator and the generator pull at the same numbers in different directions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphcore.engine.parameters import ParameterInfo
from graphcore.errors import GraphError
from graphcore.graph.training_settings import Objective, TrainingSettings, owner
from graphcore.late import torch
from graphcore.training import optimizers

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.plan import Plan


@dataclass(eq=False)
class Group:
    """Parameters that lie side by side in the flat buffer, from ``start`` to ``end``.

    Attributes:
        loss: name of the node to minimise.
        optimizer: changes them.
        rate: their learning rate as a multiple of the run's.
        still: places in the group that no gradient reaches, of which the optimiser's weight decay
            must keep off, as torch does with parameters that have no gradient.
        slower: places in the group whose updates are multiplied by a factor, each with its own. No
            optimiser's state depends on the rate, so that is a learning rate of their own.
    """

    loss: str
    start: int
    end: int
    optimizer: optimizers.Optimizer
    rate: float = 1.0
    still: tuple[slice, ...] = ()
    slower: tuple[tuple[slice, float], ...] = ()

    def update(self, lr: float | Tensor) -> None:
        """Change the parameters that the loss reaches, at the run's learning rate."""
        self._update(self.optimizer, lr)

    def _update(self, rule: optimizers.Optimizer, lr: float | Tensor) -> None:
        kept = [rule.w[place].clone() for place in self.still]
        before = [rule.w[place].clone() for place, _ in self.slower]
        rule.update(lr * self.rate)
        for (place, factor), numbers in zip(self.slower, before, strict=True):
            rule.w[place].copy_(torch.lerp(numbers, rule.w[place], factor))
        for place, numbers in zip(self.still, kept, strict=True):
            rule.w[place].copy_(numbers)

    def preview(
        self, flat: Tensor, grad: Tensor, lr: float, settings: TrainingSettings | None = None
    ) -> optimizers.Optimizer:
        """What the optimiser would do with these weights and gradients, done on a copy.

        Args:
            flat, grad: all numbers of a plan of the same net.
            lr: the run's learning rate.
            settings: of the run, whose penalties and clipping come before; None: without them.

        Returns:
            A twin of the optimiser after the step; its ``w`` are the new weights.
        """
        mine, rule = slice(self.start, self.end), self.optimizer
        with torch.inference_mode(False):
            twin = optimizers.make(rule.name, flat[mine].clone(), grad[mine].clone(), rule.chosen)
        twin.load_state({k: v.clone() for k, v in rule.state.items()})
        with torch.inference_mode():
            if settings is not None:
                _penalise(twin, settings)
            self._update(twin, lr)
        return twin

    def penalise(self, settings: TrainingSettings) -> None:
        """Add the gradients of the L1 and L2 penalties, then clip the norm."""
        _penalise(self.optimizer, settings)

    def trains(self, info: ParameterInfo) -> bool:
        """Whether a parameter is one of the group's."""
        return not info.frozen and self.start <= info.offset < self.end

    def rate_of(self, info: ParameterInfo) -> float:
        """Return a parameter's learning rate as a multiple of the run's."""
        own = (
            f for place, f in self.slower if place.start <= info.offset - self.start < place.stop
        )
        return self.rate * next(own, 1.0)

    def part(self, info: ParameterInfo, numbers: Tensor) -> Tensor:
        """A parameter that it trains in what it has a number each for: not a copy."""
        return info.within(numbers, self.start)


def _penalise(rule: optimizers.Optimizer, settings: TrainingSettings) -> None:
    g, w = rule.g, rule.w
    if settings.l2:
        g.add_(w, alpha=settings.l2)
    if settings.l1:
        g.add_(torch.sign(w), alpha=settings.l1)
    if settings.clip_norm is not None:
        norm = torch.linalg.vector_norm(g)
        g.mul_(torch.clamp(settings.clip_norm / (norm + 1e-6), max=1.0))


def check(layout: Iterable[ParameterInfo], objectives: Sequence[Objective]) -> None:
    """Raise GraphError unless every parameter belongs to an objective, or is frozen."""
    for info in layout:
        if not info.frozen and owner(info.node, objectives) < 0:
            raise GraphError(
                f"No objective trains {info.name}: name {info.node} in one of them, or freeze it."
            )


def rate_of(objective: Objective, lr: float) -> float:
    """Learning rate of an objective as a multiple of the run's."""
    return 1.0 if objective.lr is None or not lr else objective.lr / lr


def make(plan: Plan, settings: TrainingSettings, loss: str) -> list[Group]:
    """The groups of a run, in the order of the objectives.

    Args:
        loss: the node to minimise where there are no objectives.
    """
    groups = _without_stillness(plan, settings, loss)
    for group in groups:
        group.slower = _slower(plan, settings, group)
    if not (settings.l1 or settings.l2):  # the penalties reach every parameter
        for group in groups:
            reached = plan.reached_from(group.loss) if group.loss else ()
            group.still = tuple(
                slice(p.offset - group.start, p.end - group.start)
                for p in plan.layout
                if group.trains(p) and p.name not in reached
            )
    return groups


def _slower(
    plan: Plan, settings: TrainingSettings, group: Group
) -> tuple[tuple[slice, float], ...]:
    """Where a group's parameters have a learning rate of their own; neighbours are one place."""
    places: list[tuple[slice, float]] = []
    for p in plan.layout if settings.rates else ():
        factor = settings.rate_at(p.node)
        if factor == 1.0 or not group.trains(p):
            continue
        start, end = p.offset - group.start, p.end - group.start
        if places and places[-1][0].stop == start and places[-1][1] == factor:
            start = places.pop()[0].start
        places.append((slice(start, end), factor))
    return tuple(places)


def _without_stillness(plan: Plan, settings: TrainingSettings, loss: str) -> list[Group]:
    s, layout = settings, plan.layout
    w, g = plan.room[: plan.trainable], plan.flat_grad[: plan.trainable]
    if not s.objectives:
        return [Group(loss, 0, len(w), optimizers.make(s.optimizer, w, g, s.optimizer_options))]
    groups, start = [], 0
    for i, o in enumerate(s.objectives):
        mine = [p for p in layout if not p.frozen and owner(p.node, s.objectives) == i]
        end = start + sum(math.prod(p.shape) for p in mine)
        rule, options = (
            (o.optimizer, o.optimizer_options) if o.optimizer
            else (s.optimizer, s.optimizer_options)
        )  # fmt: skip
        optimizer = optimizers.make(rule, w[start:end], g[start:end], options)
        groups.append(Group(o.loss, start, end, optimizer, rate_of(o, s.lr)))
        start = end
    return groups
