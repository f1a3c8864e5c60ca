"""Many steps in one call: nothing of Python runs between them.

A small net's step is 70 us of kernels and 25 us of looking after them. A run without visible views
makes its steps a stride at a time; the numbers are those of steps made one by one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from graphcore.engine.fast.cached_step import Repetition
from graphcore.engine.fast.kernel_trace import looped
from graphcore.engine.plan import KERNEL_ERRORS, Plan
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.training.parameter_groups import Group

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 0.02
"""Seconds that a stride may take: there is no looking at the clock or for Ctrl+C in it."""
TRIED_AGAIN = 100
"""After so many times what a step took that was too slow for strides, two are tried again."""


class Stride:
    """Steps that are like one that was made, over other rows and at other learning rates.

    Args:
        repetition: the step, without the update.
        group: what is updated.
    """

    def __init__(
        self, plan: Plan, repetition: Repetition, group: Group, settings: TrainingSettings
    ) -> None:
        self._made_for, self._repetition = (repetition, group, settings), repetition
        changed = [group.optimizer.w, *group.optimizer.state.values(), *plan.buffers.values()]
        self._changed = [(tensor, tensor.clone()) for tensor in changed]
        self._rate, self._pace, self._measured = group.rate, LONGEST / 2, 0.0
        self._loop = None
        closures, plain = repetition.closures()
        if group.optimizer.repeats and not plain:
            closures += [partial(group.penalise, settings), partial(group.update, 0.0)]
            with torch.inference_mode():
                self._loop = looped(closures, repetition.rows, repetition.loss)
                self._undo()

    def fits(self, *made_for: object) -> bool:
        """Whether it is for this repetition, group and settings."""
        return all(a is b for a, b in zip(self._made_for, made_for, strict=True))

    @property
    def most(self) -> int:
        """How many steps it makes at once; 1 if they have to be made one by one."""
        if self._loop is None:
            return 1
        once = time.perf_counter() - self._measured > TRIED_AGAIN * self._pace
        return max(2 if once else 1, int(LONGEST / self._pace))

    def run(self, rows: Sequence[Tensor], rates: Sequence[float]) -> list[float] | None:
        """Make a step over each of ``rows``, of one size, at each of the run's learning rates.

        A weight that is not finite stays so: their sum after the last step shows it.

        Returns:
            Their losses. None, and everything is as before, if they have to be made one by one:
            a number is not finite, or a kernel refuses its input.
        """
        if self._loop is None:
            return None
        begun = time.thread_time()  # a computer that sleeps meanwhile does not make it slow
        with torch.inference_mode():
            for tensor, copy in self._changed:
                copy.copy_(tensor)
            noted = self._changed[0][0].new_empty(len(rows))
            try:
                self._loop(torch.stack(list(rows)), noted, [lr * self._rate for lr in rates])
                finite = math.isfinite(noted.sum() + self._changed[0][0].sum())
            except KERNEL_ERRORS:
                finite = False
            if not finite:
                self._undo()
                return None
            self._repetition.rows.copy_(rows[-1])
            self._repetition.loss.copy_(noted[-1])
        self._measured = time.perf_counter()
        self._pace = (time.thread_time() - begun) / len(rows)
        losses: list[float] = noted.tolist()
        return losses

    def _undo(self) -> None:
        for tensor, copy in self._changed:
            tensor.copy_(copy)
