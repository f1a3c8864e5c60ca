"""The outline follows the graph row by row and edits it."""

import pytest
from PySide6.QtCore import QModelIndex, Qt

from app.panels.outline.model import OutlineModel
from app.panels.outline.panel import OutlinePanel
from graphcore import presets
from graphcore.graph import fit


@pytest.fixture
def panel(qtbot, document):
    document.open_graph(presets.load("mlp"))
    panel = OutlinePanel(document)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def names(model):
    return [model.node_at(model.index(i, 0)) for i in range(model.rowCount())]


def edges(model, name):
    above = model.index_of(name)
    return [model.index(i, 0, above).data() for i in range(model.rowCount(above))]


def test_the_model_keeps_qts_rules_through_every_change(document, qtmodeltester):
    document.open_graph(presets.load("mlp"))
    model = OutlineModel(document)
    qtmodeltester.check(model)
    document.add_node("ReLU", (0.0, 0.0))
    document.connect_nodes("fc1", "re_lu" if "re_lu" in document.graph else "relu")
    document.rename("fc1", "first")
    document.remove(["flatten"])
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    qtmodeltester.check(model)
    assert sorted(names(model)) == sorted(n.name for n in document.graph)


def test_nodes_stand_in_the_order_of_the_data(panel):
    order = names(panel.model)
    assert order.index("x") < order.index("flatten") < order.index("fc1") < order.index("loss")


def test_edges_stand_below_their_node(panel):
    assert edges(panel.model, "fc1") == ["x ← flatten", "y → relu1.x"]
    assert panel.model.index_of("fc1").siblingAtColumn(1).data() == "(N, 16)"


def test_changes_reach_the_rows(panel, document):
    document.rename("fc1", "first")
    assert "first" in names(panel.model)
    assert edges(panel.model, "relu1")[0] == "x ← first"
    document.remove(["relu1"])
    assert "relu1" not in names(panel.model)
    assert edges(panel.model, "first") == ["x ← flatten"]
    document.undo_stack.undo()
    assert edges(panel.model, "first") == ["x ← flatten", "y → relu1.x"]


def test_selection_goes_both_ways_without_echo(panel, qtbot):
    with qtbot.assertNotEmitted(panel.node_chosen):
        panel.show_selection(["fc1", "fc2"])
    assert sorted(panel.selected()) == ["fc1", "fc2"]
    with qtbot.waitSignal(panel.node_chosen) as chosen:
        panel.tree.setCurrentIndex(panel._shown.mapFromSource(panel.model.index_of("loss")))
    assert chosen.args == [["loss"]]


def test_filter_by_name_and_operator(panel):
    panel.filter.setText("dense")
    shown = [panel._shown.index(i, 0).data() for i in range(panel._shown.rowCount())]
    assert sorted(shown) == ["fc1", "fc2", "logits"]
    panel.filter.setText("fc 2")
    assert panel._shown.rowCount() == 1


def test_rename_in_place_and_its_refusal(panel, qtbot, document):
    assert panel.model.setData(panel.model.index_of("fc1"), "one")
    assert "one" in document.graph
    with qtbot.waitSignal(document.message) as said:
        assert not panel.model.setData(panel.model.index_of("one"), "fc2")
    assert "fc2" in said.args[0]


def test_delete_removes_the_selected_nodes_in_one_step(panel, qtbot, document):
    panel.show_selection(["fc1", "relu1"])
    before = document.undo_stack.index()
    panel.tree.setFocus()
    qtbot.keyClick(panel.tree, Qt.Key.Key_Delete)
    assert "fc1" not in document.graph
    assert "relu1" not in document.graph
    assert document.undo_stack.index() == before + 1


def test_enter_on_an_edge_follows_it(panel):
    above = panel.model.index_of("fc1")
    below = panel._shown.mapFromSource(panel.model.index(1, 0, above))
    panel._follow(below)
    assert panel.selected() == ["relu1"]


def test_connections_offered_are_those_that_fit(document):
    document.open_graph(presets.load("mlp"))
    document.add_node("ReLU", (0.0, 0.0))
    offered = {(e.target, e.input) for e in fit.edges_of(document.graph, document.shapes, "fc1")}
    new = document.graph.nodes[-1].name
    assert (new, "x") in offered
    assert not offered & {("flatten", "x"), ("x", "x")}


def test_an_empty_graph_is_an_empty_tree(panel, document):
    document.new()
    assert panel.model.rowCount(QModelIndex()) == 0
    assert panel.model.headerData(0, Qt.Orientation.Horizontal) == "Node"
