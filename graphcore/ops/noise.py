"""Nodes that draw random numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch
from graphcore.ops.registry import Attr, Case, Context, Operator, register, same_shape
from graphcore.ops.torch_code import TorchCode

if TYPE_CHECKING:
    from torch import Tensor


_TORCH_HELPER = '''
class RandomNormalLike(nn.Module):
    """Normal random numbers of the shape of x; ``held`` are numbers that were drawn before."""

    held = None

    def __init__(self, mean=0.0, scale=1.0):
        super().__init__()
        self.mean, self.scale = mean, scale

    def forward(self, x):
        drawn = self.mean + self.scale * torch.randn_like(x)
        return drawn if self.held is None else self.held
'''


@register
class RandomNormalLike(Operator):
    """Draw normal random numbers, as many as x has: what a generator makes its pictures from.

    They are drawn again in every forward pass, in evaluation too, from the run's seed.

    Inputs:
        x: any shape; only its shape counts.
    Attributes:
        mean, scale: mean and standard deviation of the numbers.
    Output:
        y: same shape.
    Gradient:
        0: y does not depend on the values of x.
    Source:
        torch.randn_like; ONNX RandomNormalLike-1; Goodfellow et al., NeurIPS 2014 (its use).
    """

    category, onnx, random = "elementwise", "RandomNormalLike", True
    aliases = ("noise", "latent", "randn", "gaussian", "GAN", "z")
    attrs = (
        Attr("mean", 0.0, "Mean of the numbers."),
        Attr("scale", 1.0, "Standard deviation of the numbers.", minimum=0.0),
    )
    formula = r"y \sim \mathcal{N}(\mu, \sigma^2)"
    derivative = r"\partial y/\partial x = 0"
    infer_shape = staticmethod(same_shape)
    torch_code = TorchCode("{layer}({x})", helper=_TORCH_HELPER)

    @staticmethod
    def forward(ctx: Context, x: Tensor, *, mean: float, scale: float) -> Tensor:
        y = torch.empty_like(x)
        return y.normal_(mean, scale, generator=ctx.generator)

    @staticmethod
    def vjp(
        ctx: Context, g: Tensor, y: Tensor, x: Tensor, *, mean: float, scale: float
    ) -> tuple[Tensor]:
        return (torch.zeros_like(x),)

    @staticmethod
    def cases() -> tuple[Case, ...]:
        """Without chance: a standard deviation of 0."""
        return (
            Case(((3, 4),), {"mean": 2.0, "scale": 0.0}, lambda x: x * 0 + 2),
            Case(((2, 3, 4),), {"scale": 0.0}, lambda x: x * 0),
        )
