"""Activation functions without a corner, or with one that can be tuned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch
from graphcore.ops.activation import Activation
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, layer
from graphcore.ops.onnx_code import OnnxCall, plain
from graphcore.ops.registry import Attr, Case, register

if TYPE_CHECKING:
    from torch import Tensor

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@register
class ELU(Activation):
    """ReLU whose negative side bends to −alpha instead of 0: y = x or alpha (eˣ − 1).

    Inputs:
        x: any shape.
    Attributes:
        alpha: what y tends to, negated, far below 0; with 1 the curve has no corner.
    Output:
        y: same shape, > −alpha.
    Gradient:
        ∂L/∂x = g where x > 0, else g · alpha eˣ = g · (y + alpha).
    Source:
        torch.nn.ELU; ONNX Elu-6; Clevert, Unterthiner & Hochreiter, ICLR 2016.
    """

    onnx, aliases = "Elu", ("exponential linear unit",)
    attrs = (Attr("alpha", 1.0, "What y tends to, negated, far below 0."),)
    formula = r"y = x\ \text{if } x > 0 \text{, else } \alpha(e^x - 1)"
    derivative = r"\partial y/\partial x = 1\ \text{if } x > 0 \text{, else } \alpha e^x"
    onnx_form = staticmethod(plain("Elu", alpha="alpha"))
    keras = layer("ELU", alpha="alpha")

    @staticmethod
    def forward(x: Tensor, *, alpha: float) -> Tensor:
        return torch.nn.functional.elu(x, alpha)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, alpha: float) -> tuple[Tensor]:
        return (torch.ops.aten.elu_backward(g, alpha, 1.0, 1.0, False, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(alpha: float) -> Case:
            elu = torch.nn.functional.elu
            return Case(((3, 4),), {"alpha": alpha}, lambda x: elu(x, alpha), "away")

        return case(1.0), case(0.3), case(-0.5)


@register
class SELU(Activation):
    """ELU scaled so that deep nets keep mean 0 and variance 1 from layer to layer.

    Inputs:
        x: any shape.
    Output:
        y: same shape, > −1.7581.
    Gradient:
        ∂L/∂x = 1.0507 g where x > 0, else 1.7581 g eˣ.
    Source:
        torch.nn.SELU; ONNX Selu-6; Klambauer et al., NeurIPS 2017.
    """

    onnx, aliases = "Selu", ("self-normalizing", "scaled exponential linear unit")
    formula = r"y = \lambda x\ \text{if } x > 0 \text{, else } \lambda\alpha(e^x - 1)"
    derivative = (
        r"\partial y/\partial x = \lambda\ \text{if } x > 0 \text{, else } \lambda\alpha e^x"
    )
    keras = layer("Activation", "selu")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.selu(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.elu_backward(g, _SELU_ALPHA, _SELU_SCALE, 1.0, False, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.selu, domain="away"),)


def _keras_gelu(call: KerasCall) -> str | Layer:
    if call.attributes["approximate"] == "none":
        return call.layer("Activation", "gelu")
    return f"ops.gelu({call.inputs['x']}, approximate=True)"


@register
class GELU(Activation):
    """x times the chance that a normal number is smaller: y = x Φ(x), a rounded ReLU.

    Inputs:
        x: any shape.
    Attributes:
        approximate: "none" is exact; "tanh" is the approximation that GPT-2 was trained with.
    Output:
        y: same shape, ≥ −0.17.
    Gradient:
        ∂L/∂x = g · (Φ(x) + x φ(x)), Φ and φ the normal distribution and its density.
    Source:
        torch.nn.GELU; ONNX Gelu-20; Hendrycks & Gimpel, arXiv 1606.08415.
    """

    onnx, aliases = "Gelu", ("gaussian error linear unit", "transformer activation")
    attrs = (
        Attr("approximate", "none", "Exact, or by way of tanh.", choices=("none", "tanh")),
    )  # fmt: skip
    formula = r"y = x\,\Phi(x)"
    derivative = r"\partial y/\partial x = \Phi(x) + \frac{x}{\sqrt{2\pi}} e^{-x^2/2}"
    onnx_form = staticmethod(plain("Gelu", approximate="approximate"))
    keras = KerasCode(_keras_gelu, "any")

    @staticmethod
    def forward(x: Tensor, *, approximate: str) -> Tensor:
        return torch.nn.functional.gelu(x, approximate=approximate)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, approximate: str) -> tuple[Tensor]:
        return (torch.ops.aten.gelu_backward(g, x, approximate=approximate),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(kind: str) -> Case:
            gelu = torch.nn.functional.gelu
            return Case(((3, 4),), {"approximate": kind}, lambda x: gelu(x, approximate=kind))

        return case("none"), case("tanh")


@register
class SiLU(Activation):
    """x times its own sigmoid: y = x σ(x), a smooth ReLU that dips below zero.

    Inputs:
        x: any shape.
    Output:
        y: same shape, ≥ −0.28.
    Gradient:
        ∂L/∂x = g · σ(x) (1 + x (1 − σ(x))).
    Source:
        torch.nn.SiLU; Elfwing, Uchibe & Doya, Neural Networks 107 (2018); called Swish by
        Ramachandran, Zoph & Le, arXiv 1710.05941.
    """

    aliases = ("swish", "sigmoid linear unit")
    formula = r"y = \frac{x}{1 + e^{-x}}"
    derivative = r"\partial y/\partial x = \sigma(x)\,(1 + x\,(1 - \sigma(x)))"
    keras = layer("Activation", "silu")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("Mul", call.x, call.node("Sigmoid", call.x))

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.silu(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (torch.ops.aten.silu_backward(g, x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.nn.functional.silu),)


@register
class Softplus(Activation):
    """A smooth ReLU, always positive: y = ln(1 + exp(beta x)) / beta.

    Inputs:
        x: any shape.
    Attributes:
        beta: sharpness of the bend; large values come close to ReLU.
        threshold: above beta · x = threshold, y = x is used, which prevents overflow.
    Output:
        y: same shape, > 0.
    Gradient:
        ∂L/∂x = g · sigmoid(beta x).
    Source:
        torch.nn.Softplus; ONNX Softplus-1; Dugas et al., NIPS 2000.
    """

    onnx, aliases = "Softplus", ("smooth relu",)
    attrs = (
        Attr("beta", 1.0, "Sharpness of the bend.", minimum=0.001),
        Attr("threshold", 20.0, "Above it the curve is taken to be straight."),
    )
    formula = r"y = \frac{1}{\beta} \ln(1 + e^{\beta x})"
    derivative = r"\partial y/\partial x = \frac{1}{1 + e^{-\beta x}}"
    keras = KerasCode("ops.softplus({x} * {beta}) / {beta}", "any")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        beta = call.attributes["beta"]
        if beta == 1:
            return call.node("Softplus", call.x)
        scale = call.tensor(beta)
        return call.node("Div", call.node("Softplus", call.node("Mul", call.x, scale)), scale)

    @staticmethod
    def forward(x: Tensor, *, beta: float, threshold: float) -> Tensor:
        return torch.nn.functional.softplus(x, beta, threshold)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor, *, beta: float, threshold: float) -> tuple[Tensor]:
        return (torch.ops.aten.softplus_backward(g, x, beta, threshold),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(beta: float) -> Case:
            softplus = torch.nn.functional.softplus
            return Case(((3, 4),), {"beta": beta}, lambda x: softplus(x, beta))

        return case(1.0), case(3.0)


@register
class Softsign(Activation):
    """Squash to between −1 and 1, more gently than tanh: y = x / (1 + |x|).

    Inputs:
        x: any shape.
    Output:
        y: same shape, between −1 and 1.
    Gradient:
        ∂L/∂x = g / (1 + |x|)²: 0 at ±∞, where torch gives NaN.
    Source:
        torch.nn.Softsign; ONNX Softsign-1; Glorot & Bengio, AISTATS 2010.
    """

    onnx, aliases = "Softsign", ("squash",)
    formula = r"y = \frac{x}{1 + |x|}"
    derivative = r"\partial y/\partial x = \frac{1}{(1 + |x|)^2}"
    keras = layer("Activation", "softsign")

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return torch.nn.functional.softsign(x)

    @staticmethod
    def vjp(g: Tensor, y: Tensor, x: Tensor) -> tuple[Tensor]:
        return (g / (1 + x.abs()) ** 2,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (Case(((3, 4),), reference=torch.nn.functional.softsign, domain="away"),)
