"""Convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isqrt
from typing import TYPE_CHECKING, Any, ClassVar

from graphcore.dims import Dim, Shape, format_shape, pair, size, triple, window
from graphcore.errors import Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, shifted, shortest
from graphcore.ops.kernels.buffered import Kernels
from graphcore.ops.kernels.convolution import convolution_gradients, lower_convolution
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor

_CHANNELS = Attr("out_channels", REQUIRED, "Number of kernels (feature maps).", "int", minimum=1)
_GROUPS = Attr("groups", 1, "Independent groups of channels.", "int", minimum=1)
_BIAS = Attr("bias", True, "Whether a bias is added to each feature map.")


def _image_attrs() -> tuple[Attr, Attr, Attr, Attr]:
    """Kernel size, stride, padding and dilation of an image: one number or two each."""
    return (
        Attr("kernel_size", REQUIRED, "Height and width of the window.", "size", minimum=1,
             unit="px"),
        Attr("stride", 1, "Pixels between neighbouring windows.", "size", minimum=1, unit="px"),
        Attr("padding", 0, "Zeros put around the image.", "size", minimum=0, unit="px"),
        Attr("dilation", 1, "Pixels between kernel elements.", "size", minimum=1, unit="px"),
    )  # fmt: skip


def _keras_convolution(call: KerasCall) -> Sequence[Layer]:
    """A border that is not "same" is put on by a layer in front."""
    a, rank = call.attributes, call.rank - 2
    kernel, stride, padding, dilation = (
        _per_axis(a[n], rank) for n in ("kernel_size", "stride", "padding", "dilation")
    )
    if max(stride) > 1 and max(dilation) > 1:
        call.refuse("a convolution with stride and dilation")
    weight = call.values["weight"]
    call.weigh(kernel=shifted(weight, *range(2, rank + 2), 1, 0), bias=call.values.get("bias"))
    whole = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    same = max(stride) == 1 and [2 * p for p in padding] == whole
    border = any(padding) and not same
    made = call.layer(
        f"Conv{rank}D", a["out_channels"], shortest(kernel),
        strides=shortest(stride, 1), padding="same" if same and any(padding) else None,
        dilation_rate=shortest(dilation, 1), groups=None if a["groups"] == 1 else a["groups"],
        use_bias=None if a["bias"] else False,
    )  # fmt: skip
    return (call.unnamed(f"ZeroPadding{rank}D", shortest(padding)), made) if border else (made,)


def _keras_transposed(call: KerasCall) -> Sequence[Layer]:
    """The border that padding takes off is cropped by a layer behind."""
    a = call.attributes
    kernel, stride, padding, dilation, more = (
        pair(a[n]) for n in ("kernel_size", "stride", "padding", "dilation", "output_padding")
    )
    if a["groups"] != 1 or any(more) or max(dilation) > 1:
        call.refuse("a transposed convolution with groups, dilation or output_padding")
    call.weigh(kernel=shifted(call.values["weight"], 2, 3, 1, 0), bias=call.values.get("bias"))
    made = call.layer(
        "Conv2DTranspose", a["out_channels"], shortest(kernel), strides=shortest(stride, 1),
        use_bias=None if a["bias"] else False,
    )  # fmt: skip
    return (made, call.unnamed("Cropping2D", shortest(padding))) if any(padding) else (made,)


def _per_axis(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple) else (value,) * rank


class _Convolution(Operator):
    """What convolutions of sequences and of images share.

    Attributes:
        rank: how many axes a window slides along.
        axes: the input's axes, spelled out.
    """

    category, rowwise, reduced = "convolution", True, True
    initializers = {"weight": "uniform_fan_in", "bias": "uniform_fan_in"}
    rank: ClassVar[int]
    axes: ClassVar[str]
    torch_code = TorchCode(arguments={"in_channels": "{x[1]}"})
    keras: ClassVar[KerasCode | None] = KerasCode(_keras_convolution, "last")

    @classmethod
    def onnx_form(cls, call: OnnxCall) -> str:
        a = call.attributes
        kernel, stride, padding, dilation = (
            list(cls.sizes(a[n])) for n in ("kernel_size", "stride", "padding", "dilation")
        )
        more = (
            {"output_padding": list(cls.sizes(a["output_padding"]))}
            if "output_padding" in a
            else {}
        )
        return call.node(
            cls.onnx,
            *call.inputs,
            kernel_shape=kernel,
            strides=stride,
            pads=padding * 2,
            dilations=dilation,
            group=a["groups"],
            **more,
        )

    @classmethod
    def sizes(cls, value: Any) -> tuple[int, ...]:
        """One number for each axis that a window slides along."""
        if cls.rank == 1:
            return (value,)
        return pair(value, cls.name) if cls.rank == 2 else triple(value, cls.name)

    @classmethod
    def check(cls, x: Shape, out_channels: int, groups: int) -> None:
        """Raise ShapeError unless x has the right axes and the groups divide the channels."""
        if len(x) != cls.rank + 2:
            raise ShapeError(
                f"{cls.name} expects {cls.axes}, gets {format_shape(x)}.", _fix(x, cls.rank)
            )
        channels = x[1]
        if not isinstance(channels, int) or channels % groups or out_channels % groups:
            raise ShapeError(
                f"{cls.name}: groups={groups} must divide the {channels} channels that come in "
                f"and the {out_channels} that go out.",
                Fix("set", "Use one group", attributes={"groups": 1}) if groups > 1 else None,
            )

    @classmethod
    def infer_shape(cls, x: Shape, **a: Any) -> Shape:
        cls.check(x, a["out_channels"], a["groups"])
        kernel, stride, padding, dilation = (
            cls.sizes(a[n]) for n in ("kernel_size", "stride", "padding", "dilation")
        )
        out = tuple(
            window(x[2 + i], kernel[i], stride[i], padding[i], dilation[i]) for i in range(cls.rank)
        )
        if min(out) < 1:
            raise ShapeError(
                f"{cls.name}: a window of {kernel} does not fit into x of shape "
                f"{format_shape(x)} with padding {padding} and dilation {dilation}."
            )
        return (x[0], a["out_channels"], *out)

    @classmethod
    def parameter_shapes(cls, x: Shape, **a: Any) -> dict[str, Any]:
        out, channels = a["out_channels"], x[1]
        assert isinstance(channels, int)
        shapes = {"weight": (out, channels // a["groups"], *cls.sizes(a["kernel_size"]))}
        return {**shapes, "bias": (out,)} if a["bias"] else shapes

    @classmethod
    def forward(cls, x: Tensor, weight: Tensor, bias_: Tensor | None = None, **a: Any) -> Tensor:
        return torch.convolution(x, weight, bias_, *cls.geometry(a))

    @classmethod
    def vjp(
        cls, ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, *_: Tensor, **a: Any
    ) -> tuple[Tensor | None, ...]:
        few = ctx.needs[0] and cls.input_gradient_is_convolution(weight, a)
        mask = (ctx.needs[0] and not few, *ctx.needs[1:], False)[:3]
        bias_sizes = [a["out_channels"]] if a["bias"] else None
        gx, *gradients = convolution_gradients(g, x, weight, bias_sizes, cls.geometry(a), mask)
        if few:
            gx = cls.convolved_gradient(g, weight, a)
        return (gx, *gradients)[: len(ctx.needs)]

    @classmethod
    def lower(
        cls, ctx: Context, x: Tensor, weight: Tensor, bias_: Tensor | None = None, **a: Any
    ) -> Kernels | None:
        return None if cls.rank == 3 else lower_convolution(x, weight, bias_, cls.geometry(a))

    @classmethod
    def input_gradient_is_convolution(cls, weight: Tensor, a: Mapping[str, Any]) -> bool:
        """Whether a plain convolution gives the input's gradient, and sooner.

        It does for images of few channels, such as a net's input: 1.7 ms where
        ``convolution_backward`` takes 4.3 ms (64 images of 1x28x28, 6 kernels of 5x5).
        """
        plain = cls.sizes(a["stride"]) == cls.sizes(a["dilation"]) == (1,) * cls.rank
        fits = all(p < k for p, k in zip(cls.sizes(a["padding"]), weight.shape[2:], strict=True))
        forward = not cls.geometry(a)[3]
        return forward and plain and fits and a["groups"] == 1 and weight.shape[1] < 4

    @classmethod
    def convolved_gradient(cls, g: Tensor, weight: Tensor, a: Mapping[str, Any]) -> Tensor:
        """∂L/∂x of a convolution of stride 1: g with the kernels rotated by 180°."""
        axes = tuple(range(2, 2 + cls.rank))
        flipped = weight.flip(axes).transpose(0, 1)
        sizes = zip(weight.shape[2:], cls.sizes(a["padding"]), strict=True)
        rest = [k - 1 - p for k, p in sizes]
        ones = (1,) * cls.rank
        return torch.convolution(g, flipped, None, ones, rest, ones, False, (0,) * cls.rank, 1)

    @classmethod
    def geometry(cls, a: Mapping[str, Any]) -> tuple[Any, ...]:
        """Stride, padding, dilation, transposed, output padding and groups, as aten wants them."""
        stride, padding, dilation = (cls.sizes(a[n]) for n in ("stride", "padding", "dilation"))
        return stride, padding, dilation, False, (0,) * cls.rank, a["groups"]

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        return size(y) * size(cls.parameter_shapes(*shapes[:1], **attributes)["weight"][1:])


def _fix(x: Shape, rank: int) -> Fix | None:
    """What would turn x into images or sequences with channels."""
    if len(x) == rank + 1:
        return Fix("insert", "Add a channel axis", "Unsqueeze", attributes={"dim": 1})
    if rank == 2 and len(x) == 2 and isinstance(x[1], int) and 0 < isqrt(x[1]) ** 2 == x[1]:
        side = isqrt(x[1])
        shape = (0, 1, side, side)
        label = f"Reshape to images of {side} x {side}"
        return Fix("insert", label, "Reshape", attributes={"shape": shape})
    return None


def _cases(function: Any, *options: tuple[tuple[int, ...], dict[str, Any]]) -> tuple[Case, ...]:
    """Cases of x's shape and attributes, against torch's own function."""
    own = ("out_channels", "kernel_size", "bias")

    def case(shape: tuple[int, ...], a: dict[str, Any]) -> Case:
        given = {k: v for k, v in a.items() if k not in own}
        return Case((shape,), a, lambda x, w, b=None: function(x, w, b, **given))

    return tuple(case(shape, a) for shape, a in options)


@register
class Conv1d(_Convolution):
    """Slide kernels along a sequence: each output is a weighted sum of a window of x.

    Inputs:
        x: sequences, shape (N, C, L).
        weight: kernels, shape (out_channels, C / groups, k).
        bias: one number per output channel, shape (out_channels,).
    Attributes:
        out_channels: number of kernels, and so of features.
        kernel_size: length of the window.
        stride: steps between neighbouring windows.
        padding: zeros put at both ends.
        dilation: steps between neighbouring kernel elements.
        groups: channels are split into this many independent groups.
        bias: whether a bias is added to each feature.
    Output:
        y: shape (N, out_channels, L') with L' = ⌊(L + 2p − d(k−1) − 1)/s⌋ + 1.
    Gradient:
        ∂L/∂x: g correlated with the flipped kernels; ∂L/∂W: x correlated with g;
        ∂L/∂b = Σ g over samples and places.
    Source:
        torch.nn.Conv1d; ONNX Conv-11. (Cross-correlation: the kernel is not flipped.)
    """

    units = "made"
    onnx, aliases = "Conv", ("temporal convolution", "sequence convolution", "1d convolution")
    attrs = (
        _CHANNELS,
        Attr("kernel_size", REQUIRED, "Length of the window.", "int", minimum=1),
        Attr("stride", 1, "Steps between neighbouring windows.", minimum=1),
        Attr("padding", 0, "Zeros put at both ends.", minimum=0),
        Attr("dilation", 1, "Steps between kernel elements.", minimum=1),
        _GROUPS,
        _BIAS,
    )
    rank, axes = 1, "sequences (N, C, L)"
    formula = r"y_{o,i} = b_o + \sum_{c,u} W_{o,c,u}\, x_{c,\, s i + u - p}"
    derivative = r"\partial L/\partial W_{o,c,u} = \sum_{n,i} g_{o,i}\, x_{c,\, s i + u - p}"

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(
            torch.conv1d,
            ((2, 3, 8), {"out_channels": 4, "kernel_size": 3}),
            ((2, 4, 9), {"out_channels": 6, "kernel_size": 2, "stride": 2, "padding": 1,
                         "dilation": 2, "groups": 2, "bias": False}),
        )  # fmt: skip


@register
class Conv2d(_Convolution):
    """Slide kernels over an image: each output pixel is a weighted sum of a window of x.

    Inputs:
        x: images, shape (N, C, H, W).
        weight: kernels, shape (out_channels, C / groups, kh, kw).
        bias: one number per output channel, shape (out_channels,).
    Attributes:
        out_channels: number of kernels, and so of feature maps.
        kernel_size: height and width of the window.
        stride: pixels between neighbouring windows.
        padding: zeros put around the image.
        dilation: pixels between neighbouring kernel elements.
        groups: channels are split into this many independent groups.
        bias: whether a bias is added to each feature map.
    Output:
        y: shape (N, out_channels, H', W') with H' = ⌊(H + 2p − d(k−1) − 1)/s⌋ + 1.
    Gradient:
        ∂L/∂x: g correlated with the flipped kernels; ∂L/∂W: x correlated with g;
        ∂L/∂b = Σ g over samples and pixels.
    Source:
        torch.nn.Conv2d; ONNX Conv-11. (Cross-correlation: the kernel is not flipped.)
    """

    window = "sum"
    units = "made"
    onnx, aliases = "Conv", ("conv", "convolution", "filter", "kernel")
    attrs = (_CHANNELS, *_image_attrs(), _GROUPS, _BIAS)
    rank, axes = 2, "images (N, C, H, W)"
    formula = r"y_{o,i,j} = b_o + \sum_{c,u,v} W_{o,c,u,v}\, x_{c,\, s i + u - p,\, s j + v - p}"
    derivative = (
        r"\partial L/\partial W_{o,c,u,v} = \sum_{n,i,j} g_{o,i,j}\, x_{c,\,si+u-p,\,sj+v-p}"
    )

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(
            torch.conv2d,
            ((2, 3, 7, 6), {"out_channels": 4, "kernel_size": 3}),
            ((2, 3, 7, 6), {"out_channels": 4, "kernel_size": (3, 2), "stride": 2,
                            "padding": (1, 0)}),
            ((2, 4, 9, 9), {"out_channels": 6, "kernel_size": 3, "dilation": 2, "groups": 2,
                            "bias": False}),
            ((1, 1, 5, 5), {"out_channels": 1, "kernel_size": 5, "padding": 2}),
        )  # fmt: skip


class Transposed(_Convolution):
    """What transposed convolutions of images and of volumes share."""

    unit_axis = 0
    onnx = "ConvTranspose"
    aliases = ("deconvolution", "transposed convolution", "upsampling", "generator")

    @classmethod
    def infer_shape(cls, x: Shape, **a: Any) -> Shape:
        cls.check(x, a["out_channels"], a["groups"])
        kernel, stride, padding, dilation, extra = (
            cls.sizes(a[n])
            for n in ("kernel_size", "stride", "padding", "dilation", "output_padding")
        )
        if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
            raise ShapeError(
                f"{cls.name}: output_padding={extra} must be less than the stride {stride} "
                f"or the dilation {dilation}."
            )
        out: list[int] = []
        for i, length in enumerate(x[2:]):
            if not isinstance(length, int):
                raise ShapeError("A window cannot slide over the batch axis.")
            reach = dilation[i] * (kernel[i] - 1) + 1
            out.append((length - 1) * stride[i] - 2 * padding[i] + reach + extra[i])
        if min(out) < 1:
            raise ShapeError(
                f"{cls.name}: padding {padding} cuts off all of the result for x of shape "
                f"{format_shape(x)}."
            )
        return (x[0], a["out_channels"], *out)

    @classmethod
    def parameter_shapes(cls, x: Shape, **a: Any) -> dict[str, Any]:
        out = a["out_channels"]
        shapes = {"weight": (x[1], out // a["groups"], *cls.sizes(a["kernel_size"]))}
        return {**shapes, "bias": (out,)} if a["bias"] else shapes

    @classmethod
    def geometry(cls, a: Mapping[str, Any]) -> tuple[Any, ...]:
        stride, padding, dilation = (cls.sizes(a[n]) for n in ("stride", "padding", "dilation"))
        return stride, padding, dilation, True, cls.sizes(a["output_padding"]), a["groups"]

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        return size(shapes[0]) * size(cls.parameter_shapes(*shapes[:1], **attributes)["weight"][1:])


@register
class ConvTranspose2d(Transposed):
    """A convolution run backwards: each pixel of x paints a kernel, so that images grow.

    Inputs:
        x: images, shape (N, C, H, W).
        weight: kernels, shape (C, out_channels / groups, kh, kw).
        bias: one number per output channel, shape (out_channels,).
    Attributes:
        out_channels: number of feature maps that come out.
        kernel_size: height and width of what one pixel paints.
        stride: pixels of y between neighbouring pixels of x: 2 doubles the size.
        padding: pixels cut off around the result.
        dilation: pixels between neighbouring kernel elements.
        output_padding: pixels added at the bottom and right, less than stride or dilation.
        groups: channels are split into this many independent groups.
        bias: whether a bias is added to each feature map.
    Output:
        y: shape (N, out_channels, H', W') with H' = (H − 1)s − 2p + d(k−1) + 1 + output_padding.
    Gradient:
        ∂L/∂x: g convolved with the kernels (what Conv2d does forward); ∂L/∂W: g correlated
        with x; ∂L/∂b = Σ g over samples and pixels.
    Source:
        torch.nn.ConvTranspose2d; ONNX ConvTranspose-11; Zeiler et al., CVPR 2010.
    """

    attrs = (
        _CHANNELS,
        *_image_attrs(),
        Attr("output_padding", 0, "Pixels added at the bottom and right.", "size", minimum=0,
             unit="px"),
        _GROUPS,
        _BIAS,
    )  # fmt: skip
    rank, axes = 2, "images (N, C, H, W)"
    formula = (
        r"y_{o,\, s i + u - p,\, s j + v - p} = b_o + \sum_{c,i,j,u,v} x_{c,i,j}\, W_{c,o,u,v}"
    )
    derivative = (
        r"\partial L/\partial x_{c,i,j} = \sum_{o,u,v} W_{c,o,u,v}\, g_{o,\,si+u-p,\,sj+v-p}"
    )
    keras: ClassVar[KerasCode | None] = KerasCode(_keras_transposed, "last")

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(
            torch.conv_transpose2d,
            ((2, 3, 4, 5), {"out_channels": 2, "kernel_size": 3}),
            ((2, 4, 3, 3), {"out_channels": 6, "kernel_size": (2, 3), "stride": 2, "padding": 1,
                            "output_padding": 1, "groups": 2, "bias": False}),
            ((1, 2, 3, 3), {"out_channels": 1, "kernel_size": 2, "dilation": 2,
                            "output_padding": (1, 0)}),
        )  # fmt: skip
