"""Normalisation layers: bring values to mean 0 and variance 1, then scale and shift them."""

from __future__ import annotations

from math import gcd, prod
from typing import TYPE_CHECKING, Any, ClassVar

from graphcore.dims import Batch, Shape, format_shape
from graphcore.errors import EngineError, Fix, ShapeError
from graphcore.late import torch
from graphcore.ops.keras_code import KerasCall, KerasCode, Layer
from graphcore.ops.kernels.batch_norm import BatchNormTraining
from graphcore.ops.kernels.buffered import Kernels
from graphcore.ops.kernels.device import on_accelerator
from graphcore.ops.linear import flatten_fix
from graphcore.ops.onnx_code import OnnxCall
from graphcore.ops.registry import REQUIRED, Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor

_EPS = Attr("eps", 1e-5, "Added to the variance, so that equal values do not divide by 0.",
            minimum=0.0)  # fmt: skip


class _Normalization(Operator):
    """Normalise, then scale by ``weight`` and shift by ``bias``."""

    category = "normalization"
    initializers = {"weight": "ones", "bias": "zeros"}
    formula = r"y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta"
    derivative = (
        r"\partial L/\partial x = \frac{\gamma}{\sigma}"
        r"\left(g - \overline{g} - \hat{x}\,\overline{g \hat{x}}\right)"
    )


def _keras_batch_norm(call: KerasCall) -> Layer:
    v, a = call.values, call.attributes
    call.weigh(gamma=v["weight"], beta=v["bias"])
    call.weigh(moving_mean=v["running_mean"], moving_variance=v["running_var"])
    return call.layer("BatchNormalization", momentum=1 - a["momentum"], epsilon=a["eps"])


def _keras_layer_norm(call: KerasCall) -> Layer:
    call.weigh(gamma=call.values["weight"], beta=call.values["bias"])
    axes = len(call.attributes["normalized_shape"] or (0,))
    over = None if axes == 1 else list(range(call.rank - axes, call.rank))
    return call.layer("LayerNormalization", axis=over, epsilon=call.attributes["eps"])


def _keras_group_norm(call: KerasCall) -> Layer:
    call.weigh(gamma=call.values["weight"], beta=call.values["bias"])
    groups, eps = call.attributes["num_groups"], call.attributes["eps"]
    return call.layer("GroupNormalization", groups, epsilon=eps)


class _BatchNorm(_Normalization):
    """Statistics of each channel over the batch."""

    two_modes = True
    units = "each"
    onnx = "BatchNormalization"
    attrs = (
        _EPS,
        Attr("momentum", 0.1, "Share of the newest batch in the running statistics.",
             minimum=0.0, maximum=1.0),
    )  # fmt: skip
    ranks: ClassVar[dict[int, str]] = {}
    torch_code = TorchCode(arguments={"num_features": "{weight[0]}"})
    keras = KerasCode(_keras_batch_norm, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        statistics = (call.state(n) for n in ("running_mean", "running_var"))
        return call.node(
            "BatchNormalization",
            *call.inputs,
            *statistics,
            epsilon=call.attributes["eps"],
            momentum=1 - call.attributes["momentum"],
        )

    @classmethod
    def infer_shape(cls, x: Shape, *, eps: float, momentum: float) -> Shape:
        if len(x) not in cls.ranks or isinstance(x[1], Batch):
            wanted = " or ".join(cls.ranks.values())
            raise ShapeError(f"{cls.name} expects {wanted}, gets {format_shape(x)}.")
        return x

    @staticmethod
    def parameter_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        return {"weight": (x[1],), "bias": (x[1],)}

    @staticmethod
    def buffer_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        return {"running_mean": ((x[1],), 0.0), "running_var": ((x[1],), 1.0)}

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, *, eps: float, momentum: float
    ) -> Tensor:
        if x.numel() == 0:
            return x.clone()  # aten's backward divides by the batch size and kills the process
        if ctx.training and x.numel() == x.shape[1]:
            raise EngineError(
                f"{cls.name} needs more than one value per channel while training, gets x of "
                f"shape {tuple(x.shape)}: use a larger batch."
            )
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
        if x.numel() == 0:
            return torch.zeros_like(x), torch.zeros_like(weight), torch.zeros_like(bias)
        mean, inverse_std, training = ctx.saved
        gradients: tuple[Tensor | None, ...] = torch.ops.aten.native_batch_norm_backward(
            g, x, weight, ctx.buffers["running_mean"], ctx.buffers["running_var"], mean,
            inverse_std, training, eps, ctx.needs,
        )  # fmt: skip
        return gradients

    @staticmethod
    def quantities(
        ctx: Context, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, *, eps: float, **_: Any
    ) -> dict[str, Tensor]:
        running = {"running mean": ctx.buffers["running_mean"], "running σ²":
                   ctx.buffers["running_var"]}  # fmt: skip
        batch: dict[str, Tensor] = {}
        if ctx.training:
            mean, inverse_std, _training = ctx.saved
            batch = {"batch mean": mean, "batch σ²": inverse_std**-2 - eps}
        return {**batch, **running, "γ": weight, "β": bias}

    @classmethod
    def lower(
        cls, ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, *, eps: float, momentum: float
    ) -> Kernels | None:
        laid = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
        if not (laid and ctx.training) or on_accelerator(x) or x.numel() <= x.shape[1]:
            return None
        statistics = ctx.buffers["running_mean"], ctx.buffers["running_var"]
        return BatchNormTraining(x, weight, bias, *statistics, eps, momentum).kernels()


