"""How good a net's answers are, and which are right, by what kind of loss reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphcore.binding import Binding
from graphcore.plan import Plan

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Score:
    """Loss (mean per sample) and accuracy over a split, in evaluation mode.

    ``accuracy`` is None where answers are neither right nor wrong (regression).
    """

    loss: float
    accuracy: float | None
    samples: int


def correct(output: Tensor, target: Tensor, loss_kind: str) -> int | None:
    """How many answers are right; None where that makes no sense.

    Scores (N, C) against class indices: the largest score. One score per sample: a logit
    above 0 (BCEWithLogitsLoss, HingeLoss, targets ±1) or a probability above one half.
    Scores against one-hot or probability targets of the same shape: the largest of each.
    """
    if output.dim() == 2 and output.shape[1] > 1:
        if not target.is_floating_point() and target.dim() == 1:
            return int((output.argmax(1) == target).sum())
        if target.shape == output.shape and loss_kind != "MSELoss":
            return int((output.argmax(1) == target.argmax(1)).sum())
        if target.shape == output.shape and bool(((target == 0) | (target == 1)).all()):
            return int((output.argmax(1) == target.argmax(1)).sum())
        return None
    y, t = output.reshape(-1), target.reshape(-1)
    if y.shape != t.shape:
        return None
    if bool((t.abs() == 1).all()) and bool((t < 0).any()):
        return int(((y > 0) == (t > 0)).sum())
    if bool(((t == 0) | (t == 1)).all()):
        threshold = 0.0 if loss_kind in ("BCEWithLogitsLoss", "HingeLoss") else 0.5
        return int(((y > threshold) == (t > 0.5)).sum())
    return None


def judged(plan: Plan, binding: Binding, x: Tensor, t: Tensor, batch: int = 200) -> Score:
    """Run a plan over samples in evaluation mode.

    Args:
        x, t: inputs and targets, shape (N, *) each.
    """
    total, right, judged = 0.0, 0, False
    for i in range(0, len(x), batch):
        xs, ts = x[i : i + batch], t[i : i + batch]
        plan.forward(binding.feeds(xs, ts))
        total += float(plan.value(binding.loss).mean()) * len(xs)
        output = plan.value(binding.output) if binding.target else None
        hits = None if output is None else correct(output, ts, binding.loss_kind)
        if hits is not None:
            judged, right = True, right + hits
    n = max(1, len(x))
    return Score(total / n, right / n if judged else None, len(x))
