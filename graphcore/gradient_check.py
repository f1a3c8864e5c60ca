"""One's own gradients against finite differences: on the very sample, with the very weights.

Central differences of step h are off by about h²/6 · |f‴| (the curve within the step) and by
about ε · |f| / h (rounding, ε = 2.2e-16 in double precision): too large a step bends, too small
a one rounds. Where a kink of a ReLU or a maximum lies within the step there is no derivative to
compare with.

Source: Press et al., Numerical Recipes (2007), §5.7.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import lazy_loader

from graphcore.numeric import difference
from graphcore.plan import Plan

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

Reason = Literal["rounding", "curve", "kink"]
ENTRIES = 32
"""Numbers of a tensor that are compared, evenly spread."""
NOISE = 100
"""A loss is so many times less exact than one operation, after all that led to it."""
SMALLEST = 1e-6
"""Gradients are compared relative to this share of the loss at least: see nothing in nothing."""


@dataclass(frozen=True)
class Compared:
    """A tensor's gradient beside its finite difference, where they differ most.

    Attributes:
        error: of the largest gradient of the tensor.
        place: of the number, in row order. own, difference: its gradient both ways.
        reason: what the error comes from.
    """

    error: float
    place: int
    own: float
    difference: float
    reason: Reason


def compare(plan: Plan, feeds: dict[str, Any], loss: str, step: float) -> dict[str, Compared]:
    """Every parameter and every fed input that has a gradient, in evaluation mode.

    Args:
        plan: in float64 and inspect mode; its weights are as before afterwards.
        feeds: float64 tensors; they are as before afterwards too.
        step: h, above 0.
    """
    plan.forward(feeds)
    plan.backward(loss, grad=torch.ones_like(plan.value(loss)))
    fed = {k: v for k, v in feeds.items() if isinstance(v, torch.Tensor) and v.is_floating_point()}
    tensors: Mapping[str, Tensor] = {**plan.parameters, **fed}
    gradients = {name: plan.grad(name) for name in tensors}
    size = abs(float(plan.value(loss).sum()))
    return {
        name: _worst(plan, feeds, loss, tensors[name], g.reshape(-1), step, size)
        for name, g in gradients.items()
        if g is not None and g.numel()
    }


def _worst(
    plan: Plan, feeds: dict[str, Any], loss: str, tensor: Tensor, g: Tensor, step: float,
    size: float,
) -> Compared:  # fmt: skip
    scale = max(float(g.abs().max()), SMALLEST * size, 1e-12)
    places = torch.linspace(0, len(g) - 1, min(ENTRIES, len(g))).long().tolist()
    rows = [(i, float(g[i]), difference(plan, feeds, loss, tensor, i, step)) for i in places]
    place, own, found = max(rows, key=lambda row: abs(row[1] - row[2]))
    error = abs(own - found)
    reason: Reason = "rounding"
    if error > (noise := NOISE * sys.float_info.epsilon * size / step):
        closer = abs(own - difference(plan, feeds, loss, tensor, place, step / 10))
        squared = abs(closer - error / 100) <= error / 200 + 10 * noise
        reason = "curve" if squared else "kink"
    return Compared(error / scale, place, own, found, reason)