def _batch_norm_cases(*shapes: tuple[int, ...]) -> tuple[Case, ...]:
    norm = torch.nn.functional.batch_norm

    def training(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return norm(x, None, None, weight, bias, True)

    def evaluation(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return norm(x, torch.zeros_like(weight), torch.ones_like(weight), weight, bias)

    return tuple(
        Case((shape,), reference=training if train else evaluation, training=train)
        for shape in shapes
        for train in (True, False)
    )


@register
class BatchNorm1d(_BatchNorm):
    """Normalise each feature to mean 0 and variance 1 over the batch, then scale and shift.

    Inputs:
        x: features (N, C), or sequences of features (N, C, L).
        weight: scale γ per feature, shape (C,).
        bias: shift β per feature, shape (C,).
    Attributes:
        eps: added to the variance, so that a constant feature does not divide by 0.
        momentum: share of the newest batch in the running mean and variance.
    Output:
        y: same shape. In training the batch's own mean μ and variance σ² are used (more than
            one value per feature is needed), in evaluation the running ones.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g, and in training
        ∂L/∂x = γ/σ · (g − mean(g) − x̂ · mean(g x̂)).
    Source:
        torch.nn.BatchNorm1d; ONNX BatchNormalization-15; Ioffe & Szegedy, ICML 2015.
    """

    aliases = ("batch norm", "bn", "normalize")
    ranks = {2: "features (N, C)", 3: "sequences (N, C, L)"}

    @classmethod
    def infer_shape(cls, x: Shape, *, eps: float, momentum: float) -> Shape:
        if len(x) == 4:
            raise ShapeError(
                f"BatchNorm1d expects features (N, C), gets {format_shape(x)}: images take "
                "BatchNorm2d, or put Flatten between.",
                flatten_fix(x),
            )
        return super().infer_shape(x, eps=eps, momentum=momentum)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _batch_norm_cases((5, 3), (4, 3, 6))


@register
class BatchNorm2d(_BatchNorm):
    """Normalise each channel to mean 0 and variance 1 over the batch, then scale and shift.

    Inputs:
        x: images, shape (N, C, H, W).
        weight: scale γ per channel, shape (C,).
        bias: shift β per channel, shape (C,).
    Attributes:
        eps: added to the variance, so that a constant channel does not divide by 0.
        momentum: share of the newest batch in the running mean and variance.
    Output:
        y: same shape. In training the batch's own mean μ and variance σ² are used (more than
            one value per channel is needed), in evaluation the running ones.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g, and in training
        ∂L/∂x = γ/σ · (g − mean(g) − x̂ · mean(g x̂)).
    Source:
        torch.nn.BatchNorm2d; ONNX BatchNormalization-15; Ioffe & Szegedy, ICML 2015.
    """

    aliases = ("batch norm", "bn", "normalize")
    ranks = {4: "images (N, C, H, W)"}

    @staticmethod
    def cases() -> tuple[Case, ...]:
        return _batch_norm_cases((4, 3, 5, 5))


def mean_and_variance(ctx: Context, eps: float) -> dict[str, Tensor]:
    """What was taken off and divided by in the first sample, one number per slice."""
    mean, inverse_std = (saved[0].flatten() for saved in ctx.saved)
    return {"mean": mean, "σ²": inverse_std**-2 - eps}


@register
class LayerNorm(_Normalization):
    """Normalise each sample over its own features, then scale and shift: no batch needed.

    Inputs:
        x: shape (*, normalized_shape).
        weight: scale γ per feature, shape normalized_shape.
        bias: shift β per feature, shape normalized_shape.
    Attributes:
        normalized_shape: the last axes of x, over which mean and variance are taken; None is
            the last axis alone.
        eps: added to the variance, so that equal features do not divide by 0.
    Output:
        y: same shape.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g and, with g' = γ g,
        ∂L/∂x = (g' − mean(g') − x̂ · mean(g' x̂)) / σ.
    Source:
        torch.nn.LayerNorm; ONNX LayerNormalization-17; Ba, Kiros & Hinton, arXiv 1607.06450.
    """

    steady = True
    onnx, aliases = "LayerNormalization", ("layer norm", "ln", "normalize")
    attrs = (
        Attr("normalized_shape", None, "Last axes of x that are normalised together.", "shape",
             optional=True),
        _EPS,
    )  # fmt: skip
    derivative = (
        r"\partial L/\partial x = \frac{1}{\sigma}\left(\gamma g - \overline{\gamma g}"
        r" - \hat{x}\,\overline{\gamma g \hat{x}}\right)"
    )
    torch_code = TorchCode(arguments={"normalized_shape": "{weight}"})
    keras = KerasCode(_keras_layer_norm)

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        axes = len(call.attributes["normalized_shape"] or (0,))
        return call.node(
            "LayerNormalization", *call.inputs, axis=-axes, epsilon=call.attributes["eps"]
        )

    @staticmethod
    def infer_shape(x: Shape, *, normalized_shape: Any, eps: float) -> Shape:
        wanted = x[-1:] if normalized_shape is None else tuple(normalized_shape)
        if not wanted or any(isinstance(d, Batch) for d in wanted):
            raise ShapeError(f"LayerNorm expects features (N, *), gets {format_shape(x)}.")
        if x[-len(wanted) :] != wanted or len(x) < len(wanted):
            last = x[-len(wanted) :]
            fits = len(x) >= len(wanted) and all(isinstance(d, int) and d > 0 for d in last)
            raise ShapeError(
                f"LayerNorm: normalized_shape={wanted} is not the end of x's shape "
                f"{format_shape(x)}.",
                Fix("set", f"Normalise over {last}", attributes={"normalized_shape": last})
                if fits
                else None,
            )
        return x

    @staticmethod
    def parameter_shapes(x: Shape, *, normalized_shape: Any, eps: float) -> dict[str, Any]:
        shape = x[-1:] if normalized_shape is None else tuple(normalized_shape)
        return {"weight": shape, "bias": shape}

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, *, normalized_shape: Any, eps: float
    ) -> Tensor:
        y, mean, inverse_std = torch.native_layer_norm(x, weight.shape, weight, bias, eps)
        ctx.saved = (mean, inverse_std)
        return y

    @staticmethod
    def quantities(ctx: Context, y: Tensor, *_: Tensor, eps: float, **__: Any) -> dict[str, Tensor]:
        return mean_and_variance(ctx, eps)

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, **_: Any
    ) -> tuple[Tensor | None, ...]:
        gradients: tuple[Tensor | None, ...] = torch.ops.aten.native_layer_norm_backward(
            g, x, weight.shape, *ctx.saved, weight, bias, ctx.needs
        )
        return gradients

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
            return torch.nn.functional.layer_norm(x, weight.shape, weight, bias)

        return (
            Case(((4, 5),), {}, reference),
            Case(((2, 3, 4),), {}, reference),
            Case(((2, 3, 4),), {"normalized_shape": (3, 4)}, reference),
        )


