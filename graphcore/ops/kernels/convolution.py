"""The buffered form of convolutions, alone and followed by pooling.

Measured rules decide how images lie in memory (220 shapes of 1 to 16 -> 4 to 32 channels, 16 to
128 images, one thread, both passes). In channels_last kernels over four channels or more take
0.83 of the time, those of 1x1 0.67 whatever their channels, single images of many outputs 0.7;
with fewer channels both are alike, and a single channel is better left as it is. Where pooling
follows, it begins at eight channels: the kernels there have four times as many outputs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure, Kernels, filler, move
from graphcore.ops.kernels.device import on_accelerator

if TYPE_CHECKING:
    from torch import Tensor

WIDE, WIDE_POOLED, IMAGE, MANY = 4, 8, 3, 16
"""Channels from which kernels run in channels_last, alone and with pooling behind; channels of an
input image; and into how many channels such an image must go for the same."""

NARROW = 16
"""Outputs below which a convolution with pooling behind is computed by wider kernels."""

REGISTER = 16
"""Numbers of single precision that the largest vector register holds (AVX-512)."""

_PHASES = ((0, 0), (0, 1), (1, 0), (1, 1))


def lower_convolution(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Any) -> Kernels:
    """y = x ∗ weight + bias.

    Args:
        geometry: stride, padding, dilation, transposed, output padding, groups.
    """
    layout = _layout(x, weight, WIDE)
    image, kernel = _Laid(x, layout), _Laid(weight, layout)

    def compute() -> Tensor:
        return torch.convolution(image(), kernel(), bias, *geometry)

    y = compute()

    def backward(g: Tensor, *targets: Tensor | None) -> Closure:
        return _gradients(g, x, weight, (*targets, None)[:3], layout, geometry)

    return Kernels(y, lambda: move(y, compute()), backward, moves=True)


def repeats_numbers(weight: Tensor) -> bool:
    """Return whether a kernel has a quarter of its numbers several times, as constant ones have.

    Different windows then have one sum but for rounding, and which of them a pooling behind takes
    for the largest depends on the order of every sum before.
    """
    ordered = weight.flatten(1).sort(1).values
    repeated = (ordered[:, 1:] == ordered[:, :-1]).sum(1)
    return bool((4 * repeated > ordered.shape[1]).any())


def _layout(x: Tensor, weight: Tensor, wide: int) -> torch.memory_format:
    """Memory layout that a convolution's kernels run in, from ``wide`` channels on the last."""
    if x.dim() == 4 and x.device.type == "cpu":
        out, inside, *sides = weight.shape
        if inside >= wide or (inside <= IMAGE and out >= MANY) or sides == [1, 1]:
            return torch.channels_last
    return torch.contiguous_format


class _Laid:
    """A tensor in a memory layout: itself, or a copy that is brought up to date at each call.

    With one channel both layouts are the same numbers in the same places, but kernels go by the
    strides: the tensor is shown to them under those of the layout.
    """

    def __init__(self, x: Tensor, layout: torch.memory_format) -> None:
        self.x = x
        self.strides = torch.empty_like(x, memory_format=layout).stride()
        self.fits = x.is_contiguous(memory_format=layout)
        self.copy = None if self.fits else torch.empty_like(x, memory_format=layout)

    def __call__(self) -> Tensor:
        if self.copy is not None:
            return self.copy.copy_(self.x)
        if self.x.stride() == self.strides:
            return self.x
        return self.x.as_strided(self.x.shape, self.strides)


def convolution_gradients(
    g: Tensor, x: Tensor, weight: Tensor, bias_sizes: Any, geometry: Any, mask: Any
) -> tuple[Any, ...]:
    """Return the gradients of x, weight and bias, as ``aten.convolution_backward`` does.

    oneDNN writes past its workspace in the gradients of weight and bias of 1x1 kernels of stride
    > 1 over images in channels_last with fewer channels than a vector register holds numbers.
    Such kernels see every stride-th pixel alone: over those, the stride is 1.
    """
    run = torch.ops.aten.convolution_backward
    if not ((mask[1] or mask[2]) and _skips_pixels(weight, geometry)):
        return run(g, x, weight, bias_sizes, *geometry, mask)  # type: ignore[no-any-return]
    stride, *rest = geometry
    gx = gw = None
    if mask[0]:
        gx = run(g, x, weight, None, *geometry, (True, False, False))[0]
    if mask[1]:
        places: tuple[Any, ...] = (..., *(slice(None, None, s) for s in stride))
        seen = x[places]
        gw = run(g, seen, weight, None, (1,) * len(stride), *rest, (False, True, False))[1]
    return gx, gw, g.sum((0, *range(2, g.dim()))) if mask[2] else None


def _skips_pixels(weight: Tensor, geometry: Any) -> bool:
    """Whether kernels of few channels are of one pixel, and some pixels are under none of them."""
    stride, padding, _, transposed, *_ = geometry
    narrow = weight.shape[1] < REGISTER and max(weight.shape[2:]) == 1
    return narrow and max(stride) > 1 and not (any(padding) or transposed)


