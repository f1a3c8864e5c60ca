"""Losses of yes-or-no answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.errors import EngineError
from graphcore.late import torch
from graphcore.ops.loss import ElementwiseLoss, loss_cases, loss_code, reduced_code
from graphcore.ops.registry import Case, register
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


@register
class BCELoss(ElementwiseLoss):
    """Surprise at a yes-or-no answer: L = −t ln x − (1 − t) ln(1 − x), x a probability.

    Inputs:
        x: probabilities, 0 to 1, any shape. After a Sigmoid, BCEWithLogitsLoss on the scores
            before it keeps more digits.
        target: t, 0 or 1 or between, of x's shape, or one number for all (a GAN's "real").
            (N,) goes with (N, 1).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape. Logarithms are held at −100, so that
            a sure mistake costs 100 and not ∞.
    Gradient:
        ∂L/∂x = (x − t) / (n x (1 − x)), ∂L/∂target = (ln(1 − x) − ln x) / n with the logarithms
        held at −100 as above; torch holds them only in the loss, and gives ∞ here.
    Source:
        torch.nn.BCELoss, its limits of −100 and 10⁻¹² included.
    """

    answers, target_range = "share", (0.0, 1.0)
    aliases = ("binary cross entropy", "log loss", "logistic loss")
    formula = r"L = -\frac{1}{n}\sum_i t_i \ln x_i + (1 - t_i) \ln(1 - x_i)"
    derivative = r"\partial L/\partial x = \frac{x - t}{n\,x\,(1 - x)}"
    torch_code = loss_code("binary_cross_entropy")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        try:
            bce = torch.nn.functional.binary_cross_entropy
            return bce(x, t.expand_as(x), reduction="none")
        except RuntimeError:
            if float(x.min()) >= 0 and float(x.max()) <= 1:
                raise EngineError(
                    "BCELoss takes targets from 0 to 1, got numbers from "
                    f"{float(t.min()):.4g} to {float(t.max()):.4g}."
                ) from None
            raise EngineError(
                "BCELoss takes probabilities from 0 to 1, got numbers from "
                f"{float(x.min()):.4g} to {float(x.max()):.4g}: put a Sigmoid in front, or use "
                "BCEWithLogitsLoss."
            ) from None

    @staticmethod
    def slopes(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        slope = (x - t) / ((1 - x) * x).clamp_min(1e-12)
        return slope, torch.log1p(-x).clamp_min(-100) - x.log().clamp_min(-100)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.nn.functional.binary_cross_entropy(x, t, reduction="none")

        return loss_cases(reference, "unit", "unit")


@register
class BCEWithLogitsLoss(ElementwiseLoss):
    """A Sigmoid and BCELoss in one, safe from overflow: x are scores, not probabilities.

    Inputs:
        x: scores (logits), any shape; above 0 means yes.
        target: t, 0 or 1 or between, of x's shape, or one number for all (a GAN's "real").
            (N,) goes with (N, 1), and class indices (N,) stand for one-hot rows beside (N, C).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = (sigmoid(x) − t) / n: predicted minus wanted; ∂L/∂target = −x / n.
    Source:
        torch.nn.BCEWithLogitsLoss; computed as (1 − t) x − ln sigmoid(x).
    """

    normalises = True
    answers, target_range = "logit", (0.0, 1.0)
    aliases = ("binary cross entropy", "sigmoid loss", "logistic regression")
    formula = r"L = \frac{1}{n}\sum_i \ln(1 + e^{x_i}) - t_i x_i"
    derivative = r"\partial L/\partial x = \frac{1}{n}(\sigma(x) - t)"
    torch_code = loss_code("binary_cross_entropy_with_logits")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (1 - t) * x - torch.nn.functional.logsigmoid(x)

    @staticmethod
    def slopes(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        return torch.sigmoid(x) - t, -x

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            bce = torch.nn.functional.binary_cross_entropy_with_logits
            return bce(x, t, reduction="none")

        return loss_cases(reference, "any", "unit")


_SIGNS = '''
def signs(target):
    """Whole numbers 0 and 1 as −1 and 1; any other target as it is."""
    return target if target.is_floating_point() else torch.where(target == 0, -1, target)
'''


def _hinge_code(losses: str) -> TorchCode:
    inner = reduced_code(losses)
    assert callable(inner.call)
    call = inner.call
    return TorchCode(
        lambda v: call({**v, "target": f"signs({v['target']})"}), helper=inner.helper + _SIGNS
    )


class _Hinge(ElementwiseLoss):
    """Losses of the margin target · x, with targets −1 and 1."""

    answers = "logit"

    @staticmethod
    def slope(short: Tensor) -> Tensor:
        """Return the derivative by how much is short of a margin of 1."""
        raise NotImplementedError

    @classmethod
    def fit(cls, target: Tensor, x: Tensor) -> Tensor:
        t = super().fit(target, x)
        return t if target.is_floating_point() else torch.where(t == 0, -1.0, t)

    @classmethod
    def gradients(cls, g: Tensor, x: Tensor, t: Tensor, **a: Any) -> tuple[Tensor, Tensor]:
        """As torch does: beyond the margin 0, even if g is not finite."""
        short = torch.where(t * x >= 1, 0.0, g * cls.slope(1 - t * x))
        return -t * short, -x * short


@register
class HingeLoss(_Hinge):
    """The support vector machine's loss: L = max(0, 1 − target · x), 0 once the margin is 1.

    Inputs:
        x: scores, any shape; above 0 means yes.
        target: −1 (no) or 1 (yes), of x's shape. (N,) goes with (N, 1). Of whole numbers, such
            as class indices, 0 counts as −1; indices (N,) stand for one-hot rows beside (N, C).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = −target / n where target · x < 1, else 0 (also at 1); ∂L/∂target = −x / n there.
    Source:
        Cortes & Vapnik, Machine Learning 20 (1995); keras.losses.Hinge.
    """

    aliases = ("svm", "margin", "max margin", "support vector machine")
    formula = r"L = \frac{1}{n}\sum_i \max(0,\ 1 - t_i x_i)"
    derivative = r"\partial L/\partial x = -\frac{t}{n}\ \text{if } t x < 1 \text{, else } 0"
    torch_code = _hinge_code("(1 - {t} * {x}).clamp_min(0)")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (1 - t * x).clamp_min(0)

    @staticmethod
    def slope(short: Tensor) -> Tensor:
        return torch.ones_like(short)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.relu(1 - t * x)

        return loss_cases(reference, "any", "sign")


@register
class SquaredHingeLoss(_Hinge):
    """Hinge loss squared: L = max(0, 1 − target · x)², which bends smoothly into 0.

    Inputs:
        x: scores, any shape; above 0 means yes.
        target: −1 (no) or 1 (yes), of x's shape. (N,) goes with (N, 1). Of whole numbers, such
            as class indices, 0 counts as −1; indices (N,) stand for one-hot rows beside (N, C).
    Attributes:
        reduction: "mean" over all elements, "sum", or "none".
    Output:
        y: one number; with reduction "none" x's shape.
    Gradient:
        ∂L/∂x = −2 target · max(0, 1 − target · x) / n, ∂L/∂target the same with x.
    Source:
        keras.losses.SquaredHinge; Tang, arXiv 1306.0239.
    """

    aliases = ("svm", "l2 svm", "margin")
    formula = r"L = \frac{1}{n}\sum_i \max(0,\ 1 - t_i x_i)^2"
    derivative = r"\partial L/\partial x = -\frac{2 t}{n} \max(0,\ 1 - t x)"
    torch_code = _hinge_code("(1 - {t} * {x}).clamp_min(0) ** 2")

    @staticmethod
    def losses(x: Tensor, t: Tensor) -> Tensor:
        return (1 - t * x).clamp_min(0) ** 2

    @staticmethod
    def slope(short: Tensor) -> Tensor:
        return 2 * short

    @staticmethod
    def cases() -> tuple[Case, ...]:
        def reference(x: Tensor, t: Tensor) -> Tensor:
            return torch.relu(1 - t * x) ** 2

        return loss_cases(reference, "any", "sign")
