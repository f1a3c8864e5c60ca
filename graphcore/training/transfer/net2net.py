"""Wider layers that compute the same: new units are copies of units that are there.

What comes out of a unit is divided by how often the unit is there now, so each sum that it
went into stays what it was. Source: Chen, Goodfellow & Shlens, "Net2Net: Accelerating Learning
via Knowledge Transfer", ICLR 2016 (arXiv:1511.05641), Net2WiderNet, with noise on the copies
that tells them from their originals.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphcore.engine.parameters import ParameterInfo, seed_of
from graphcore.graph.flatten import FlatNode, Port
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.training.trainer import Trainer

NOISE = 0.01
"""Standard deviation of the noise on a copy, over the root mean square of the weights."""


@dataclass(frozen=True)
class Units:
    """Which of the old units each of the new ones is.

    Attributes:
        index: one entry per new unit, the old ones first and in their order.
        old: how many there were.
        maps: whether each is a feature map, and its pixels follow one another once flattened;
            else they are the last axis.
    """

    index: Tensor
    old: int
    maps: bool

    def over(self, before: int, now: int) -> Tensor | None:
        """The same for an axis of several numbers per unit; None where it does not fit."""
        each = before // self.old
        if before != each * self.old or now != each * len(self.index):
            return None
        steps = torch.arange(each)
        if self.maps:
            return (self.index[:, None] * each + steps).reshape(-1)
        return (self.index + steps[:, None] * self.old).reshape(-1)

    def same(self, other: Units | None) -> bool:
        return other is not None and self.old == other.old and self.index.equal(other.index)


def widen(
    new: Trainer, old: Trainer, part: Collection[str], noisy: bool
) -> tuple[dict[str, int], set[str]]:
    """Make the new units of a net that took over another's weights copies of old ones.

    Args:
        part: parameters of which only some numbers came from the old net.
        noisy: whether copies are to differ a little from their originals.

    Returns:
        How many units were copied in each layer, and the parameters that are settled by it.
    """
    widening = _Widening(new, old, part, noisy)
    with torch.inference_mode():
        for node in new.plan.flat_graph.nodes:
            units = widening.through(node)
            if units is not None:
                widening.units[node.name, node.node.outputs[0]] = units
    return widening.copies, widening.settled


class _Widening:
    """One walk through the net, from its inputs on."""

    def __init__(self, new: Trainer, old: Trainer, part: Collection[str], noisy: bool) -> None:
        self.new, self.old, self.part, self.noisy = new, old, part, noisy
        self.units: dict[Port, Units] = {}
        self.copies: dict[str, int] = {}
        self.settled: set[str] = set()
        self.generator = torch.Generator().manual_seed(seed_of(new.plan.seed, "copies"))
        self._theirs = {p.name: p for p in old.plan.layout}
        self._mine = {p.name: p for p in new.plan.layout}

    def through(self, node: FlatNode) -> Units | None:
        """Fill a node's parameters; which units come out of it, None where they are the old."""
        op = node.node.op
        coming = [self.units.get(port) for port in node.inputs.values()]
        first = coming[0] if coming else None
        if op.units == "made":
            return self._layer(node, first)
        if first is None or op.units == "mixed":
            return None
        if op.units == "each":
            return first if self._per_unit(node.name, first) else None
        if op.units == "joined":
            return first if all(first.same(c) for c in coming[1:]) else None
        alone = op.category in ("activation", "pooling") and len(coming) == 1
        return first if op.units == "kept" or alone else None

    def _layer(self, node: FlatNode, coming: Units | None) -> Units | None:
        """Copies of rows for new units, columns shared out among the copies they read."""
        name = f"{node.name}.weight"
        mine, theirs = self._mine.get(name), self._theirs.get(name)
        if name not in self.part or mine is None or theirs is None:
            return None
        if mine.shape[2:] != theirs.shape[2:] or node.node.attributes.get("groups", 1) != 1:
            return None
        (rows, columns), (rows_now, columns_now) = theirs.shape[:2], mine.shape[:2]
        read = torch.arange(columns)
        if columns_now != columns:
            found = coming.over(columns, columns_now) if coming is not None else None
            if found is None:
                return None
            read = found
        units = self._new_units(node, rows, rows_now)
        made = torch.arange(rows_now) if units is None else units.index
        if len(made) and int(made[-1]) >= rows:
            return None  # more outputs of the net: no copies of the ones that are there
        share = torch.bincount(read, minlength=columns)[read].to(self.new.plan.flat)
        share = share.view(-1, *(1 for _ in mine.shape[2:]))
        self._fill(name, lambda w: w[made][:, read])
        self.new.plan.parameters[name].div_(share)
        self._fill(f"{node.name}.bias", lambda b: b[made])
        if units is not None:
            self.copies[node.name] = rows_now - rows
            self._disturb(self.new.plan.parameters[name], rows)
        return units

    def _new_units(self, node: FlatNode, before: int, now: int) -> Units | None:
        """Which units are copied: the same wherever as many become as many, as sums need it."""
        if now <= before or node.name == self.new.binding.output:
            return None
        seed = seed_of(self.new.plan.seed, f"units {before} {now}")
        drawn = torch.Generator().manual_seed(seed)
        further = torch.randint(before, (now - before,), generator=drawn)
        maps = len(self._theirs[f"{node.name}.weight"].shape) > 2
        return Units(torch.cat((torch.arange(before), further)), before, maps)

    def _per_unit(self, name: str, units: Units) -> bool:
        """Scale, offset and running statistics of a copy are its original's."""
        for tensors, olds in (
            (self.new.plan.parameters, self.old.plan.parameters),
            (self.new.plan.buffers, self.old.plan.buffers),
        ):
            for key in [k for k in tensors if k.rpartition(".")[0] == name and k in olds]:
                mine, theirs = tensors[key], olds[key]
                if mine.shape == theirs.shape:
                    continue
                index = units.over(len(theirs), len(mine))
                if index is None:
                    return False
                mine.copy_(theirs[index])
                if key in self._mine:
                    self._fill(key, lambda t, i=index: t[i])  # type: ignore[misc]
        return True

    def _fill(self, name: str, pick: Callable[[Tensor], Tensor]) -> None:
        """Take the old numbers of a parameter, and what the optimiser remembers of each."""
        mine, theirs = self._mine.get(name), self._theirs.get(name)
        if mine is None or theirs is None or name not in self.part:
            return
        self.new.plan.parameters[name].copy_(pick(self.old.plan.parameters[name]))
        for state, before in self._moments(mine, theirs):
            state.copy_(pick(before))
        self.settled.add(name)

    def _moments(
        self, mine: ParameterInfo, theirs: ParameterInfo
    ) -> Iterator[tuple[Tensor, Tensor]]:
        if mine.frozen or theirs.frozen:
            return
        ours, before = self.new.group_of(mine), self.old.group_of(theirs)
        if ours.optimizer.name != before.optimizer.name:
            return
        for name, state in ours.optimizer.state.items():
            other = before.optimizer.state.get(name)
            if other is not None and state.dim() == 1 and other.dim() == 1:
                yield ours.part(mine, state), before.part(theirs, other)

    def _disturb(self, weight: Tensor, old: int) -> None:
        """Let copies differ from their originals, so that they learn something else."""
        if self.noisy:
            size = float(weight.square().mean().sqrt())
            noise = torch.randn(weight[old:].shape, generator=self.generator)
            weight[old:] += NOISE * size * noise.to(weight)
