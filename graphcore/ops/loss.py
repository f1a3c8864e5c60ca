"""Losses: how wrong the net is, as one number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lazy_loader

from graphcore.dims import Shape, broadcast, format_shape
from graphcore.errors import ShapeError
from graphcore.ops.registry import Attr, Case, Context, Operator, register

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")

REDUCTION = Attr(
    "reduction", "mean", "Average over the batch, sum, or one loss per element.",
    choices=("mean", "sum", "none"),
)  # fmt: skip


@register
class CrossEntropyLoss(Operator):
    """Surprise at the right class: L = −log softmax(x)[target], averaged over the batch.

    Inputs:
        x: scores (logits), shape (N, C) or (N, C, *).
        target: class indices, shape (N, *), int64; or probabilities of x's shape.
    Attributes:
        reduction: "mean" over all targets, "sum", or "none".
        label_smoothing: share ε of the target spread evenly over all classes.
        weight: a weight per class, or None; "mean" then divides by the weights' sum.
    Output:
        y: one number; with reduction "none" shape (N, *).
    Gradient:
        ∂L/∂x = (softmax(x) − onehot(target)) / N: predicted minus wanted.
        Probabilities get −log softmax(x) / N; class indices have no gradient.
    Source:
        torch.nn.CrossEntropyLoss; ONNX SoftmaxCrossEntropyLoss-13.
    """

    category, onnx, inputs = "loss", "SoftmaxCrossEntropyLoss", ("x", "target")
    aliases = ("cross entropy", "log loss", "negative log likelihood", "softmax loss")
    attrs = (
        REDUCTION,
        Attr("label_smoothing", 0.0, "Share of the target spread over all classes.",
             minimum=0.0, maximum=1.0),
        Attr("weight", None, "A weight per class.", "array", optional=True),
    )  # fmt: skip
    formula = r"L = -\frac{1}{N}\sum_n \log \frac{e^{x_{n,t_n}}}{\sum_c e^{x_{n,c}}}"
    derivative = r"\partial L/\partial x = \frac{1}{N}(\mathrm{softmax}(x) - \mathrm{onehot}(t))"

    @staticmethod
    def infer_shape(
        x: Shape, target: Shape | None = None, *, reduction: str, **attributes: Any
    ) -> Shape:
        if len(x) < 2:
            raise ShapeError(f"CrossEntropyLoss expects scores (N, C), gets {format_shape(x)}.")
        rest = (x[0], *x[2:])
        if target is not None and target not in (rest, x):
            raise ShapeError(
                f"CrossEntropyLoss: a target of shape {format_shape(target)} does not fit scores "
                f"of shape {format_shape(x)}; it takes {format_shape(rest)} or the same."
            )
        return rest if reduction == "none" else ()

    @staticmethod
    def forward(
        ctx: Context, x: Tensor, target: Tensor, *, reduction: str, label_smoothing: float,
        weight: Any,
    ) -> Tensor:  # fmt: skip
        log_p = torch.log_softmax(x, 1)
        classes = x.shape[1]
        w = None if weight is None else torch.as_tensor(weight, dtype=x.dtype, device=x.device)
        wanted = _class_probabilities(target, x, label_smoothing)
        if w is not None:
            wanted = wanted * w.view(1, classes, *[1] * (x.dim() - 2))
        losses = -(wanted * log_p).sum(1)
        scale = _mean_scale(target, losses, w) if reduction == "mean" else 1.0
        ctx.saved = (log_p, wanted, scale)
        return losses if reduction == "none" else losses.sum() * scale

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, target: Tensor, *, reduction: str,
        label_smoothing: float, weight: Any,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        log_p, wanted, scale = ctx.saved
        g = g.unsqueeze(1) if reduction == "none" else g * scale
        gx = g * (log_p.exp() * wanted.sum(1, keepdim=True) - wanted)
        if not (ctx.needs[1] and target.is_floating_point()):
            return gx, None
        gt = -g * log_p * (1 - label_smoothing)
        if weight is not None:
            w = torch.as_tensor(weight, dtype=x.dtype, device=x.device)
            gt = gt * w.view(1, x.shape[1], *[1] * (x.dim() - 2))
        return gx, gt

    @staticmethod
    def cases() -> tuple[Case, ...]:
        ce = torch.nn.functional.cross_entropy

        def case(shape: tuple[int, ...], *target: int, **a: Any) -> Case:
            options = dict(a)
            weight = options.pop("weight", None)

            def reference(x: Tensor, t: Tensor) -> Tensor:
                w = None if weight is None else torch.tensor(weight, dtype=x.dtype)
                return ce(x, t, w, **options)

            probabilities = tuple(target) == shape
            domain = "probability" if probabilities else "any"
            return Case((shape, target), a, reference, domain, 0 if probabilities else shape[1])

        w = (0.5, 1.0, 2.0)
        return (
            case((4, 3), 4), case((4, 3), 4, reduction="sum"), case((4, 3), 4, reduction="none"),
            case((4, 3), 4, label_smoothing=0.1), case((4, 3), 4, weight=w),
            case((4, 3), 4, weight=w, label_smoothing=0.2), case((2, 3, 5), 2, 5),
            case((4, 3), 4, 3), case((4, 3), 4, 3, weight=w, label_smoothing=0.1),
        )  # fmt: skip


def _class_probabilities(target: Tensor, x: Tensor, smoothing: float) -> Tensor:
    """Wanted probability of each class, shape of x."""
    if target.is_floating_point():
        wanted = target
    else:
        wanted = torch.zeros_like(x).scatter_(1, target.unsqueeze(1), 1.0)
    if smoothing:
        wanted = wanted * (1 - smoothing) + smoothing / x.shape[1]
    return wanted


def _mean_scale(target: Tensor, losses: Tensor, weight: Tensor | None) -> Any:
    """1 / number of targets, or 1 / sum of the targets' class weights."""
    if weight is None or target.is_floating_point():
        return 1.0 / max(losses.numel(), 1)
    return 1.0 / weight[target].sum()


