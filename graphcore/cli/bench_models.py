"""The nets of the benchmark as people write them in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from graphcore import datasets
from graphcore.datasets import Dataset, Normalization, Split
from graphcore.late import torch

SAMPLES = 8192


def fully_connected(*sizes: int) -> Any:
    """Linear layers with ReLU between them."""
    nn = torch.nn
    layers: list[Any] = [nn.Flatten()]
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def lenet5() -> Any:
    """LeCun et al., Proceedings of the IEEE 86 (1998), with ReLU and max-pooling."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def resnet8() -> Any:
    """Three residual blocks of 16, 32 and 64 channels: He et al., CVPR 2016."""
    nn = torch.nn

    def convolved(inside: int, out: int, size: int, stride: int) -> Any:
        conv = nn.Conv2d(inside, out, size, stride, size // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(out))

    class Block(nn.Module):
        def __init__(self, inside: int, out: int, stride: int) -> None:
            super().__init__()
            self.first, self.second = convolved(inside, out, 3, stride), convolved(out, out, 3, 1)
            self.skip = convolved(inside, out, 1, stride) if inside != out else nn.Identity()

        def forward(self, x: Any) -> Any:
            return torch.relu(self.second(torch.relu(self.first(x))) + self.skip(x))

    return nn.Sequential(
        convolved(1, 16, 3, 1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def lstm() -> Any:
    """An LSTM of 64 units that reads an image row by row."""
    nn = torch.nn

    class Rows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.logits = nn.LSTM(28, 64, batch_first=True), nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.logits(self.lstm(x.reshape(-1, 28, 28))[1][0][0])

    return Rows()


def vit() -> Any:
    """One transformer block over 16 patches of 7x7: Dosovitskiy et al., ICLR 2021."""
    nn = torch.nn

    class Tiny(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patches, self.logits = nn.Conv2d(1, 64, 7, 7), nn.Linear(64, 10)
            self.norm1, self.norm2 = nn.LayerNorm(64), nn.LayerNorm(64)
            self.attention = nn.MultiheadAttention(64, 4, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
            self.register_buffer("position", _positions(16, 64))

        def forward(self, x: Any) -> Any:
            x = self.patches(x).flatten(2).transpose(1, 2) + self.position
            y = self.norm1(x)
            x = x + self.attention(y, y, y, need_weights=False)[0]
            return self.logits((x + self.mlp(self.norm2(x))).mean(1))

    return Tiny()


def _positions(length: int, width: int) -> Any:
    steps = torch.arange(length)[:, None]
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width)
    table[:, 0::2], table[:, 1::2] = torch.sin(steps * rates), torch.cos(steps * rates)
    return table


def circle() -> Any:
    """The small net of the TensorFlow Playground, tanh throughout."""
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2), nn.Tanh(), nn.Linear(2, 1), nn.Tanh()
    )


def autoencoder() -> Any:
    """Sixteen numbers between an image and its copy."""
    nn = torch.nn
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 16), nn.Linear(16, 128),
        nn.ReLU(), nn.Linear(128, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)),
    )  # fmt: skip


def cross_entropy(y: Any, x: Any, t: Any) -> Any:
    """Loss of a classifier."""
    return torch.nn.functional.cross_entropy(y, t)


def squared_error(y: Any, x: Any, t: Any) -> Any:
    """Loss of a regression."""
    return torch.nn.functional.mse_loss(y, t)


def half_squared_error(y: Any, x: Any, t: Any) -> Any:
    """The Playground's loss."""
    return 0.5 * torch.nn.functional.mse_loss(y, t)


def reconstruction(y: Any, x: Any, t: Any) -> Any:
    """Loss of an autoencoder, which has no target but its input."""
    return torch.nn.functional.mse_loss(y, x)


class Eager(NamedTuple):
    """A net as people write it: how the model is made, and its loss of (answer, input, target)."""

    model: Callable[[], Any]
    loss: Callable[[Any, Any, Any], Any] = cross_entropy


MODELS: dict[str, Eager] = {
    "784-16-16-10": Eager(partial(fully_connected, 784, 16, 16, 10)),
    "784-128-64-10": Eager(partial(fully_connected, 784, 128, 64, 10)),
    "lenet5": Eager(lenet5),
    "resnet8": Eager(resnet8),
    "lstm": Eager(lstm),
    "vit": Eager(vit),
    "circle": Eager(circle, half_squared_error),
    "house-prices": Eager(partial(fully_connected, 3, 16, 1), squared_error),
    "autoencoder": Eager(autoencoder, reconstruction),
}
"""Name in the report -> the net in PyTorch."""


def data_for(net: str) -> Dataset:
    """Samples drawn at random; their number is that of a larger data set."""
    if net == "circle":
        return datasets.load("circle", options={"targets": "signs", "samples": SAMPLES})
    rng = np.random.default_rng(0)
    plain = Normalization("none", np.zeros(()), np.ones(()))
    if net == "house-prices":
        houses = rng.standard_normal((SAMPLES, 3)).astype(np.float32)
        prices = houses @ np.array([[0.7], [0.5], [-0.2]], np.float32)
        split = Split(houses, prices)
        return Dataset("houses", "regression", split, split, None, (3,), ("price",), plain)
    images = rng.random((SAMPLES, 1, 28, 28), np.float32)
    split = Split(images, rng.integers(0, 10, SAMPLES))
    names = tuple(map(str, range(10)))
    return Dataset("random", "classification", split, split, None, (1, 28, 28), names, plain)
