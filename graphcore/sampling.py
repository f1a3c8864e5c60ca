"""Gradients that training has no use for, of one sample.

A training step stops where nothing is left to be learned: it never computes the gradient of a
net's input, nor of anything between the input and the first parameter. To be shown, it is
computed for the first sample of the batch from the gradients that the step did leave.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphcore.execute import Step
from graphcore.late import torch
from graphcore.ops import Context

if TYPE_CHECKING:
    from torch import Tensor

Find = Callable[[int], "Tensor | None"]


def first_sample(
    steps: Sequence[Step], value: Find, gradient: Find, fixed: Sequence[Tensor | None]
) -> tuple[dict[int, Tensor], dict[tuple[str, str], Tensor]]:
    """Gradients of what training passes over, shape (1, *).

    Args:
        value, gradient: slot -> what the step computed there, or None.
        fixed: parameters and constants by slot: what is no batch.

    Returns:
        By slot, and by (step, input) for each edge.
    """
    found: dict[int, Tensor] = {}
    edges: dict[tuple[str, str], Tensor] = {}
    for step in reversed(steps):
        wanted = tuple(
            not need and fixed[slot] is None and _is_float(value(slot))
            for slot, need in zip(step.inputs, step.context.needs, strict=True)
        )
        g = _arrived(step, found, value, gradient)
        if not any(wanted) or g is None or step.op.random or not step.op.differentiable:
            continue
        for slot, name, want, gx in zip(
            step.inputs, step.input_names, wanted, _vjp(step, wanted, g, value, fixed), strict=True
        ):
            if want and gx is not None:
                edges[step.name, name] = gx
                found[slot] = found[slot] + gx if slot in found else gx
    return found, edges


def _is_float(x: Tensor | None) -> bool:
    return x is not None and x.is_floating_point()


def _arrived(step: Step, found: dict[int, Tensor], value: Find, gradient: Find) -> Any:
    """The first sample's gradient of a step's output (a tuple for several), or None."""
    gradients = [found[slot] if slot in found else gradient(slot) for slot in step.outputs]
    if all(g is None for g in gradients):
        return None
    whole = [
        torch.zeros_like(value(slot)) if g is None else g  # type: ignore[arg-type]
        for slot, g in zip(step.outputs, gradients, strict=True)
    ]
    first = tuple(g[:1] if g.dim() else g for g in whole)
    return first[0] if len(first) == 1 else first


def _vjp(
    step: Step, wanted: tuple[bool, ...], g: Any, value: Find, fixed: Sequence[Tensor | None]
) -> tuple[Any, ...]:
    inputs: list[Any] = [value(slot) for slot in step.inputs]
    batches = [
        fixed[slot] is None and x is not None and x.dim() > 0
        for slot, x in zip(step.inputs, inputs, strict=True)
    ]
    first = [x[:1] if batch else x for x, batch in zip(inputs, batches, strict=True)]
    taken = inputs if _over_batch(step, value) else first  # a mean needs all that it is taken of
    context = Context(needs=wanted, buffers=step.context.buffers)
    y = step.op.run_forward(context, taken, step.attributes)
    gradients = step.op.run_vjp(context, g, y, taken, step.attributes)
    return tuple(
        gx[:1] if batch and gx is not None else gx
        for gx, batch in zip(gradients, batches, strict=True)
    )


def _over_batch(step: Step, value: Find) -> bool:
    """Whether an output is one number for all samples, such as a loss."""
    return any(y is not None and not y.dim() for y in map(value, step.outputs))
