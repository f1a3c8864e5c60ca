"""Losses that compare distributions over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.dims import Shape, format_shape
from graphcore.errors import ShapeError
from graphcore.late import torch
from graphcore.ops.activation import softmax_quantities
from graphcore.ops.kernels.buffered import Kernels
from graphcore.ops.kernels.cross_entropy import NO_CLASS, lower_cross_entropy
from graphcore.ops.kernels.device import constant, on_accelerator, within
from graphcore.ops.loss import (
    REDUCTION,
    REDUCTIONS,
    ElementwiseLoss,
    check_classes,
    loss_code,
    ones_at,
    reduce,
)
from graphcore.ops.registry import Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import Source, TorchCode, Values, call

if TYPE_CHECKING:
    from torch import Tensor

_CLASS_WEIGHT = Attr("weight", None, "A weight per class; empty weighs all alike.", "array",
                     optional=True)  # fmt: skip


def _class_code(function: str) -> TorchCode:
    def code(v: Values) -> str:
        target = getattr(torch.nn.functional, function)
        attributes = {n: v[n] for n in ("reduction", "label_smoothing") if n in v}
        if v["weight"] is not None:
            attributes["weight"] = Source(f"{v['x']}.new_tensor({list(v['weight'])})")
        return call(f"F.{function}", target, v["x"], v["target"], **attributes)

    return TorchCode(code)


class _ClassLoss(Operator):
    """A loss of x (N, C, *) against class indices (N, *)."""

    category, inputs, steady, answers = "loss", ("x", "target"), True, "class"
    probabilities = False

    @classmethod
    def infer_shape(
        cls, x: Shape, target: Shape | None = None, *, reduction: str, weight: Any, **_: Any
    ) -> Shape:
        if len(x) < 2 or not isinstance(x[1], int):
            raise ShapeError(f"{cls.name} expects scores (N, C), gets {format_shape(x)}.")
        if weight is not None and _length(weight) != x[1]:
            raise ShapeError(
                f"{cls.name}: weight takes {x[1]} numbers, one per class, got {weight}."
            )
        rest = (x[0], *x[2:])
        fitting = (rest, x) if cls.probabilities else (rest,)
        if target is not None and target not in fitting:
            or_same = " or the same" if cls.probabilities else ""
            raise ShapeError(
                f"{cls.name}: a target of shape {format_shape(target)} does not fit scores of "
                f"shape {format_shape(x)}; it takes {format_shape(rest)}{or_same}."
            )
        return rest if reduction == "none" else ()

    @classmethod
    def check(cls, x: Tensor, target: Tensor, weight: Any) -> None:
        """Raise ShapeError for a target of a shape or kind that does not go with the scores."""
        cls.infer_shape(tuple(x.shape), tuple(target.shape), reduction="mean", weight=weight)
        if target.is_floating_point() and target.shape != x.shape:
            raise ShapeError(
                f"{cls.name}: a target of shape {tuple(target.shape)} holds class indices "
                "and takes whole numbers, got floating-point numbers."
            )
        if target.shape == x.shape and not target.is_floating_point():
            raise ShapeError(
                f"{cls.name}: a target of the scores' own shape {tuple(x.shape)} holds "
                "probabilities and takes floating-point numbers, got whole numbers."
            )

    @classmethod
    def refuse(cls, x: Tensor, target: Tensor, **_: Any) -> None:
        if not target.is_floating_point():
            check_classes(target, x.shape[1], cls.name)

    @classmethod
    def picked(
        cls, log_p: Tensor, target: Tensor, w: Tensor | None, reduction: str
    ) -> tuple[Tensor, Tensor]:
        """Loss of log-probabilities (N, C) at class indices (N,), and the targets' weight.

        Two kernels in place of eight: a step of a small net is mostly such calls. On a CPU the
        kernel finds a wrong class by itself; on an accelerator the loss is NaN then.
        """
        if target.is_floating_point() or len(target) != len(log_p):
            cls.check(log_p, target, None)
        if on_accelerator(log_p):
            target, mark = within(target, log_p.shape[1])
            y, total = torch.ops.aten.nll_loss_forward(
                log_p, target, w, REDUCTIONS[reduction], NO_CLASS
            )
            return y + mark.to(y.dtype), total
        try:
            found: tuple[Tensor, Tensor] = torch.ops.aten.nll_loss_forward(
                log_p, target, w, REDUCTIONS[reduction], NO_CLASS
            )
        except (IndexError, RuntimeError):
            cls.check(log_p, target, None)
            check_classes(target, log_p.shape[1], cls.name)
            raise
        return found


def picked_backward(
    g: Tensor, log_p: Tensor, target: Tensor, w: Tensor | None, reduction: str, total: Tensor
) -> Tensor:
    """Gradient of the log-probabilities behind ``_ClassLoss.picked``."""
    if on_accelerator(log_p):
        target, _ = within(target, log_p.shape[1])
    gradient: Tensor = torch.ops.aten.nll_loss_backward(
        g, log_p, target, w, REDUCTIONS[reduction], NO_CLASS, total
    )
    return gradient


def _as_rows(x: Tensor) -> Tensor:
    """(N, C, *) as (N · *, C)."""
    return x if x.dim() == 2 else x.movedim(1, -1).reshape(-1, x.shape[1])


def _length(weight: Any) -> int | None:
    flat = isinstance(weight, tuple) and not any(isinstance(w, tuple) for w in weight)
    return len(weight) if flat else None


def _weights(weight: Any, x: Tensor) -> Tensor | None:
    return None if weight is None else constant(weight, x.dtype, x.device)


def _along_classes(w: Tensor, x: Tensor) -> Tensor:
    """Class weights laid along axis 1 of x."""
    return w.view(1, -1, *[1] * (x.dim() - 2))


def _mean_scale(target: Tensor, losses: Tensor, w: Tensor | None) -> Any:
    """1 / number of targets, or 1 / sum of the targets' class weights."""
    if w is None or target.is_floating_point():
        return 1.0 / losses.numel() if losses.numel() else float("nan")
    places = within(target, len(w))[0] if on_accelerator(w) else target
    return 1.0 / w[places].sum()


