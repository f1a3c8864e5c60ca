"""Pooling: a summary of each window of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.dims import Shape, format_shape, pair, window
from graphcore.errors import ShapeError
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

_WINDOW = (
    Attr("kernel_size", REQUIRED, "Height and width of the window.", "size", minimum=1, unit="px"),
    Attr("stride", None, "Pixels between windows; left out, the window's own size.", "size",
         minimum=1, unit="px", optional=True),
    Attr("padding", 0, "Border put around the image, at most half a window.", "size", minimum=0,
         unit="px"),
)  # fmt: skip


def pooled_shape(x: Shape, what: str, kernel_size: Any, stride: Any, padding: Any) -> Shape:
    """Shape after pooling x (N, C, H, W); raises ShapeError."""
    if len(x) != 4:
        raise ShapeError(f"{what} expects images (N, C, H, W), gets {format_shape(x)}.")
    kernel, pad = pair(kernel_size), pair(padding)
    step = kernel if stride is None else pair(stride)
    if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
        raise ShapeError(f"{what}: padding {pad} is more than half of the window {kernel}.")
    out = tuple(window(x[2 + i], kernel[i], step[i], pad[i]) for i in (0, 1))
    if min(out) < 1:
        raise ShapeError(f"{what}: a window of {kernel} does not fit into x {format_shape(x)}.")
    return (*x[:2], *out)


def _cases(reference: Any) -> tuple[Case, ...]:
    def case(shape: tuple[int, ...], **a: Any) -> Case:
        return Case((shape,), a, lambda x: reference(x, **a))

    return (
        case((2, 3, 6, 6), kernel_size=2),
        case((2, 3, 7, 5), kernel_size=(3, 2), stride=2, padding=1),
        case((1, 1, 5, 5), kernel_size=3, stride=1),
    )


@register
class MaxPool2d(Operator):
    """Keep the largest value of each window.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        kernel_size: height and width of the window.
        stride: pixels between windows; None is the window's own size.
        padding: border that never wins (−∞).
    Output:
        y: shape (N, C, H', W') with H' = ⌊(H + 2p − k)/s⌋ + 1.
    Gradient:
        g goes to the position of the largest value; to the first of them in a tie.
    Source:
        torch.nn.MaxPool2d; ONNX MaxPool-12.
    """

    category, onnx, aliases = "pooling", "MaxPool", ("pool", "max pooling", "subsampling")
    attrs = _WINDOW
    formula = r"y_{i,j} = \max_{u,v}\ x_{s i + u,\, s j + v}"
    derivative = r"\partial y/\partial x = 1\ \text{where } x \text{ is the maximum, else } 0"

    @staticmethod
    def infer_shape(x: Shape, **attributes: Any) -> Shape:
        return pooled_shape(x, "MaxPool2d", **attributes)

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, kernel_size: Any, stride: Any, padding: Any) -> Tensor:
        y: Tensor
        y, ctx.saved = torch.ops.aten.max_pool2d_with_indices(
            x, pair(kernel_size), [] if stride is None else pair(stride), pair(padding)
        )
        return y

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, *, kernel_size: Any, stride: Any,
        padding: Any,
    ) -> tuple[Tensor]:  # fmt: skip
        gx = torch.ops.aten.max_pool2d_with_indices_backward(
            g, x, pair(kernel_size), [] if stride is None else pair(stride), pair(padding),
            (1, 1), False, ctx.saved,
        )  # fmt: skip
        return (gx,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.max_pool2d)


@register
class AvgPool2d(Operator):
    """Average each window.

    Inputs:
        x: images, shape (N, C, H, W).
    Attributes:
        kernel_size: height and width of the window.
        stride: pixels between windows; None is the window's own size.
        padding: zeros put around the image; they count in the average.
    Output:
        y: shape (N, C, H', W') with H' = ⌊(H + 2p − k)/s⌋ + 1.
    Gradient:
        g is shared equally: each of the k·k inputs of a window gets g / (k·k).
    Source:
        torch.nn.AvgPool2d; ONNX AveragePool-11.
    """

    category, onnx, aliases = "pooling", "AveragePool", ("pool", "average pooling", "subsampling")
    attrs = _WINDOW
    formula = r"y_{i,j} = \frac{1}{k^2} \sum_{u,v} x_{s i + u,\, s j + v}"
    derivative = r"\partial y/\partial x = \frac{1}{k^2}"

    @staticmethod
    def infer_shape(x: Shape, **attributes: Any) -> Shape:
        return pooled_shape(x, "AvgPool2d", **attributes)

    @staticmethod
    def forward(x: Tensor, *, kernel_size: Any, stride: Any, padding: Any) -> Tensor:
        step = None if stride is None else pair(stride)
        return torch.nn.functional.avg_pool2d(x, pair(kernel_size), step, pair(padding))

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, *, kernel_size: Any, stride: Any, padding: Any
    ) -> tuple[Tensor]:
        step = [] if stride is None else pair(stride)
        gx = torch.ops.aten.avg_pool2d_backward(
            g, x, pair(kernel_size), step, pair(padding), False, True, None
        )
        return (gx,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(torch.nn.functional.avg_pool2d)
