"""Modules with what ordinary ones have: parametrised layers, masks, tables, records as results."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

import graphcore as gc
from graphcore.files import weights


def seeded(module: nn.Module) -> nn.Module:
    """A module in evaluation mode with small weights that are all different."""
    with torch.no_grad():
        for i, p in enumerate(module.parameters()):
            p.copy_(0.4 * torch.sin(1.3 * torch.arange(p.numel()) + i).view(p.shape))
    return module.eval()


class Answer(NamedTuple):
    probabilities: Tensor
    value: Tensor


class Parametrised(nn.Module):
    """Layers whose weights are computed, parameters that a function takes, layers in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))
        self.second = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
        self.w, self.b = nn.Parameter(torch.ones(4, 4)), nn.Parameter(torch.ones(4))
        self.rnn = nn.GRU(4, 4, num_layers=2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.linear(self.second(self.first(x)), self.w.t() @ self.w, self.b)
        return self.rnn(y)[0]


class Scaled(nn.Module):
    """A table that a state dict has, and one that it does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)
        self.register_buffer("scale", torch.full((3,), 2.0))
        self.register_buffer("place", torch.arange(3.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x + self.place) / self.scale


class Masked(nn.Module):
    """torch's own transformer with the mask that its tutorial makes."""

    def __init__(self) -> None:
        super().__init__()
        self.emb = nn.Embedding(10, 4)
        layer = nn.TransformerEncoderLayer(4, 2, 6, 0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.size(1))
        return self.encoder(self.emb(tokens), mask)


class Bags(nn.Module):
    """Words of a sample as one sum; a loss over the batch against itself."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(10, 4, mode="sum")

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        z = self.bag(tokens)
        return z, nn.functional.cross_entropy(z @ z.t(), torch.arange(len(z)))


class Sequences(nn.Module):
    """Recurrent layers both ways, in a row, projected, from states that are learned or given."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 4, 2, batch_first=True, dropout=0.3, bidirectional=True, proj_size=2)
        self.gru = nn.GRU(4, 3, bidirectional=True)
        self.rnn = nn.RNN(4, 2, 2, nonlinearity="relu", batch_first=True)
        self.start = nn.Parameter(torch.ones(2, 1, 3))
        self.cell = nn.LSTMCell(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y, (h, c) = self.lstm(x)
        start = self.start.expand(-1, len(x), -1).contiguous()
        turned, last = self.gru(y.transpose(0, 1), start)
        other, _ = self.rnn(y, h[:2])
        state = self.cell(y[:, 0], (last[0], last[1]))
        return h[-1], c, turned, other, *self.cell(y[:, 1], state)


class Actor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Answer:
        y = self.fc(x)
        return Answer(y[:, :2].softmax(-1), y[:, 2])


CASES = {
    Parametrised: torch.sin(torch.arange(24.0)).view(2, 3, 4),
    Scaled: torch.sin(torch.arange(6.0)).view(2, 3),
    Masked: torch.tensor([[1, 2, 3], [4, 5, 6]]),
    Bags: torch.tensor([[1, 2, 3], [4, 5, 6]]),
    Sequences: torch.sin(torch.arange(24.0)).view(2, 4, 3),
    Actor: torch.sin(torch.arange(6.0)).view(2, 3),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
@pytest.mark.parametrize("kind", CASES)
def test_it_opens_equal_and_takes_other_weights_by_name(kind: type[nn.Module]) -> None:
    module = seeded(kind())
    net = gc.from_module(module, CASES[kind])
    assert net.report.max_error is not None
    assert net.report.max_error <= 1e-5
    assert net.report.max_gradient_error is not None
    assert net.report.max_gradient_error <= 1e-5
    other = module.state_dict()
    for i, tensor in enumerate(other.values()):
        if tensor.is_floating_point():
            tensor.copy_(0.3 * torch.cos(torch.arange(tensor.numel()) + i).view(tensor.shape))
    plan = net.compile()
    fit = weights.match_weights(weights.state(plan), other)
    assert not fit.by_shape
    assert not fit.unused
    weights.fill(plan, fit, other)
    plan.forward({net.inputs[0]: CASES[kind]})
    wanted_all = torch.utils._pytree.tree_leaves(module(CASES[kind]))
    for name, wanted in zip(net.outputs, wanted_all, strict=True):
        torch.testing.assert_close(plan.value(name), wanted.detach(), rtol=0, atol=1e-5)


def test_a_table_is_kept_in_the_graph_file_and_comes_back_with_a_reset() -> None:
    net = gc.from_module(seeded(Scaled()), CASES[Scaled])
    plan = gc.compile(net.graph)
    torch.testing.assert_close(plan.buffers["scale.value"], Scaled().scale + 0)
    plan.buffers["scale.value"].fill_(7.0)
    plan.reset()
    torch.testing.assert_close(plan.buffers["scale.value"], Scaled().scale + 0)


class Switched(nn.Module):
    """Another function in training, as spectral norm and a VAE's drawing are."""

    def __init__(self, random: bool) -> None:
        super().__init__()
        self.fc, self.random = nn.Linear(3, 3), random

    def forward(self, x: Tensor) -> Tensor:
        y = self.fc(x)
        if self.training:
            return y + torch.rand_like(y) if self.random else 2 * y
        return y


@pytest.mark.parametrize("random", [False, True])
def test_a_module_that_is_another_in_training_is_said_to_be(random: bool) -> None:
    net = gc.from_module(Switched(random).eval(), torch.ones(2, 3))
    assert "In training mode the module itself computes something else" in str(net.report)
    plain = gc.from_module(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)).eval(), torch.ones(2, 3))
    assert not plain.report.notes
