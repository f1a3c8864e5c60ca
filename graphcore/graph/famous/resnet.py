"""Residual nets: every block adds what it computes to what came in.

Source:
    He, Zhang, Ren & Sun, CVPR 2016, table 1; the stride of a bottleneck is in its 3 x 3
    convolution, as torchvision has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from graphcore.graph.famous.chain import CLASSES, PICTURE, Chain, he
from graphcore.graph.graph import Graph

SIZES = {
    "resnet18": ("BasicBlock", (2, 2, 2, 2)),
    "resnet50": ("Bottleneck", (3, 4, 6, 3)),
    "resnet152": ("Bottleneck", (3, 8, 36, 3)),
}
"""Kind of block, and blocks of each of the four stages."""
EXPANSION = {"BasicBlock": 1, "Bottleneck": 4}
"""Channels that leave a block, for each of its stage's width."""


def resnet(kind: str, blocks: tuple[int, ...]) -> Graph:
    """Return a residual net."""
    net = Chain(PICTURE)
    _conv(net, 1, 64, kernel=7, stride=2)
    net.layer("ReLU", "relu")
    net.layer("MaxPool2d", "maxpool", kernel_size=3, stride=2, padding=1)
    for i, count in enumerate(blocks):
        net.block(f"layer{i + 1}", "Sequential", _stage(kind, i, count))
    net.layer("AdaptiveAvgPool2d", "avgpool", output_size=1)
    net.layer("Flatten", "flatten")
    net.layer("Linear", "fc", out_features=CLASSES)
    return net.finish()


def _conv(chain: Chain, number: int, channels: int, kernel: int, stride: int = 1) -> None:
    """Add a convolution that keeps the size but for its stride, and its batch norm."""
    chain.layer(
        "Conv2d", f"conv{number}", out_channels=channels, kernel_size=kernel, stride=stride,
        padding=kernel // 2, bias=False, starts=he(),
    )  # fmt: skip
    chain.layer("BatchNorm2d", f"bn{number}")


def _stage(kind: str, place: int, count: int) -> Callable[[Chain], None]:
    """Fill a stage with its blocks; the first halves the size, but for the first stage."""
    width, stride = 64 << place, 2 if place else 1
    convs = ((1, 1), (3, stride), (1, 1)) if kind == "Bottleneck" else ((3, stride), (3, 1))
    projected = stride > 1 or EXPANSION[kind] > 1

    def fill(inner: Chain) -> None:
        for i in range(count):
            sizes = convs if i == 0 else tuple((kernel, 1) for kernel, _ in convs)
            shortcut = stride if i == 0 and projected else 0
            inner.block(f"_{i}", kind, _block(sizes, width, EXPANSION[kind], shortcut))

    return fill


def _block(
    sizes: tuple[tuple[int, int], ...], width: int, expansion: int, shortcut: int
) -> Callable[[Chain], None]:
    """Fill a block.

    Args:
        sizes: kernel and stride of each convolution.
        shortcut: stride of the 1 x 1 convolution beside them; 0: what comes in is added as it is.
    """

    def fill(inner: Chain) -> None:
        for i, (kernel, stride) in enumerate(sizes, 1):
            last = i == len(sizes)
            _conv(inner, i, width * (expansion if last else 1), kernel, stride)
            if not last:
                inner.layer("ReLU", f"relu{i}")
        main, beside = inner.last, "x"
        if shortcut:
            fill_beside = _shortcut(width * expansion, shortcut)
            beside = inner.block("downsample", "Sequential", fill_beside, "x")
        inner.layer("Add", "add", main, beside)
        inner.layer("ReLU", "relu")

    return fill


def _shortcut(channels: int, stride: int) -> Callable[[Chain], None]:
    def fill(inner: Chain) -> None:
        inner.layer(
            "Conv2d", "_0", out_channels=channels, kernel_size=1, stride=stride, bias=False,
            starts=he(),
        )  # fmt: skip
        inner.layer("BatchNorm2d", "_1")

    return fill


NETS = {name: partial(resnet, *size) for name, size in SIZES.items()}
