"""Convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.dims import Dim, Shape, format_shape, pair, size, window
from graphcore.errors import Fix, ShapeError
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register
class Conv2d(Operator):
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

    category, onnx = "convolution", "Conv"
    aliases = ("conv", "convolution", "filter", "kernel")
    attrs = (
        Attr("out_channels", REQUIRED, "Number of kernels (feature maps).", "int", minimum=1),
        Attr("kernel_size", REQUIRED, "Height and width of the window.", "size", minimum=1,
             unit="px"),
        Attr("stride", 1, "Pixels between neighbouring windows.", "size", minimum=1, unit="px"),
        Attr("padding", 0, "Zeros put around the image.", "size", minimum=0, unit="px"),
        Attr("dilation", 1, "Pixels between kernel elements.", "size", minimum=1, unit="px"),
        Attr("groups", 1, "Independent groups of channels.", "int", minimum=1),
        Attr("bias", True, "Whether a bias is added to each feature map."),
    )  # fmt: skip
    initializers = {"weight": "uniform_fan_in", "bias": "uniform_fan_in"}
    formula = r"y_{o,i,j} = b_o + \sum_{c,u,v} W_{o,c,u,v}\, x_{c,\, s i + u - p,\, s j + v - p}"
    derivative = (
        r"\partial L/\partial W_{o,c,u,v} = \sum_{n,i,j} g_{o,i,j}\, x_{c,\,si+u-p,\,sj+v-p}"
    )

    @staticmethod
    def infer_shape(
        x: Shape, *, out_channels: int, kernel_size: Any, stride: Any, padding: Any,
        dilation: Any, groups: int, bias: bool,
    ) -> Shape:  # fmt: skip
        if len(x) != 4:
            raise ShapeError(
                f"Conv2d expects images (N, C, H, W), gets {format_shape(x)}.", _image_fix(x)
            )
        channels = x[1]
        if not isinstance(channels, int) or channels % groups or out_channels % groups:
            raise ShapeError(
                f"Conv2d: groups={groups} must divide the {channels} channels that come in and "
                f"the {out_channels} that go out."
            )
        sizes = [pair(v) for v in (kernel_size, stride, padding, dilation)]
        out = tuple(window(x[2 + i], *(v[i] for v in sizes)) for i in (0, 1))
        if min(out) < 1:
            raise ShapeError(
                f"Conv2d: a window of {sizes[0]} does not fit into x of shape {format_shape(x)} "
                f"with padding {sizes[2]}."
            )
        return (x[0], out_channels, *out)

    @staticmethod
    def parameter_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        out, kernel = attributes["out_channels"], pair(attributes["kernel_size"])
        channels = x[1] // attributes["groups"]
        shapes = {"weight": (out, channels, *kernel)}
        return {**shapes, "bias": (out,)} if attributes["bias"] else shapes

    @staticmethod
    def forward(
        x: Tensor, weight: Tensor, bias_: Tensor | None = None, *, out_channels: int,
        kernel_size: Any, stride: Any, padding: Any, dilation: Any, groups: int, bias: bool,
    ) -> Tensor:  # fmt: skip
        return torch.conv2d(x, weight, bias_, pair(stride), pair(padding), pair(dilation), groups)

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, *_: Tensor, **a: Any
    ) -> tuple[Tensor | None, ...]:
        mask = (*ctx.needs, False)[:3]
        gradients = torch.ops.aten.convolution_backward(
            g, x, weight, [weight.shape[0]] if a["bias"] else None, pair(a["stride"]),
            pair(a["padding"]), pair(a["dilation"]), False, (0, 0), a["groups"], mask,
        )  # fmt: skip
        return tuple(gradients[: len(ctx.needs)])

    @classmethod
    def multiply_adds(cls, shapes: Sequence[Shape], y: Shape, attributes: Mapping[str, Any]) -> Dim:
        return size(y) * size(cls.parameter_shapes(*shapes, **attributes)["weight"][1:])

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], **a: Any) -> Case:
            options = {
                k: v for k, v in a.items() if k in ("stride", "padding", "dilation", "groups")
            }
            return Case((shape,), a, lambda x, w, b=None: torch.conv2d(x, w, b, **options))

        return (
            case((2, 3, 7, 6), out_channels=4, kernel_size=3),
            case((2, 3, 7, 6), out_channels=4, kernel_size=(3, 2), stride=2, padding=(1, 0)),
            case((2, 4, 9, 9), out_channels=6, kernel_size=3, dilation=2, groups=2, bias=False),
            case((1, 1, 5, 5), out_channels=1, kernel_size=5, padding=2),
        )


def _image_fix(x: Shape) -> Fix | None:
    if len(x) == 3:
        return Fix("insert", "Add a channel axis", "Unsqueeze", attributes={"dim": 1})
    return None
