"""Both passes over a list of steps, one operator at a time.

Values live in numbered slots; a step reads its input slots and fills its output slots. The
backward pass walks the same steps in reverse: each operator's vjp turns the gradient of its
output into the gradients of its inputs, and gradients that meet at one slot are added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphcore.engine.precision import rounded
from graphcore.errors import EngineError, GradscapeError
from graphcore.late import torch
from graphcore.ops import Context, OperatorClass
from graphcore.ops.kernels.buffered import unbroadcast

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Step:
    """One operator at work.

    Attributes:
        inputs: slots it reads: data inputs, then parameters.
        input_names: their names, in the same order.
        outputs: slots it fills.
        context: what it keeps between its passes; ``context.needs`` says which input
            gradients are asked for.
        rounds: the type that its operands are rounded to, in both passes; None: none.
        wide: the type of its results and gradients, where operands are rounded.
    """

    name: str
    op: OperatorClass
    attributes: dict[str, Any]
    inputs: tuple[int, ...]
    input_names: tuple[str, ...]
    outputs: tuple[int, ...]
    context: Context = field(default_factory=Context)
    rounds: torch.dtype | None = None
    wide: torch.dtype | None = None

    def forward(self, values: list[Tensor | None]) -> None:
        """Fill the output slots."""
        arguments = [values[i] for i in self.inputs]
        try:
            result = self.run_forward(self.context, arguments)
        except GradscapeError:
            raise
        except (RuntimeError, IndexError, ValueError, TypeError) as error:
            raise EngineError(_blame(self, arguments, error)) from error
        if len(self.outputs) == 1:
            values[self.outputs[0]] = result
        else:
            for slot, value in zip(self.outputs, result, strict=True):
                values[slot] = value

    def backward(self, values: list[Tensor | None], g: Any) -> tuple[Tensor | None, ...]:
        """Gradient for each input, summed down to the input's shape where it was broadcast."""
        inputs = [values[i] for i in self.inputs]
        outputs = [values[i] for i in self.outputs]
        y = outputs[0] if len(outputs) == 1 else tuple(outputs)
        gradients = self.run_vjp(self.context, g, y, inputs)
        return tuple(
            unbroadcast(gx, x.shape) if need and gx is not None and x is not None else None
            for gx, x, need in zip(gradients, inputs, self.context.needs, strict=True)
        )

    def run_forward(self, context: Context, inputs: Sequence[Any]) -> Any:
        """Return what the operator makes of its inputs."""
        operands = inputs if self.rounds is None else rounded(inputs, self.rounds)
        return rounded(self.op.run_forward(context, operands, self.attributes), self.wide)

    def run_vjp(self, context: Context, g: Any, y: Any, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return the gradient of each input; ``context`` is that of ``run_forward``."""
        if self.rounds is not None:
            g, y, inputs = (rounded(x, self.rounds) for x in (g, y, inputs))
        found: Sequence[Any] = rounded(
            self.op.run_vjp(context, g, y, inputs, self.attributes), self.wide
        )
        return found


def run_backward(
    steps: Sequence[Step], values: list[Tensor | None], seeds: dict[int, Tensor]
) -> tuple[dict[int, Tensor], dict[tuple[str, str], Tensor]]:
    """Walk the steps in reverse.

    Args:
        seeds: slot -> gradient to start from.

    Returns:
        The gradient of each slot that was reached, and the gradient that arrived along each
        edge, by (target, input).
    """
    grads = dict(seeds)
    edges: dict[tuple[str, str], Tensor] = {}
    for step in reversed(steps):
        g = _output_gradient(step, values, grads)
        if g is None:
            continue
        for slot, name, gx in zip(
            step.inputs, step.input_names, step.backward(values, g), strict=True
        ):
            if gx is not None:
                edges[step.name, name] = gx
                grads[slot] = grads[slot] + gx if slot in grads else gx
    return grads, edges


def _output_gradient(step: Step, values: list[Tensor | None], grads: dict[int, Tensor]) -> Any:
    """Gradient of the step's output (a tuple for several outputs); None if nothing arrived."""
    if not any(step.context.needs) or not any(slot in grads for slot in step.outputs):
        return None
    if len(step.outputs) == 1:
        return grads[step.outputs[0]]
    return tuple(
        grads[slot] if slot in grads else torch.zeros_like(values[slot])  # type: ignore[arg-type]
        for slot in step.outputs
    )


def _blame(step: Step, arguments: list[Any], error: Exception) -> str:
    """One sentence for a kernel's refusal."""
    shapes = ", ".join(
        f"{n} {tuple(a.shape)}" for n, a in zip(step.input_names, arguments, strict=True)
    )
    reason = str(error).split("\n", 1)[0]
    how = f" in {str(step.rounds).removeprefix('torch.')}" if step.rounds is not None else ""
    return f"{step.name} ({step.op.name}) cannot be computed{how} for {shapes}: {reason}"