@register
class MSELoss(Operator):
    """Mean squared error: L = mean (x − target)².

    Inputs:
        x: predictions, any shape.
        target: wanted numbers, a shape that broadcasts with x.
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" the broadcast shape.
    Gradient:
        ∂L/∂x = 2 (x − target) / n, ∂L/∂target = −∂L/∂x. (A course's ½ is a Mul by 0.5.)
    Source:
        torch.nn.MSELoss.
    """

    category, inputs, attrs = "loss", ("x", "target"), (REDUCTION,)
    aliases = ("mse", "squared error", "l2 loss", "regression")
    formula = r"L = \frac{1}{n}\sum_i (x_i - t_i)^2"
    derivative = r"\partial L/\partial x = \frac{2}{n}(x - t)"

    @staticmethod
    def infer_shape(x: Shape, target: Shape | None = None, *, reduction: str) -> Shape:
        y = x if target is None else broadcast(x, target, "MSELoss")
        return y if reduction == "none" else ()

    @staticmethod
    def forward(x: Tensor, target: Tensor, *, reduction: str) -> Tensor:
        squares = (x - target) ** 2
        return _reduce(squares, reduction)

    @staticmethod
    def vjp(
        g: Tensor, y: Tensor, x: Tensor, target: Tensor, *, reduction: str
    ) -> tuple[Tensor, Tensor]:
        difference = x - target
        gx = g * 2 * difference
        if reduction == "mean":
            gx = gx / max(difference.numel(), 1)
        return gx, -gx

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(reduction: str) -> Case:
            mse = torch.nn.functional.mse_loss
            return Case(
                ((4, 3), (4, 3)), {"reduction": reduction},
                lambda x, t: mse(x, t, reduction=reduction),
            )  # fmt: skip

        return case("mean"), case("sum"), case("none")


def _reduce(losses: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()
