"""Steps that are better run together: general rules over a plan's list of steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from graphcore.engine.execute import Step
from graphcore.ops import Context
from graphcore.ops.activation import ReLU
from graphcore.ops.convolution import Conv2d
from graphcore.ops.kernels.buffered import Kernels
from graphcore.ops.kernels.convolution import ConvolvedMaximum, repeats_numbers
from graphcore.ops.kernels.device import on_accelerator
from graphcore.ops.pooling import MaxPool2d

if TYPE_CHECKING:
    from torch import Tensor


@dataclass
class Fused(Step):
    """Steps that are run as one.

    Attributes:
        parts: the steps in order; they are run one by one where the rule does not hold for the
            tensors that turn up.
    """

    parts: tuple[Step, ...] = field(default=())

    @property
    def inner(self) -> list[int]:
        """Slots of what the parts but the last put out."""
        return [part.outputs[0] for part in self.parts[:-1]]

    def lower(self, *inputs: Tensor) -> Kernels | None:
        """A convolution, ReLU if there is one, and pooling; None where the rule fails."""
        convolution = self.parts[0]
        x, weight, *bias = inputs
        padding = _pair(convolution.attributes["padding"])
        sides = [
            n + 2 * p - k + 1
            for n, p, k in zip(x.shape[2:], padding, weight.shape[2:], strict=True)
        ]
        if x.numel() == 0 or min(sides) < 2 or on_accelerator(x):
            return None
        relu = len(self.parts) == 3
        run = ConvolvedMaximum(x, weight, bias[0] if bias else None, padding, relu)
        return Kernels(run.y, run.forward, run.backward, inner_values=run.inner_values)


def windows_tie(steps: Sequence[Step], values: Sequence[Tensor | None]) -> bool:
    """Return whether a convolution gives windows one sum but for rounding."""
    weights = (values[step.inputs[1]] for step in steps if step.op is Conv2d)
    here = (weight for weight in weights if weight is not None and not on_accelerator(weight))
    return any(map(repeats_numbers, here))


def rewritten(steps: Sequence[Step]) -> list[Step]:
    """The steps with every convolution that is followed by 2x2 max-pooling made one."""
    readers: Counter[int] = Counter(slot for step in steps for slot in step.inputs)
    by_input = {step.inputs[0]: step for step in steps if step.inputs}
    chains: dict[str, list[Step]] = {}
    swallowed: set[str] = set()
    for step in steps:
        chain = _pooled_convolution(step, by_input, readers)
        if chain:
            chains[chain[-1].name] = chain
            swallowed.update(part.name for part in chain[:-1])
    return [
        _fuse(chains[step.name]) if step.name in chains else step
        for step in steps
        if step.name not in swallowed
    ]


def _pooled_convolution(
    step: Step, by_input: dict[int, Step], readers: Counter[int]
) -> list[Step] | None:
    """The convolution, ReLU and pooling that begin at a step, where nothing else reads them."""
    if step.op is not Conv2d or not _plain(step.attributes):
        return None
    chain = [step]
    while readers[chain[-1].outputs[0]] == 1:
        following = by_input.get(chain[-1].outputs[0])
        if following is None:
            return None
        chain.append(following)
        if following.op is MaxPool2d:
            return chain if _halves(following.attributes) else None
        if following.op is not ReLU or len(chain) > 2:
            return None
    return None


def _plain(a: dict[str, Any]) -> bool:
    return _pair(a["stride"]) == _pair(a["dilation"]) == (1, 1) and a["groups"] == 1


def _halves(a: dict[str, Any]) -> bool:
    stride = a["kernel_size"] if a["stride"] is None else a["stride"]
    if a["ceil_mode"] or _pair(a["dilation"]) != (1, 1):
        return False
    return _pair(a["kernel_size"]) == _pair(stride) == (2, 2) and _pair(a["padding"]) == (0, 0)


def _pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _fuse(chain: list[Step]) -> Fused:
    first, last = chain[0], chain[-1]
    return Fused(
        last.name, last.op, first.attributes, first.inputs, first.input_names, last.outputs,
        Context(needs=first.context.needs), parts=tuple(chain),
    )  # fmt: skip
