"""Where a number first went wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphcore.engine.plan import Plan
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


def finite(loss: float, gradient_square: Tensor) -> bool:
    """Whether a step can be taken by its loss and the sum of its squared gradients, shape ()."""
    return math.isfinite(loss) and math.isfinite(gradient_square.item())


def first_non_finite(plan: Plan, feeds: Mapping[str, Any], loss: str) -> tuple[str, str]:
    """Node and phase ("forward" or "backward") where NaN or infinity first appears.

    The names are empty if everything is finite.

    Args:
        plan: in inspect mode; both its passes are run.

    Raises:
        EngineError: a node has got numbers that it cannot take, such as a class that is none.
    """
    plan.forward(feeds, training=True)
    for step in plan.steps:
        if any(_is_bad(plan.values[slot]) for slot in step.outputs):
            step.op.refuse(*(plan.values[slot] for slot in step.inputs), **step.attributes)
            return step.name, "forward"
    plan.backward(loss)
    for step in reversed(plan.steps):
        if any(_is_bad(plan.slot_gradients.get(slot)) for slot in step.inputs):
            return step.name, "backward"
    return "", ""


def _is_bad(tensor: Tensor | None) -> bool:
    return tensor is not None and not bool(torch.isfinite(tensor).all())
