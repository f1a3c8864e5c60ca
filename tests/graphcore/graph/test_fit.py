"""What fits where: edges between ports, operators at the loose end of one or in a node's place."""

import pytest

from graphcore import presets
from graphcore.graph import fit
from graphcore.graph.elements import Edge
from graphcore.graph.shapes import ShapeInference


@pytest.fixture
def lenet():
    graph = presets.load("lenet5")
    return graph, ShapeInference(graph)


@pytest.mark.parametrize(
    ("port", "fitting", "unfit"),
    [
        (("conv1", "y"), {"ReLU", "MaxPool2d", "Flatten", "Conv2d", "Add", "Concat"},
         {"Input", "LSTM", "Conv1d", "BatchNorm1d"}),
        (("flatten", "y"), {"Linear", "ReLU", "CrossEntropyLoss", "MSELoss", "BatchNorm1d"},
         {"MaxPool2d", "Conv2d", "BatchNorm2d"}),
    ],
)  # fmt: skip
def test_what_takes_a_value(lenet, port, fitting, unfit):
    fits = fit.Fitting(*lenet, port, "output")
    assert {n for n in fitting | unfit if fits(n)} == fitting


@pytest.mark.parametrize(
    ("port", "fitting", "unfit"),
    [
        (("conv1", "x"), {"Input", "ReLU", "Conv2d"}, {"Flatten", "CrossEntropyLoss"}),
        (("logits", "x"), {"Input", "Linear", "Flatten", "ReLU"}, {"MaxPool2d", "Conv2d"}),
    ],
)  # fmt: skip
def test_what_gives_a_value(lenet, port, fitting, unfit):
    graph, shapes = lenet
    graph.disconnect(graph.edge_into(*port))
    shapes.update()
    fits = fit.Fitting(graph, shapes, port, "input")
    assert {n for n in fitting | unfit if fits(n)} == fitting


def test_a_refused_edge_says_why(lenet):
    taken = Edge("conv1", "y", "relu2", "x")
    assert "already has an edge from conv2" in fit.refusal(*lenet, taken).message
    assert (
        "gets (N, 6, 28, 28)" in fit.refusal(*lenet, Edge("conv1", "y", "fc1", "x"), True).message
    )
    back = fit.refusal(*lenet, Edge("logits", "y", "conv1", "x"), replacing=True)
    assert "would close a cycle" in back.message
    itself = fit.refusal(*lenet, Edge("conv1", "y", "conv1", "x"), replacing=True)
    assert "would close a cycle" in itself.message
    assert "has no output 'z'" in fit.refusal(*lenet, Edge("conv1", "z", "fc1", "x")).message


def test_an_edge_may_take_the_place_of_another(lenet):
    other = Edge("conv2", "y", "logits", "x")
    assert fit.refusal(*lenet, Edge("relu3", "y", "fc2", "x"), replacing=True) is None
    assert fit.refusal(*lenet, other) is not None
    assert lenet[0].edge_into("logits", "x") != other, "only asked, nothing is changed"


def test_edges_that_a_node_could_get_go_to_free_ports(lenet):
    graph, shapes = lenet
    graph.disconnect(graph.edge_into("fc2", "x"))
    shapes.update()
    found = fit.edges_of(graph, shapes, "fc2")
    assert Edge("relu3", "y", "fc2", "x") in found
    assert all(graph.edge_into(e.target, e.input) is None for e in found)
    assert not {"logits", "fc2"} & {e.source for e in found if e.target == "fc2"}


def test_a_new_node_reads_the_selected_one_or_feeds_it(lenet):
    graph, shapes = lenet
    graph.disconnect(graph.edge_into("fc2", "x"))
    shapes.update()
    assert fit.edge_between(graph, shapes, "relu3", "fc2") == Edge("relu3", "y", "fc2", "x")
    assert fit.edge_between(graph, shapes, "conv1", "fc2") is None, "four axes are not taken"


def test_edges_may_begin_only_where_they_close_no_cycle(lenet):
    graph, _ = lenet
    edges = [graph.edge_into("fc1", "x")]
    starts = fit.sources_for(graph, edges)
    assert {"conv1", "flatten"} <= starts
    assert not {"fc1", "relu3", "logits"} & starts
