"""Both passes against torch.autograd: values, parameters, inputs, edges."""

import itertools

import numpy as np
import pytest
import torch

import graphcore as gc
from graphcore import presets
from graphcore.engine.gradient_check import check_graph
from graphcore.engine.random_feeds import random_feeds
from graphcore.errors import EngineError, FeedError, NotKept, ShapeError
from graphcore.graph.binding import bind
from graphcore.graph.elements import Node


def small_net() -> gc.Graph:
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(1, 8, 8))
    conv = g.add("Conv2d", name="conv", out_channels=3, kernel_size=3, padding=1)
    parts = [x, conv, g.add("ReLU"), g.add("MaxPool2d", kernel_size=2), g.add("Flatten", name="f")]
    parts.append(g.add("Linear", name="h", out_features=5))
    for a, b in itertools.pairwise(parts):
        g.connect(a, b)
    t, loss = g.add("Target", name="t"), g.add("CrossEntropyLoss", name="loss")
    g.connect("h", loss, input="x")
    g.connect(t, loss, input="target")
    return g


def torch_loss(p: dict[str, torch.Tensor], x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    y = torch.conv2d(x, p["conv.weight"], p["conv.bias"], padding=1)
    y = torch.max_pool2d(torch.relu(y), 2).flatten(1)
    y = torch.nn.functional.linear(y, p["h.weight"], p["h.bias"])
    return torch.nn.functional.cross_entropy(y, t)


def test_the_documented_script_runs(tmp_path) -> None:
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(1, 28, 28))
    f = g.add("Flatten", name="f")
    h = g.add("Linear", name="h", out_features=10)
    t = g.add("Target", name="t")
    loss = g.add("CrossEntropyLoss", name="loss")
    g.connect(x, f)
    g.connect(f, h)
    g.connect(h, loss, input="x")
    g.connect(t, loss, input="target")
    gc.save(g, tmp_path / "net.graph.json")
    g = gc.load(tmp_path / "net.graph.json")
    plan = gc.compile(g, device="cpu", dtype="float32", mode="inspect", seed=0)
    assert {k: tuple(v.shape) for k, v in plan.parameters.items()} == {
        "h.weight": (10, 784),
        "h.bias": (10,),
    }
    images, labels = np.random.default_rng(0).random((4, 1, 28, 28)), np.arange(4)
    plan.forward({"x": images, "t": labels}, training=True)
    plan.backward("loss")
    assert plan.value("loss").shape == ()
    assert plan.value("h").shape == (4, 10)
    assert plan.grad("h.weight").shape == (10, 784)
    assert plan.grad("x").shape == (4, 1, 28, 28)
    torch.testing.assert_close(plan.edge_grad("f", "h"), plan.grad("f"))
    assert gc.ops.get("Mul").inputs == ("a", "b")


@pytest.mark.parametrize("mode", ["inspect", "train"])
def test_gradients_equal_autograd(mode: str) -> None:
    g = small_net()
    plan = gc.compile(g, dtype="float64", mode=mode, seed=3)
    x = torch.randn(4, 1, 8, 8, dtype=torch.float64)
    t = torch.tensor([0, 4, 2, 1])
    leaves = {k: v.clone().requires_grad_() for k, v in plan.parameters.items()}
    x_leaf = x.clone().requires_grad_()
    expected = torch_loss(leaves, x_leaf, t)
    expected.backward()
    plan.forward({"x": x, "t": t}, training=True)
    plan.backward("loss")
    torch.testing.assert_close(plan.value("loss"), expected.detach(), rtol=1e-12, atol=0)
    for name, leaf in leaves.items():
        torch.testing.assert_close(plan.grad(name), leaf.grad, rtol=1e-9, atol=1e-14)
    if mode == "inspect":
        torch.testing.assert_close(plan.grad("x"), x_leaf.grad, rtol=1e-9, atol=1e-14)


def test_train_mode_frees_what_inspect_mode_keeps() -> None:
    plan = gc.compile(small_net(), mode="train")
    feeds = {"x": np.zeros((2, 1, 8, 8)), "t": np.array([0, 1])}
    plan.forward(feeds)
    plan.backward("loss")
    assert plan.value("loss").isfinite()
    for look in (lambda: plan.value("conv"), lambda: plan.grad("x")):
        with pytest.raises(NotKept):
            look()


def test_one_value_used_twice_has_two_edges_and_a_summed_gradient() -> None:
    plan = gc.compile(gc.parse_expression("J = x*x + x"), dtype="float64")
    plan.forward({"x": 3.0})
    plan.backward("J")
    assert plan.value("J").item() == 12
    assert plan.grad("x").item() == 7
    assert plan.edge_grad("x", "mul", input="a").item() == 3
    assert plan.edge_grad("x", "mul", input="b").item() == 3


def test_an_expression_has_the_gradients_of_the_course() -> None:
    plan = gc.compile(gc.parse_expression("J = 3*(a + b*c)"), dtype="float64")
    plan.forward({"a": 5, "b": 3, "c": 2})
    plan.backward("J")
    assert [plan.value("J").item(), *(plan.grad(n).item() for n in "abc")] == [33, 3, 6, 9]


def test_a_shared_parameter_collects_from_both_uses() -> None:
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(3,))
    w = g.add("Parameter", name="w", shape=(3, 3))
    for name, source in (("one", x), ("two", "one")):
        g.add("Linear", name=name, out_features=3, bias=False)
        g.connect(source, name)
        g.connect(w, name, input="weight")
    total = g.add("Sum", name="total")
    g.connect("two", total)
    plan = gc.compile(g, dtype="float64")
    x_value = torch.randn(2, 3, dtype=torch.float64)
    leaf = plan.parameters["w"].clone().requires_grad_()
    (x_value @ leaf.t() @ leaf.t()).sum().backward()
    plan.forward({"x": x_value})
    plan.backward("total")
    assert list(plan.parameters) == ["w"]
    torch.testing.assert_close(plan.grad("w"), leaf.grad, rtol=1e-12, atol=0)


