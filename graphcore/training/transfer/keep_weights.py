"""Changing a net while it learns: what of the old one still fits goes on in the new one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from graphcore.errors import GradscapeError
from graphcore.graph.difference import same_net
from graphcore.late import torch
from graphcore.training.transfer.net2net import widen
from graphcore.training.transfer.renames import Renames
from graphcore.training.transfer.silent_units import SAMPLES, Growth, difference, grow_quietly

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.parameters import ParameterInfo
    from graphcore.engine.plan import Plan
    from graphcore.training.trainer import Trainer


@dataclass(frozen=True)
class Kept:
    """What became of the parameters, by name.

    Attributes:
        whole: kept as they were.
        part: of another size now; the numbers that are in both were kept, the rest is new.
        fresh: not there before, or of another number of axes: from their initialisers.
        gone: of the old net alone.
        frozen: trained before and no longer.
        anew: kept, but their optimiser state is not: it was another optimiser's, or none.
        change: how much an output differs from the old net's at most, over the largest of those;
            None where they cannot be compared, or where the net is the same.
        copies: how many units of each layer are copies of old ones.
    """

    whole: tuple[str, ...] = ()
    part: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    anew: tuple[str, ...] = ()
    change: float | None = None
    copies: dict[str, int] = field(default_factory=dict)


def take_over(
    new: Trainer,
    old: Trainer,
    gone: dict[str, Tensor] | None = None,
    growth: Growth = "initial",
    renames: Renames | None = None,
) -> Kept:
    """Give a new run every weight, statistic, optimiser state and step of an old one.

    Args:
        gone: parameters as they were when their node was deleted or made smaller; what is back
            comes from there, so that undo brings the weights back too.
        growth: what is new starts from this.
        renames: names that nodes have in the old net.
    """
    renames = renames or Renames()
    buried = {} if gone is None else gone
    theirs = {p.name: p for p in old.plan.layout}
    found: dict[str, list[str]] = {k: [] for k in ("whole", "part", "fresh", "frozen", "anew")}
    with torch.inference_mode():
        for mine in new.plan.layout:
            former = renames.former(mine.node)
            key = f"{former}{mine.name[len(mine.node) :]}"
            other = theirs.pop(key, None) if former is not None else None
            other = other or _moved(mine, theirs)
            for what in _take_one(new, old, mine, other, buried):
                found[what].append(mine.name)
        _take_buffers(new.plan, old.plan, renames)
    buried.update({name: old.plan.parameters[name].clone() for name in theirs})
    if new.settings.epochs == old.graph.training.epochs:  # the run may have been lengthened
        new.settings = msgspec.structs.replace(new.settings, epochs=old.settings.epochs)
    new.go_on_from(old)
    if old.step:
        new.plan.generator.set_state(old.plan.generator.get_state())
    copies = _grow(new, old, found["part"], found["fresh"], growth)
    kept = {k: tuple(v) for k, v in found.items()}
    change = None if same_net(new.graph, old.graph) else difference(new, old)
    return Kept(gone=tuple(theirs), change=change, copies=copies, **kept)


def same_scores(new: Trainer, old: Trainer) -> bool:
    """Return whether two nets score the same on the same data: tests of one are of both then."""
    if new.data is not old.data or not (new.trains and old.trains):
        return False
    if same_net(new.graph, old.graph):
        return new.plan.flat.equal(old.plan.flat)
    try:
        mine, theirs = (t.evaluate(t.data.test, limit=SAMPLES) for t in (new, old))
    except GradscapeError:
        return False
    return mine.accuracy == theirs.accuracy and math.isclose(mine.loss, theirs.loss, rel_tol=1e-6)


def _grow(
    new: Trainer, old: Trainer, part: list[str], fresh: list[str], growth: Growth
) -> dict[str, int]:
    """Give what is new its start; returns how many units of each layer were copied."""
    copies, settled = dict[str, int](), set[str]()
    if growth in ("copies", "noisy"):
        copies, settled = widen(new, old, part, growth == "noisy")
    if growth != "initial":
        grow_quietly(new, old, [name for name in part if name not in settled], fresh)
    return copies


def _take_one(
    new: Trainer, old: Trainer, mine: ParameterInfo, other: ParameterInfo | None,
    buried: dict[str, Tensor],
) -> Iterator[str]:  # fmt: skip
    """Fill one parameter with what there is of it; says what became of it, as ``Kept`` does."""
    if other is not None and _starts_otherwise(new, old, mine, other):
        return
    weight, back = new.plan.parameters[mine.name], buried.get(mine.name)
    fits = back is not None and back.shape == weight.shape
    if other is not None and other.shape != mine.shape:
        buried[mine.name] = old.plan.parameters[other.name].clone()
    if back is not None and fits:
        weight.copy_(back)
    if other is None or len(other.shape) != len(mine.shape):
        yield "whole" if fits else "fresh"
        return
    yield "whole" if fits or other.shape == mine.shape else "part"
    overlap(weight, old.plan.parameters[other.name])
    if mine.frozen and not other.frozen:
        yield "frozen"
    elif not mine.frozen and not _take_state(new, old, mine, other):
        yield "anew"


def _starts_otherwise(
    new: Trainer, old: Trainer, mine: ParameterInfo, other: ParameterInfo
) -> bool:
    """Whether a parameter that never left its start has another one now: nothing is lost by it."""
    same = mine.initializer == other.initializer and new.plan.seed == old.plan.seed
    return not same and old.step == 0 and mine.shape == other.shape and old.plan.is_at_start(other)


def _take_buffers(new: Plan, old: Plan, renames: Renames) -> None:
    """Take running statistics over."""
    for name, buffer in new.buffers.items():
        node, _, statistic = name.rpartition(".")
        before = old.buffers.get(f"{renames.former(node)}.{statistic}")
        if before is not None and before.dim() == buffer.dim():
            overlap(buffer, before)


def _moved(mine: ParameterInfo, theirs: dict[str, ParameterInfo]) -> ParameterInfo | None:
    """The only parameter of the same name that went into or came out of a composite."""
    leaf = mine.name.rpartition("/")[2]
    found = [k for k, p in theirs.items() if k.rpartition("/")[2] == leaf and p.shape == mine.shape]
    return theirs.pop(found[0]) if len(found) == 1 else None


def overlap(new: Tensor, old: Tensor) -> None:
    """Copy the numbers at the places that both tensors have."""
    both = tuple(slice(min(a, b)) for a, b in zip(new.shape, old.shape, strict=True))
    new[both].copy_(old[both])


def _take_state(new: Trainer, old: Trainer, mine: ParameterInfo, other: ParameterInfo) -> bool:
    """Momentum and the like of one parameter, where both runs follow the same rule."""
    if other.frozen:
        return False
    ours, theirs = new.group_of(mine), old.group_of(other)
    if ours.optimizer.name != theirs.optimizer.name:
        return False
    ours.optimizer.steps.copy_(theirs.optimizer.steps)
    for name, state in ours.optimizer.state.items():
        before = theirs.optimizer.state.get(name)
        if before is not None and state.dim() == 1 and before.dim() == 1:
            overlap(ours.part(mine, state), theirs.part(other, before))
    return True
