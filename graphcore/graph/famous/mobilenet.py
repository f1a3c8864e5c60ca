"""MobileNetV2: blocks that widen, filter each channel alone, and narrow again.

Source:
    Sandler et al., CVPR 2018, table 2; names as torchvision has them.
"""

from __future__ import annotations

from collections.abc import Callable

from graphcore.graph.famous.chain import CLASSES, PICTURE, Chain
from graphcore.graph.graph import Graph

STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip
"""Factor that a block widens by, channels that leave it, blocks, stride of the first of them."""
FIRST, LAST = 32, 1280


def mobilenet_v2() -> Graph:
    """Return MobileNetV2 of width 1."""
    net = Chain(PICTURE)
    net.block("features", "Sequential", _features)
    net.layer("AdaptiveAvgPool2d", "avgpool", output_size=1)
    net.layer("Flatten", "flatten")
    net.block("classifier", "Sequential", _classifier)
    return net.finish()


def _features(inner: Chain) -> None:
    _conv(inner, "_0", FIRST, 3, stride=2)
    channels, place = FIRST, 1
    for factor, out, count, stride in STAGES:
        for i in range(count):
            fill = _block(channels, out, factor, stride if i == 0 else 1)
            inner.block(f"_{place}", "InvertedResidual", fill)
            channels, place = out, place + 1
    _conv(inner, f"_{place}", LAST, 1)


def _conv(chain: Chain, name: str, channels: int, kernel: int, stride: int = 1,
          groups: int = 1) -> None:  # fmt: skip
    """Add a composite of a convolution, its batch norm and ReLU6."""

    def fill(inner: Chain) -> None:
        _plain(inner, channels, kernel, "_0", "_1", stride=stride, groups=groups)
        inner.layer("ReLU6", "_2")

    chain.block(name, "Conv2dNormActivation", fill)


def _plain(chain: Chain, channels: int, kernel: int, conv: str, norm: str, **more: int) -> None:
    chain.layer(
        "Conv2d", conv, out_channels=channels, kernel_size=kernel, padding=kernel // 2, bias=False,
        starts={"weight": "kaiming_normal"}, **more,
    )  # fmt: skip
    chain.layer("BatchNorm2d", norm)


def _block(channels: int, out: int, factor: int, stride: int) -> Callable[[Chain], None]:
    wide = channels * factor

    def conv(inner: Chain) -> None:
        place = 0
        if factor > 1:
            _conv(inner, "_0", wide, 1)
            place = 1
        _conv(inner, f"_{place}", wide, 3, stride, groups=wide)
        _plain(inner, out, 1, f"_{place + 1}", f"_{place + 2}")

    def fill(inner: Chain) -> None:
        inner.block("conv", "Sequential", conv)
        if stride == 1 and channels == out:
            inner.layer("Add", "add", "x", "conv")

    return fill


def _classifier(inner: Chain) -> None:
    inner.layer("Dropout", "_0", p=0.2)
    inner.layer("Linear", "_1", out_features=CLASSES)


NETS = {"mobilenet_v2": mobilenet_v2}
