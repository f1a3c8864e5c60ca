"""Dropout: noise that keeps units from relying on each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from graphcore.dims import Shape, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer, layer
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import Attr, Case, Context, Operator, register, same_shape

if TYPE_CHECKING:
    from torch import Tensor


class _Dropout(Operator):
    """Multiply by a random mask of 0 and 1/(1 − p) while training."""

    two_modes = True
    units = "kept"
    category, onnx, random = "normalization", "Dropout", True
    attrs = (Attr("p", 0.5, "Probability of switching off.", minimum=0.0, maximum=1.0),)
    formula = r"y = \frac{m\,x}{1 - p},\quad m \sim \mathrm{Bernoulli}(1 - p)"
    derivative = r"\partial y/\partial x = \frac{m}{1 - p}"
    whole_channels: ClassVar[bool] = False

    @classmethod
    def forward(cls, ctx: Context, x: Tensor, *, p: float) -> Tensor:
        ctx.saved = None
        if not ctx.training or p == 0:
            return x
        shape = (*x.shape[:2], *[1] * (x.dim() - 2)) if cls.whole_channels else x.shape
        mask = torch.zeros(shape, dtype=x.dtype, device=x.device)
        if p < 1:
            mask.bernoulli_(1 - p, generator=ctx.generator).div_(1 - p)
        ctx.saved = mask
        return x * mask

    @staticmethod
    def vjp(ctx: Context, g: Tensor, y: Tensor, x: Tensor, *, p: float) -> tuple[Tensor]:
        return (g if ctx.saved is None else g * ctx.saved,)


def _cases(*shape: int) -> tuple[Case, ...]:
    """Without chance: evaluation, nothing switched off, everything switched off."""
    return (
        Case((shape,), reference=lambda x: x),
        Case((shape,), {"p": 0.0}, lambda x: x, training=True),
        Case((shape,), {"p": 1.0}, lambda x: x * 0, training=True),
    )


@register
class Dropout(_Dropout):
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

    passes = True
    aliases = ("regularization", "drop")
    infer_shape = staticmethod(same_shape)
    keras = layer("Dropout", p="rate")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("Dropout", call.x, call.tensor(call.attributes["p"]))

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(4, 5)


def _keras_channels(call: KerasCall) -> Layer:
    return call.layer(f"SpatialDropout{call.rank - 2}D", call.attributes["p"])


@register
class Dropout2d(_Dropout):
    """Switch off whole feature maps with probability p while training.

    Neighbouring pixels tell nearly the same, so that dropping single ones hides little.

    Inputs:
        x: images, shape (N, C, H, W), or sequences of features (N, C, L).
    Attributes:
        p: probability that a channel of a sample is switched off.
    Output:
        y: same shape; what stays is scaled by 1/(1 − p). In evaluation y = x.
    Gradient:
        ∂L/∂x = g times the same mask and scale.
    Source:
        torch.nn.Dropout2d; Tompson et al., CVPR 2015.
    """

    aliases = ("spatial dropout", "regularization", "drop channels")
    whole_channels = True
    keras = KerasCode(_keras_channels, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        return call.node("Dropout", call.x, call.tensor(call.attributes["p"]))

    @staticmethod
    def infer_shape(x: Shape, *, p: float) -> Shape:
        if len(x) not in (3, 4):
            raise ShapeError(
                f"Dropout2d expects images (N, C, H, W), gets {format_shape(x)}; "
                "Dropout takes any shape."
            )
        return x

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _cases(2, 3, 4, 4)
