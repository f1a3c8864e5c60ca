"""GoogLeNet: blocks of convolutions of four sizes side by side.

Source:
    Szegedy et al., CVPR 2015, table 1, with batch norm and 3 x 3 in place of 5 x 5, as
    torchvision has it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from graphcore.graph.famous.chain import CLASSES, PICTURE, Chain, he
from graphcore.graph.graph import Graph

INCEPTIONS = {
    "3a": (64, (96, 128), (16, 32), 32), "3b": (128, (128, 192), (32, 96), 64),
    "4a": (192, (96, 208), (16, 48), 64), "4b": (160, (112, 224), (24, 64), 64),
    "4c": (128, (128, 256), (24, 64), 64), "4d": (112, (144, 288), (32, 64), 64),
    "4e": (256, (160, 320), (32, 128), 128), "5a": (256, (160, 320), (32, 128), 128),
    "5b": (384, (192, 384), (48, 128), 128),
}  # fmt: skip
"""Channels of the four branches: 1 x 1; 1 x 1 then 3 x 3, twice; pooling then 1 x 1."""
POOLED_BEFORE = {"4a": ("maxpool3", 3), "5a": ("maxpool4", 2)}
AUXILIARY = {"4a": "aux1", "4d": "aux2"}
"""Blocks that a head of its own is fed by while the net is trained."""
WEIGHT = 0.3
"""Of the loss of each of those heads beside the net's own."""


def googlenet(auxiliary: bool = False) -> Graph:
    """Return GoogLeNet.

    Args:
        auxiliary: whether the two heads that help training are there, each with its loss.
    """
    net = Chain(PICTURE)
    _conv(net, "conv1", 64, 7, stride=2)
    _pool(net, "maxpool1", 3)
    _conv(net, "conv2", 64, 1)
    _conv(net, "conv3", 192, 3)
    _pool(net, "maxpool2", 3)
    for name, channels in INCEPTIONS.items():
        if name in POOLED_BEFORE:
            _pool(net, *POOLED_BEFORE[name])
        net.block(f"inception{name}", "Inception", _inception(*channels))
    net.layer("AdaptiveAvgPool2d", "avgpool", output_size=1)
    net.layer("Flatten", "flatten")
    net.layer("Dropout", "dropout", p=0.2)
    net.layer("Linear", "fc", out_features=CLASSES)
    if not auxiliary:
        return net.finish()
    answer = net.last
    for block, name in AUXILIARY.items():
        net.block(name, "InceptionAux", _head, f"inception{block}")
    net.last = answer
    return net.finish(heads=dict.fromkeys(AUXILIARY.values(), WEIGHT))


def _conv(chain: Chain, name: str, channels: int, kernel: int, stride: int = 1) -> str:
    """Add a composite of a convolution that keeps the size but for its stride, norm and ReLU."""

    def fill(inner: Chain) -> None:
        inner.layer(
            "Conv2d", "conv", out_channels=channels, kernel_size=kernel, stride=stride,
            padding=kernel // 2, bias=False, starts=he(),
        )  # fmt: skip
        inner.layer("BatchNorm2d", "bn", eps=0.001)
        inner.layer("ReLU", "relu")

    return chain.block(name, "BasicConv2d", fill)


def _pool(chain: Chain, name: str, kernel: int) -> None:
    chain.layer("MaxPool2d", name, kernel_size=kernel, stride=2, ceil_mode=True)


def _inception(
    one: int, three: tuple[int, int], five: tuple[int, int], pooled: int
) -> Callable[[Chain], None]:
    def two(sizes: tuple[int, int]) -> Callable[[Chain], None]:
        def fill(inner: Chain) -> None:
            _conv(inner, "_0", sizes[0], 1)
            _conv(inner, "_1", sizes[1], 3)

        return fill

    def last(inner: Chain) -> None:
        inner.layer("MaxPool2d", "_0", kernel_size=3, stride=1, padding=1)
        _conv(inner, "_1", pooled, 1)

    def fill(inner: Chain) -> None:
        branches = [_conv(inner, "branch1", one, 1)]
        for number, parts in enumerate((two(three), two(five), last), 2):
            branches.append(inner.block(f"branch{number}", "Sequential", parts, "x"))
        inner.layer("Concat", "concat", *branches)

    return fill


def _head(inner: Chain) -> None:
    """A classifier of its own on what a block in the middle gives."""
    inner.layer("AdaptiveAvgPool2d", "avgpool", output_size=4)
    _conv(inner, "conv", 128, 1)
    inner.layer("Flatten", "flatten")
    inner.layer("Linear", "fc1", out_features=1024)
    inner.layer("ReLU", "relu")
    inner.layer("Dropout", "dropout", p=0.7)
    inner.layer("Linear", "fc2", out_features=CLASSES)


NETS: dict[str, Callable[[], Graph]] = {
    "googlenet": googlenet, "googlenet-training": partial(googlenet, auxiliary=True),
}  # fmt: skip
