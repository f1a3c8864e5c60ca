"""The training step that was just made, made again over other rows of the same data.

Everything that there is to check was checked then, and the kernels are replayed: half of a small
net's step would be checks and calls.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from graphcore.engine.fast.buffered import Backward, Program
from graphcore.engine.fast.kernel_trace import replayed
from graphcore.engine.feeds import Rows
from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class Repetition:
    """A step whose feeds are rows of some data, the same rows of each.

    Attributes:
        slot: where the loss lies.
        data: name of what is fed -> the data, and the buffer that their rows are put into.
        rows: indices, shape (N,); overwritten at every step.
        last: what is to be done when both passes of a single step are through.
    """

    program: Program
    slot: int
    data: dict[str, tuple[Tensor, Tensor]]
    rows: Tensor
    last: Closure
    _kernels: list[Closure] = field(default_factory=list)

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

    def begin(self) -> Backward:
        """Put in place what ``run`` starts from; returns where the gradients will be."""
        self.program.prepare(self.slot)
        return self.program.backward_from(self.slot)

    def run(self, rows: Tensor) -> float:
        """Make the step over as many rows as before; returns the loss.

        ``begin`` was called, and nothing else has used the plan since.
        """
        self.rows.copy_(rows)
        if self._kernels:
            for kernel in self._kernels:
                kernel()
        else:
            closures, plain = self.closures()
            self._kernels = replayed([*closures, self.last], plain)
        return float(self.loss)

    @property
    def loss(self) -> Tensor:
        """Of the step that was made last, shape ()."""
        loss = self.program.values[self.slot]
        assert loss is not None
        return loss

    def closures(self) -> tuple[list[Closure], Collection[Closure]]:
        """What both passes do, in order; and those that need not do the same every time."""
        gathering = [
            partial(torch.index_select, data, 0, self.rows, out=buffer)
            for data, buffer in self.data.values()
        ]
        kernels, plain = self.program.kernels_of(self.slot)
        return [*gathering, *kernels], plain

    def kernels(self) -> list[Closure]:
        """What ``run`` runs."""
        return self._kernels
