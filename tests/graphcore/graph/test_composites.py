"""Grouping and ungrouping: the numbers stay the same, the edges come out right."""

from __future__ import annotations

import pytest
import torch

import graphcore as gc
from graphcore import files, presets
from graphcore.engine.plan import Plan
from graphcore.errors import GraphError, ShapeError
from graphcore.graph.composites import Exchange, group, ungroup
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.shapes import ShapeInference


def exchange(graph: gc.Graph, change: Exchange) -> None:
    for name in change.gone:
        graph.remove(name)
    for node in change.nodes:
        graph.insert(node)
    for edge in change.edges:
        graph.connect_edge(edge)


def grouped(graph: gc.Graph, *names: str) -> gc.Graph:
    twin = graph.copy()
    exchange(twin, group(twin, names, "block", ShapeInference(twin)))
    return twin


def run(graph: gc.Graph, like: Plan | None = None) -> Plan:
    """Both passes over fixed numbers; parameters are those of another plan, by last name."""
    plan = gc.compile(graph, dtype="float64", seed=0)
    if like is not None:
        theirs = {k.rpartition("/")[2]: v for k, v in like.parameters.items()}
        for name, p in plan.parameters.items():
            p.copy_(theirs[name.rpartition("/")[2]])
    generator = torch.Generator().manual_seed(1)
    x = torch.rand((4, 1, 28, 28), generator=generator, dtype=torch.float64)
    plan.forward({"x": x, "target": torch.tensor([1, 2, 3, 4])}, training=False)
    plan.backward("loss")
    return plan


def test_a_group_computes_what_its_nodes_did() -> None:
    graph = presets.load("lenet5")
    inner = ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten"]
    whole = run(graph)
    twin = grouped(graph, *inner)
    assert len(twin) < len(graph)
    again = run(twin, whole)
    assert torch.equal(whole.value("loss"), again.value("loss"))
    torch.testing.assert_close(whole.grad("x"), again.grad("x"))
    assert any(k.startswith("block/") for k in again.parameters)


@pytest.mark.parametrize("preset", ["lenet5", "resnet8", "vit-tiny"])
def test_ungrouping_a_group_gives_the_graph_back(preset: str) -> None:
    graph = presets.load(preset)
    inner = [n.name for n in graph if n.operator not in ("Input", "Target", "Composite")]
    inner = inner[: len(inner) // 2]
    try:
        twin = grouped(graph, *inner)
    except GraphError:
        inner = inner[:1]
        twin = grouped(graph, *inner)
    exchange(twin, ungroup(twin, "block"))
    assert {n.name for n in twin} == {n.name for n in graph}
    assert set(twin.edges) == set(graph.edges)
    assert files.loads(files.dumps(twin)).edges


def test_a_group_has_every_attribute_of_its_operator() -> None:
    node = grouped(presets.load("lenet5"), "conv1", "relu1").node("block")
    assert node.attributes == node.op.complete({}) != {}


def test_targets_and_losses_go_inside() -> None:
    graph = presets.load("lenet5")
    loss = next(n.name for n in graph if n.op.category == "loss")
    twin = grouped(graph, loss)
    assert [n.operator for n in twin.node("block").subgraph if n.operator == "Target"] == ["Target"]


def test_what_lies_between_must_come_along() -> None:
    graph = gc.parse_expression("J = (a + b) * (a + b + c)")
    with pytest.raises(GraphError, match="add_3 lies between"):
        grouped(graph, "add_2", "J")


def test_an_output_that_is_read_twice_is_one_port() -> None:
    graph = gc.parse_expression("J = (a + b) * (a + b)")
    add = next(n.name for n in graph if n.operator == "Add")
    twin = grouped(graph, add)
    assert len(twin.node("block").outputs) == 1
    plan = gc.compile(twin, dtype="float64")
    plan.forward({"a": 2.0, "b": 3.0})
    plan.backward("J")
    assert float(plan.value("J")) == 25
    assert float(plan.grad("a")) == 10


def test_only_inputs_are_no_group_and_a_node_is_no_composite() -> None:
    graph = presets.load("lenet5")
    with pytest.raises(GraphError, match="stay outside"):
        grouped(graph, "x")
    with pytest.raises(GraphError, match="no composite"):
        ungroup(graph, "x")


def test_composites_nest() -> None:
    graph = presets.load("mlp")
    ordered = [graph.node(n) for n in graph.topological_order()]
    inner = [n.name for n in ordered if n.operator in ("Linear", "ReLU")]
    twin = grouped(graph, *inner[:2])
    outer = group(twin, ["block", inner[2]], "outer", ShapeInference(twin))
    exchange(twin, outer)
    plan = gc.compile(twin)
    assert any(k.startswith("outer/block/") for k in plan.parameters)
    assert files.dumps(files.loads(files.dumps(twin))) == files.dumps(twin)
    assert twin.at(f"outer/block/{inner[0]}").name == inner[0]


def test_a_composite_without_a_graph_inside_is_a_problem_in_a_sentence() -> None:
    g = gc.Graph()
    g.add("Composite", name="empty")
    with pytest.raises(ShapeError, match="needs a graph inside"):
        gc.compile(g)
    loaded = files.loads(files.dumps(g).replace(b'"empty"', b'"hollow"'))
    with pytest.raises(ShapeError, match="needs a graph inside"):
        gc.compile(loaded)


@pytest.mark.parametrize(
    "inner",
    [("loss",), ("hidden2", "loss"), ("hidden1", "act1", "hidden2", "loss"), ("hidden1", "act1")],
)
def test_a_net_is_judged_alike_whatever_is_grouped(inner: tuple[str, ...]) -> None:
    graph = parse_layers("2-8-tanh-2")
    names = dict(zip(("hidden1", "act1", "hidden2"), ("fc1", "tanh1", "fc2"), strict=True))
    data = gc.load_dataset("circle")
    scores = []
    for net in (graph, grouped(graph, *(names.get(n, n) for n in inner))):
        trainer = gc.Trainer(net, data)
        trainer.plan.flat.fill_(0.1)
        trainer.run(steps=3)
        scores.append(trainer.evaluate(data.test))
    assert scores[0].accuracy is not None
    assert scores[1].accuracy == scores[0].accuracy
    assert scores[1].loss == pytest.approx(scores[0].loss, rel=1e-5)
