"""Instance normalisation: every channel of every sample by itself, as style transfer needs it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

from graphcore.dims import Batch, Shape, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.normalization import LayerNorm, _Normalization
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import Attr, Case, Context, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


def _keras_instance_norm(call: KerasCall) -> Layer:
    if call.attributes["track_running_stats"]:
        call.refuse("instance normalisation with running statistics")
    plain = None if call.attributes["affine"] else False
    call.weigh(gamma=call.values.get("weight"), beta=call.values.get("bias"))
    return call.layer(
        "GroupNormalization", -1, epsilon=call.attributes["eps"],
        center=plain, scale=plain,
    )  # fmt: skip


class _InstanceNorm(_Normalization):
    """A batch norm of one sample whose channels are all channels of all samples."""

    onnx = "InstanceNormalization"
    attrs = (
        Attr("eps", 1e-5, "Added to the variance, so that equal values do not divide by 0.",
             minimum=0.0),
        Attr("affine", False, "Whether the result is scaled and shifted."),
        Attr("track_running_stats", False,
             "Whether evaluation normalises by means and variances kept from training."),
        Attr("momentum", 0.1, "Weight of the newest batch in what is kept.", minimum=0.0,
             maximum=1.0),
    )  # fmt: skip
    derivative = LayerNorm.derivative
    torch_code = TorchCode(arguments={"num_features": "{x[1]}"})
    rank: ClassVar[int]
    axes: ClassVar[str]
    keras = KerasCode(_keras_instance_norm, "last")

    @classmethod
    def parameter_names(cls, attributes: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(cls.initializers) if attributes.get("affine") else ()

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        given = call.inputs[1:]
        if not given:
            channels = call.fixed(1)
            given = (call.tensor([1] * channels), call.tensor([0] * channels))
        if call.attributes["track_running_stats"]:
            kept = call.state("running_mean"), call.state("running_var")
            eps = call.attributes["eps"]
            return call.node("BatchNormalization", call.x, *given, *kept, epsilon=eps)
        return call.node("InstanceNormalization", call.x, *given, epsilon=call.attributes["eps"])

    @classmethod
    def infer_shape(cls, x: Shape, **_: Any) -> Shape:
        known = [d for d in x[1:] if not isinstance(d, Batch)]
        if len(x) != cls.rank + 2 or len(known) < len(x) - 1 or prod(known[1:]) < 2:
            raise ShapeError(
                f"{cls.name} expects {cls.axes} with more than one value per channel, gets "
                f"{format_shape(x)}."
            )
        return x

    @staticmethod
    def parameter_shapes(x: Shape, *, affine: bool, **_: Any) -> dict[str, Any]:
        return {"weight": (x[1],), "bias": (x[1],)} if affine else {}

    @staticmethod
    def buffer_shapes(x: Shape, *, track_running_stats: bool, **_: Any) -> dict[str, Any]:
        if not track_running_stats:
            return {}
        return {"running_mean": ((x[1],), 0.0), "running_var": ((x[1],), 1.0)}

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, *given: Tensor, eps: float, affine: bool,
        track_running_stats: bool, momentum: float,
    ) -> Tensor:  # fmt: skip
        if x.numel() == 0:
            return x.clone()
        if track_running_stats:
            if not ctx.training:
                ctx.saved = None
                weight, bias = given or (None, None)
                return torch.native_batch_norm(
                    x, weight, bias, ctx.buffers["running_mean"], ctx.buffers["running_var"],
                    False, 0.0, eps,
                )[0]  # fmt: skip
            _keep(ctx, x, momentum)
        weight, bias = _repeated(x, given)
        y, mean, inverse_std = torch.native_batch_norm(
            _rows(x), weight, bias, None, None, True, 0.0, eps
        )
        ctx.saved = (mean, inverse_std)
        return y.view(x.shape)

    @classmethod
    def vjp(
        cls, ctx: Context, g: Tensor, y: Tensor, x: Tensor, *given: Tensor, eps: float,
        affine: bool, **_: Any,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if x.numel() == 0:
            return tuple(torch.zeros_like(t) for t in (x, *given))
        found: tuple[Tensor | None, ...]
        if ctx.saved is None:
            found = torch.ops.aten.native_batch_norm_backward(
                g, x, given[0] if given else None, ctx.buffers["running_mean"],
                ctx.buffers["running_var"], None, None, False, eps, (True, affine, affine),
            )  # fmt: skip
            return found[: 1 + len(given)]
        weight = _repeated(x, given)[0]
        gx, gw, gb = torch.ops.aten.native_batch_norm_backward(
            _rows(g), _rows(x), weight, None, None, *ctx.saved, True, eps,
            (True, affine, affine),
        )  # fmt: skip
        if not affine:
            return (gx.view(x.shape),)
        channels = (x.shape[0], x.shape[1])
        return gx.view(x.shape), gw.view(channels).sum(0), gb.view(channels).sum(0)

    @classmethod
    def cases(cls) -> tuple[Case, ...]:
        norm = torch.nn.functional.instance_norm
        sides = (4, 3, 2)[: cls.rank]
        return (
            Case(((2, 3, *sides),), {"affine": True},
                 lambda x, w, b: norm(x, weight=w, bias=b)),
            Case(((2, 3, *sides),), {"eps": 1e-3}, lambda x: norm(x, eps=1e-3)),
            Case(((2, 3, *sides),), {"affine": True, "track_running_stats": True},
                 lambda x, w, b: w.view(-1, *[1] * cls.rank) * x / (1 + 1e-5) ** 0.5
                 + b.view(-1, *[1] * cls.rank)),
            Case(((2, 3, *sides),), {"track_running_stats": True}, norm, training=True),
        )  # fmt: skip


def _keep(ctx: Context, x: Tensor, momentum: float) -> None:
    """Move what is kept towards the mean of the samples' own means and variances."""
    places = x.flatten(2)
    found = {"running_mean": places.mean(2).mean(0), "running_var": places.var(2).mean(0)}
    for name, value in found.items():
        ctx.buffers[name].lerp_(value, momentum)


