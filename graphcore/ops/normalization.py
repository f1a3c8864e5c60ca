"""Normalisation and regularisation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.dims import Batch, Shape, format_shape
from graphcore.errors import ShapeError
from graphcore.ops.registry import Attr, Case, Context, Operator, register, same_shape

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@register
class BatchNorm2d(Operator):
    """Normalise each channel to mean 0 and variance 1 over the batch, then scale and shift.

    Inputs:
        x: images, shape (N, C, H, W).
        weight: scale γ per channel, shape (C,).
        bias: shift β per channel, shape (C,).
    Attributes:
        eps: added to the variance, so that a constant channel does not divide by 0.
        momentum: share of the newest batch in the running mean and variance.
    Output:
        y: same shape. In training the batch's own mean μ and variance σ² are used, in
        evaluation the running ones.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g, and in training
        ∂L/∂x = γ/σ · (g − mean(g) − x̂ · mean(g x̂)).
    Source:
        torch.nn.BatchNorm2d; ONNX BatchNormalization-15; Ioffe & Szegedy, ICML 2015.
    """

    category, onnx = "normalization", "BatchNormalization"
    aliases = ("batch norm", "bn", "normalize")
    attrs = (
        Attr("eps", 1e-5, "Added to the variance.", minimum=0.0),
        Attr("momentum", 0.1, "Share of the newest batch in the running statistics.",
             minimum=0.0, maximum=1.0),
    )  # fmt: skip
    initializers = {"weight": "ones", "bias": "zeros"}
    formula = r"y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta"
    derivative = (
        r"\partial L/\partial x = \frac{\gamma}{\sigma}"
        r"\left(g - \overline{g} - \hat{x}\,\overline{g \hat{x}}\right)"
    )

    @staticmethod
    def infer_shape(x: Shape, *, eps: float, momentum: float) -> Shape:
        if len(x) != 4 or isinstance(x[1], Batch):
            raise ShapeError(f"BatchNorm2d expects images (N, C, H, W), gets {format_shape(x)}.")
        return x

    @staticmethod
    def parameter_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        return {"weight": (x[1],), "bias": (x[1],)}

    @staticmethod
    def buffer_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        return {"running_mean": ((x[1],), 0.0), "running_var": ((x[1],), 1.0)}

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, *, eps: float, momentum: float
    ) -> Tensor:
        y, mean, inverse_std = torch.native_batch_norm(
            x, weight, bias, ctx.buffers["running_mean"], ctx.buffers["running_var"],
            ctx.training, momentum, eps,
        )  # fmt: skip
        ctx.saved = (mean, inverse_std, ctx.training)
        return y

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, *,
        eps: float, momentum: float,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        mean, inverse_std, training = ctx.saved
        return torch.ops.aten.native_batch_norm_backward(
            g, x, weight, ctx.buffers["running_mean"], ctx.buffers["running_var"], mean,
            inverse_std, training, eps, ctx.needs,
        )  # fmt: skip

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return torch.nn.functional.batch_norm(x, None, None, weight, bias, True)

        def evaluation(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            zeros, ones = torch.zeros_like(weight), torch.ones_like(weight)
            return torch.nn.functional.batch_norm(x, zeros, ones, weight, bias)

        return (
            Case(((4, 3, 5, 5),), reference=reference, training=True),
            Case(((4, 3, 5, 5),), reference=evaluation),
        )


@register
class Dropout(Operator):
    """Switch off each value with probability p while training, so that no unit is relied upon.

    Inputs:
        x: any shape.
    Attributes:
        p: probability of switching off.
    Output:
        y: same shape; what stays is scaled by 1/(1 − p). In evaluation y = x.
    Gradient:
        ∂L/∂x = g times the same mask and scale.
    Source:
        torch.nn.Dropout; ONNX Dropout-13; Srivastava et al., JMLR 15 (2014).
    """

    category, onnx, aliases = "normalization", "Dropout", ("regularization",)
    random = True
    attrs = (Attr("p", 0.5, "Probability of switching a value off.", minimum=0.0, maximum=1.0),)
    formula = r"y = \frac{m\,x}{1 - p},\quad m \sim \mathrm{Bernoulli}(1 - p)"
    derivative = r"\partial y/\partial x = \frac{m}{1 - p}"
    infer_shape = staticmethod(same_shape)

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, p: float) -> Tensor:
        ctx.saved = None
        if not ctx.training or p == 0:
            return x
        mask = torch.empty_like(x)
        if p < 1:
            mask.bernoulli_(1 - p, generator=ctx.generator).div_(1 - p)
        else:
            mask.zero_()
        ctx.saved = mask
        return x * mask

    @staticmethod
    def vjp(ctx: Context, g: Tensor, y: Tensor, x: Tensor, *, p: float) -> tuple[Tensor]:
        return (g if ctx.saved is None else g * ctx.saved,)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return (
            Case(((4, 5),), reference=lambda x: x),
            Case(((4, 5),), {"p": 0.0}, lambda x: x, training=True),
            Case(((4, 5),), {"p": 1.0}, lambda x: x * 0, training=True),
        )
