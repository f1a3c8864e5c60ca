"""Which samples come at which step: reshuffled in every epoch, by the seed alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphcore.engine.parameters import seed_of
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


class Batches:
    """The order of the samples, each once an epoch; the last batch may be smaller.

    Args:
        joined: whether a last batch of one sample is joined to the one before it.
        shuffled: whether the order is another in every epoch, or always that of the samples.

    Attributes:
        per_epoch: how many batches an epoch has, at least 1.
    """

    def __init__(
        self, samples: int, size: int, seed: int, device: torch.device, joined: bool = False,
        shuffled: bool = True,
    ) -> None:  # fmt: skip
        self._joined = joined and leaves_one(samples, size)
        self.per_epoch = max(1, math.ceil(samples / size)) - self._joined
        self._samples, self._size, self._seed, self._device = samples, size, seed, device
        self._shuffled = shuffled
        self._epoch: tuple[int, tuple[Tensor, ...]] | None = None

    def at(self, step: int) -> Tensor:
        """Indices of a step's samples, shape (N,)."""
        return self._of(step // self.per_epoch)[step % self.per_epoch]

    def whole(self, step: int, most: int) -> tuple[Tensor, ...]:
        """Those of the next steps of the same epoch, up to one of another size than the first."""
        place = step % self.per_epoch
        coming = self._of(step // self.per_epoch)[place : place + most]
        return coming if coming[-1].shape == coming[0].shape else coming[:-1]

    def _of(self, epoch: int) -> tuple[Tensor, ...]:
        if self._epoch is None or self._epoch[0] != epoch:
            parts = torch.split(self._order(epoch).to(self._device), self._size)
            if self._joined:
                parts = (*parts[:-2], torch.cat(parts[-2:]))
            self._epoch = epoch, parts
        return self._epoch[1]

    def _order(self, epoch: int) -> Tensor:
        if not self._shuffled:
            return torch.arange(self._samples)
        generator = torch.Generator().manual_seed(seed_of(self._seed, f"epoch {epoch}"))
        return torch.randperm(self._samples, generator=generator)


def leaves_one(samples: int, size: int) -> bool:
    """Return whether the last of several batches has a single sample."""
    return samples > size > 1 == samples % size
