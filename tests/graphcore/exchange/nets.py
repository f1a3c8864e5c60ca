"""Small modules as people write them, each with what it is fed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Block(nn.Module):
    """A residual block that writes into its own values."""

    def __init__(self, cin: int, cout: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(cout)
        self.relu = nn.ReLU(inplace=True)
        self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride), nn.BatchNorm2d(cout))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn(self.conv(x))
        out += self.down(x)
        return self.relu(out)


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Block(1, 2), Block(2, 3, 2)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        x = torch.flatten(self.pool(x), 1)
        return self.fc(F.dropout(x, 0.25, training=self.training))


class Tied(nn.Module):
    """Weights that two layers share, a row that never learns, a layer that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(7, 4, padding_idx=1)
        self.mix = nn.Sequential(OrderedDict(hidden=nn.Linear(4, 4), act=nn.Tanh()))
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.emb.weight
        self.unused = nn.Linear(2, 2)
        self.mix.hidden.bias.requires_grad_(False)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.out(self.mix(self.emb(tokens)))


class Heads(nn.Module):
    """Two inputs, results by name, a mask, a table, writing into parts, and no_grad."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.gain = nn.Parameter(torch.ones(4))
        self.register_buffer("mask", torch.tril(torch.ones(4, 4)).bool())

    def forward(self, x: Tensor, scale: Tensor) -> dict[str, Any]:
        h = self.body(x)
        y = torch.zeros_like(h)
        y[:, 0] = 1.0
        y[:, 1:3] += h[:, 1:3]
        with torch.no_grad():
            fixed = h * 2
        scores = (h.unsqueeze(2) * h.unsqueeze(1)).masked_fill(~self.mask, -1e9).softmax(-1)
        last = y * self.gain + fixed * torch.arange(4) * scale
        return {"scores": scores, "rest": (last, h.cumsum(1))}


class Sequence(nn.Module):
    """Two recurrent layers, the states of both; one that goes both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 4, num_layers=2, batch_first=True)
        self.both = nn.LSTM(4, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        y, h = self.gru(x)
        z, _ = self.both(y)
        return self.fc(z[:, -1]) + h[-1, :, :2]


class Attention(nn.Module):
    """A transformer layer and a position table, as in ViT: a class token before the sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, 4))
        self.layer = nn.TransformerEncoderLayer(4, 2, 6, dropout=0.0, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], dim=1)
        return self.head(self.layer(x)[:, 0])


NETS: dict[str, tuple[type[nn.Module], dict[str, tuple[int, ...]]]] = {
    "residual": (Residual, {"x": (2, 1, 6, 6)}),
    "tied": (Tied, {"tokens": (2, 3)}),
    "heads": (Heads, {"x": (2, 4), "scale": (2, 1)}),
    "sequence": (Sequence, {"x": (2, 5, 3)}),
    "attention": (Attention, {"x": (2, 3, 4)}),
}
"""Name -> class, and the shape of each input."""


def seeded(name: str) -> tuple[nn.Module, dict[str, Tensor]]:
    """A net in evaluation mode with weights, running statistics and inputs that are not special."""
    made, shapes = NETS[name][0](), NETS[name][1]
    with torch.no_grad():
        for i, parameter in enumerate(made.parameters()):
            parameter.copy_(wave(tuple(parameter.shape), 0.7 * i))
        for key, buffer in made.named_buffers():
            if key.endswith("running_mean"):
                buffer.copy_(0.1 * wave(tuple(buffer.shape), 1.0))
            if key.endswith("running_var"):
                buffer.copy_(1 + 0.3 * wave(tuple(buffer.shape), 2.0))
    inputs = {
        key: (torch.arange(6).reshape(shape) % 7 if key == "tokens" else 2 * wave(shape, 0.5))
        for key, shape in shapes.items()
    }
    return made.eval(), inputs


def wave(shape: tuple[int, ...], phase: float) -> Tensor:
    """Numbers between −0.4 and 0.4 that hardly repeat."""
    count = torch.arange(torch.Size(shape).numel(), dtype=torch.float64)
    return (0.4 * torch.sin(1.3 * count + phase + 0.2)).float().reshape(shape)