def test_a_composite_is_opened_up() -> None:
    inside = gc.Graph()
    inside.add("Input", name="a", shape=(3,))
    inside.add("Linear", name="dense", out_features=2)
    inside.add("Output", name="y")
    inside.connect("a", "dense")
    inside.connect("dense", "y")
    g = gc.Graph()
    g.add("Input", name="x", shape=(3,))
    g.insert(Node("block", "Composite", subgraph=inside))
    g.add("Sum", name="total")
    g.connect("x", "block")
    g.connect("block", "total")
    plan = gc.compile(g, dtype="float64")
    assert set(plan.parameters) == {"block/dense.weight", "block/dense.bias"}
    plan.forward({"x": np.ones((4, 3))})
    plan.backward("total")
    assert plan.value("block").shape == (4, 2)
    torch.testing.assert_close(plan.grad("block/dense.bias"), torch.full((2,), 4.0).double())
    assert plan.edge_grad("block", "total").shape == (4, 2)


def test_frozen_parameters_lie_behind_the_trainable_ones() -> None:
    g = small_net()
    g.set_frozen("conv", "weight", True)
    plan = gc.compile(g)
    assert plan.layout[-1].name == "conv.weight"
    assert plan.trainable == plan.flat.numel() - plan.parameters["conv.weight"].numel()


@pytest.mark.parametrize(
    ("feeds", "words"),
    [
        ({"t": [0]}, "x was given nothing"),
        ({"x": np.zeros((1, 8, 8)), "t": [0]}, "takes the shape"),
        ({"x": np.zeros((1, 1, 8, 8)), "t": [0], "q": 1}, "no Input or Target"),
        ({"x": "text", "t": [0]}, "takes numbers"),
    ],
)
def test_bad_feeds_are_one_sentence(feeds, words: str) -> None:
    plan = gc.compile(small_net())
    with pytest.raises(FeedError, match=words):
        plan.forward(feeds)


def test_backward_asks_for_a_gradient_of_more_than_one_number() -> None:
    plan = gc.compile(small_net())
    plan.forward({"x": np.zeros((2, 1, 8, 8)), "t": [0, 1]})
    with pytest.raises(EngineError, match="needs a gradient"):
        plan.backward("h")
    plan.backward("h", grad=torch.ones(2, 5))
    torch.testing.assert_close(plan.grad("h.bias"), torch.full((5,), 2.0))


def test_a_broken_graph_is_refused_at_the_guilty_node() -> None:
    g = gc.Graph()
    g.add("Input", name="x", shape=(1, 8, 8))
    g.add("Linear", name="h", out_features=2)
    g.connect("x", "h")
    with pytest.raises(ShapeError, match="Flatten") as caught:
        gc.compile(g)
    assert caught.value.node == "h"
    assert caught.value.fix is not None


@pytest.mark.parametrize("name", [n for n in presets.small() if n not in ("resnet8",)])
def test_every_preset_passes_the_gradient_check(name: str) -> None:
    assert max(check_graph(presets.load(name)).values()) <= 1e-6


@pytest.mark.parametrize("name", ["lenet5", "circle", "resnet8"])
def test_both_modes_give_the_same_gradients(name: str) -> None:
    graph = presets.load(name)
    feeds = random_feeds(graph)
    found = []
    for mode in ("inspect", "train"):
        plan = gc.compile(graph, dtype="float64", mode=mode)
        plan.forward(feeds, training=True)
        plan.backward(bind(graph).loss)
        found.append(plan.flat_grad)
    largest = found[0].abs().max()
    assert (found[0] - found[1]).abs().max() <= 1e-12 * largest


@pytest.mark.parametrize("name", ["mlp", "lenet5", "vit-tiny", "autoencoder"])
def test_how_weights_lie_in_memory_changes_no_number(name: str) -> None:
    graph = presets.load(name)
    feeds = random_feeds(graph, 0)
    loss = bind(graph).loss
    plans = [gc.compile(graph, dtype="float64", mode="train", transposed=t) for t in (False, True)]
    for plan in plans:
        plan.forward(feeds)
        plan.backward(loss)
    plain, transposed = plans
    assert any(not p.is_contiguous() for p in transposed.parameters.values())
    for key, weight in plain.parameters.items():
        assert torch.equal(transposed.parameters[key], weight)
        torch.testing.assert_close(transposed.grad(key), plain.grad(key), rtol=1e-11, atol=1e-13)
    for info in transposed.layout:
        last = transposed.parameters[info.name].numel() - 1
        for index in {0, last // 3, last}:
            number = transposed.flat[info.place(index)]
            assert number == transposed.parameters[info.name].reshape(-1)[index]
    transposed.flat.mul_(2)
    plain.copy_state(transposed)
    assert all(torch.equal(w, transposed.parameters[k]) for k, w in plain.parameters.items())


@pytest.mark.parametrize("batch", [True, False])
def test_as_many_numbers_as_an_input_holds_fill_it_in_row_order(batch: bool) -> None:
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(5, 5), batch=batch, value=list(range(25)))
    g.connect(x, g.add("ReLU", name="y"))
    plan = gc.compile(g)
    plan.forward({})
    assert plan.value("y").reshape(5, 5)[3].tolist() == [15, 16, 17, 18, 19]
