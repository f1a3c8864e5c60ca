"""Layers of volumes: films, scans, whatever has three axes that a window slides along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.dims import Shape, format_shape, triple, window
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.convolution import (
    _BIAS,
    _CHANNELS,
    _GROUPS,
    Transposed,
    _cases,
    _Convolution,
)
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.pooling import _CEIL, _COUNTED, _windows, keras_pooled
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register

if TYPE_CHECKING:
    from torch import Tensor


@register
class Conv3d(_Convolution):
    """Slide kernels through a volume: each output is a weighted sum of a window of x.

    Inputs:
        x: volumes, shape (N, C, D, H, W).
        weight: kernels, shape (out_channels, C / groups, kd, kh, kw).
        bias: one number per output channel, shape (out_channels,).
    Attributes:
        out_channels: number of kernels, and so of feature maps.
        kernel_size: depth, height and width of the window.
        stride: steps between neighbouring windows.
        padding: zeros put around the volume.
        dilation: steps between neighbouring kernel elements.
        groups: channels are split into this many independent groups.
        bias: whether a bias is added to each feature map.
    Output:
        y: shape (N, out_channels, D', H', W') with D' = ⌊(D + 2p − d(k−1) − 1)/s⌋ + 1.
    Gradient:
        ∂L/∂x: g correlated with the flipped kernels; ∂L/∂W: x correlated with g;
        ∂L/∂b = Σ g over samples and places.
    Source:
        torch.nn.Conv3d; ONNX Conv-11. (Cross-correlation: the kernel is not flipped.)
    """

    units = "made"
    onnx, aliases = "Conv", ("3d convolution", "video convolution", "volume")
    attrs = (
        _CHANNELS,
        Attr("kernel_size", REQUIRED, "Depth, height and width of the window.", "size", minimum=1),
        Attr("stride", 1, "Steps between neighbouring windows.", "size", minimum=1),
        Attr("padding", 0, "Zeros put around the volume.", "size", minimum=0),
        Attr("dilation", 1, "Steps between kernel elements.", "size", minimum=1),
        _GROUPS,
        _BIAS,
    )
    rank, axes = 3, "volumes (N, C, D, H, W)"
    formula = r"y_{o,i} = b_o + \sum_{c,u} W_{o,c,u}\, x_{c,\, s i + u - p}"
    derivative = r"\partial L/\partial W_{o,c,u} = \sum_{n,i} g_{o,i}\, x_{c,\, s i + u - p}"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(
            torch.conv3d,
            ((2, 4, 4, 5, 4), {"out_channels": 2, "kernel_size": 2}),
            ((2, 4, 4, 5, 6), {"out_channels": 4, "kernel_size": (2, 3, 1), "stride": 2,
                               "padding": (1, 0, 1), "groups": 2, "bias": False}),
        )  # fmt: skip


@register
class ConvTranspose3d(Transposed):
    """A convolution run backwards: each place of x paints a kernel, so that volumes grow.

    Inputs:
        x: volumes, shape (N, C, D, H, W).
        weight: kernels, shape (C, out_channels / groups, kd, kh, kw).
        bias: one number per output channel, shape (out_channels,).
    Attributes:
        out_channels: number of feature maps that come out.
        kernel_size: depth, height and width of what one place paints.
        stride: steps of y between neighbouring places of x: 2 doubles the size.
        padding: places cut off around the result.
        dilation: steps between neighbouring kernel elements.
        output_padding: places added at the far ends, less than stride or dilation.
        groups: channels are split into this many independent groups.
        bias: whether a bias is added to each feature map.
    Output:
        y: shape (N, out_channels, D', H', W'), D' = (D − 1)s − 2p + d(k−1) + 1 + output_padding.
    Gradient:
        ∂L/∂x: g convolved with the kernels (what Conv3d does forward); ∂L/∂W: g correlated
        with x; ∂L/∂b = Σ g over samples and places.
    Source:
        torch.nn.ConvTranspose3d; ONNX ConvTranspose-11.
    """

    attrs = (
        *Conv3d.attrs[:5],
        Attr("output_padding", 0, "Places added at the far ends.", "size", minimum=0),
        _GROUPS,
        _BIAS,
    )
    rank, axes = 3, "volumes (N, C, D, H, W)"
    formula = r"y_{o,\, s i + u - p} = b_o + \sum_{c,i,u} x_{c,i}\, W_{c,o,u}"
    derivative = r"\partial L/\partial x_{c,i} = \sum_{o,u} W_{c,o,u}\, g_{o,\, s i + u - p}"
    keras = None

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(
            torch.conv_transpose3d,
            ((2, 3, 3, 2, 4), {"out_channels": 2, "kernel_size": 2}),
            ((1, 4, 2, 3, 3), {"out_channels": 4, "kernel_size": (2, 3, 1), "stride": 2,
                               "padding": (1, 0, 0), "output_padding": 1, "groups": 2,
                               "bias": False}),
        )  # fmt: skip


_WINDOW = (
    Attr("kernel_size", REQUIRED, "Depth, height and width of the window.", "size", minimum=1),
    Attr("stride", None, "Steps between windows; left out, the window's own size.", "size",
         minimum=1, optional=True),
    Attr("padding", 0, "Border put around the volume, at most half a window.", "size", minimum=0),
)  # fmt: skip


class _VolumePool(Operator):
    """A window slides through volumes."""

    category, rowwise = "pooling", True
    keras = KerasCode(keras_pooled, "last")

    @classmethod
    def onnx_form(cls, call: OnnxCall) -> str:
        apart = triple(call.attributes.get("dilation", 1), cls.name)
        kernel, stride, padding = cls.sizes(**call.attributes)
        return call.pooled(cls.onnx, kernel, stride, padding, apart)

    @classmethod
    def infer_shape(
        cls, x: Shape, *, kernel_size: Any, stride: Any, padding: Any, dilation: Any = 1,
        ceil_mode: bool = False, count_include_pad: bool = True,
    ) -> Shape:  # fmt: skip
        if len(x) != 5:
            raise ShapeError(f"{cls.name} expects volumes (N, C, D, H, W), gets {format_shape(x)}.")
        kernel, step, pad = cls.sizes(kernel_size, stride, padding)
        if any(2 * p > k for p, k in zip(pad, kernel, strict=True)):
            raise ShapeError(
                f"{cls.name}: padding={padding} is more than half of the window {kernel_size}."
            )
        count, apart = (_windows if ceil_mode else window), triple(dilation, cls.name)
        out = tuple(count(x[2 + i], kernel[i], step[i], pad[i], apart[i]) for i in range(3))
        if min(out) < 1:
            raise ShapeError(
                f"{cls.name}: a window of {kernel_size} does not fit into x {format_shape(x)}."
            )
        return (*x[:2], *out)

    @classmethod
    def sizes(cls, kernel_size: Any, stride: Any, padding: Any, **_: Any) -> Any:
        """Kernel, stride and padding, three numbers each."""
        stride = kernel_size if stride is None else stride
        return tuple(triple(v, cls.name) for v in (kernel_size, stride, padding))


@register
class MaxPool3d(_VolumePool):
    """Keep the largest value of each window of a volume.

    Inputs:
        x: volumes, shape (N, C, D, H, W).
    Attributes:
        kernel_size: depth, height and width of the window.
        stride: steps between windows; None is the window's own size.
        padding: border that never wins (−∞).
        dilation: steps between the elements of a window.
        ceil_mode: whether a last window may stand out over the edge.
    Output:
        y: shape (N, C, D', H', W') with D' = ⌊(D + 2p − k)/s⌋ + 1.
    Gradient:
        g goes to the position of the largest value; to the first of them in a tie.
    Source:
        torch.nn.MaxPool3d; ONNX MaxPool-12.
    """

    onnx, aliases = "MaxPool", ("3d pooling", "video pooling", "volume")
    attrs = (*_WINDOW, Attr("dilation", 1, "Steps between a window's elements.", "size",
                            minimum=1), _CEIL)  # fmt: skip
    formula = r"y_i = \max_u\ x_{s i + u - p}"
    derivative = r"\partial y/\partial x = 1\ \text{where } x \text{ is the maximum, else } 0"

    @classmethod
    def geometry(cls, a: dict[str, Any]) -> tuple[Any, ...]:
        """Kernel, stride, padding, dilation and ceil_mode, as aten wants them."""
        return *cls.sizes(**a), triple(a["dilation"], cls.name), a["ceil_mode"]

    @classmethod
    def forward(cls, ctx: Context, x: Tensor, **a: Any) -> Tensor:
        y: Tensor
        y, ctx.saved = torch.ops.aten.max_pool3d_with_indices(x, *cls.geometry(a))
        return y

    @classmethod
    def vjp(cls, ctx: Context, g: Tensor, y: Tensor, x: Tensor, **a: Any) -> tuple[Tensor]:
        return (torch.ops.aten.max_pool3d_with_indices_backward(g, x, *cls.geometry(a), ctx.saved),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], **a: Any) -> Case:
            pool = torch.nn.functional.max_pool3d
            return Case((shape,), a, lambda x: pool(x, **a), "distinct")

        return (
            case((2, 2, 4, 4, 4), kernel_size=2),
            case((2, 1, 5, 4, 6), kernel_size=(3, 2, 2), stride=2, padding=1, ceil_mode=True),
        )


@register
class AvgPool3d(_VolumePool):
    """Average each window of a volume.

    Inputs:
        x: volumes, shape (N, C, D, H, W).
    Attributes:
        kernel_size: depth, height and width of the window.
        stride: steps between windows; None is the window's own size.
        padding: zeros put around the volume.
        ceil_mode: whether a last window may stand out over the edge.
        count_include_pad: whether the zeros around the volume count in the average.
    Output:
        y: shape (N, C, D', H', W') with D' = ⌊(D + 2p − k)/s⌋ + 1.
    Gradient:
        g is shared equally among the inputs of a window.
    Source:
        torch.nn.AvgPool3d; ONNX AveragePool-11.
    """

    onnx, aliases = "AveragePool", ("3d pooling", "video pooling", "volume")
    attrs = (*_WINDOW, _CEIL, _COUNTED)
    formula = r"y_i = \frac{1}{k^3} \sum_u x_{s i + u - p}"
    derivative = r"\partial y/\partial x = \frac{1}{k^3}"

    @classmethod
    def geometry(cls, a: dict[str, Any]) -> tuple[Any, ...]:
        """Kernel, stride, padding, ceil_mode and what counts, as aten wants them."""
        return *cls.sizes(**a), a["ceil_mode"], a["count_include_pad"]

    @classmethod
    def forward(cls, x: Tensor, **a: Any) -> Tensor:
        return torch.nn.functional.avg_pool3d(x, *cls.geometry(a))

    @classmethod
    def vjp(cls, g: Tensor, y: Tensor, x: Tensor, **a: Any) -> tuple[Tensor]:
        return (torch.ops.aten.avg_pool3d_backward(g, x, *cls.geometry(a), None),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], **a: Any) -> Case:
            return Case((shape,), a, lambda x: torch.nn.functional.avg_pool3d(x, **a))

        return (
            case((2, 2, 4, 4, 4), kernel_size=2),
            case((2, 1, 5, 4, 6), kernel_size=(3, 2, 2), stride=2, padding=1, ceil_mode=True,
                 count_include_pad=False),
        )  # fmt: skip
