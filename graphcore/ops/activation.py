"""Activation functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.dims import Shape, axis
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, layer
from graphcore.ops.kernels.buffered import Closure, Kernels, elementwise, from_output
from graphcore.ops.onnx_code import plain
from graphcore.ops.registry import Attr, Case, Context, Operator, register, same_shape

if TYPE_CHECKING:
    from torch import Tensor


class Activation(Operator):
    """One number in, one number out, element by element."""

    category, rowwise, steady = "activation", True, True
    infer_shape = staticmethod(same_shape)


@register
class ReLU(Activation):
    """Keep what is positive, drop the rest: y = max(0, x).

    Inputs:
        x: any shape.
    Output:
        y: same shape, ≥ 0.
    Gradient:
        ∂L/∂x = g where x > 0, else 0 (also at 0). A unit that is never positive learns nothing:
        it is dead.
    Source:
        torch.nn.ReLU; ONNX Relu-14; Nair & Hinton, ICML 2010.
    """

    dies = True
    onnx, aliases = "Relu", ("rectifier", "rectified linear")
    formula = r"y = \max(0, x)"
    derivative = r"\partial y/\partial x = 1\ \text{if } x > 0 \text{, else } 0"
    keras = layer("ReLU")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.relu(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.threshold_backward(g, y, 0),)

    @staticmethod
    def lower(ctx: Context, x: Tensor) -> Kernels:
        kernel = torch.ops.aten.threshold_backward.grad_input

        def backward(g: Tensor, gx: Tensor, y: Tensor) -> Closure:
            return lambda: kernel(g, y, 0, grad_input=gx)

        return elementwise(x, lambda y: lambda: torch.clamp_min(x, 0, out=y), backward)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.relu, domain="away"),)


@register
class LeakyReLU(Activation):
    """ReLU with a small slope below zero, so that no unit dies: y = x or negative_slope · x.

    Inputs:
        x: any shape.
    Attributes:
        negative_slope: slope for x ≤ 0.
    Output:
        y: same shape.
    Gradient:
        ∂L/∂x = g where x > 0, else negative_slope · g.
    Source:
        torch.nn.LeakyReLU; ONNX LeakyRelu-16; Maas et al., ICML 2013.
    """

    onnx, aliases = "LeakyRelu", ("leaky",)
    attrs = (Attr("negative_slope", 0.01, "Slope for x ≤ 0."),)
    formula = r"y = x\ \text{if } x > 0 \text{, else } \alpha x"
    derivative = r"\partial y/\partial x = 1\ \text{if } x > 0 \text{, else } \alpha"
    onnx_form = staticmethod(plain("LeakyRelu", negative_slope="alpha"))
    keras = layer("LeakyReLU", negative_slope="negative_slope")

    @staticmethod
    def forward(x: Tensor, *, negative_slope: float) -> Tensor:
        return torch.nn.functional.leaky_relu(x, negative_slope)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, negative_slope: float) -> tuple[Tensor]:
        return (torch.ops.aten.leaky_relu_backward(g, x, negative_slope, False),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(slope: float) -> Case:
            leaky = torch.nn.functional.leaky_relu
            return Case(((3, 4),), {"negative_slope": slope}, lambda x: leaky(x, slope), "away")

        return case(0.01), case(0.0), case(0.3)


@register
class Sigmoid(Activation):
    """Squash to a probability: y = 1 / (1 + e⁻ˣ).

    Inputs:
        x: any shape (logits).
    Output:
        y: same shape, between 0 and 1.
    Gradient:
        ∂L/∂x = g · y (1 − y), at most g / 4: far from 0 it vanishes (saturation).
    Source:
        torch.nn.Sigmoid; ONNX Sigmoid-13.
    """

    probabilities, flat_ends = True, 1.0
    onnx, aliases = "Sigmoid", ("logistic", "squash")
    formula, derivative = r"y = \frac{1}{1 + e^{-x}}", r"\partial y/\partial x = y\,(1 - y)"
    keras = layer("Activation", "sigmoid")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.sigmoid_backward(g, y),)

    @staticmethod
    def lower(ctx: Context, x: Tensor) -> Kernels:
        return from_output(x, torch.sigmoid, torch.ops.aten.sigmoid_backward.grad_input)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.sigmoid),)


@register
class Tanh(Activation):
    """Squash to between −1 and 1: y = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ).

    Inputs:
        x: any shape.
    Output:
        y: same shape, between −1 and 1.
    Gradient:
        ∂L/∂x = g · (1 − y²).
    Source:
        torch.nn.Tanh; ONNX Tanh-13.
    """

    flat_ends = 2.0
    onnx, aliases = "Tanh", ("hyperbolic tangent",)
    formula = r"y = \frac{e^x - e^{-x}}{e^x + e^{-x}}"
    derivative = r"\partial y/\partial x = 1 - y^2"
    keras = layer("Activation", "tanh")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.tanh(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.tanh_backward(g, y),)

    @staticmethod
    def lower(ctx: Context, x: Tensor) -> Kernels:
        return from_output(x, torch.tanh, torch.ops.aten.tanh_backward.grad_input)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.tanh),)


def softmax_quantities(x: Tensor, dim: int) -> dict[str, Tensor]:
    """What softmax computes on its way, for the first slice along ``dim``, shape (C,) each."""
    scores = x.movedim(dim, -1).reshape(-1, x.shape[dim])[0]
    powers = (scores - scores.max()).exp()
    return {
        "x": scores,
        "exp(x − max x)": powers,
        "Σ exp": powers.sum(),
        "p": powers / powers.sum(),
    }


@register
class Softmax(Operator):
    """Turn scores into probabilities: yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ) along ``dim``.

    Inputs:
        x: scores (logits, in nats), shape (*, C, *), at least one axis.
    Attributes:
        dim: the axis of length C that is summed over; negative counts from the end.
    Output:
        y: same shape as x; each slice along ``dim`` is ≥ 0 and sums to 1.
    Gradient:
        ∂L/∂xᵢ = yᵢ · (gᵢ − Σⱼ gⱼ yⱼ), where g = ∂L/∂y. The Jacobian is never built.
    Source:
        torch.nn.Softmax; ONNX Softmax-13. Subtracting max(x) leaves y unchanged and
        prevents overflow: Goodfellow, Bengio & Courville, Deep Learning (2016), §4.1.
    """

    probabilities = True
    units = "mixed"
    category, steady = "activation", True
    onnx, aliases = "Softmax", ("probabilities", "normalized exponential")
    attrs = (Attr("dim", -1, "Axis that is summed over."),)
    formula = r"y_i = \frac{e^{x_i}}{\sum_j e^{x_j}}"
    derivative = r"\partial y_i/\partial x_j = y_i\,(\delta_{ij} - y_j)"
    onnx_form = staticmethod(plain("Softmax", dim="axis"))
    keras = KerasCode(lambda call: call.layer("Softmax", call.axis(call.attributes["dim"])), "any")

    @staticmethod
    def infer_shape(x: Shape, *, dim: int) -> Shape:
        axis(dim, x, "Softmax")
        return x

    @staticmethod
    def forward(x: Tensor, *, dim: int) -> Tensor:
        return torch.softmax(x, dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: int) -> tuple[Tensor]:
        return (torch.ops.aten._softmax_backward_data(g, y, dim, y.dtype),)

    @staticmethod
    def quantities(ctx: Context, y: Tensor, x: Tensor, *, dim: int) -> dict[str, Tensor]:
        return softmax_quantities(x, dim)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim: int) -> Case:
            return Case((shape,), {"dim": dim}, lambda x: torch.softmax(x, dim))

        return case((3, 4), -1), case((3, 4), 0), case((2, 5, 3), 1)


def _keras_log_softmax(call: KerasCall) -> str:
    return f"ops.log_softmax({call.inputs['x']}, axis={call.axis(call.attributes['dim'])})"


@register
class LogSoftmax(Operator):
    """Logarithms of probabilities, without the loss of digits: yᵢ = xᵢ − ln Σⱼ exp(xⱼ).

    Inputs:
        x: scores (logits, in nats), shape (*, C, *), at least one axis.
    Attributes:
        dim: the axis of length C that is summed over; negative counts from the end.
    Output:
        y: same shape as x, ≤ 0; exp(y) sums to 1 along ``dim``. NLLLoss takes it.
    Gradient:
        ∂L/∂xᵢ = gᵢ − exp(yᵢ) · Σⱼ gⱼ.
    Source:
        torch.nn.LogSoftmax; ONNX LogSoftmax-13.
    """

    units = "mixed"
    category, steady = "activation", True
    onnx, aliases = "LogSoftmax", ("log probabilities",)
    attrs = (Attr("dim", -1, "Axis that is summed over."),)
    formula = r"y_i = x_i - \ln \sum_j e^{x_j}"
    derivative = r"\partial y_i/\partial x_j = \delta_{ij} - e^{y_j}"
    onnx_form = staticmethod(plain("LogSoftmax", dim="axis"))
    keras = KerasCode(_keras_log_softmax, "any")

    @staticmethod
    def infer_shape(x: Shape, *, dim: int) -> Shape:
        axis(dim, x, "LogSoftmax")
        return x

    @staticmethod
    def forward(x: Tensor, *, dim: int) -> Tensor:
        return torch.log_softmax(x, dim)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, dim: int) -> tuple[Tensor]:
        return (torch.ops.aten._log_softmax_backward_data(g, y, dim, y.dtype),)

    @staticmethod
    def quantities(ctx: Context, y: Tensor, x: Tensor, *, dim: int) -> dict[str, Tensor]:
        found = softmax_quantities(x, dim)
        return {**found, "ln p": found["p"].log()}

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], dim: int) -> Case:
            return Case((shape,), {"dim": dim}, lambda x: torch.log_softmax(x, dim))

        return case((3, 4), -1), case((3, 4), 0), case((2, 5, 3), 1)
