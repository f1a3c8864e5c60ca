"""The training step that was just made, made again over other rows of the same data.

Everything that there is to check was checked then, and the kernels are replayed: half of a small
net's step would be checks and calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.feeds import Rows
from graphcore.lowering import Program
from graphcore.replay import replayed

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(slots=True, eq=False)
class Repetition:
    """A step whose feeds are rows of some data, the same rows of each.

    Attributes:
        slot: where the loss lies.
        data: name of what is fed -> the data, and the buffer that their rows are put into.
        rows: indices, shape (N,); overwritten at every step.
        last: what is to be done when both passes are through.
    """

    program: Program
    slot: int
    data: dict[str, tuple[Tensor, Tensor]]
    rows: Tensor
    last: Callable[[], object]
    _kernels: list[Callable[[], object]] = field(default_factory=list)

    def takes(self, feeds: Mapping[str, Any]) -> bool:
        """Whether a step with these feeds is the same over other rows."""
        rows: Tensor | None = None
        for name, (data, _) in self.data.items():
            given = feeds.get(name)
            if type(given) is not Rows or given.data is not data:
                return False
            if rows is not None and given.rows is not rows:
                return False
            rows = given.rows
        return rows is not None and len(feeds) == len(self.data)

    def run(self, feeds: Mapping[str, Rows]) -> float:
        """Make the step; returns the loss."""
        self.rows.copy_(next(iter(feeds.values())).rows)
        self.program.prepare(self.slot)
        if self._kernels:
            for kernel in self._kernels:
                kernel()
        else:
            self._kernels = self._replayed()
        return float(self.program.values[self.slot])  # type: ignore[arg-type]

    def _replayed(self) -> list[Callable[[], object]]:
        gathering = [
            partial(torch.index_select, data, 0, self.rows, out=buffer)
            for data, buffer in self.data.values()
        ]
        kernels, plain = self.program.kernels_of(self.slot)
        return replayed([*gathering, *kernels, self.last], plain)

    def kernels(self) -> list[Callable[[], object]]:
        """What ``run`` runs."""
        return self._kernels
