"""Group, enter, edit inside, leave and ungroup, with keys and the mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from graphcore import files

CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
FIRST = ["conv1", "relu1", "pool1"]


@pytest.fixture
def grouped(canvas, qtbot):
    canvas.show()
    canvas.setFocus()
    canvas.select(FIRST)
    canvas.menu.actions["group"].trigger()
    return canvas.selected()[0]


def saved(canvas) -> bytes:
    return files.dumps(canvas.document.root)


def test_a_selection_becomes_one_node_in_one_step_and_comes_back(canvas, steps):
    before = saved(canvas)
    canvas.select(FIRST)
    canvas.menu.actions["group"].trigger()
    assert len(steps()) == 1
    (block,) = canvas.selected()
    graph = canvas.document.graph
    assert {n.name for n in graph.node(block).subgraph} == {*FIRST, "x", "y"}
    assert not canvas.document.shapes.problems
    canvas.menu.actions["ungroup"].trigger()
    assert set(canvas.selected()) == set(FIRST)
    assert {n.name for n in graph} == set(canvas.items_by_name)
    canvas.document.undo_stack.undo()
    canvas.document.undo_stack.undo()
    assert saved(canvas) == before


def test_a_double_click_enters_and_the_breadcrumb_leaves(canvas, hand, grouped, qtbot):
    canvas.camera.fit_all()
    hand.double_click(hand.body(grouped))
    assert set(canvas.items_by_name) == {*FIRST, "x", "y"}
    assert canvas.breadcrumbs.isVisible()
    assert [b.text() for b in canvas.breadcrumbs.buttons] == ["Whole net", grouped]
    qtbot.mouseClick(canvas.breadcrumbs.buttons[0], Qt.MouseButton.LeftButton)
    assert grouped in canvas.items_by_name
    assert not canvas.breadcrumbs.isVisible()


def test_edits_inside_are_undone_where_they_were_made(canvas, grouped):
    document = canvas.document
    before = saved(canvas)
    document.enter(grouped)
    document.set_attributes("conv1", out_channels=3)
    assert document.levels[0].shapes.problems == {}
    document.rename("x", "image")
    assert document.root.edge_into(grouped, "image") is not None
    document.leave()
    assert document.root.node(grouped).subgraph.node("conv1").attributes["out_channels"] == 3
    document.undo_stack.undo()
    assert document.prefix == f"{grouped}/"
    document.leave()
    document.undo_stack.undo()
    assert document.prefix == f"{grouped}/"
    assert saved(canvas) == before


def test_a_port_that_goes_takes_its_edge_outside_along(canvas, grouped):
    document = canvas.document
    before = saved(canvas)
    assert document.root.edges_from(grouped)
    document.enter(grouped)
    document.remove(["y"])
    assert not document.root.edges_from(grouped)
    document.undo_stack.undo()
    assert saved(canvas) == before


def test_a_shape_that_no_longer_fits_inside_is_said_outside(canvas, grouped):
    document = canvas.document
    document.enter(grouped)
    document.set_attributes("conv1", kernel_size=(64, 64))
    QApplication.processEvents()
    assert document.shapes.problems
    problem = document.levels[0].shapes.problem(grouped)
    assert problem is not None
    assert "conv1" in problem.message


def test_what_cannot_be_grouped_is_refused_in_words(canvas):
    canvas.select(["conv1", "pool1"])
    canvas.editor.group_selection()
    assert "relu1 lies between" in canvas.editor.refusal.label.text()
    assert "conv1" in canvas.document.graph
    canvas.select(["x"])
    canvas.editor.group_selection()
    assert "stay outside" in canvas.editor.refusal.label.text()


def test_aligned_and_distributed(canvas, steps):
    document = canvas.document
    document.move({"conv1": (0.0, 0.0), "relu1": (90.0, 35.0), "pool1": (400.0, 90.0)})
    canvas.select(FIRST)
    canvas.editor.align("top")
    assert {document.graph.node(n).position[1] for n in FIRST} == {0.0}
    canvas.editor.distribute("x")
    assert document.graph.node("relu1").position == (200.0, 0.0)
    assert len(steps()) == 3


def test_a_saved_composite_opens_as_it_was(canvas, grouped, tmp_path):
    path = tmp_path / "block.graph.json"
    canvas.document.save(path)
    before = saved(canvas)
    canvas.document.open(path)
    assert saved(canvas) == before
    canvas.document.enter(grouped)
    assert set(canvas.items_by_name) == {*FIRST, "x", "y"}


def test_a_kept_block_is_offered_and_added_again(canvas, grouped, monkeypatch, tmp_path, qtbot):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    canvas.document.rename(grouped, "stem")
    canvas.select(["stem"])
    canvas.menu.actions["keep"].trigger()
    popup = canvas.search_at(canvas.camera.pointer_place())
    qtbot.keyClicks(popup.field, "stem")
    assert "your blocks" in popup.list.item(0).text()
    qtbot.keyClick(popup.field, Qt.Key.Key_Return)
    assert canvas.selected() == ["stem_2"]
    assert {n.name for n in canvas.document.graph.node("stem_2").subgraph} == {*FIRST, "x", "y"}
    from app.panels.library.panel import LibraryPanel

    panel = LibraryPanel(canvas.document)
    assert panel._models[0].item(0).child(0).text() == "stem"
    panel.operator_chosen.connect(canvas.editor.add_operator)
    panel.search.setText("stem")
    qtbot.keyClick(panel.search, Qt.Key.Key_Return)
    assert "stem_3" in canvas.document.graph
