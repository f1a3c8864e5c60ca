"""Further small modules, which ONNX files spell out in many operators."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.graphcore.exchange.nets import wave


class Mobile(nn.Module):
    """Hardswish, a convolution for each channel, GroupNorm, SiLU, growing, a mean over all."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.bn = nn.BatchNorm2d(8)
        self.act = nn.Hardswish()
        self.depth = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.norm = nn.GroupNorm(2, 8)
        self.silu = nn.SiLU()
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.bn(self.stem(x)))
        x = F.interpolate(self.silu(self.norm(self.depth(x))), scale_factor=2)
        return self.fc(x.mean((2, 3)))


class Decoder(nn.Module):
    """A decoder of one layer: causal attention, LayerNorm, GELU."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(11, 8)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)
        self.mlp = nn.Sequential(
            nn.Linear(8, 32), nn.GELU(approximate="tanh"), nn.Linear(32, 8), nn.GELU()
        )
        self.out = nn.Linear(8, 11, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.emb(tokens)
        n, length, width = x.shape
        parts = self.qkv(self.norm(x)).split(8, dim=2)
        q, k, v = (p.view(n, length, 2, 4).transpose(1, 2) for p in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(n, length, width))
        return self.out(x + self.mlp(x))


class Rows(nn.Module):
    """LSTM, GRU and RNN, one of them both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True)
        self.gru = nn.GRU(4, 3, num_layers=2, batch_first=True)
        self.rnn = nn.RNN(3, 2, batch_first=True, bidirectional=True)
        self.out = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = self.rnn(self.gru(self.lstm(x)[0])[0])
        return self.out(x[:, -1])


class Mixed(nn.Module):
    """Activations, norms over several axes, parts, padding, two results."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.PReLU(4)
        self.fc = nn.Linear(4, 4)
        self.norm = nn.LayerNorm((3, 4))
        self.each = nn.InstanceNorm1d(3, affine=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.slope(self.fc(x).transpose(1, 2)).transpose(1, 2)
        a, b = self.each(self.norm(x)).chunk(2, -1)
        x = torch.cat([a * torch.sigmoid(b), F.leaky_relu(b), F.elu(a), F.softplus(b)], -1)
        return F.pad(x, (1, 1)).clamp(-1, 1).pow(2).sum(-1), x.argmax(-1)


class Unet(nn.Module):
    """Down, up again, and what was before beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(1, 4, 3, padding=1)
        self.b = nn.Conv2d(4, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2)
        self.c = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.relu(self.a(x))
        b = F.relu(self.b(F.max_pool2d(a, 2)))
        return torch.sigmoid(self.c(torch.cat([a, self.up(b)], 1)))


ONNX_NETS: dict[str, tuple[type[nn.Module], tuple[int, ...]]] = {
    "mobile": (Mobile, (3, 3, 8, 8)),
    "decoder": (Decoder, (3, 6)),
    "rows": (Rows, (3, 5, 3)),
    "mixed": (Mixed, (3, 3, 4)),
    "unet": (Unet, (3, 1, 8, 8)),
}
"""Name -> class, and the shape of the input."""


def seeded_onnx(name: str) -> tuple[nn.Module, Tensor]:
    """A net in evaluation mode with weights that are not special, and its input."""
    made, shape = ONNX_NETS[name][0](), ONNX_NETS[name][1]
    with torch.no_grad():
        for i, parameter in enumerate(made.parameters()):
            parameter.copy_(wave(tuple(parameter.shape), 0.7 * i))
        for key, buffer in made.named_buffers():
            if key.endswith("running_var"):
                buffer.copy_(1 + 0.3 * wave(tuple(buffer.shape), 2.0))
    count = torch.arange(torch.Size(shape).numel()).reshape(shape)
    return made.eval(), (3 * count + 1) % 11 if name == "decoder" else 2 * wave(shape, 0.5)
