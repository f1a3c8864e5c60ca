"""How good a net's answers are, and which are right, by what kind of loss reads them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from graphcore import ops
from graphcore.datasets.dataset import Split
from graphcore.engine.plan import Plan
from graphcore.graph.binding import Binding
from graphcore.records.score import Score

if TYPE_CHECKING:
    from torch import Tensor

SEEN = 1000
"""Training samples, at most, on which a net's accuracy on what it has seen is measured."""


def spread(split: Split, most: int | None) -> Split:
    """Return at most so many samples, from all over a split, which may be sorted."""
    if most is None or most >= len(split):
        return split
    return split.take(np.linspace(0, len(split) - 1, most).astype(int))


def correct(output: Tensor, target: Tensor, loss_kind: str) -> int | None:
    """How many answers are right; None where that makes no sense.

    Scores (N, C) against class indices: the largest score. One score per sample: a logit
    above 0 (a loss that takes logits, targets ±1) or a probability above one half.
    Scores against one-hot or probability targets of the same shape: the largest of each.
    A picture of numbers is no answer that is right or wrong.
    """
    if output.dim() == 2 and output.shape[1] > 1:
        if not target.is_floating_point() and target.dim() == 1:
            return int((output.argmax(1) == target).sum())
        if target.shape == output.shape and ops.get(loss_kind).answers != "number":
            return int((output.argmax(1) == target.argmax(1)).sum())
        if target.shape == output.shape and bool(((target == 0) | (target == 1)).all()):
            return int((output.argmax(1) == target.argmax(1)).sum())
        return None
    y, t = output.reshape(-1), target.reshape(-1)
    if y.shape != t.shape or len(y) != len(output):
        return None
    if bool((t.abs() == 1).all()) and bool((t < 0).any()):
        return int(((y > 0) == (t > 0)).sum())
    if bool(((t == 0) | (t == 1)).all()):
        threshold = 0.0 if ops.get(loss_kind).answers == "logit" else 0.5
        return int(((y > threshold) == (t > 0.5)).sum())
    return None


def share_right(plan: Plan, binding: Binding) -> float | None:
    """Share of the right answers in the batch that a plan has just run; None: no such thing."""
    if not binding.target:
        return None
    target = plan.value(binding.target)
    hits = correct(plan.value(binding.output), target, binding.loss_kind)
    return None if hits is None else hits / max(1, len(target))


class Evaluation:
    """A plan run over samples in evaluation mode, batch by batch.

    A net that draws at random draws the same in every test: by the same weights it is as good.

    Args:
        x, t: inputs and targets, shape (N, *) each.
    """

    def __init__(self, binding: Binding, x: Tensor, t: Tensor, batch: int = 200) -> None:
        self._binding, self._x, self._t, self._batch = binding, x, t, batch
        self._at, self._total, self._right, self._judged = 0, 0.0, 0, False

    def work(self, plan: Plan) -> Score | None:
        """Evaluate the next batch; return the score after the last one."""
        end = self._at + self._batch
        end += len(self._x) - end == 1  # a variance over the batch needs two
        at, b = slice(self._at, end), self._binding
        xs, ts = self._x[at], self._t[at]
        if len(xs):
            plan.draw_alike(self._at)
            plan.forward(b.feeds(xs, ts))
            loss = float(plan.value(b.loss).mean()) if b.loss else math.nan
            self._total += loss * len(xs)
            output = plan.value(b.output) if b.target else None
            hits = None if output is None else correct(output, ts, b.loss_kind)
            if hits is not None:
                self._judged, self._right = True, self._right + hits
        self._at = at.stop
        if self._at < len(self._x):
            return None
        n = max(1, len(self._x))
        return Score(self._total / n, self._right / n if self._judged else None, len(self._x))


def evaluate(plan: Plan, binding: Binding, x: Tensor, t: Tensor, batch: int = 200) -> Score:
    """Run a plan over samples in evaluation mode.

    Args:
        x, t: inputs and targets, shape (N, *) each.
    """
    evaluation = Evaluation(binding, x, t, batch)
    while (score := evaluation.work(plan)) is None:
        pass
    return score
