"""Which learning rate suits a net: the loss while the rate rises from far too small.

Source: Smith, "Cyclical Learning Rates for Training Neural Networks", WACV 2017, section 3.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean, pstdev

import msgspec

from graphcore.datasets import Dataset
from graphcore.errors import NonFiniteError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training.trainer import Trainer

LOW, HIGH, STEPS = 1e-6, 10.0, 100
EXPLODED = 4.0
"""The test ends when the smoothed loss exceeds its smallest value by this factor."""
SMOOTHING = 0.8
START = 10
"""Steps at rates that change nothing yet: their mean loss is the one before learning. The smoothed
loss is shown after them: of the first batches it is not yet smooth."""
SAFE = 10.0
"""The suggestion is the rate where the loss was smallest, divided by this."""


@dataclass(frozen=True)
class RatePoint:
    """One step: the rate it was done with, the smoothed loss before it, and its batch's own."""

    rate: float
    loss: float
    own: float


def rate_test(
    graph: Graph,
    data: Dataset,
    settings: TrainingSettings,
    *,
    low: float = LOW,
    high: float = HIGH,
    steps: int = STEPS,
    device: str = "cpu",
) -> Iterator[RatePoint]:
    """Train a copy for a number of steps while the rate rises by the same factor each step.

    Stops early once the loss explodes. Starts from the initial weights.

    Raises:
        GraphError, ShapeError, DataError: see ``Trainer``.
    """
    constant = msgspec.structs.replace(settings, schedule="constant", schedule_options={})
    trainer = Trainer(graph, data, constant, device=device)
    mean, smallest = 0.0, math.inf
    for i in range(steps):
        trainer.lr = low * (high / low) ** (i / (steps - 1))
        try:
            loss = trainer.train_step().loss
        except NonFiniteError:
            return
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        smoothed = mean / (1 - SMOOTHING ** (i + 1))
        if i >= START:
            smallest = min(smallest, smoothed)
        yield RatePoint(trainer.lr, smoothed, loss)
        if smoothed > EXPLODED * smallest:
            return


def suggestion(points: list[RatePoint]) -> float | None:
    """A rate that learns fast and safely, to one digit; None where the loss did not fall.

    It fell where it came below the mean before learning by half as much as batches differ from
    each other, which is more than their smoothed mean does; or to less than half of it.
    """
    start, rising = [p.own for p in points[:START]], points[START:]
    if not rising:
        return None
    best, before = min(rising, key=lambda p: p.loss), fmean(start)
    fall = before - best.loss
    if fall <= 0 or (fall <= pstdev(start, before) / 2 and best.loss > before / 2):
        return None
    return float(f"{best.rate / SAFE:.0e}")
