"""What a net's first layers put out at any point of a plane, from three passes through them.

All weights of a plane are affine in its two coordinates. So is what a linear layer or a
convolution makes of inputs that do not depend on the weights: its outputs at the origin and along
the two directions serve the whole plane, where a loop computes them for every point.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphcore.engine.execute import Step
from graphcore.engine.fast.buffered import Program
from graphcore.late import torch
from graphcore.ops.linear import Linear

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.plan import Plan
    from graphcore.landscapes.planes import Plane

NUMBERS = 1 << 24
"""Numbers that a layer may put out for its outputs to be kept three times."""


class FirstLayers:
    """The part of a net that is the same, or affine, all over a plane.

    Args:
        feeds: what the net is fed; they stay the same.

    Attributes:
        fixed: slot -> value, of all that does not depend on the weights.
        parameters: slot -> which parameter lies there.
        rest: the steps whose results depend on the weights; ``affine`` are those among them that
            come first and are weighted sums.
    """

    def __init__(self, plan: Plan, plane: Plane, feeds: Mapping[str, Any]) -> None:
        self.plan, self.plane = plan, plane
        self.fixed: dict[int, Tensor] = plan.fed(feeds)
        self.parameters = {plan.slots[p.name, ""]: p for p in plan.layout}
        self.rest: list[Step] = []
        self._kept: dict[str, tuple[Tensor, Tensor, Tensor]] = {}
        for step in plan.steps:
            step.context.training = False
            if not all(slot in self.fixed for slot in step.inputs):
                self.rest.append(step)
                continue
            values = [self.fixed.get(slot) for slot in range(len(plan.values))]
            step.forward(values)
            self.fixed.update({slot: values[slot] for slot in step.outputs})  # type: ignore[misc]
        self.affine = [step for step in self.rest if self.is_affine(step)]

    def is_affine(self, step: Step) -> bool:
        """Return whether it is a weighted sum, by parameters alone, of what stays the same."""
        x, *weights = step.inputs or (-1,)
        parameters = all(slot in self.parameters for slot in weights)
        weighted = step.op is Linear or step.op.category == "convolution"
        return weighted and x in self.fixed and parameters and step.rounds is None

    @property
    def convolve(self) -> bool:
        """Whether a convolution is among them, and what they put out is not too much to keep."""
        sizes = [
            math.prod(step.op.infer_shape(self.fixed[step.inputs[0]].shape, **step.attributes))
            for step in self.affine
        ]
        convolutions = any(step.op.category == "convolution" for step in self.affine)
        return convolutions and sum(sizes) <= NUMBERS

    def weights(self, slot: int, a: Tensor, b: Tensor) -> Tensor:
        """A parameter at every point, shape (P, *)."""
        part = self.parameters[slot].within
        return _combined((part(self.plane.origin), part(self.plane.u), part(self.plane.v)), a, b)

    def outputs(self, step: Step, a: Tensor, b: Tensor) -> Tensor:
        """What an affine step puts out at every point, shape (P, *)."""
        return _combined(self.corners(step), a, b)

    def corners(self, step: Step) -> tuple[Tensor, Tensor, Tensor]:
        """What an affine step puts out for the weights at the origin and for either direction."""
        if step.name not in self._kept:
            origin, u, v = (
                step.op.run_forward(
                    step.context,
                    [
                        self.fixed[step.inputs[0]],
                        *(self.parameters[slot].within(flat) for slot in step.inputs[1:]),
                    ],
                    step.attributes,
                )
                for flat in (self.plane.origin, self.plane.u, self.plane.v)
            )
            self._kept[step.name] = origin, u, v
        return self._kept[step.name]


class PointByPoint:
    """Losses of a net at one point of a plane after the other.

    Args:
        loss: name of the node whose mean is the height of the surface.
    """

    def __init__(self, first: FirstLayers, loss: str) -> None:
        plan = first.plan
        self._loss = plan.slot(loss)
        with torch.inference_mode():
            self._corners = {step.outputs[0]: first.corners(step) for step in first.affine}
            known = {slot: p.within(plan.flat) for slot, p in first.parameters.items()}
            known |= first.fixed | {slot: origin for slot, (origin, *_) in self._corners.items()}
            rest = [step for step in first.rest if not first.is_affine(step)]
            values = [known.get(slot) for slot in range(len(plan.values))]
            self._program = Program(rest, values, tuple(self._corners), training=False)
        self._b = math.nan
        self._rows: dict[int, Tensor] = {}

    def loss_at(self, a: float, b: float) -> float:
        """Return the loss at a point, for which the plan has its weights already."""
        with torch.inference_mode():
            if b != self._b:
                self._b = b
                self._rows = {
                    slot: torch.add(origin, v, alpha=b)
                    for slot, (origin, _, v) in self._corners.items()
                }
            for slot, (_, u, _) in self._corners.items():
                torch.add(self._rows[slot], u, alpha=a, out=self._program.feeds[slot])
            self._program.forward({})
            return float(self._program.values[self._loss].mean())  # type: ignore[union-attr]


def _combined(corners: tuple[Tensor, Tensor, Tensor], a: Tensor, b: Tensor) -> Tensor:
    origin, u, v = (corner.unsqueeze(0) for corner in corners)
    shape = (-1, *[1] * (origin.dim() - 1))
    return torch.addcmul(origin, a.view(shape), u).addcmul_(b.view(shape), v)