@register
class GroupNorm(_Normalization):
    """Normalise groups of channels within each sample, then scale and shift: no batch needed.

    Inputs:
        x: shape (N, C, *).
        weight: scale γ per channel, shape (C,).
        bias: shift β per channel, shape (C,).
    Attributes:
        num_groups: number of groups; it divides C. C groups: each channel alone.
        eps: added to the variance, so that a constant group does not divide by 0.
    Output:
        y: same shape.
    Gradient:
        with x̂ = (x − μ)/σ: ∂L/∂γ = Σ g x̂, ∂L/∂β = Σ g and, with g' = γ g and means over
        the group, ∂L/∂x = (g' − mean(g') − x̂ · mean(g' x̂)) / σ.
    Source:
        torch.nn.GroupNorm; ONNX GroupNormalization-21; Wu & He, ECCV 2018.
    """

    steady = True
    onnx, aliases = "GroupNormalization", ("group norm", "instance norm", "gn", "normalize")
    attrs = (Attr("num_groups", REQUIRED, "Number of channel groups.", "int", minimum=1), _EPS)
    derivative = LayerNorm.derivative
    torch_code = TorchCode(arguments={"num_channels": "{weight[0]}"})
    keras = KerasCode(_keras_group_norm, "last")

    @staticmethod
    def onnx_form(call: OnnxCall) -> str:
        x, *scales = call.inputs
        groups = call.attributes["num_groups"]
        shape = [0, *(call.fixed(i) for i in range(1, call.rank))]
        y = call.node(
            "InstanceNormalization",
            call.reshaped(x, (0, groups, -1)),
            call.tensor([1] * groups),
            call.tensor([0] * groups),
            epsilon=call.attributes["eps"],
        )
        weight, bias = (call.reshaped(n, (-1, *[1] * (call.rank - 2))) for n in scales)
        return call.node("Add", call.node("Mul", call.reshaped(y, shape), weight), bias)

    @staticmethod
    def infer_shape(x: Shape, *, num_groups: int, eps: float) -> Shape:
        if len(x) < 2 or isinstance(x[1], Batch) or any(isinstance(d, Batch) for d in x[2:]):
            raise ShapeError(f"GroupNorm expects (N, C, *), gets {format_shape(x)}.")
        if x[1] % num_groups:
            fitting = gcd(x[1], num_groups)
            raise ShapeError(
                f"GroupNorm: num_groups={num_groups} must divide the {x[1]} channels of x.",
                Fix("set", f"Use {fitting} groups", attributes={"num_groups": fitting}),
            )
        return x

    @staticmethod
    def parameter_shapes(x: Shape, **attributes: Any) -> dict[str, Any]:
        return {"weight": (x[1],), "bias": (x[1],)}

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, weight: Tensor, bias: Tensor, *, num_groups: int, eps: float
    ) -> Tensor:
        n, c, pixels = x.shape[0], x.shape[1], prod(x.shape[2:])
        y, mean, inverse_std = torch.native_group_norm(
            x.contiguous(), weight.contiguous(), bias.contiguous(), n, c, pixels, num_groups, eps
        )
        ctx.saved = (mean, inverse_std)
        return y

    @staticmethod
    def quantities(ctx: Context, y: Tensor, *_: Tensor, eps: float, **__: Any) -> dict[str, Tensor]:
        return mean_and_variance(ctx, eps)

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, weight: Tensor, bias: Tensor, *,
        num_groups: int, eps: float,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        n, c, pixels = x.shape[0], x.shape[1], prod(x.shape[2:])
        gradients: tuple[Tensor | None, ...] = torch.ops.aten.native_group_norm_backward(
            g.contiguous(), x.contiguous(), *ctx.saved, weight.contiguous(), n, c, pixels,
            num_groups, ctx.needs,
        )  # fmt: skip
        return gradients

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], groups: int) -> Case:
            def reference(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
                return torch.nn.functional.group_norm(x, groups, weight, bias)

            return Case((shape,), {"num_groups": groups}, reference)

        return case((3, 6, 4, 4), 2), case((3, 4), 2), case((2, 3, 5), 1), case((2, 3, 4), 3)
