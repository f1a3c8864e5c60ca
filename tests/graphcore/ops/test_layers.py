"""Layers with a state, with chance or with several outputs, and what they refuse at run time."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

import graphcore as gc
from graphcore.dims import N
from graphcore.errors import EngineError, ShapeError
from graphcore.ops import Case, Context
from graphcore.ops.attention import _torch_attention
from tests.graphcore.ops.oracle import draw
from tests.graphcore.ops.test_ties_and_kinks import run


@pytest.mark.parametrize(
    ("name", "shape"), [("BatchNorm1d", (6, 3)), ("BatchNorm2d", (4, 3, 2, 2))]
)
def test_running_statistics_are_torchs(name: str, shape: tuple[int, ...]) -> None:
    op, module = gc.ops.get(name), getattr(torch.nn, name)(3, momentum=0.3)
    attributes = op.complete({"momentum": 0.3})
    buffers = {n: torch.full(s, v) for n, (s, v) in op.buffer_shapes(shape, **attributes).items()}
    context = Context(True, buffers=buffers, needs=(True,) * 3)
    parameters = module.weight.detach(), module.bias.detach()
    for i in range(4):
        context.training = i < 3
        module.train(i < 3)
        x = torch.randn(shape) + i
        y = op.run_forward(context, (x, *parameters), attributes)
        torch.testing.assert_close(y, module(x).detach())
    torch.testing.assert_close(buffers["running_mean"], module.running_mean)
    torch.testing.assert_close(buffers["running_var"], module.running_var)


def test_one_value_per_channel_cannot_be_normalised() -> None:
    with pytest.raises(EngineError, match=r"BatchNorm1d needs more than one value per channel"):
        run("BatchNorm1d", torch.ones(1, 3), torch.ones(3), torch.ones(3), training=True)


@pytest.mark.parametrize(
    ("name", "shape"), [("Dropout", (200, 50)), ("Dropout2d", (200, 50, 2, 2))]
)
def test_dropout_drops_the_share_it_is_asked_for(name: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    y, (gx,) = run(name, torch.ones(shape), training=True, p=0.25)
    assert torch.equal(y, gx), "the gradient goes where the value went"
    assert set(y.unique().tolist()) == {0.0, 4 / 3} or torch.allclose(
        y.unique()[1], torch.tensor(4 / 3)
    )
    assert abs(float(y.mean()) - 1) < 0.03
    if name == "Dropout2d":
        channels = y.flatten(2)
        assert torch.equal(channels.min(2).values, channels.max(2).values)
    assert run(name, torch.ones(shape), p=0.25)[0].min() == 1


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_recurrent_layers_without_some_gradients(name: str) -> None:
    """Evaluation, unused outputs and a second backward pass give the same numbers."""
    op = gc.ops.get(name)
    trial = draw(op, op.cases()[0])
    full, idle = trial.context(), trial.context()
    idle.needs = (False,) * len(trial.inputs)
    with torch.inference_mode():
        y = op.run_forward(full, trial.inputs, trial.attributes)
        again = op.run_forward(idle, trial.inputs, trial.attributes)
        for a, b in zip(y, again, strict=True):
            torch.testing.assert_close(a, b)
            assert not a.requires_grad
        last = torch.randn_like(y[1])
        zeros = (torch.zeros_like(y[0]), last, *(torch.zeros_like(t) for t in y[2:]))
        nones: tuple[Any, ...] = (None, last, *[None] * (len(y) - 2))
        wanted = op.run_vjp(full, zeros, y, trial.inputs, trial.attributes)
        for g in (nones, zeros):
            found = op.run_vjp(full, g, y, trial.inputs, trial.attributes)
            for a, b in zip(found, wanted, strict=True):
                torch.testing.assert_close(a, b)
    torch.testing.assert_close(y[0][:, -1], y[1])


def test_an_lstm_learns_through_the_engine() -> None:
    graph = gc.Graph()
    x, lstm = (
        graph.add("Input", name="x", shape=(5, 3)),
        graph.add("LSTM", name="lstm", hidden_size=4),
    )
    graph.connect(x, lstm)
    graph.connect(lstm, graph.add("Linear", name="out", out_features=2), output="h")
    graph.connect("out", graph.add("CrossEntropyLoss", name="loss"))
    graph.connect(graph.add("Target", name="t"), "loss")
    for mode in ("inspect", "train"):
        plan = gc.compile(graph, mode=mode)
        plan.forward({"x": torch.randn(6, 5, 3), "t": torch.tensor([0, 1, 1, 0, 1, 0])})
        plan.backward("loss")
        for gradient in plan.gradients.values():
            assert float(gradient.abs().max()) > 0


def test_attention_looks_back_only_when_it_is_causal() -> None:
    op = gc.ops.get("MultiheadAttention")
    trial = draw(op, op.cases()[1])
    _, weights = trial.forward()
    assert weights.shape == (2, 3, 4, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 4, dtype=torch.float64))
    assert float(weights.triu(1).abs().max()) == 0


def test_indices_that_are_not_in_the_table() -> None:
    table = torch.zeros(6, 2)
    with pytest.raises(
        EngineError, match=r"no row 6; with num_embeddings=6 the indices are 0 to 5"
    ):
        run("Embedding", torch.tensor([1, 6]), table, num_embeddings=6, embedding_dim=2)
    with pytest.raises(EngineError, match='set dtype "int" on the Input'):
        run("Embedding", torch.rand(3), table, num_embeddings=6, embedding_dim=2)


def test_a_split_part_that_nothing_uses_gives_zeros() -> None:
    graph = gc.Graph()
    graph.connect(graph.add("Input", name="x", shape=(4,)), graph.add("Split", name="split"))
    graph.connect("split", graph.add("Sum", name="sum"), output="y1")
    plan = gc.compile(graph)
    plan.forward({"x": torch.ones(1, 4)})
    plan.backward("sum")
    gradient = plan.grad("x")
    assert gradient is not None
    assert gradient.tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("name", "attributes", "sentence"),
    [
        ("Squeeze", {"dim": 0}, r"axis 0 of x \(N, 4\) has length N; only an axis of length 1"),
        ("Slice", {"dim": 0, "end": 2}, "cannot cut the batch axis N"),
        ("Split", {"dim": 0}, "cannot cut the batch axis N"),
        ("Split", {"split_sizes": (3, 3)}, r"must add up to 4 in parts of at least 1"),
        ("Pad", {"pad": (0, 0, 1, 0)}, "N is not known yet"),
        ("Maxout", {"num_pieces": 3}, "num_pieces=3 must divide the 4 features"),
        ("Expand", {"shape": (-1, 5)}, "only an axis of length 1 can be repeated"),
        ("Conv1d", {"out_channels": 2, "kernel_size": 3}, r"expects sequences \(N, C, L\)"),
    ],
)
def test_refusals_name_the_thing_and_what_would_fit(
    name: str, attributes: dict[str, Any], sentence: str
) -> None:
    op = gc.ops.get(name)
    with pytest.raises(ShapeError, match=sentence):
        op.infer_shape((N, 4), **op.complete(attributes))


@pytest.mark.parametrize("is_causal", [False, True])
def test_attention_of_every_small_size_is_torchs(is_causal: bool) -> None:
    """Both passes, of one head to one number per head, of x and gradients however they lie."""
    op = gc.ops.get("MultiheadAttention")
    generator = torch.Generator().manual_seed(0)
    for embed, n, length, strided in product(range(1, 9), (1, 2, 3), (1, 2, 5), (False, True)):
        for heads in (h for h in range(1, embed + 1) if embed % h == 0):
            sizes = {"num_heads": heads, "is_causal": is_causal}
            trial = draw(op, Case(((n, length, embed),), sizes, by_torch(**sizes)))
            if strided:
                trial.inputs[0] = trial.inputs[0].transpose(0, 1).contiguous().transpose(0, 1)
            shape = (embed, n, length) if strided else (n, length, embed)
            g = torch.randn(shape, generator=generator, dtype=torch.float64)
            gradients = (
                g.permute(1, 2, 0) if strided else g,
                torch.zeros(n, heads, length, length),
            )
            outputs, found = trial.both(None, gradients)
            wanted, wanted_grads = trial.reference(gradients)
            for mine, right in zip((*outputs, *found), (*wanted, *wanted_grads), strict=True):
                torch.testing.assert_close(mine, right, rtol=1e-9, atol=1e-12)


def by_torch(**sizes: Any) -> Any:
    return lambda x, *p: _torch_attention(x, p, **sizes)
