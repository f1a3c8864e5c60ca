"""The buffered form of a plan gives the numbers of the plain one, for every operator and net."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore import presets
from graphcore.engine.plan import Plan
from graphcore.graph.layer_list import parse_layers
from graphcore.ops.kernels.convolution import repeats_numbers


def both(graph: gc.Graph, dtype: str = "float64") -> tuple[Plan, Plan]:
    """A plan of each mode with equal weights and random state."""
    return (
        gc.compile(graph, dtype=dtype, mode="inspect", seed=3),
        gc.compile(graph, dtype=dtype, mode="train", seed=3),
    )


def difference(plain: Plan, buffered: Plan, feeds: dict[str, Any], loss: str) -> float:
    """Largest difference of loss and gradients after a pass of each, of the largest value."""
    for plan in (plain, buffered):
        plan.forward(feeds, training=True)
    off = (plain.value(loss) - buffered.value(loss)).abs() / plain.value(loss).abs()
    for plan in (plain, buffered):
        plan.backward(loss)
    largest = plain.flat_grad.abs().max()
    return float(torch.maximum(off, (plain.flat_grad - buffered.flat_grad).abs().max() / largest))


def classify(layers: str, batch: int, seed: int = 0) -> tuple[gc.Graph, dict[str, Any]]:
    graph = parse_layers(layers)
    source = next(n for n in graph if n.operator == "Input")
    target = next(n for n in graph if n.operator == "Target")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(batch, *source.attributes["shape"]))
    return graph, {source.name: x, target.name: rng.integers(0, 10, batch)}


@pytest.mark.parametrize(("dtype", "bar"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("name", ["lenet5", "mlp", "tiny-conv", "resnet8", "lstm-rows", "vit-tiny"])
def test_presets_give_the_same_numbers(name: str, dtype: str, bar: float) -> None:
    graph = presets.load(name)
    names = {n.operator: n.name for n in graph}
    source, target = names["Input"], names["Target"]
    shape = graph.node(source).attributes["shape"]
    rng = np.random.default_rng(0)
    plain, buffered = both(graph, dtype)
    for batch in (6, 3, 6):
        feeds = {source: rng.normal(size=(batch, *shape)), target: rng.integers(0, 10, batch)}
        assert difference(plain, buffered, feeds, names["CrossEntropyLoss"]) <= bar


@pytest.mark.parametrize(("dtype", "bar"), [("float64", 1e-12), ("float32", 1e-6)])
@pytest.mark.parametrize("name", ["circle", "linear-regression", "autoencoder"])
def test_presets_with_numbers_as_targets_give_the_same_numbers(
    name: str, dtype: str, bar: float
) -> None:
    graph = presets.load(name)
    source = next(n for n in graph if n.operator == "Input")
    loss = next(n.name for n in graph if n.operator == "MSELoss")
    shape = source.attributes["shape"]
    rng = np.random.default_rng(0)
    plain, buffered = both(graph, dtype)
    for batch in (6, 3, 6):
        feeds = {source.name: rng.normal(size=(batch, *shape))}
        for target in (n.name for n in graph if n.operator == "Target"):
            feeds[target] = rng.normal(size=(batch, 1))
        assert difference(plain, buffered, feeds, loss) <= bar


@pytest.mark.parametrize("side", [28, 27])
@pytest.mark.parametrize(
    "layers",
    [
        "conv 6 5 | relu | pool 2 | conv 16 5 | relu | pool 2 | flatten | 10",
        "conv 4 3 | pool 2 | conv 9 3 | pool 2 | flatten | 10",
        "conv 20 3 | relu | pool 2 | conv 8 3 | relu | flatten | 10",
        "conv 32 3 | relu | pool 2 | conv 16 3 | pool 2 | flatten | 10",
    ],
)
def test_pooled_convolutions_give_the_same_numbers(layers: str, side: int) -> None:
    graph, feeds = classify(layers, 5)
    source = next(n for n in graph if n.operator == "Input")
    graph.set_attributes(source, shape=(1, side, side))
    feeds[source.name] = feeds[source.name][:, :, :side, :side]
    loss = next(n.name for n in graph if n.operator == "CrossEntropyLoss")
    assert difference(*both(graph), feeds, loss) <= 1e-12


def test_a_tie_goes_to_the_first_place() -> None:
    """On an image of one colour all places of a window are equal."""
    graph, feeds = classify("conv 3 3 | relu | pool 2 | flatten | 10", 4)
    source = next(n.name for n in graph if n.operator == "Input")
    loss = next(n.name for n in graph if n.operator == "CrossEntropyLoss")
    feeds[source] = np.ones_like(feeds[source])
    assert difference(*both(graph), feeds, loss) <= 1e-12


@pytest.mark.parametrize("numbers", ["constant(0.1)", "ones"])
@pytest.mark.parametrize(("channels", "kernel"), [(2, 3), (6, 2), (16, 5), (32, 3)])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(
    ("before", "wide", "pixels"),
    [("", 8, (0.1, 0.3, 0.7)), ("conv 3 1 | ", 3, (0, 1)), ("conv 1 1 | bn | ", 3, (0, 1))],
)
def test_equal_numbers_in_a_kernel_tie_as_in_inspection(
    numbers: str, channels: int, kernel: int, relu: bool, before: str, wide: int, pixels: Any
) -> None:
    """Windows have one sum but for rounding, in single precision."""
    text = f"{before}conv {channels} {kernel} | {'relu | ' if relu else ''}pool 2 | flatten | 10"
    graph, feeds = classify(text, 4)
    conv = [n for n in graph if n.operator == "Conv2d"][-1]
    source, loss = (
        next(n.name for n in graph if n.operator == o) for o in ("Input", "CrossEntropyLoss")
    )
    graph.set_attributes(graph.node(source), shape=(wide, 12, 12))
    graph.set_initializer(conv, "weight", numbers)
    for seed in range(3):
        chance = np.random.default_rng(seed)
        feeds[source] = chance.choice(np.float32(pixels), (4, wide, 12, 12))
        assert difference(*both(graph, "float32"), feeds, loss) <= 1e-5


def test_kernels_that_tie_windows_are_known_from_others() -> None:
    sobel = torch.tensor([[[[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]]])
    assert repeats_numbers(torch.ones(2, 3, 3, 3))
    assert repeats_numbers(torch.cat([torch.rand(1, 1, 3, 3), sobel]))
    for shape in ((6, 1, 5, 5), (16, 6, 5, 5), (64, 64, 3, 3), (8, 1, 1, 1)):
        assert not repeats_numbers(torch.rand(shape))


def test_shared_values_get_the_sum_of_their_gradients() -> None:
    graph = gc.Graph()
    x = graph.add("Input", name="x", shape=(4,))
    w = graph.add("Linear", name="w", out_features=4)
    relu, tanh = graph.add("ReLU", name="relu"), graph.add("Tanh", name="tanh")
    both_ways, square = graph.add("Add", name="sum"), graph.add("Mul", name="square")
    loss = graph.add("Sum", name="loss")
    graph.connect(x, w)
    for way in (relu, tanh):
        graph.connect(w, way)
        graph.connect(way, both_ways)
    graph.connect(both_ways, square)
    graph.connect(both_ways, square)
    graph.connect(square, loss)
    feeds = {"x": np.random.default_rng(1).normal(size=(3, 4))}
    assert difference(*both(graph), feeds, "loss") <= 1e-12


def test_buffers_are_reused_from_step_to_step() -> None:
    graph, feeds = classify("784-32-relu-10", 8)
    loss = next(n.name for n in graph if n.operator == "CrossEntropyLoss")
    plan = gc.compile(graph, dtype="float32", mode="train")
    places = []
    for _ in range(3):
        plan.forward(feeds, training=True)
        plan.backward(loss)
        places.append([v.data_ptr() for v in plan.values if v is not None])
    assert places[0] == places[1] == places[2]


def test_a_failing_kernel_still_names_the_node() -> None:
    graph, feeds = classify("784-10", 4)
    target = next(n.name for n in graph if n.operator == "Target")
    plan = gc.compile(graph, dtype="float32", mode="train")
    plan.forward(feeds)
    with pytest.raises(gc.errors.GradscapeError, match="class"):
        plan.forward({**feeds, target: np.array([0, 1, 2, 99])})
    plan.forward(feeds)


@pytest.mark.parametrize("name", ["lenet5", "tiny-conv", "mlp", "resnet8", "vit-tiny", "lstm-rows"])
def test_a_recorded_step_shows_what_inspection_shows(name: str) -> None:
    """Every value, gradient and edge; an Input's gradient is that of the first sample."""
    graph = presets.load(name)
    names = {n.operator: n.name for n in graph}
    source, target, loss = names["Input"], names["Target"], names["CrossEntropyLoss"]
    rng = np.random.default_rng(2)
    shape = graph.node(source).attributes["shape"]
    feeds = {source: rng.normal(size=(4, *shape)), target: rng.integers(0, 10, 4)}
    plain = gc.compile(graph, dtype="float64", mode="inspect", seed=3)
    recorded = gc.compile(graph, dtype="float64", mode="record", seed=3)
    for plan in (plain, recorded):
        plan.forward(feeds, training=True)
        plan.backward(loss)
    for node in graph:
        assert torch.allclose(plain.value(node), recorded.value(node), rtol=1e-10, atol=1e-12)
        close(plain.grad(node), recorded.grad(node), node.name)
    for edge in graph.edges:
        ends = edge.source, edge.target
        close(
            plain.edge_grad(*ends, input=edge.input), recorded.edge_grad(*ends, input=edge.input),
            str(ends),
        )  # fmt: skip


def close(wanted: torch.Tensor | None, found: torch.Tensor | None, what: str) -> None:
    assert (wanted is None) == (found is None), what
    if wanted is not None and found is not None:
        wanted = wanted[: len(found)] if found.dim() else wanted
        assert torch.allclose(wanted, found, rtol=1e-9, atol=1e-12), what
