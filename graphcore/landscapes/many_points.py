"""The loss at many points of a plane at once.

What follows the first layers runs on many points together, by rules of its own for the
two operators that cost most and by ``torch.func.vmap`` for every other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.engine.execute import Step
from graphcore.landscapes.first_layers import FirstLayers
from graphcore.late import torch
from graphcore.ops import OperatorClass
from graphcore.ops.linear import Linear
from graphcore.ops.loss_class import CrossEntropyLoss
from graphcore.ops.registry import same_shape

if TYPE_CHECKING:
    from torch import Tensor

ONE_BY_ONE = frozenset({"convolution", "recurrent", "pooling"})
"""Categories of operators whose kernels are large enough to be run point by point."""
FEW = 20_000
"""Weights behind the first layer up to which many points at once are faster than one by one."""
NUMBERS = 1 << 24
"""Largest number of weights that are held at once."""
WIDE = 1 << 17
"""Numbers of one value, at all points together, up to which more points at once are faster."""


class ManyPoints:
    """Losses of a net at several points of a plane.

    Args:
        loss: name of the node whose mean is the height of the surface.

    Attributes:
        widest: numbers of the largest value at one point, 0 before any point was computed.
    """

    def __init__(self, first: FirstLayers, loss: str) -> None:
        self.first, self.plan, self.loss = first, first.plan, first.plan.slot(loss)
        self.widest = 0
        self.moving = {
            slot
            for step in self.first.rest
            for slot in step.inputs
            if slot in self.first.parameters and not self.first.is_affine(step)
        }

    @property
    def helps(self) -> bool:
        """Whether the net is of the kind that is faster this way."""
        heavy = any(step.op.category in ONE_BY_ONE for step in self.plan.steps)
        moving = sum(math.prod(self.first.parameters[slot].shape) for slot in self.moving)
        return not heavy and moving <= FEW

    def most(self, row: int) -> int:
        """Points at a time: a row, or several where that is faster."""
        several = max(row, WIDE // self.widest) if self.widest else row
        return max(1, min(several, NUMBERS // max(1, self.plan.flat.numel())))

    def losses(self, a: Tensor, b: Tensor) -> Tensor:
        """Losses at the points (a, b), shape (P,)."""
        with torch.inference_mode():
            first = self.first
            a, b = (c.to(first.plane.origin) for c in (a, b))
            many = {slot: first.weights(slot, a, b) for slot in self.moving}
            for step in first.rest:
                self._run(step, many, a, b)
            self.widest = max(y.numel() for y in many.values()) // len(a) if many else 1
            if self.loss not in many:  # it does not depend on the weights
                return first.fixed[self.loss].mean().expand(len(a))
            return many[self.loss].reshape(len(a), -1).mean(1)

    def _run(self, step: Step, many: dict[int, Tensor], a: Tensor, b: Tensor) -> None:
        if self.first.is_affine(step):
            many[step.outputs[0]] = self.first.outputs(step, a, b)
            return
        inputs = [many.get(slot, self.first.fixed.get(slot)) for slot in step.inputs]
        batched = [slot in many for slot in step.inputs]
        rule = RULES.get(step.op)
        y: Any = None
        if rule is not None:
            y = rule(step, inputs, batched)
        elif len(inputs) == 1 and step.op.infer_shape is same_shape:
            y = step.op.run_forward(step.context, inputs, step.attributes)
        if y is None:
            y = _mapped(step, inputs, batched)
        for slot, value in zip(step.outputs, y if isinstance(y, tuple) else (y,), strict=True):
            many[slot] = value


def _mapped(step: Step, inputs: Sequence[Any], batched: Sequence[bool]) -> Any:
    dims = tuple(0 if many else None for many in batched)

    def one(*arguments: Any) -> Any:
        return step.op.run_forward(step.context, arguments, step.attributes)

    return torch.func.vmap(one, in_dims=dims)(*inputs)


def _linear(step: Step, inputs: Sequence[Any], batched: Sequence[bool]) -> Tensor | None:
    if not all(batched) or inputs[0].dim() != 3:
        return None
    x, weight, *bias = inputs
    transposed = weight.transpose(1, 2)
    return torch.baddbmm(bias[0].unsqueeze(1), x, transposed) if bias else torch.bmm(x, transposed)


def _cross_entropy(step: Step, inputs: Sequence[Any], batched: Sequence[bool]) -> Tensor | None:
    """Classes first: what is taken over them then runs over all samples side by side."""
    scores, target = inputs
    plain = not step.attributes["label_smoothing"] and step.attributes["weight"] is None
    if not plain or batched != [True, False] or scores.dim() != 3 or target.dim() != 1:
        return None
    if step.attributes["reduction"] != "mean" or target.is_floating_point():
        return None
    by_class = scores.permute(2, 0, 1).contiguous()
    top = by_class.amax(0)
    total = (by_class - top).exp_().sum(0).log_().add_(top)
    rows = target.expand(1, *scores.shape[:2])
    loss: Tensor = (total - by_class.gather(0, rows)[0]).mean(1)
    return loss


Rule = Callable[[Step, Sequence[Any], Sequence[bool]], "Tensor | None"]
RULES: dict[OperatorClass, Rule] = {Linear: _linear, CrossEntropyLoss: _cross_entropy}
"""How these run on many points at once; None where the rule does not fit."""