@register
class CrossEntropyLoss(_ClassLoss):
    """Surprise at the right class: L = −log softmax(x)[target], averaged over the batch.

    Inputs:
        x: scores (logits), shape (N, C) or (N, C, *).
        target: class indices, shape (N, *), whole numbers from 0; or probabilities of x's shape.
    Attributes:
        reduction: "mean" over all targets, "sum", or "none".
        label_smoothing: share ε of the target spread evenly over all classes.
        weight: a weight per class, or None; "mean" of class indices then divides by the sum of
            the targets' weights.
    Output:
        y: one number; with reduction "none" shape (N, *).
    Gradient:
        ∂L/∂x = (softmax(x) − onehot(target)) / N: predicted minus wanted.
        Probabilities get −log softmax(x) / N; class indices have no gradient. An infinite g
        gives ±∞ where torch, taking a difference of infinities, gives NaN.
    Source:
        torch.nn.CrossEntropyLoss; ONNX SoftmaxCrossEntropyLoss-13.
    """

    normalises = True
    onnx, probabilities = "SoftmaxCrossEntropyLoss", True
    aliases = ("cross entropy", "log loss", "negative log likelihood", "softmax loss")
    attrs = (
        REDUCTION,
        Attr("label_smoothing", 0.0, "Share of the target spread over all classes.",
             minimum=0.0, maximum=1.0),
        _CLASS_WEIGHT,
    )  # fmt: skip
    formula = r"L = -\frac{1}{N}\sum_n \log \frac{e^{x_{n,t_n}}}{\sum_c e^{x_{n,c}}}"
    derivative = r"\partial L/\partial x = \frac{1}{N}(\mathrm{softmax}(x) - \mathrm{onehot}(t))"
    torch_code = _class_code("cross_entropy")

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, target: Tensor, *, reduction: str, label_smoothing: float,
        weight: Any,
    ) -> Tensor:  # fmt: skip
        log_p, w = torch.log_softmax(x, 1), _weights(weight, x)
        if not label_smoothing and x.dim() == 2 and target.dim() == 1:
            y, total = cls.picked(log_p, target, w, reduction)
            ctx.saved = (log_p, w, total)
            return y
        cls.check(x, target, weight)
        wanted = target if target.is_floating_point() else ones_at(target, x, cls.name)
        if label_smoothing:
            wanted = wanted * (1 - label_smoothing) + label_smoothing / x.shape[1]
        if w is not None:
            wanted = wanted * _along_classes(w, x)
        products = wanted * log_p
        if not target.is_floating_point():  # a score of −∞ rules a class out
            products = products.masked_fill(wanted == 0, 0.0)
        losses = -products.sum(1)
        scale = _mean_scale(target, losses, w) if reduction == "mean" else 1.0
        ctx.saved = (log_p, wanted, scale)
        return losses if reduction == "none" else losses.sum() * scale

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, target: Tensor, *, reduction: str,
        label_smoothing: float, weight: Any,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        if not label_smoothing and x.dim() == 2 and target.dim() == 1:
            log_p, w, total = ctx.saved
            g_log_p = picked_backward(g, log_p, target, w, reduction, total)
            return torch.ops.aten._log_softmax_backward_data(g_log_p, log_p, 1, x.dtype), None
        log_p, wanted, scale = ctx.saved
        g = g.unsqueeze(1) if reduction == "none" else g * scale
        gx = g * (log_p.exp() * wanted.sum(1, keepdim=True) - wanted)
        if not (ctx.needs[1] and target.is_floating_point()):
            return gx, None
        gt = -g * log_p * (1 - label_smoothing)
        w = _weights(weight, x)
        return gx, gt if w is None else gt * _along_classes(w, x)

    @classmethod
    def quantities(
        cls, ctx: Context, y: Tensor, x: Tensor, target: Tensor, *, label_smoothing: float,
        **_: Any,
    ) -> dict[str, Tensor]:  # fmt: skip
        found = softmax_quantities(x, 1)
        wanted = target[:1] if target.is_floating_point() else ones_at(target[:1], x, cls.name)
        wanted = wanted.movedim(1, -1).reshape(-1, x.shape[1])[0]
        wanted = wanted * (1 - label_smoothing) + label_smoothing / x.shape[1]
        surprise = -(wanted * found["p"].clamp_min(torch.finfo(x.dtype).tiny).log()).sum()
        return {**found, "t": wanted, "p − t": found["p"] - wanted, "−Σ t log p": surprise}

    @classmethod
    def lower(
        cls, ctx: Context, x: Tensor, target: Tensor, *, reduction: str, label_smoothing: float,
        weight: Any,
    ) -> Kernels | None:  # fmt: skip
        plain = not label_smoothing and x.dim() == 2 and target.dim() == 1
        if not plain or target.is_floating_point() or len(target) != len(x) or on_accelerator(x):
            a = {"reduction": reduction, "label_smoothing": label_smoothing, "weight": weight}
            return super().lower(ctx, x, target, **a)
        return lower_cross_entropy(x, target, _weights(weight, x), REDUCTIONS[reduction])

    @staticmethod
    def cases() -> tuple[Case, ...]:
        ce = torch.nn.functional.cross_entropy

        def case(shape: tuple[int, ...], *target: int, **a: Any) -> Case:
            options = dict(a)
            weight = options.pop("weight", None)

            def reference(x: Tensor, t: Tensor) -> Tensor:
                return ce(x, t, _weights(weight, x), **options)

            if tuple(target) == shape:
                return Case((shape, target), a, reference, ("any", "probability"))
            return Case((shape, target), a, reference, classes=shape[1])

        w = (0.5, 1.0, 2.0)
        return (
            case((4, 3), 4), case((4, 3), 4, reduction="sum"), case((4, 3), 4, reduction="none"),
            case((20, 3), 20), case((20, 3), 20, weight=w), case((20, 3), 20, reduction="none"),
            case((4, 3), 4, label_smoothing=0.1), case((4, 3), 4, weight=w),
            case((4, 3), 4, weight=w, label_smoothing=0.2), case((2, 3, 5), 2, 5),
            case((4, 3), 4, 3), case((4, 3), 4, 3, weight=w, label_smoothing=0.1),
            case((2, 3, 5), 2, 3, 5, reduction="none"),
        )  # fmt: skip


