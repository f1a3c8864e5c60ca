"""A race: several runs of one net from the same weights and in the same order of the data.

They differ in the optimiser, the learning rate, or the batch size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from graphcore.datasets import Dataset
from graphcore.errors import NonFiniteError
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.landscapes.surface import PathRecorder
from graphcore.training.trainer import Trainer
from graphcore.views.race import Entrant

if TYPE_CHECKING:
    from torch import Tensor

SMOOTHING = 0.9
KEPT, NUMBERS = 48, 24_000_000
"""Weights that are kept of each runner's path, and numbers of all paths together, at most."""


def samples_seen(trainer: Trainer, steps: int) -> int:
    """Return how many samples the first steps of a run take: an epoch's last batch may be short."""
    epochs, rest = divmod(steps, trainer.steps_per_epoch)
    samples = len(trainer.train_x)
    return epochs * samples + min(rest * trainer.settings.batch, samples)


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
        """Train on one batch; do nothing once the loss is NaN or infinite."""
        if self.fallen:
            return
        try:
            loss = self.trainer.train_step().loss
        except NonFiniteError:
            self.fallen = True
            return
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * loss
        steps = self.trainer.step
        self.points.append((samples_seen(self.trainer, steps), self._mean / (1 - SMOOTHING**steps)))
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
    graph: Graph,
    data: Dataset,
    settings: TrainingSettings,
    entrants: Sequence[Entrant],
    device: str = "cpu",
) -> list[Runner]:
    """Return the runners at the start, all with the same weights.

    Raises:
        GraphError, ShapeError, DataError, AttributeRefusedError: see ``Trainer``.
    """
    plain = msgspec.structs.replace(
        settings, schedule="constant", schedule_options={}, patience=None
    )
    found = []
    for entrant in entrants:
        own = msgspec.structs.replace(
            plain, optimizer=entrant.optimizer, optimizer_options=entrant.options, lr=entrant.lr,
            batch=entrant.batch,
        )  # fmt: skip
        trainer = Trainer(graph, data, own, device=device)
        room = NUMBERS // max(1, trainer.plan.flat.numel() * len(entrants))
        found.append(Runner(entrant.name, trainer, PathRecorder(most=min(KEPT, max(4, room)))))
    return found