def _gradients(
    g: Tensor, x: Tensor, weight: Tensor, targets: Any, layout: torch.memory_format, geometry: Any
) -> Closure:
    """Closure that fills the gradients of x, weight and bias."""
    gx, gw, gb = targets
    channels_last = torch.channels_last
    weight_layout = (
        channels_last if x.dim() == 4 and x.shape[1] > 1 and not on_accelerator(x) else layout
    )
    images, kernels = _Laid(x, weight_layout), _Laid(weight, layout)
    fill_gx = None if gx is None else filler(gx)
    axes = (0, *range(2, x.dim()))
    run = convolution_gradients

    def backward() -> None:
        if gw is not None:
            laid = g.contiguous(memory_format=weight_layout)
            gw.copy_(run(laid, images(), weight, None, geometry, (False, True, False))[1])
        if gb is not None:
            torch.sum(g, axes, out=gb)
        if fill_gx is not None:
            laid = g.contiguous(memory_format=layout)
            fill_gx(run(laid, x, kernels(), None, geometry, (True, False, False))[0])

    return backward


def _is_narrow(weight: Tensor) -> bool:
    """Return whether wider kernels are the faster, although they compute more.

    Measured over 30 shapes of 1 to 64 -> 4 to 128 channels, 32 to 128 images, one thread, both
    passes: the others take 0.5 to 1.0 of the time without them.
    """
    out, inside = weight.shape[:2]
    few = inside == 1 or IMAGE < inside < WIDE_POOLED
    return out < (2 * NARROW if few else NARROW)


class _WiderKernels:
    """A convolution whose outputs lie in four sets of channels, one for each place of a window.

    It is one of stride 2 with kernels one pixel wider, in each of which the weights lie at one of
    the places: more products, but four times as many outputs side by side.
    """

    def __init__(self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: Any) -> None:
        self.x, self.weight, self.bias, self.padding = x, weight, bias, padding
        self.out, channels, height, width = weight.shape
        self.layout = _layout(x, weight, WIDE_POOLED)
        wide = weight.new_zeros(4 * self.out, channels, height + 1, width + 1)
        self.wide = wide.contiguous(memory_format=self.layout)
        self._weights = [
            self.wide[i * self.out : (i + 1) * self.out, :, dy : dy + height, dx : dx + width]
            for i, (dy, dx) in enumerate(_PHASES)
        ]
        self._biases = None if bias is None else bias.repeat(4).view(4, self.out)
        self.images = _Laid(x, self.layout)
        self.y = self._convolve()

    def _convolve(self) -> Tensor:
        for place in self._weights:
            place.copy_(self.weight)
        bias = None
        if self._biases is not None:
            bias = self._biases.copy_(self.bias).view(-1)  # type: ignore[arg-type]
        return torch.conv2d(self.images(), self.wide, bias, 2, self.padding)

    def compute(self) -> None:
        """Compute the outputs anew."""
        move(self.y, self._convolve())

    def place(self, i: int) -> Tensor:
        """Outputs at the i-th place of every window, shape (N, C, ⌊H/2⌋, ⌊W/2⌋)."""
        return self.y[:, i * self.out : (i + 1) * self.out]

    def whole(self, first: int | None) -> Tensor:
        """All outputs for the first samples, side by side, shape (N, C, H, W)."""
        sizes = zip(self.x.shape[2:], self.padding, self.weight.shape[2:], strict=True)
        size = tuple(n + 2 * p - k + 1 for n, p, k in sizes)
        if size == tuple(2 * n for n in self.y.shape[2:]):
            return _interleaved([self.place(i)[:first] for i in range(4)])
        # the last row or column belongs to no window
        bias = None if self._biases is None else self._biases[0]
        return torch.conv2d(self.x[:first], self._weights[0], bias, 1, self.padding)

    def backward(
        self, maximum: ConvolvedMaximum, g: Tensor, gw: Tensor | None, gb: Tensor | None
    ) -> Closure:
        """The weights' gradient, from the wider kernels' own: enough for a net's first layer."""
        four = torch.empty_like(self.y)
        parts = [four[:, i * self.out : (i + 1) * self.out] for i in range(4)]
        share = maximum.sharing(g, parts)
        kernels = self.weight.shape[2:]
        nothing = (2, 2), self.padding, (1, 1), False, (0, 0), 1
        run = torch.ops.aten.convolution_backward

        def backward() -> None:
            share()
            if gw is not None:
                whole = run(four, self.images(), self.wide, None, *nothing, (False, True, False))[1]
                whole = whole.view(4, self.out, *whole.shape[1:])
                windows = [
                    whole[i, :, :, dy : dy + kernels[0], dx : dx + kernels[1]]
                    for i, (dy, dx) in enumerate(_PHASES)
                ]
                torch.add(windows[0], windows[1], out=gw)
                gw.add_(windows[2]).add_(windows[3])
            if gb is not None:
                torch.sum(four.sum((0, 2, 3)).view(4, -1), 0, out=gb)

        return backward


