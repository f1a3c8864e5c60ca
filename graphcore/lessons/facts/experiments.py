"""Facts that take an experiment of their own; they stay small enough to wait for."""

from __future__ import annotations

import time

import msgspec

from graphcore.errors import LessonError, NonFiniteError
from graphcore.late import torch
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State
from graphcore.training.trainer import Trainer

LARGEST_NET = 2000
"""Numbers of a net that is trained from many starts."""
MOST_SECONDS = 30.0
MOST_STARTS = 100
RAN_AWAY = 100.0
"""A weight of a run that diverged: differences of 0.01 would be lost in its rounding."""


@fact
def share_of_starts(state: State, starts: int, below: float, epochs: int = 0) -> float:
    """Of a number of random starts, the share whose training loss ends below a bar.

    Every start trains for the epochs of the settings, or as many as are given. Only for nets of
    at most 2,000 numbers. Example: share_of_starts(30, 0.1) < 0.5
    """
    trainer = state.trainer
    if trainer.plan.flat.numel() > LARGEST_NET:
        raise LessonError(f"The net is too large to be trained {starts} times.")
    if not 1 <= starts <= MOST_STARTS:
        raise LessonError(f"The number of starts is from 1 to {MOST_STARTS}, not {starts}.")
    settings = trainer.graph.training
    if epochs:
        settings = msgspec.structs.replace(settings, epochs=epochs)
    run = Trainer(trainer.graph, trainer.data, settings)
    learned, until = 0, time.process_time() + MOST_SECONDS
    for i in range(starts):
        run.plan.seed = 1000 * settings.seed + i
        run.reset()
        try:
            for _ in run.steps(ahead=1_000_000):
                if time.process_time() > until:
                    raise LessonError(f"Training {starts} times takes too long here.")
        except NonFiniteError:
            continue
        learned += run.evaluate(run.data.train).loss < below
    return learned / starts


@fact
def curvature(state: State) -> float:
    """The largest curvature of the training loss: the largest eigenvalue of its Hessian.

    Gradient descent on a bowl is stable below the rate 2 / curvature. Measured by differences of
    gradients over the whole training split, for nets of at most 60 numbers. They are larger where
    the weights have run away.
    """
    trainer = state.trainer
    plan, b = trainer.looking_plan(), trainer.binding
    count = plan.flat.numel()
    if count > 60:
        raise LessonError(f"The net has {count} numbers; the curvature of 60 can be measured.")
    x, t = trainer.tensors(trainer.data.train)
    feeds, begin = b.feeds(x, t), plan.flat.clone()
    largest = float(begin.abs().max())
    step = 1e-2 if largest < RAN_AWAY else largest / 10
    rows = []
    for i in range(count):
        ends = []
        for sign in (1.0, -1.0):
            with torch.inference_mode():
                plan.flat.copy_(begin)
                plan.flat[i] += sign * step
            plan.forward(feeds)
            plan.backward(b.loss)
            ends.append(plan.flat_grad.double().clone())
        rows.append((ends[0] - ends[1]) / (2 * step))
    hessian = torch.stack(rows)
    return float(torch.linalg.eigvalsh((hessian + hessian.t()) / 2).max())
