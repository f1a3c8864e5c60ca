"""Letting a node compute something else: by key or menu, with what it was joined to."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from graphcore import files
from tests.app.canvas.test_story_search import offered, popups


@pytest.fixture
def change(canvas):
    """Selects nodes and opens the box that offers others in their place."""

    def begin(*names):
        canvas.select(names)
        before = popups()
        QTest.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ShiftModifier)
        return next((box for box in popups() if box not in before), None)

    return begin


def test_an_activation_is_another_by_four_keys_and_keeps_its_edges(canvas, graph, change, steps):
    before, edges = files.dumps(graph), set(graph.edges)
    box = change("relu3", "relu4")
    assert graph.node("relu3").op.category == "activation"
    assert {"Sigmoid", "Tanh", "LeakyReLU"} <= set(offered(box)[:20]), "its own kind is in front"
    assert {"ReLU", "Add", "Input", "CrossEntropyLoss"}.isdisjoint(offered(box))
    QTest.keyClicks(box.field, "tanh")
    QTest.keyClick(box.field, Qt.Key.Key_Return)
    assert {n.name: n.operator for n in graph if n.op.category == "activation"} == {
        "relu1": "ReLU", "relu2": "ReLU", "tanh3": "Tanh", "tanh4": "Tanh",
    }  # fmt: skip
    assert {(e.source, e.target) for e in graph.edges} == {
        tuple(n.replace("relu3", "tanh3").replace("relu4", "tanh4") for n in (e.source, e.target))
        for e in edges
    }
    assert canvas.items_by_name["tanh3"].node.operator == "Tanh"
    assert canvas.selected() == ["tanh3", "tanh4"]
    assert len(steps()) == 1
    canvas.document.undo_stack.undo()
    assert files.dumps(graph) == before


def test_what_would_break_the_net_is_not_offered(canvas, change):
    pooled = offered(change("pool1"))
    assert pooled[0] == "AvgPool2d"
    assert {"Conv1d", "MaxPool1d", "LSTM"}.isdisjoint(pooled), "they take no images"
    losses = offered(change("loss"))
    assert losses[0] == "MSELoss", "the quadratic cost of one-hot rows"
    assert {"ReLU", "Linear", "AvgPool2d"}.isdisjoint(losses)


def test_size_and_stride_stay_where_pooling_becomes_another(canvas, graph, change):
    canvas.document.set_attributes("pool2", kernel_size=3)
    old = graph.node("pool2").attributes
    box = change("pool2")
    QTest.keyClicks(box.field, "avgpool2d")
    QTest.keyClick(box.field, Qt.Key.Key_Return)
    new = graph.node("pool2")
    assert new.operator == "AvgPool2d"
    shared = old.keys() & new.attributes.keys()
    assert "kernel_size" in shared
    assert {k: new.attributes[k] for k in shared} == {k: old[k] for k in shared}


def test_where_nothing_else_fits_one_sentence_says_so(canvas, change):
    said = []
    canvas.document.message.connect(said.append)
    assert change("x") is None
    assert len(said) == 1


def test_a_composite_and_its_ports_stay_what_they_are(canvas, graph, change):
    document, said = canvas.document, []
    document.message.connect(said.append)
    document.group(["relu3", "fc2"])
    (block,) = [n.name for n in graph if n.subgraph is not None]
    assert change(block) is None
    document.enter(block)
    for name in [n.name for n in document.graph if n.operator in ("Input", "Output")]:
        assert change(name) is None
    assert len(said) >= 3


def test_a_name_of_ones_own_stays_and_none_is_taken_twice(canvas, graph):
    document = canvas.document
    document.rename("relu3", "squash")
    document.rename("relu2", "tanh1")
    assert document.change_operator(["squash", "relu1", "relu4"], "Tanh") == [
        "squash", "relu1", "tanh4",
    ]  # fmt: skip
    assert graph.node("tanh1").operator == "ReLU"
    assert document.change_operator(["tanh4"], "LeakyReLU") == ["leaky_relu4"]
    assert document.change_operator(["leaky_relu4"], "ELU") == ["elu4"]
