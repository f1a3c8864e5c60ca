"""What a run knows of its own epochs: their losses, and the best weights so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphcore.engine.plan import Plan
from graphcore.errors import EngineError
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


class Epochs:
    """Losses of the epochs that are over, and the running mean of the one that is not.

    Attributes:
        losses: one per epoch: on the validation split if there is one, else the mean of the
            training losses of its steps.
        stopped: whether the loss has not fallen for as many epochs as one wanted to wait.
    """

    def __init__(self) -> None:
        self.losses: list[float] = []
        self.stopped = False
        self._sum, self._count = 0.0, 0
        self._best: dict[str, Tensor] = {}
        self._waits_from = 0  # how many epochs were over when training last went on after a stop

    def count(self, loss: float) -> None:
        """Note the loss of one step."""
        self._sum, self._count = self._sum + loss, self._count + 1

    def end(self, validation: float | None, plan: Plan, patience: int | None) -> None:
        """Note the end of an epoch; with ``patience``, stop when it is worn out.

        The plan then has the weights and statistics of the best epoch again.
        """
        loss = self._sum / max(1, self._count) if validation is None else validation
        self._sum, self._count = 0.0, 0
        self.losses.append(loss)
        if patience is None:
            return
        if self.best == len(self.losses):
            self._best = {"flat": plan.flat.clone()}
            self._best |= {k: v.clone() for k, v in plan.buffers.items()}
        elif self.waited >= patience:
            self.stopped = True
            self._restore(plan)

    @property
    def best(self) -> int:
        """The epoch with the smallest loss, counted from 1; 0 before the first has ended."""
        return 1 + min(range(len(self.losses)), key=self.losses.__getitem__, default=-1)

    @property
    def since_best(self) -> int:
        """How many epochs have ended since the best."""
        return len(self.losses) - self.best

    @property
    def waited(self) -> int:
        """How many epochs have ended since the best, or since training went on after a stop."""
        return max(0, len(self.losses) - max(self.best, self._waits_from))

    def go_on(self) -> None:
        """Reset the patience after a stop: the plan has the best weights."""
        if self.stopped:
            self.stopped, self._waits_from = False, len(self.losses)

    def _restore(self, plan: Plan) -> None:
        if self._best:
            with torch.inference_mode():
                plan.flat.copy_(self._best["flat"])
                for name, buffer in plan.buffers.items():
                    buffer.copy_(self._best[name])

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        numbers = [float(self.stopped), self._sum, float(self._count), *self.losses]
        kept = {f"best:{k}": v for k, v in self._best.items()}
        if self._waits_from:
            kept["waits from"] = torch.tensor(self._waits_from)
        return {"epochs": torch.tensor(numbers, dtype=torch.float64), **kept}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Take up what ``state`` gave; an older checkpoint has none of it."""
        numbers = state["epochs"].tolist() if "epochs" in state else [0.0, 0.0, 0.0]
        counted = isinstance(numbers, list) and len(numbers) >= 3 and math.isfinite(numbers[2])
        if not counted:
            raise EngineError("The saved state is damaged: the losses of its epochs are not there.")
        self.stopped, self._sum, self._count = bool(numbers[0]), numbers[1], int(numbers[2])
        self.losses = numbers[3:]
        self._best = {k[5:]: v.clone() for k, v in state.items() if k.startswith("best:")}
        self._waits_from = int(state["waits from"]) if "waits from" in state else 0
