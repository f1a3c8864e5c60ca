"""What operators tell of their way to the output, against torch."""

from __future__ import annotations

import pytest
import torch

from graphcore.ops import Context, get
from tests.graphcore.ops.oracle import label, trials


def told(name: str, *inputs: torch.Tensor, training: bool = False, **attributes):
    """The quantities of an operator over these inputs."""
    op = get(name)
    context = Context(needs=tuple(True for _ in inputs), training=training)
    whole = op.complete(attributes)
    for buffer, (shape, start) in op.buffer_shapes(tuple(inputs[0].shape), **whole).items():
        context.buffers[buffer] = torch.full(shape, start, dtype=torch.float64)
    y = op.run_forward(context, list(inputs), whole)
    return op.quantities(context, y, *inputs, **whole), y


def scores() -> torch.Tensor:
    return torch.randn(3, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("trial", trials(), ids=label)
def test_every_operator_tells_numbers_that_can_be_shown(trial) -> None:
    context = trial.context()
    y = trial.op.run_forward(context, trial.inputs, trial.attributes)
    if any(not x.numel() for x in trial.inputs):
        return
    for name, value in trial.op.quantities(context, y, *trial.inputs, **trial.attributes).items():
        assert name
        assert value.dim() <= 3
        assert torch.isfinite(value).all(), name


def test_softmax_and_its_logarithm() -> None:
    x = scores()
    for op in ("Softmax", "LogSoftmax"):
        found, _ = told(op, x)
        assert torch.allclose(found["p"], x[0].softmax(0))
        assert torch.allclose(found["exp(x − max x)"].sum(), found["Σ exp"])
        assert torch.allclose(found["exp(x − max x)"] / found["Σ exp"], found["p"])
    assert torch.allclose(found["ln p"], x[0].log_softmax(0))


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("probabilities", [False, True])
def test_cross_entropy_tells_its_own_gradient(smoothing: float, probabilities: bool) -> None:
    x = scores()[:1].requires_grad_()
    t = scores()[1:2].softmax(1) if probabilities else torch.tensor([3])
    found, _ = told("CrossEntropyLoss", x.detach(), t, label_smoothing=smoothing)
    torch.nn.functional.cross_entropy(x, t, label_smoothing=smoothing).backward()
    assert torch.allclose(found["p − t"], x.grad[0])
    assert torch.allclose(found["t"].sum(), torch.ones((), dtype=torch.float64))


def test_attention_shows_where_each_place_looks() -> None:
    q, k, v = (torch.randn(2, 3, 4, 6, dtype=torch.float64) for _ in range(3))
    found, _ = told("ScaledDotProductAttention", q, k, v)
    wanted = (q @ k.transpose(-1, -2) / 6**0.5).softmax(-1)[0]
    assert torch.allclose(found["attention weights"], wanted)
    assert found["attention weights"].shape == (3, 4, 4)


def test_batch_norm_shows_the_statistics_that_it_used() -> None:
    x = torch.randn(8, 3, 4, 4, dtype=torch.float64)
    weight, bias = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    found, _ = told("BatchNorm2d", x, weight, bias, training=True)
    assert torch.allclose(found["batch mean"], x.mean((0, 2, 3)))
    assert torch.allclose(found["batch σ²"], x.var((0, 2, 3), correction=0))
    assert torch.allclose(found["running mean"], 0.1 * x.mean((0, 2, 3)))
    found, _ = told("BatchNorm2d", x, weight, bias)
    assert "batch mean" not in found
    assert found["running σ²"].tolist() == [1, 1, 1]


def test_the_other_norms_show_theirs() -> None:
    x = torch.randn(2, 4, 6, dtype=torch.float64)
    ones, zeros = torch.ones(6, dtype=torch.float64), torch.zeros(6, dtype=torch.float64)
    found, _ = told("LayerNorm", x, ones, zeros)
    assert torch.allclose(found["mean"], x[0].mean(-1))
    assert torch.allclose(found["σ²"], x[0].var(-1, correction=0))
    found, _ = told("GroupNorm", x, ones[:4], zeros[:4], num_groups=2)
    assert torch.allclose(found["mean"], x[0].reshape(2, -1).mean(1))
