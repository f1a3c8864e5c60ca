"""Gradients that training does not need, computed when a view shows them.

A training step stops where nothing is left to be learned: it computes no gradient of a net's
input, of a frozen parameter, or of anything between them and the first parameter that learns, nor
of what several operators run as one pass to each other. All of these follow, by the operators' own
rules, from the values and gradients that the step did leave.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graphcore.engine.execute import Step
from graphcore.late import torch
from graphcore.ops import Context
from graphcore.ops.kernels.buffered import unbroadcast

if TYPE_CHECKING:
    from torch import Tensor

Value = Callable[[int, "int | None"], "Tensor | None"]


class Gradients(NamedTuple):
    """By slot, and by (step, input) for each edge."""

    slots: dict[int, Tensor]
    edges: dict[tuple[str, str], Tensor]


class Skipped:
    """The gradients that the step just made has skipped, with the weights that it was made with.

    Args:
        steps: in topological order.
        value: slot and number of samples (None: all) -> what the step computed there, or None.
        known: slot -> a gradient that the step has computed.
        shown: slots that have a gradient to be shown.
        fixed: parameters and constants by slot: what has no samples.
        learned: the memory that an update changes.
    """

    def __init__(
        self, steps: Sequence[Step], value: Value, known: Mapping[int, Tensor],
        shown: Collection[int], fixed: Sequence[Tensor | None], learned: Tensor,
    ) -> None:  # fmt: skip
        self._value, self._known, self._shown, self._fixed = value, known, shown, fixed
        self._steps = [step for step in steps if any(self._wanted(step, parameters=True))]
        passed = [step for step in self._steps if any(self._wanted(step))]
        self._by_rows = all(self._in_rows(step) for step in passed)
        self._weights = self._copies(learned)
        self._found: dict[tuple[int | None, bool], Gradients] = {}

    def find(self, first: int | None = None, parameters: bool = False) -> Gradients:
        """Gradients of what the step has passed over.

        Args:
            first: how many samples of the batch are needed; None: all.
            parameters: whether those of frozen parameters are among them.
        """
        for (rows, all_of_them), found in self._found.items():
            enough = rows is None or (first is not None and first <= rows)
            if enough and all_of_them >= parameters:
                return found
        rows = first if self._by_rows and not parameters else None
        with torch.inference_mode():
            self._found[rows, parameters] = self._go_back(rows, parameters)
        return self._found[rows, parameters]

    def _wanted(self, step: Step, parameters: bool = False) -> tuple[bool, ...]:
        """For each input, whether its gradient is one that was skipped."""
        return tuple(
            slot in self._shown
            and slot not in self._known
            and (parameters or self._fixed[slot] is None)
            for slot in step.inputs
        )

    def _in_rows(self, step: Step) -> bool:
        """Whether the first samples of its gradients need only the first samples."""
        return step.op.rowwise and not any(self._wanted(step)[1:])

    def _copies(self, learned: Tensor) -> dict[int, Tensor]:
        """Weights that are needed and that the update behind the step will change."""
        start, found = learned.data_ptr(), {}
        for slot in {slot for step in self._steps for slot in step.inputs}:
            x = self._value(slot, None) if self._fixed[slot] is None else self._fixed[slot]
            if x is not None and start <= x.data_ptr() < start + learned.nbytes:
                found[slot] = x.clone(memory_format=torch.preserve_format)
        return found

    def _go_back(self, rows: int | None, parameters: bool) -> Gradients:
        found = Gradients({}, {})
        for step in reversed(self._steps):
            wanted = self._wanted(step, parameters)
            g = self._arrived(step, found.slots, rows) if any(wanted) else None
            if g is None or not step.op.differentiable:
                continue
            gradients = self._vjp(step, wanted, g, rows)
            for slot, name, gx in zip(step.inputs, step.input_names, gradients, strict=True):
                if gx is not None:
                    found.edges[step.name, name] = gx
                    before = found.slots.get(slot)
                    found.slots[slot] = gx if before is None else before + gx
        return found

    def _arrived(self, step: Step, found: Mapping[int, Tensor], rows: int | None) -> Any:
        """The gradient of a step's output (a tuple for several), or None."""
        gradients = [
            found[slot] if slot in found else self._known.get(slot) for slot in step.outputs
        ]
        if all(g is None for g in gradients):
            return None
        whole = tuple(
            torch.zeros_like(self._value(slot, None)) if g is None else _rows(g, rows)  # type: ignore[arg-type]
            for slot, g in zip(step.outputs, gradients, strict=True)
        )
        return whole[0] if len(whole) == 1 else whole

    def _vjp(
        self, step: Step, wanted: tuple[bool, ...], g: Any, rows: int | None
    ) -> list[Tensor | None]:
        inputs = [self._input(slot, rows if i == 0 else None) for i, slot in enumerate(step.inputs)]
        context, own = Context(needs=wanted), step.context
        context.training, context.generator = own.training, own.generator
        context.dtype = own.dtype
        if step.op.random:
            context.saved = own.saved
            outputs = [self._value(slot, None) for slot in step.outputs]
            y: Any = outputs[0] if len(outputs) == 1 else tuple(outputs)
        else:
            context.buffers = {name: buffer.clone() for name, buffer in own.buffers.items()}
            y = step.run_forward(context, inputs)
        gradients = step.run_vjp(context, g, y, inputs)
        return [
            unbroadcast(gx, x.shape) if want and gx is not None else None
            for gx, x, want in zip(gradients, inputs, wanted, strict=True)
        ]

    def _input(self, slot: int, rows: int | None) -> Any:
        if slot in self._weights:
            return self._weights[slot]
        fixed = self._fixed[slot]
        return self._value(slot, rows) if fixed is None else fixed


def _rows(x: Tensor, count: int | None) -> Tensor:
    return x[:count] if count is not None and x.dim() else x
