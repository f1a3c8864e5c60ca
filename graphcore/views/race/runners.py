"""A race: several runs of one net from the same weights and in the same order of the data.

Only one thing differs: the optimiser, the learning rate, or the batch size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from graphcore.datasets import Dataset
from graphcore.errors import NonFiniteError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.landscapes.surface import PathRecorder
from graphcore.training import optimizers
from graphcore.training.trainer import Trainer
from graphcore.views.race import What

if TYPE_CHECKING:
    from torch import Tensor

SMOOTHING = 0.9
RATES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Learning rates as multiples of the run's."""
BATCHES = (1, 8, 32, 128, 512)
USUAL = {"SGD": 0.1, "Adam": 1e-3, "AdamW": 1e-3, "RMSprop": 1e-3, "Adagrad": 1e-2,
         "Adadelta": 1.0}  # fmt: skip
"""A learning rate with which each optimiser usually learns."""
KEPT, NUMBERS = 48, 24_000_000
"""Weights that are kept of each runner's path, and numbers of all paths together, at most."""


@dataclass(eq=False)
class Runner:
    """One run and its smoothed losses.

    Attributes:
        points: (samples seen, smoothed loss) of every step.
        path: weights along the run.
    """

    name: str
    trainer: Trainer
    path: PathRecorder = field(default_factory=PathRecorder)
    points: list[tuple[int, float]] = field(default_factory=list)
    fallen: bool = False
    _mean: float = 0.0

    def __post_init__(self) -> None:
        self.path.add(0, self.trainer.plan.flat)

    def step(self) -> None:
        """One batch; a runner whose loss is no number any more stays where it is."""
        if self.fallen:
            return
        try:
            loss = self.trainer.train_step().loss
        except NonFiniteError:
            self.fallen = True
            return
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * loss
        steps = self.trainer.step
        seen = steps * min(self.trainer.settings.batch, len(self.trainer.train_x))
        self.points.append((seen, self._mean / (1 - SMOOTHING**steps)))
        self.path.add(steps, self.trainer.plan.flat)

    def way(self, most: int | None = None) -> list[Tensor]:
        """Weights from the start to now, evenly thinned to at most ``most``."""
        found = [*self.path.weights]
        if self.path.steps[-1] != self.trainer.step:
            found.append(self.trainer.plan.flat)
        if most is None or len(found) <= most:
            return found
        last = len(found) - 1
        return [found[round(i * last / (most - 1))] for i in range(most)]


def runners(
    graph: Graph, data: Dataset, settings: TrainingSettings, what: What, device: str = "cpu"
) -> list[Runner]:
    """The runners at the start, all with the same weights.

    Raises:
        GraphError, ShapeError, DataError: see ``Trainer``.
    """
    plain = msgspec.structs.replace(
        settings, schedule="constant", schedule_options={}, patience=None
    )
    found = []
    differences = _differences(plain, what)
    for name, changes in differences:
        settings = msgspec.structs.replace(plain, **changes)
        trainer = Trainer(graph, data, settings, device=device)
        room = NUMBERS // max(1, trainer.plan.flat.numel() * len(differences))
        found.append(Runner(name, trainer, PathRecorder(most=min(KEPT, max(4, room)))))
    return found


def _differences(settings: TrainingSettings, what: What) -> list[tuple[str, dict[str, object]]]:
    if what == "lr":
        rates = [float(f"{settings.lr * factor:.3g}") for factor in RATES]
        return [(f"{rate:g}", {"lr": rate}) for rate in rates]
    if what == "batch":
        return [(str(n), {"batch": n}) for n in BATCHES]
    found: list[tuple[str, dict[str, object]]] = []
    for name in optimizers.names():
        lr = settings.lr if name == settings.optimizer else USUAL.get(name, 1e-3)
        found.append((name, {"optimizer": name, "optimizer_options": {}, "lr": lr}))
    momentum = {
        "optimizer": "SGD",
        "optimizer_options": {"momentum": 0.9},
        "lr": 0.1 * USUAL["SGD"],
    }
    return [*found, ("SGD, momentum", momentum)]
