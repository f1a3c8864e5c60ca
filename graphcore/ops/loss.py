"""Losses: how wrong the net is, as one number. What they share, and those of regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from graphcore.dims import Shape, format_shape
from graphcore.errors import EngineError, ShapeError
from graphcore.late import torch
from graphcore.ops import torch_code
from graphcore.ops.kernels.buffered import Closure, Kernels
from graphcore.ops.kernels.device import on_accelerator, within
from graphcore.ops.registry import Attr, Case, Context, Operator, register
from graphcore.ops.torch_code import TorchCode, Values

if TYPE_CHECKING:
    from torch import Tensor

REDUCTION = Attr(
    "reduction", "mean", "Average over all elements, sum, or one loss per element.",
    choices=("mean", "sum", "none"),
)  # fmt: skip

REDUCTIONS = {"none": 0, "mean": 1, "sum": 2}
"""What torch's kernels take for a reduction (ATen/core/Reduction.h)."""

_LIKE = '''
def like(target, x):
    """The target as numbers that go with predictions x: class indices become one-hot rows."""
    if x.dim() == 2 and target.dim() == 1 and x.shape[1] != 1:
        return F.one_hot(target, x.shape[1]).to(x.dtype)
    target = target.to(x.dtype)
    return target.reshape(x.shape) if target.numel() == x.numel() else target.expand_as(x)
'''


def loss_code(function: str) -> TorchCode:
    """A loss that is a function in torch.nn.functional; the target is made to fit first."""

    def code(v: Values) -> str:
        target = getattr(torch.nn.functional, function)
        attributes = {n: v[n] for n in ("reduction", "delta", "log_target") if n in v}
        fitted = f"like({v['target']}, {v['x']})"
        if function == "kl_div" and v["reduction"] == "mean":  # which torch warns of
            attributes["reduction"] = "none"
        text = torch_code.call(f"F.{function}", target, v["x"], fitted, **attributes)
        return text if attributes["reduction"] == v["reduction"] else f"{text}.mean()"

    return TorchCode(code, helper=_LIKE)


def reduced_code(losses: str) -> TorchCode:
    """A loss of one's own: what it is per element, of the predictions x and the fitted target t."""

    def code(v: Values) -> str:
        inside = losses.format(x=v["x"], t=f"like({v['target']}, {v['x']})")
        return inside if v["reduction"] == "none" else f"({inside}).{v['reduction']}()"

    return TorchCode(code, helper=_LIKE)


