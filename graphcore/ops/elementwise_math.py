"""Functions of one number, element by element, and the end of a gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch
from graphcore.ops.keras_code import KerasCode
from graphcore.ops.onnx_code import plain
from graphcore.ops.registry import Case, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


class _Function(Operator):
    """One number in, one number out."""

    category, steady = "elementwise", True
    infer_shape = staticmethod(same_shape)


@register
class Abs(_Function):
    """The number without its sign: y = |x|.

    Inputs:
        x: any shape.
    Output:
        y: same shape, ≥ 0.
    Gradient:
        ∂L/∂x = g · sign(x); 0 at x = 0, where the slope jumps from −1 to 1.
    Source:
        torch.abs; ONNX Abs-13.
    """

    onnx, aliases = "Abs", ("absolute value", "magnitude", "modulus")
    formula, derivative = r"y = |x|", r"\partial y/\partial x = \mathrm{sign}(x)"
    keras = KerasCode("ops.absolute({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.abs(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g * torch.sign(x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.abs, domain="away"),)


@register
class Sqrt(_Function):
    """The square root: y = √x.

    Inputs:
        x: any shape, ≥ 0 (less gives NaN).
    Output:
        y: same shape, ≥ 0.
    Gradient:
        ∂L/∂x = g / (2y): infinite at x = 0.
    Source:
        torch.sqrt; ONNX Sqrt-13.
    """

    onnx, aliases = "Sqrt", ("root", "square root")
    formula, derivative = r"y = \sqrt{x}", r"\partial y/\partial x = \frac{1}{2\sqrt{x}}"
    keras = KerasCode("ops.sqrt({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sqrt(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g / (2 * y),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.sqrt, domain="positive"),)


@register
class Sin(_Function):
    """The sine: y = sin x.

    Inputs:
        x: any shape, in radians.
    Output:
        y: same shape, between −1 and 1.
    Gradient:
        ∂L/∂x = g · cos x.
    Source:
        torch.sin; ONNX Sin-7.
    """

    onnx, aliases = "Sin", ("sine", "wave")
    formula, derivative = r"y = \sin x", r"\partial y/\partial x = \cos x"
    keras = KerasCode("ops.sin({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sin(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g * torch.cos(x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.sin),)


@register
class Cos(_Function):
    """The cosine: y = cos x.

    Inputs:
        x: any shape, in radians.
    Output:
        y: same shape, between −1 and 1.
    Gradient:
        ∂L/∂x = −g · sin x.
    Source:
        torch.cos; ONNX Cos-7.
    """

    onnx, aliases = "Cos", ("cosine", "wave")
    formula, derivative = r"y = \cos x", r"\partial y/\partial x = -\sin x"
    keras = KerasCode("ops.cos({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.cos(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (-g * torch.sin(x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.cos),)


@register
class StopGradient(_Function):
    """Pass the value on and stop the gradient: what lies before learns nothing through it.

    Inputs:
        x: any shape.
    Output:
        y: x unchanged.
    Gradient:
        None goes back. (A target network, or the generator's side of a discriminator's step.)
    Source:
        torch.Tensor.detach; jax.lax.stop_gradient.
    """

    differentiable = False
    aliases = ("detach", "freeze", "block gradient", "no grad")
    formula, derivative = r"y = x", r"\partial y/\partial x := 0"
    torch_code = TorchCode("{x}.detach()")
    onnx_form = staticmethod(plain("Identity"))
    keras = KerasCode("ops.stop_gradient({x})", "any")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[None]:
        return (None,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=lambda x: x.detach()),)
