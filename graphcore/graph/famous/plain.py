"""Nets that are one long chain: AlexNet, ZFNet, VGG.

Source:
    Krizhevsky, Sutskever & Hinton, NeurIPS 2012, in the one-tower form of Krizhevsky,
    arXiv:1404.5997, which torchvision has; Zeiler & Fergus, ECCV 2014, figure 3, without its
    contrast normalisation; Simonyan & Zisserman, ICLR 2015, configurations D and E.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from graphcore.graph.famous.chain import CLASSES, PICTURE, Chain, he
from graphcore.graph.graph import Graph

Layer = tuple[str, dict[str, Any]]
WIDTH = 4096
"""Of the two hidden layers of the classifier."""
VGG = {
    "vgg16": ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),
    "vgg19": ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512)),
}
"""Convolutions of each stage, and their channels."""


def conv(out_channels: int, kernel_size: int, **more: Any) -> list[Layer]:
    """Return a convolution and its ReLU."""
    sizes = {"out_channels": out_channels, "kernel_size": kernel_size, **more}
    return [("Conv2d", {**sizes, "starts": he(bias=True)}), ("ReLU", {})]


def pool(kernel_size: int, stride: int = 2, **more: Any) -> Layer:
    """Return a max-pooling."""
    return "MaxPool2d", {"kernel_size": kernel_size, "stride": stride, **more}


def hidden(out_features: int) -> list[Layer]:
    """Return a linear layer and its ReLU."""
    return [("Linear", {"out_features": out_features}), ("ReLU", {})]


def sequential(layers: Iterable[Layer]) -> Callable[[Chain], None]:
    """Return what fills a composite with layers called by their places: _0, _1, ..."""

    def fill(inner: Chain) -> None:
        for place, (operator, attributes) in enumerate(layers):
            inner.layer(operator, f"_{place}", **attributes)

    return fill


def _net(features: Iterable[Layer], classifier: Iterable[Layer], pooled: int) -> Graph:
    net = Chain(PICTURE)
    net.block("features", "Sequential", sequential(features))
    net.layer("AdaptiveAvgPool2d", "avgpool", output_size=pooled)
    net.layer("Flatten", "flatten")
    net.block("classifier", "Sequential", sequential(classifier))
    return net.finish()


_DROPOUT: Layer = ("Dropout", {"p": 0.5})
_LAST: Layer = ("Linear", {"out_features": CLASSES})
_DROPOUT_FIRST = [_DROPOUT, *hidden(WIDTH), _DROPOUT, *hidden(WIDTH), _LAST]
_DROPOUT_LAST = [*hidden(WIDTH), _DROPOUT, *hidden(WIDTH), _DROPOUT, _LAST]


def alexnet() -> Graph:
    """Return AlexNet: five convolutions, three linear layers."""
    features = [
        *conv(64, 11, stride=4, padding=2), pool(3), *conv(192, 5, padding=2), pool(3),
        *conv(384, 3, padding=1), *conv(256, 3, padding=1), *conv(256, 3, padding=1), pool(3),
    ]  # fmt: skip
    return _net(features, _DROPOUT_FIRST, 6)


def zfnet() -> Graph:
    """Return ZFNet: AlexNet with smaller and denser first convolutions."""
    features = [
        *conv(96, 7, stride=2, padding=1), pool(3, ceil_mode=True), *conv(256, 5, stride=2),
        pool(3, ceil_mode=True), *conv(384, 3, padding=1), *conv(384, 3, padding=1),
        *conv(256, 3, padding=1), pool(3),
    ]  # fmt: skip
    return _net(features, _DROPOUT_LAST, 6)


def vgg(stages: Iterable[tuple[int, int]]) -> Graph:
    """Return a VGG: nothing but convolutions 3 x 3, then three linear layers."""
    features = [
        layer
        for count, channels in stages
        for layer in [*conv(channels, 3, padding=1) * count, pool(2)]
    ]
    return _net(features, _DROPOUT_LAST, 7)


NETS: dict[str, Callable[[], Graph]] = {
    "alexnet": alexnet, "zfnet": zfnet,
    **{name: partial(vgg, stages) for name, stages in VGG.items()},
}  # fmt: skip