class ElementwiseLoss(Operator):
    """A loss that compares x and target number by number.

    A subclass gives ``losses`` (one per element) and ``slopes`` (their derivatives by x and by
    target); reduction, targets of another shape and whole-number targets are dealt with here.
    """

    category, inputs, steady = "loss", ("x", "target"), True
    attrs: ClassVar[tuple[Attr, ...]] = (REDUCTION,)

    losses: ClassVar[Callable[..., Tensor]]
    slopes: ClassVar[Callable[..., tuple[Tensor, Tensor]]]

    @classmethod
    def fit(cls, target: Tensor, x: Tensor) -> Tensor:
        """The target as numbers of x's kind that broadcast to x's shape; raises ShapeError."""
        return fit_target(target, x, cls.name)

    @classmethod
    def infer_shape(
        cls, x: Shape, target: Shape | None = None, *, reduction: str, **_: Any
    ) -> Shape:
        if target is not None:
            check_target(x, target, cls.name)
        return x if reduction == "none" else ()

    @classmethod
    def forward(cls, x: Tensor, target: Tensor, *, reduction: str, **a: Any) -> Tensor:
        return reduce(cls.losses(x, cls.fit(target, x), **a), reduction)

    @classmethod
    def vjp(
        cls, ctx: Context, g: Tensor, y: Tensor, x: Tensor, target: Tensor, *, reduction: str,
        **a: Any,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        gx, gt = cls.gradients(scaled(g, x, reduction), x, cls.fit(target, x), **a)
        if not (ctx.needs[1] and target.is_floating_point()):
            return gx, None
        # A broadcast target keeps x's axes (the engine sums); a column has x's count of numbers.
        return gx, gt.reshape(target.shape) if target.numel() == gt.numel() else gt

    @classmethod
    def refuse(cls, x: Tensor, target: Tensor, **_: Any) -> None:
        if x.dim() == 2 and target.dim() == 1 and x.shape[1] != 1:
            check_classes(target, x.shape[1], cls.name)

    @classmethod
    def gradients(cls, g: Tensor, x: Tensor, t: Tensor, **a: Any) -> tuple[Tensor, Tensor]:
        """Gradients of x and target from those of each element's loss."""
        by_x, by_target = cls.slopes(x, t, **a)
        return g * by_x, g * by_target


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """One number, or the losses as they are."""
    if reduction == "none":
        return losses
    if reduction == "batchmean":
        return losses.sum() / (losses.shape[0] if losses.dim() else 1)
    return losses.mean() if reduction == "mean" else losses.sum()


def scaled(g: Tensor, x: Tensor, reduction: str) -> Tensor:
    """Gradient of each element's loss from that of the reduced loss."""
    if reduction == "mean":
        return g / max(x.numel(), 1)
    return g / max(x.shape[0] if x.dim() else 1, 1) if reduction == "batchmean" else g


def check_target(x: Shape, target: Shape, what: str) -> None:
    """Raise ShapeError unless the target fits predictions of shape x.

    torch would broadcast (N,) against (N, 1) to (N, N) and train on nonsense without a word.
    Fitting: x's shape, with 1 in place of any axis; one number; x's shape with a last axis of
    length 1 left out or added; class indices (N,) for x (N, C).
    """
    alike = len(target) == len(x) and all(t in (1, d) for t, d in zip(target, x, strict=True))
    column = (*target, 1) == x or target == (*x, 1)
    indices = len(x) == 2 and target == x[:1]
    if not (alike or target == () or column or indices):
        raise ShapeError(
            f"{what}: a target of shape {format_shape(target)} does not fit predictions of shape "
            f"{format_shape(x)}; it takes the same shape."
        )


def fit_target(target: Tensor, x: Tensor, what: str) -> Tensor:
    """The target as numbers of x's kind that broadcast to x's shape; raises ShapeError."""
    if target.shape == x.shape:
        return target if target.dtype == x.dtype else target.to(x.dtype)
    check_target(tuple(x.shape), tuple(target.shape), what)
    if x.dim() == 2 and target.dim() == 1 and x.shape[1] != 1:
        return one_hot(target, x, what)
    if target.numel() == x.numel():
        target = target.reshape(x.shape)
    return target.to(x.dtype)


def one_hot(target: Tensor, x: Tensor, what: str) -> Tensor:
    """Class indices (N,) as rows of x's shape with a 1 at the class."""
    if target.is_floating_point():
        raise ShapeError(
            f"{what}: a target of shape {tuple(target.shape)} for predictions of shape "
            f"{tuple(x.shape)} must be whole-number class indices, got floating-point numbers."
        )
    return ones_at(target, x, what)


def ones_at(target: Tensor, x: Tensor, what: str) -> Tensor:
    """1 at the target's class, 0 elsewhere, shape (N, C, *); raises EngineError.

    On an accelerator a wrong class gives NaN.
    """
    zeros = x.new_zeros(len(target), x.shape[1], *target.shape[1:])
    if on_accelerator(x):
        target, mark = within(target, x.shape[1])
        return zeros.scatter_(1, target.unsqueeze(1), 1.0) + mark.to(x.dtype)
    try:
        return zeros.scatter_(1, target.unsqueeze(1), 1.0)
    except RuntimeError:
        check_classes(target, x.shape[1], what)
        raise


def check_classes(target: Tensor, classes: int, what: str) -> None:
    """Raise EngineError if a class index is none of 0 to classes − 1."""
    if target.numel() == 0:
        return
    for index in map(int, torch.aminmax(target)):
        if not 0 <= index < classes:
            raise EngineError(
                f"{what}: there is no class {index}; with {classes} classes the indices are 0 to "
                f"{classes - 1}."
            )


def loss_cases(
    reference: Any, *domain: str, reductions: tuple[str, ...] = ("mean", "sum", "none"), **a: Any
) -> tuple[Case, ...]:
    """Each reduction, a target of one number, and one of whole numbers."""

    def case(reduction: str, *target: int) -> Case:
        def by_torch(x: Tensor, t: Tensor) -> Tensor:
            return reduce(reference(x, t.to(x.dtype).expand_as(x)), reduction)

        return Case(((4, 3), target), {**a, "reduction": reduction}, by_torch, domain)

    return (*(case(r, 4, 3) for r in reductions), case("mean"), case("mean", 4, 1))


@register
class MSELoss(ElementwiseLoss):
    """Mean squared error: L = mean (x − target)².

    Inputs:
        x: predictions, any shape.
        target: wanted numbers of x's shape, or one number for all. (N,) goes with (N, 1), and
            class indices (N,) stand for one-hot rows beside x (N, C).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = 2 (x − target) / n, ∂L/∂target = −∂L/∂x. (A course's ½ is a Mul by 0.5.)
    Source:
        torch.nn.MSELoss.
    """

    sums = "squares"
    answers = "number"
    aliases = ("mse", "squared error", "l2 loss", "quadratic cost", "regression")
    formula = r"L = \frac{1}{n}\sum_i (x_i - t_i)^2"
    derivative = r"\partial L/\partial x = \frac{2}{n}(x - t)"
    torch_code = loss_code("mse_loss")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (x - t) ** 2

    @staticmethod
    def slopes(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        slope = 2 * (x - t)
        return slope, -slope

    @classmethod
    def lower(cls, ctx: Context, x: Tensor, target: Tensor, *, reduction: str) -> Kernels | None:
        if ctx.needs[1] or target.numel() != x.numel() or target.dtype != x.dtype:
            return super().lower(ctx, x, target, reduction=reduction)
        mode, kernel = REDUCTIONS[reduction], torch.ops.aten.mse_loss_backward.grad_input
        off, y = torch.empty_like(x), x.new_empty(x.shape if reduction == "none" else ())

        def forward() -> None:
            torch.sub(x, target.view(x.shape), out=off)
            if reduction == "none":
                torch.mul(off, off, out=y)
            elif reduction == "sum":
                torch.sum(torch.mul(off, off, out=off), None, out=y)
            else:
                torch.mean(torch.mul(off, off, out=off), None, out=y)

        def backward(g: Tensor, gx: Tensor, _: Tensor | None) -> Closure:
            return lambda: kernel(g, x, target.view(x.shape), mode, grad_input=gx)

        return Kernels(y, forward, backward)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.nn.functional.mse_loss(x, t, reduction="none")

        return loss_cases(reference, "any", "any")


@register
class L1Loss(ElementwiseLoss):
    """Mean absolute error: L = mean |x − target|; outliers pull no harder than the rest.

    Inputs:
        x: predictions, any shape.
        target: wanted numbers of x's shape, or one number for all. (N,) goes with (N, 1).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = sign(x − target) / n, 0 where they are equal; ∂L/∂target = −∂L/∂x.
    Source:
        torch.nn.L1Loss.
    """

    answers = "number"
    aliases = ("mae", "absolute error", "l1 loss", "regression")
    formula = r"L = \frac{1}{n}\sum_i |x_i - t_i|"
    derivative = r"\partial L/\partial x = \frac{1}{n}\,\mathrm{sign}(x - t)"
    torch_code = loss_code("l1_loss")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (x - t).abs()

    @staticmethod
    def slopes(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        slope = torch.sign(x - t)
        return slope, -slope

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.nn.functional.l1_loss(x, t, reduction="none")

        return loss_cases(reference, "any", "any")


@register
class HuberLoss(ElementwiseLoss):
    """Squared error near the target, absolute error far away: outliers are tamed.

    Inputs:
        x: predictions, any shape.
        target: wanted numbers of x's shape, or one number for all. (N,) goes with (N, 1).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
        delta: the distance d at which ½ d² passes into a straight line.
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = (x − target) / n, held between −delta / n and delta / n; ∂L/∂target = −∂L/∂x.
    Source:
        torch.nn.HuberLoss; Huber, Annals of Mathematical Statistics 35 (1964). With delta 1 it
        is torch.nn.SmoothL1Loss.
    """

    answers = "number"
    aliases = ("smooth l1", "robust regression")
    attrs = (
        REDUCTION,
        Attr("delta", 1.0, "Distance at which the parabola becomes a line.", minimum=1e-6),
    )
    formula = (
        r"L = \frac{1}{2} d^2\ \text{if } |d| < \delta \text{, else } "
        r"\delta(|d| - \frac{\delta}{2}),\quad d = x - t"
    )
    derivative = r"\partial L/\partial x = \max(-\delta, \min(d, \delta))"
    torch_code = loss_code("huber_loss")

    @staticmethod
    def losses(x: Tensor, t: Tensor, *, delta: float = 1.0) -> Tensor:
        distance = (x - t).abs()
        return torch.where(distance < delta, distance**2 / 2, delta * (distance - delta / 2))

    @staticmethod
    def slopes(x: Tensor, t: Tensor, *, delta: float = 1.0) -> tuple[Tensor, Tensor]:
        slope = (x - t).clamp(-delta, delta)
        return slope, -slope

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.nn.functional.huber_loss(x, t, reduction="none", delta=0.7)

        return loss_cases(reference, "any", "any", delta=0.7)


@register
class MSLELoss(ElementwiseLoss):
    """Mean squared logarithmic error: L = mean (ln(1 + x) − ln(1 + target))².

    It weighs ratios: 10 for 20 is as wrong as 1,000 for 2,000.

    Inputs:
        x: predictions, any shape, > −1 (less gives NaN).
        target: wanted numbers of x's shape, > −1, or one number for all. (N,) goes with (N, 1).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = 2 d / (n (1 + x)) and ∂L/∂target = −2 d / (n (1 + target)), where
        d = ln(1 + x) − ln(1 + target).
    Source:
        keras.losses.MeanSquaredLogarithmicError.
    """

    answers = "number"
    aliases = ("msle", "logarithmic error", "ratio", "regression")
    formula = r"L = \frac{1}{n}\sum_i \left(\ln(1 + x_i) - \ln(1 + t_i)\right)^2"
    derivative = r"\partial L/\partial x = \frac{2}{n (1 + x)}\left(\ln(1 + x) - \ln(1 + t)\right)"
    torch_code = reduced_code("(torch.log1p({x}) - torch.log1p({t})) ** 2")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (torch.log1p(x) - torch.log1p(t)) ** 2

    @staticmethod
    def slopes(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        difference = 2 * (torch.log1p(x) - torch.log1p(t))
        return difference / (1 + x), -difference / (1 + t)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            logs = torch.log(1 + x), torch.log(1 + t)
            return torch.nn.functional.mse_loss(*logs, reduction="none")

        return loss_cases(reference, "positive", "positive")
