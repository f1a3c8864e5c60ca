"""What one net does otherwise than another, told in words."""

from __future__ import annotations

import pytest

from graphcore import files, presets
from graphcore.graph.composites import group
from graphcore.graph.difference import changes, same_net
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference


def edited(change) -> tuple[str, ...]:
    """What is told of a change to *mlp*."""
    graph = presets.load("mlp")
    after = graph.copy()
    change(after)
    told = changes(graph, after)
    assert same_net(graph, after) == (not told)
    return told


def linear(graph: Graph) -> str:
    return next(n.name for n in graph if n.operator == "Linear")


def add_dropout(graph: Graph) -> None:
    graph.add("Dropout", name="drop")


def relu_to_tanh(graph: Graph) -> None:
    _, edges = graph.remove("relu1")
    graph.add("Tanh", name="tanh1")
    for edge in edges:
        source, target = (n.replace("relu1", "tanh1") for n in (edge.source, edge.target))
        graph.connect(source, target, input=edge.input)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (add_dropout, "+ drop (Dropout)"),
        (relu_to_tanh, "relu1 → tanh1 (Tanh)"),
        (lambda g: g.remove("loss"), "− loss"),
        (lambda g: g.set_attributes(linear(g), out_features=77), ".out_features: "),
        (lambda g: g.set_initializer(linear(g), "weight", "zeros"),
         ".weight: initialiser its own → zeros"),
        (lambda g: g.set_frozen(linear(g), "weight", True), ".weight frozen"),
        (lambda g: g.update(linear(g), bypassed=True), " bypassed"),
    ],
)  # fmt: skip
def test_a_change_is_told(change, told) -> None:
    found = edited(change)
    assert len(found) == 1
    assert told in found[0]


def test_where_nodes_stand_and_how_the_net_trains_is_no_change() -> None:
    def change(graph: Graph) -> None:
        graph.update(linear(graph), position=(7.0, 7.0))

    assert edited(change) == ()
    graph = presets.load("mlp")
    assert changes(graph, files.loads(files.dumps(graph))) == ()


def test_the_inside_of_a_composite_and_other_edges_are_told() -> None:
    graph = presets.load("lenet5")
    made = group(graph, ["conv1", "relu1"], "block", ShapeInference(graph))
    for name in made.gone:
        graph.remove(name)
    for node in made.nodes:
        graph.insert(node)
    after = graph.copy()
    inside = after.node("block").subgraph
    assert inside is not None
    inside.set_attributes("conv1", out_channels=9)
    assert changes(graph, after) == ("block/conv1.out_channels: 6 → 9",)
    sums = Graph()
    for name in ("a", "b"):
        sums.add("Input", name=name, shape=(2,))
    sums.add("Sub", name="d")
    other = sums.copy()
    for graph, (first, second) in ((sums, "ab"), (other, "ba")):
        graph.connect(first, "d", input="a")
        graph.connect(second, "d", input="b")
    assert changes(sums, other) == ("other edges",)