def _rows(x: Tensor) -> Tensor:
    """All channels of all samples as the channels of one sample."""
    return x.contiguous().view(1, x.shape[0] * x.shape[1], *x.shape[2:])


def _repeated(x: Tensor, given: tuple[Tensor, ...]) -> tuple[Tensor | None, Tensor | None]:
    """Weight and bias for every sample; None where there are none."""
    if not given:
        return None, None
    return given[0].repeat(x.shape[0]), given[1].repeat(x.shape[0])


@register
class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each sequence to mean 0 and variance 1, whatever the others are.

    Inputs:
        x: sequences, shape (N, C, L).
        weight: scale γ per channel, shape (C,), where affine is on.
        bias: shift β per channel, shape (C,), where affine is on.
    Attributes:
        eps: added to the variance, so that a constant channel does not divide by 0.
        affine: whether the result is scaled and shifted.
        track_running_stats: whether evaluation normalises by means and variances that training
            kept; else by the sample's own, in training and evaluation alike.
        momentum: weight of the newest batch in what is kept.
    Output:
        y: same shape.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g and, with g' = γ g and means over
        the channel, ∂L/∂x = (g' − mean(g') − x̂ · mean(g' x̂)) / σ.
    Source:
        torch.nn.InstanceNorm1d; ONNX InstanceNormalization-6; Ulyanov et al., arXiv 1607.08022.
    """

    aliases = ("instance norm", "normalize", "style")
    rank, axes = 1, "sequences (N, C, L)"


@register
class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image to mean 0 and variance 1, whatever the others are.

    Inputs:
        x: images, shape (N, C, H, W).
        weight: scale γ per channel, shape (C,), where affine is on.
        bias: shift β per channel, shape (C,), where affine is on.
    Attributes:
        eps: added to the variance, so that a constant channel does not divide by 0.
        affine: whether the result is scaled and shifted.
        track_running_stats: whether evaluation normalises by means and variances that training
            kept; else by the sample's own, in training and evaluation alike.
        momentum: weight of the newest batch in what is kept.
    Output:
        y: same shape.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g and, with g' = γ g and means over
        the channel, ∂L/∂x = (g' − mean(g') − x̂ · mean(g' x̂)) / σ.
    Source:
        torch.nn.InstanceNorm2d; ONNX InstanceNormalization-6; Ulyanov et al., arXiv 1607.08022.
    """

    aliases = ("instance norm", "normalize", "style")
    rank, axes = 2, "images (N, C, H, W)"