@register
class NLLLoss(_ClassLoss):
    """Negative log-likelihood of the right class: L = −x[target], x log-probabilities.

    Inputs:
        x: log-probabilities, shape (N, C) or (N, C, *); LogSoftmax (dim 1) gives them.
        target: class indices, shape (N, *), whole numbers from 0.
    Attributes:
        reduction: "mean" over all targets, "sum", or "none".
        weight: a weight per class, or None; "mean" then divides by the targets' weights' sum.
    Output:
        y: one number; with reduction "none" shape (N, *).
    Gradient:
        ∂L/∂x = −1/N at the right class, 0 elsewhere; the target has none.
    Source:
        torch.nn.NLLLoss; ONNX NegativeLogLikelihoodLoss-13.
    """

    onnx, aliases = "NegativeLogLikelihoodLoss", ("negative log likelihood", "log loss")
    attrs = (REDUCTION, _CLASS_WEIGHT)
    formula = r"L = -\frac{1}{N}\sum_n x_{n,t_n}"
    derivative = r"\partial L/\partial x = -\frac{1}{N}\,\mathrm{onehot}(t)"
    torch_code = _class_code("nll_loss")

    @classmethod
    def forward(
        cls, ctx: Context, x: Tensor, target: Tensor, *, reduction: str, weight: Any
    ) -> Tensor:
        w = _weights(weight, x)
        if x.dim() != 2 or target.dim() != 1:
            cls.check(x, target, weight)
        y, total = cls.picked(_as_rows(x), target.reshape(-1), w, reduction)
        ctx.saved = (w, total)
        return y.reshape(target.shape) if reduction == "none" else y

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, target: Tensor, *, reduction: str,
        weight: Any,
    ) -> tuple[Tensor | None, ...]:  # fmt: skip
        w, total = ctx.saved
        g = g.reshape(-1) if reduction == "none" else g
        rows = picked_backward(g, _as_rows(x), target.reshape(-1), w, reduction, total)
        return rows.reshape(*target.shape, x.shape[1]).movedim(-1, 1), None

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(shape: tuple[int, ...], *target: int, **a: Any) -> Case:
            options = dict(a)
            weight = options.pop("weight", None)

            def reference(x: Tensor, t: Tensor) -> Tensor:
                return torch.nn.functional.nll_loss(x, t, _weights(weight, x), **options)

            return Case((shape, target), a, reference, classes=shape[1])

        return (
            case((4, 3), 4), case((4, 3), 4, reduction="sum"), case((4, 3), 4, reduction="none"),
            case((4, 3), 4, weight=(0.5, 1.0, 2.0)), case((2, 3, 5), 2, 5),
            case((4, 3), 4, weight=(0.5, 1.0, 2.0), reduction="none"),
        )  # fmt: skip


