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

from graphcore.engine import processor
from graphcore.engine.fast.cached_step import Repetition
from graphcore.engine.fast.in_a_row import in_a_row
from graphcore.engine.fast.kernel_trace import Loop, looped
from graphcore.engine.plan import KERNEL_ERRORS, Plan
from graphcore.graph.training_settings import TrainingSettings
from graphcore.late import torch
from graphcore.ops.kernels.device import on_accelerator
from graphcore.training.parameter_groups import Group

if TYPE_CHECKING:
    from torch import Tensor

LONGEST = 0.02
"""Seconds that a stride may take: there is no looking at the clock or for Ctrl+C in it."""
ALONE, FEW = 3e-4, 20_000
"""Seconds of a step below which more threads than one are in each other's way: torch's fused
optimisers share out even 25 numbers, and each step waits for a thread that has to be woken.
Before a step was timed: the number of weights below which it is tried on one."""
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
        self._loop: Loop | None = None
        self._generator = plan.generator if plan.draws_random else None
        self._random = None if self._generator is None else self._generator.get_state()
        self._far = on_accelerator(group.optimizer.w)
        closures, plain = repetition.closures()
        steady = group.optimizer.repeats and not plain
        closures.append(partial(group.penalise, settings))
        with torch.inference_mode():
            if self._far:
                self._loop = in_a_row(
                    closures, repetition.rows, repetition.loss, group.update, steady
                )
            elif steady:
                closures.append(partial(group.update, 0.0))
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
        # A computer that sleeps meanwhile does not make it slow; for a device the process waits.
        clock = time.perf_counter if self._far else time.thread_time
        begun = clock()
        with torch.inference_mode():
            self._note()
            try:
                *losses, whole = self.launch(rows, rates).tolist()
            except KERNEL_ERRORS:
                whole = math.nan
            if not math.isfinite(whole):
                self._undo()
                return None
            self._repetition.rows.copy_(rows[-1])
            self._repetition.loss.fill_(losses[-1])
        self._measured = time.perf_counter()
        self._pace = (clock() - begun) / len(rows)
        return losses

    def launch(self, rows: Sequence[Tensor], rates: Sequence[float]) -> Tensor:
        """Make the steps without waiting for a device.

        Returns:
            Their losses and, last, the sum of these and of all weights.
        """
        assert self._loop is not None
        weights = self._changed[0][0]
        noted = weights.new_empty(len(rows) + 1)
        factor = 1.0 if self._far else self._rate  # what is not traced multiplies by itself
        short = self._pace < ALONE if self._measured else len(weights) < FEW
        with processor.at_most(1 if short and not self._far else None):
            self._loop(torch.stack(list(rows)), noted[:-1], [lr * factor for lr in rates])
        noted[-1].copy_(noted[:-1].sum() + weights.sum())
        return noted

    def _note(self) -> None:
        for tensor, copy in self._changed:
            copy.copy_(tensor)
        if self._generator is not None:
            self._random = self._generator.get_state()

    def _undo(self) -> None:
        for tensor, copy in self._changed:
            tensor.copy_(copy)
        if self._generator is not None and self._random is not None:
            self._generator.set_state(self._random)