class _EveryOther:
    """A convolution whose outputs at one place of all windows are every other row and column."""

    def __init__(self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: Any) -> None:
        self.bias, self.padding = bias, padding
        self.layout = _layout(x, weight, WIDE)
        self._images, self._kernels = _Laid(x, self.layout), _Laid(weight, self.layout)
        self.y = self._convolve()

    def _convolve(self) -> Tensor:
        return torch.conv2d(self._images(), self._kernels(), self.bias, 1, self.padding)

    def compute(self) -> None:
        """Compute the outputs anew."""
        move(self.y, self._convolve())

    def place(self, i: int) -> Tensor:
        """Outputs at the i-th place of every window, shape (N, C, ⌊H/2⌋, ⌊W/2⌋)."""
        return _phases(self.y)[i]

    def whole(self, first: int | None) -> Tensor:
        """All outputs for the first samples, shape (N, C, H, W)."""
        return self.y[:first]


class ConvolvedMaximum:
    """A convolution of stride 1, ReLU if there is one, and the maximum of every 2x2 window.

    The maximum is taken of whole tensors, one for each of a window's four places, and ReLU of a
    quarter of the numbers (max and ReLU may change places). In a tie the first place in reading
    order wins, as in max_pool2d.
    """

    def __init__(
        self, x: Tensor, weight: Tensor, bias: Tensor | None, padding: Any, relu: bool
    ) -> None:
        self.x, self.weight, self.padding, self.relu = x, weight, padding, relu
        made = _WiderKernels if _is_narrow(weight) else _EveryOther
        self._convolved = made(x, weight, bias, padding)
        self.top, self.bottom = (torch.empty_like(self._convolved.place(i)) for i in (0, 1))
        self.y = torch.empty_like(self.top)
        self._maximum()

    def forward(self) -> None:
        """Fill y, shape (N, C, ⌊H/2⌋, ⌊W/2⌋)."""
        self._convolved.compute()
        self._maximum()

    def _maximum(self) -> None:
        places = [self._convolved.place(i) for i in range(4)]
        torch.maximum(places[0], places[1], out=self.top)
        torch.maximum(places[2], places[3], out=self.bottom)
        torch.maximum(self.top, self.bottom, out=self.y)
        if self.relu:
            self.y.relu_()

    def inner_values(self, first: int | None) -> list[Tensor]:
        """What the convolution puts out, and ReLU: shape (N, C, H, W)."""
        y = self._convolved.whole(first)
        return [y, torch.relu(y)] if self.relu else [y]

    def backward(self, g: Tensor, *targets: Tensor | None) -> Closure:
        """Closure that fills the gradients of x, weight and bias."""
        gx, gw, gb = (*targets, None)[:3]
        if gx is None and isinstance(self._convolved, _WiderKernels):
            return self._convolved.backward(self, g, gw, gb)
        return self._through_whole_image(g, gx, gw, gb)

    def _through_whole_image(
        self, g: Tensor, gx: Tensor | None, gw: Tensor | None, gb: Tensor | None
    ) -> Closure:
        """All gradients, by way of the convolution's own output of full size."""
        p, (_, _, height, width) = self.padding, self.x.shape
        rows, columns = self.weight.shape[2:]
        size = (height + 2 * p[0] - rows + 1, width + 2 * p[1] - columns + 1)
        layout = self._convolved.layout
        whole = self.y.new_zeros(len(self.x), len(self.weight), *size)
        whole = whole.contiguous(memory_format=layout)
        share = self.sharing(g, _phases(whole))
        geometry = (1, 1), p, (1, 1), False, (0, 0), 1
        rest = _gradients(whole, self.x, self.weight, (gx, gw, gb), layout, geometry)

        def backward() -> None:
            share()
            rest()

        return backward

    def sharing(self, g: Tensor, parts: list[Tensor]) -> Closure:
        """Closure that hands g to the place of each window that was the largest."""
        dead, kept, wins = (torch.empty_like(self.y) for _ in range(3))
        threshold = torch.ops.aten.threshold_backward.grad_input
        place = self._convolved.place

        def share() -> None:
            if self.relu:
                threshold(g, self.y, 0, grad_input=dead)
            else:
                dead.copy_(g)
            torch.ge(self.top, self.bottom, out=wins)
            torch.mul(dead, wins, out=kept)
            dead.sub_(kept)
            for half, first in ((kept, 0), (dead, 2)):
                torch.ge(place(first), place(first + 1), out=wins)
                torch.mul(half, wins, out=parts[first])
                torch.sub(half, parts[first], out=parts[first + 1])

        return share


def _phases(whole: Tensor) -> list[Tensor]:
    """The four places of every window of an image, each as an image of half the size."""
    high, wide = (n // 2 * 2 for n in whole.shape[2:])
    return [whole[:, :, dy:high:2, dx:wide:2] for dy, dx in _PHASES]


def _interleaved(phases: list[Tensor]) -> Tensor:
    """The four places of every window side by side again: (N, C, H/2, W/2) -> (N, C, H, W)."""
    n, channels, rows, columns = phases[0].shape
    whole = phases[0].new_empty(n, channels, 2 * rows, 2 * columns)
    for phase, (dy, dx) in zip(phases, _PHASES, strict=True):
        whole[:, :, dy::2, dx::2] = phase
    return whole
