"""The buffered form of an operator whose operands are rounded: over copies of lower precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from graphcore.engine.execute import Step
from graphcore.engine.precision import rounded
from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure, Kernels

if TYPE_CHECKING:
    from torch import Tensor


def over_rounded(step: Step, inputs: Sequence[Tensor]) -> Kernels | None:
    """Return kernels that round a step's operands and widen what comes of them, in both passes.

    None where the operator has no buffered form for them: the step then rounds by itself.
    """
    narrow, wide = step.rounds, step.wide
    operands = [rounded(x, narrow) for x in inputs]
    step.context.moving = tuple(False for _ in inputs)  # the copies stay where they are
    inner = step.op.lower(step.context, *operands, **step.attributes)
    if inner is None:
        return None
    copied = [(to, x) for to, x in zip(operands, inputs, strict=True) if to is not x]
    y = torch.empty_like(inner.output, dtype=wide)

    def forward() -> None:
        for operand, x in copied:
            operand.copy_(x)
        if inner.forward is not None:
            inner.forward()
        y.copy_(inner.output)

    def backward(g: Tensor, *targets: Tensor | None) -> Closure:
        arrived = torch.empty_like(g, dtype=narrow)
        parts = [None if t is None else torch.empty_like(t, dtype=narrow) for t in targets]
        run = inner.backward(arrived, *parts)

        def go_back() -> None:
            arrived.copy_(g)
            run()
            for target, part in zip(targets, parts, strict=True):
                if target is not None and part is not None:
                    target.copy_(part)

        return go_back

    return replace(inner, output=y, forward=forward, backward=backward, moves=False)
