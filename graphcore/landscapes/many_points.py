"""The loss at many points of a plane at once.

All weights of a plane are affine in its two coordinates. So is what a linear layer makes of
inputs that do not depend on the weights: three products serve the whole plane, where a loop
takes one for every point. What follows runs on many points together, by rules of its own
for the two operators that cost most and by ``torch.func.vmap`` for every other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.engine.execute import Step
from graphcore.late import torch
from graphcore.ops import OperatorClass
from graphcore.ops.linear import Linear
from graphcore.ops.loss_class import CrossEntropyLoss
from graphcore.ops.registry import same_shape

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.plan import Plan
    from graphcore.landscapes.planes import Plane

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
        feeds: what the net is fed; they stay the same.
        loss: name of the node whose mean is the height of the surface.

    Attributes:
        widest: numbers of the largest value at one point, 0 before any point was computed.
    """

    def __init__(self, plan: Plan, plane: Plane, feeds: Mapping[str, Any], loss: str) -> None:
        self.plan, self.plane, self.loss = plan, plane, plan.slot(loss)
        self.fixed: dict[int, Tensor] = plan.fed(feeds)
        self.parameters = {plan.slots[p.name, ""]: p for p in plan.layout}
        self.widest = 0
        self._products: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        for step in plan.steps:
            step.context.training = False
            if all(slot in self.fixed for slot in step.inputs):
                values = [self.fixed.get(slot) for slot in range(len(plan.values))]
                step.forward(values)
                self.fixed.update({slot: values[slot] for slot in step.outputs})  # type: ignore[misc]

        self.moving = {
            slot
            for step in plan.steps
            for slot in step.inputs
            if slot in self.parameters and not self._is_affine(step)
        }

    def _is_affine(self, step: Step) -> bool:
        x, *weights = step.inputs
        parameters = all(slot in self.parameters for slot in weights)
        return step.op is Linear and x in self.fixed and parameters

    @property
    def helps(self) -> bool:
        """Whether the net is of the kind that is faster this way."""
        heavy = any(step.op.category in ONE_BY_ONE for step in self.plan.steps)
        moving = sum(math.prod(self.parameters[slot].shape) for slot in self.moving)
        return not heavy and moving <= FEW

    def most(self, row: int) -> int:
        """Points at a time: a row, or several where that is faster."""
        several = max(row, WIDE // self.widest) if self.widest else row
        return max(1, min(several, NUMBERS // max(1, self.plan.flat.numel())))

    def losses(self, a: Tensor, b: Tensor) -> Tensor:
        """Losses at the points (a, b), shape (P,)."""
        with torch.inference_mode():
            a, b = (c.to(self.plane.origin) for c in (a, b))
            many = {slot: self._weights(slot, a, b) for slot in self.moving}
            for step in self.plan.steps:
                if not all(slot in self.fixed for slot in step.inputs):
                    self._run(step, many, a, b)
            self.widest = max(y.numel() for y in many.values()) // len(a) if many else 1
            if self.loss not in many:  # it does not depend on the weights
                return self.fixed[self.loss].mean().expand(len(a))
            return many[self.loss].reshape(len(a), -1).mean(1)

    def _weights(self, slot: int, a: Tensor, b: Tensor) -> Tensor:
        """A parameter at every point, shape (P, *)."""
        origin, u, v = (self._part(slot, flat).unsqueeze(0) for flat in self._corners)
        shape = (-1, *[1] * (origin.dim() - 1))
        return torch.addcmul(origin, a.view(shape), u).addcmul_(b.view(shape), v)

    def _run(self, step: Step, many: dict[int, Tensor], a: Tensor, b: Tensor) -> None:
        if self._is_affine(step):
            many[step.outputs[0]] = self._affine(step, a, b)
            return
        inputs = [many.get(slot, self.fixed.get(slot)) for slot in step.inputs]
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

    def _affine(self, step: Step, a: Tensor, b: Tensor) -> Tensor:
        """A linear layer of a fixed input: three products for all points, kept."""
        if step.name not in self._products:
            x = self.fixed[step.inputs[0]]
            origin, u, v = (
                step.op.run_forward(
                    step.context,
                    [x, *(self._part(slot, flat) for slot in step.inputs[1:])],
                    step.attributes,
                )
                for flat in self._corners
            )
            self._products[step.name] = origin, u, v
        origin, u, v = self._products[step.name]
        shape = (-1, *[1] * origin.dim())
        return torch.addcmul(origin, a.view(shape), u).addcmul_(b.view(shape), v)

    @property
    def _corners(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.plane.origin, self.plane.u, self.plane.v

    def _part(self, slot: int, flat: Tensor) -> Tensor:
        """A parameter's numbers in a flat tensor."""
        p = self.parameters[slot]
        return p.within(flat)


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
