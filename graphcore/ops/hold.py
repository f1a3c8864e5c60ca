"""Holding a value fast: what would the net say if this were something else?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.kernels.device import constant
from graphcore.ops.registry import Attr, Case, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


_TORCH_HELPER = '''
def hold(x, unit, value, batch):
    """x in which the unit has another value."""
    y = x.clone()
    y[(slice(None), *unit) if batch else unit] = torch.as_tensor(value, dtype=x.dtype)
    return y
'''


@register
class Hold(Operator):
    """Set x, or one unit or channel of it, to a fixed value; all else passes through.

    What a part of a net is good for shows when it is held at 0: an ablation.

    Inputs:
        x: any shape.
    Attributes:
        unit: which unit is held: its place behind the batch axis, (3,) for the fourth neuron or
            feature map; () holds everything.
        value: a number, or numbers of the shape of what is held.
        batch: whether x has a batch axis in front.
    Output:
        y: same shape.
    Gradient:
        ∂L/∂x = g, and 0 for what is held.
    Source:
        Meyes et al., "Ablation Studies in Artificial Neural Networks", 2019 (its use).
    """

    units = "kept"
    category = "elementwise"
    aliases = ("ablation", "clamp unit", "fix", "intervention", "what if")
    attrs = (
        Attr("unit", (), "Place of the held unit behind the batch axis; empty for all.", "ints"),
        Attr("value", 0.0, "A number, or numbers of the held part's shape.", "array"),
        Attr("batch", True, "Whether there is a batch axis in front."),
    )
    formula, derivative = r"y_u = c", r"\partial y_u/\partial x = 0"
    infer_shape = staticmethod(same_shape)
    torch_code = TorchCode("hold({x}, {unit}, {value}, {batch})", helper=_TORCH_HELPER)

    @staticmethod
    def forward(x: Tensor, *, unit: tuple[int, ...], value: Any, batch: bool) -> Tensor:
        return _with(x, unit, value, batch)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, unit: tuple[int, ...], value: Any, batch: bool
    ) -> tuple[Tensor]:
        return (_with(g, unit, 0.0, batch),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (
            Case(((3, 4),), {"unit": (1,), "value": 2.0}, lambda x: _with(x, (1,), 2.0, True)),
            Case(((2, 3, 2, 2),), {"unit": (2,)}, lambda x: _with(x, (2,), 0.0, True)),
            Case(((2, 3),), {"value": [1.0, 2.0, 3.0]}, lambda x: x * 0 + _row(x)),
            Case(((3,),), {"unit": (0,), "batch": False}, lambda x: _with(x, (0,), 0.0, False)),
        )


def _with(x: Tensor, unit: tuple[int, ...], value: Any, batch: bool) -> Tensor:
    """A copy of x in which the unit has another value."""
    y = x.clone()
    place: tuple[Any, ...] = (slice(None), *unit) if batch and y.dim() else tuple(unit)
    held = y[place] if place else y
    if isinstance(value, tuple):
        held.copy_(constant(value, x.dtype, x.device).expand_as(held))
    else:
        held.fill_(value)
    return y


def _row(x: Tensor) -> Tensor:
    return torch.tensor([1.0, 2.0, 3.0], dtype=x.dtype)
