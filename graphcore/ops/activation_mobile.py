"""Activation functions of nets for small machines, and gates of two halves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.dims import Batch, Shape, axis, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.activation import Activation
from graphcore.ops.keras_code import KerasCall, KerasCode, layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import Attr, Case, Operator, register

if TYPE_CHECKING:
    from torch import Tensor


@register
class ReLU6(Activation):
    """ReLU that ends at 6: y = min(max(x, 0), 6), so that few bits hold it.

    Inputs:
        x: any shape.
    Output:
        y: same shape, 0 to 6.
    Gradient:
        ∂L/∂x = g where 0 < x < 6, else 0.
    Source:
        torch.nn.ReLU6; Howard et al., MobileNets, arXiv 1704.04861 (2017).
    """

    aliases = ("clipped relu", "mobilenet")
    formula = r"y = \min(\max(x, 0), 6)"
    derivative = r"\partial y/\partial x = 1\ \text{if } 0 < x < 6 \text{, else } 0"
    keras = layer("Activation", "relu6")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("Clip", call.x, call.tensor(0), call.tensor(6))

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.hardtanh(x, 0.0, 6.0)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.hardtanh_backward(g, x, 0.0, 6.0),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        relu6 = torch.nn.functional.relu6
        return (Case(((3, 4),), reference=relu6, domain="away"),)


@register
class Hardsigmoid(Activation):
    """A sigmoid of three straight lines: y = min(max(x + 3, 0), 6) / 6.

    Inputs:
        x: any shape.
    Output:
        y: same shape, 0 to 1.
    Gradient:
        ∂L/∂x = g / 6 where −3 < x < 3, else 0.
    Source:
        torch.nn.Hardsigmoid; ONNX HardSigmoid-6 (with alpha 1/6); Howard et al., ICCV 2019.
    """

    onnx, aliases = "HardSigmoid", ("hard sigmoid", "mobilenet", "gate")
    formula = r"y = \frac{\min(\max(x + 3, 0), 6)}{6}"
    derivative = r"\partial y/\partial x = \frac{1}{6}\ \text{if } |x| < 3 \text{, else } 0"
    keras = layer("Activation", "hard_sigmoid")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("HardSigmoid", call.x, alpha=1 / 6, beta=0.5)

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.hardsigmoid(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.hardsigmoid_backward(g, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        hardsigmoid = torch.nn.functional.hardsigmoid
        return (Case(((3, 4),), reference=hardsigmoid),)


@register
class Hardswish(Activation):
    """SiLU with a sigmoid of straight lines: y = x · min(max(x + 3, 0), 6) / 6.

    Inputs:
        x: any shape.
    Output:
        y: same shape, ≥ −0.375.
    Gradient:
        ∂L/∂x = 0 below −3, g above 3, and g (2x + 3) / 6 between.
    Source:
        torch.nn.Hardswish; ONNX HardSwish-14; Howard et al., MobileNetV3, ICCV 2019.
    """

    onnx, aliases = "HardSwish", ("hard swish", "mobilenet")
    formula = r"y = x\,\frac{\min(\max(x + 3, 0), 6)}{6}"
    derivative = r"\partial y/\partial x = \frac{2 x + 3}{6}\ \text{if } |x| < 3"
    keras = layer("Activation", "hard_swish")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.hardswish(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.hardswish_backward(g, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        hardswish = torch.nn.functional.hardswish
        return (Case(((3, 4),), reference=hardswish),)


@register
class Mish(Activation):
    """x times the tanh of its softplus: y = x tanh(ln(1 + eˣ)), smooth and without an upper end.

    Inputs:
        x: any shape.
    Output:
        y: same shape, ≥ −0.31.
    Gradient:
        with t = tanh(softplus(x)): ∂L/∂x = g · (t + x σ(x) (1 − t²)).
    Source:
        torch.nn.Mish; ONNX Mish-18; Misra, BMVC 2020.
    """

    onnx = "Mish"
    formula = r"y = x\,\tanh(\ln(1 + e^x))"
    derivative = r"\partial y/\partial x = t + x\,\sigma(x)\,(1 - t^2)"
    keras = layer("Activation", "mish")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.mish(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.mish_backward(g, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.nn.functional.mish),)


def _keras_glu(call: KerasCall) -> str:
    return f"ops.glu({call.inputs['x']}, axis={call.axis(call.attributes['dim'])})"


@register
class GLU(Operator):
    """Gated linear unit: one half of x is let through by the sigmoid of the other.

    Inputs:
        x: any shape whose axis ``dim`` has an even length.
    Attributes:
        dim: the axis that is halved: a in front, b behind.
    Output:
        y: a σ(b), x's shape with half the length along ``dim``.
    Gradient:
        ∂L/∂a = g σ(b), ∂L/∂b = g a σ(b) (1 − σ(b)).
    Source:
        torch.nn.GLU; Dauphin et al., ICML 2017.
    """

    category = "activation"
    aliases = ("gated linear unit", "gate")
    attrs = (Attr("dim", -1, "Axis that is halved."),)
    formula = r"y = a\,\sigma(b),\quad x = [\,a,\ b\,]"
    derivative = (
        r"\partial y/\partial a = \sigma(b),\ \partial y/\partial b = a\,\sigma(b)(1 - \sigma(b))"
    )
    keras = KerasCode(_keras_glu, "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        at = call.axis(call.attributes["dim"])
        halves = call.several("Split", (call.x,), 2, axis=at, num_outputs=2)
        return call.node("Mul", halves[0], call.node("Sigmoid", halves[1]))

    @staticmethod
    def infer_shape(x: Shape, *, dim: int) -> Shape:
        place = axis(dim, x, "GLU")
        length = x[place]
        if isinstance(length, Batch) or length % 2:
            raise ShapeError(
                f"GLU: the axis dim={dim} of x {format_shape(x)} cannot be halved: {length}."
            )
        return (*x[:place], length // 2, *x[place + 1 :])

    @staticmethod
    def forward(x: Tensor, *, dim: int) -> Tensor:
        return torch.nn.functional.glu(x, dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: int) -> tuple[Tensor]:
        return (torch.ops.aten.glu_backward(g, x, dim),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim: int) -> Case:
            return Case((shape,), {"dim": dim}, lambda x: torch.nn.functional.glu(x, dim))

        return case((3, 4), -1), case((2, 6, 3), 1)


@register
class PixelShuffle(Operator):
    """Lay channels out as pixels: r² maps become one that is r times as high and wide.

    Inputs:
        x: images, shape (N, C·r², H, W).
    Attributes:
        upscale_factor: r, how many times higher and wider y is.
    Output:
        y: shape (N, C, H·r, W·r).
    Gradient:
        ∂L/∂x = g, laid back.
    Source:
        torch.nn.PixelShuffle; ONNX DepthToSpace-13 (mode CRD); Shi et al., CVPR 2016.
    """

    category, onnx = "shape", "DepthToSpace"
    aliases = ("sub-pixel", "depth to space", "super-resolution")
    attrs = (Attr("upscale_factor", 2, "How many times higher and wider.", minimum=1),)
    formula = r"y_{c,\,r i + a,\,r j + b} = x_{c r^2 + a r + b,\,i,\,j}"
    derivative = r"\partial L/\partial x_{c r^2 + a r + b,\,i,\,j} = g_{c,\,r i + a,\,r j + b}"

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        factor = call.attributes["upscale_factor"]
        return call.node("DepthToSpace", call.x, blocksize=factor, mode="CRD")

    @staticmethod
    def infer_shape(x: Shape, *, upscale_factor: int) -> Shape:
        r = upscale_factor
        if len(x) != 4 or isinstance(x[1], Batch) or x[1] % r**2:
            raise ShapeError(
                f"PixelShuffle expects images (N, C·{r * r}, H, W), gets {format_shape(x)}."
            )
        return (x[0], x[1] // r**2, x[2] * r, x[3] * r)

    @staticmethod
    def forward(x: Tensor, *, upscale_factor: int) -> Tensor:
        return torch.nn.functional.pixel_shuffle(x, upscale_factor)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, upscale_factor: int) -> tuple[Tensor]:
        return (torch.nn.functional.pixel_unshuffle(g, upscale_factor),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], r: int) -> Case:
            a = {"upscale_factor": r}
            return Case((shape,), a, lambda x: torch.nn.functional.pixel_shuffle(x, r))

        return case((2, 4, 2, 3), 2), case((1, 9, 2, 2), 3)
