"""Reductions: many numbers to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.dims import Shape, reduced
from graphcore.ops.registry import Attr, Case, Operator, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_AXES = (
    Attr("dim", None, "Axis or axes to reduce; left out: all of them, batch included.", "axes",
         optional=True),
    Attr("keepdim", False, "Whether reduced axes stay, with length 1."),
)  # fmt: skip


def spread(g: Tensor, x: Tensor, dim: Any, keepdim: bool) -> Tensor:
    """The gradient of a sum, laid out over x again: every summand gets all of g."""
    if dim is not None and not keepdim:
        for d in sorted(d % x.dim() for d in ((dim,) if isinstance(dim, int) else dim)):
            g = g.unsqueeze(d)
    return g.expand_as(x)


def reduction_cases(function: Any, domain: str = "any") -> tuple[Case, ...]:
    """Everything, one axis, two axes, kept axes and a single number."""

    def case(shape: tuple[int, ...], **a: Any) -> Case:
        full = {"dim": None, "keepdim": False, **a}
        return Case((shape,), a, lambda x: function(x, **full), domain)

    return (
        case((3, 4)), case((3, 4), dim=1), case((3, 4), dim=-2, keepdim=True),
        case((2, 3, 4), dim=(0, 2)), case((2, 3, 4), dim=(1, 2), keepdim=True), case(()),
    )  # fmt: skip


@register
class Sum(Operator):
    """Add up along axes: y = Σ x.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to add up; None adds up everything, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        ∂L/∂x = g, handed to every summand.
    Source:
        torch.sum; ONNX ReduceSum-13.
    """

    category, onnx, aliases, attrs = "reduction", "ReduceSum", ("add up", "total"), _AXES
    formula, derivative = r"y = \sum_i x_i", r"\partial y/\partial x_i = 1"

    @staticmethod
    def infer_shape(x: Shape, *, dim: Any, keepdim: bool) -> Shape:
        return reduced(x, dim, keepdim, "Sum")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.sum(x, dim, keepdim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool) -> tuple[Tensor]:
        return (spread(g, x, dim, keepdim),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return reduction_cases(torch.sum)


@register
class Mean(Operator):
    """Average along axes: y = Σ x / n.

    Inputs:
        x: any shape.
    Attributes:
        dim: axis or axes to average; None averages everything, the batch included.
        keepdim: whether the axes stay, with length 1.
    Output:
        y: x's shape without ``dim``.
    Gradient:
        ∂L/∂x = g / n, n the number of values averaged.
    Source:
        torch.mean; ONNX ReduceMean-13.
    """

    category, onnx, aliases, attrs = "reduction", "ReduceMean", ("average",), _AXES
    formula, derivative = r"y = \frac{1}{n}\sum_i x_i", r"\partial y/\partial x_i = \frac{1}{n}"

    @staticmethod
    def infer_shape(x: Shape, *, dim: Any, keepdim: bool) -> Shape:
        return reduced(x, dim, keepdim, "Mean")

    @staticmethod
    def forward(x: Tensor, *, dim: Any, keepdim: bool) -> Tensor:
        return torch.mean(x, dim, keepdim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: Any, keepdim: bool) -> tuple[Tensor]:
        return (spread(g, x, dim, keepdim) * (y.numel() / max(x.numel(), 1)),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return reduction_cases(torch.mean)
