"""What the views are shown of tensors."""

import numpy as np

import graphcore as gc
from graphcore.engine.pictures import gradient_pictures, value_pictures
from graphcore.records.arrays import unpack


def test_a_vector_of_a_calculation_is_shown_whole() -> None:
    graph = gc.Graph()
    graph.add("Input", name="v", shape=(3,), batch=False, value=(1.0, 2.0, 4.0))
    graph.add("Softmax", name="p", dim=0)
    graph.add("Sum", name="s")
    graph.connect("v", "p")
    graph.connect("p", "s")
    plan = gc.compile(graph)
    plan.forward({})
    plan.backward("s")
    shown = value_pictures(plan, graph, ["v", "p"])
    e = np.exp([1.0, 2.0, 4.0])
    assert np.allclose(unpack(shown["p"].array).ravel(), e / e.sum(), atol=1e-6)
    assert gradient_pictures(plan, graph, ["p"])["p"].shape == "(3)"


def test_of_a_batch_the_first_sample_is_shown() -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(3,))
    graph.add("ReLU", name="y")
    graph.connect("x", "y")
    plan = gc.compile(graph)
    plan.forward({"x": np.array([[1.0, -2.0, 4.0], [7.0, 8.0, 9.0]])})
    shown = unpack(value_pictures(plan, graph, ["y"])["y"].array)
    assert shown.ravel().tolist() == [1.0, 0.0, 4.0]