@register
class KLDivLoss(ElementwiseLoss):
    """Kullback-Leibler divergence: L = Σ t (ln t − x), how far exp(x) is from t.

    Inputs:
        x: log-probabilities, any shape; LogSoftmax gives them.
        target: t, probabilities of x's shape (their logarithms with log_target).
    Attributes:
        reduction: "batchmean" (the divergence: the sum divided by N), "mean" over all elements,
            "sum", or "none".
        log_target: whether the target holds log-probabilities.
    Output:
        y: one number; with reduction "none" x's shape. 0 · ln 0 counts as 0.
    Gradient:
        ∂L/∂x = −t / N; ∂L/∂t = (ln t + 1 − x) / N, held at 0 where t ≤ 0 (torch gives NaN).
    Source:
        torch.nn.KLDivLoss, whose default "mean" is not the divergence (torch warns of it).
    """

    aliases = ("kullback-leibler", "relative entropy", "distillation", "divergence")
    attrs = (
        Attr("reduction", "batchmean", "Divide by the batch, average, sum, or one per element.",
             choices=("batchmean", "mean", "sum", "none")),
        Attr("log_target", False, "Whether the target holds log-probabilities."),
    )  # fmt: skip
    formula = r"L = \frac{1}{N}\sum_i t_i\,(\ln t_i - x_i)"
    derivative = r"\partial L/\partial x = -\frac{t}{N}"
    torch_code = loss_code("kl_div")

    @staticmethod
    def losses(x: Tensor, t: Tensor, *, log_target: bool) -> Tensor:
        return t.exp() * (t - x) if log_target else torch.xlogy(t, t) - t * x

    @staticmethod
    def slopes(x: Tensor, t: Tensor, *, log_target: bool) -> tuple[Tensor, Tensor]:
        if log_target:
            p = t.exp()
            return -p, p * (t + 1 - x)
        return -t, torch.where(t > 0, t.log() + 1 - x, 0.0)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def case(reduction: str, log_target: bool = False) -> Case:
            def reference(x: Tensor, t: Tensor) -> Tensor:
                kl = torch.nn.functional.kl_div
                return reduce(kl(x, t, reduction="none", log_target=log_target), reduction)

            target = "log_probability" if log_target else "probability"
            a = {"reduction": reduction, "log_target": log_target}
            return Case(((4, 3), (4, 3)), a, reference, ("log_probability", target))

        return (
            case("batchmean"), case("mean"), case("sum"), case("none"), case("batchmean", True)
        )  # fmt: skip
