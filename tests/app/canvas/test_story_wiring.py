"""Edges and what stands on them, with the mouse: refusals, fixes, inserting, cutting, bypassing."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtWidgets import QApplication

from app.canvas.items import geometry as geo
from app.canvas.search_popup import SearchPopup
from graphcore.graph.elements import Edge
from graphcore.graph.graph import Graph

KEY, LEFT = Qt.Key, Qt.MouseButton.LeftButton


def popup():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, SearchPopup)]
    return next((w for w in found if w.isVisible()), None)


def offered(box):
    return {box.list.item(i).data(Qt.ItemDataRole.UserRole) for i in range(box.list.count())}


def add(canvas, operator, at):
    name = canvas.editor.add_operator(operator, at)
    canvas.mark_selected(set())
    canvas.camera.fit_all()
    return name


def test_a_click_on_an_output_offers_what_fits_there_and_connects(canvas, hand, graph, qtbot):
    hand.click(hand.output("flatten"))
    box = popup()
    assert "Linear" in offered(box)
    assert "MaxPool2d" not in offered(box)
    qtbot.keyClicks(box.field, "relu")
    qtbot.keyClick(box.field, KEY.Key_Return)
    (new,) = canvas.selected()
    assert graph.edge_into(new, "x").source == "flatten"


def test_dragging_back_from_an_input_offers_what_has_an_output(canvas, hand, graph, qtbot):
    name = add(canvas, "ReLU", QPointF(300, 900))
    hand.drag(hand.input(name), hand.input(name) + QPointF(-60, 130))
    box = popup()
    assert "Input" in offered(box)
    qtbot.keyClicks(box.field, "constant")
    qtbot.keyClick(box.field, KEY.Key_Return)
    assert graph.node(graph.edge_into(name, "x").source).operator == "Constant"


def test_a_port_snaps_within_twenty_pixels_and_not_beyond(canvas, hand, graph):
    name = add(canvas, "ReLU", QPointF(300, 900))
    far = hand.input(name) - QPointF(26, 0) / canvas.zoom
    hand.drag(hand.output("conv1"), far)
    assert graph.edge_into(name, "x") is None
    popup().close()
    hand.drag(hand.output("conv1"), hand.input(name) - QPointF(18, 0) / canvas.zoom)
    assert graph.edge_into(name, "x").source == "conv1"


def test_a_click_at_an_edge_s_end_selects_it_and_delete_removes_it(window, qtbot):
    canvas, graph = window.canvas, window.document.graph
    window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus)
    edge = graph.edge_into("relu1", "x")
    at = canvas.mapFromScene(canvas.graph_scene.port_position("relu1", "input", "x"))
    qtbot.mouseClick(canvas.viewport(), LEFT, pos=at)
    assert canvas.selection.edges() == [edge]
    qtbot.keyClick(canvas, KEY.Key_Delete)
    assert graph.edge_into("relu1", "x") is None
    qtbot.keyClick(canvas, KEY.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert graph.edge_into("relu1", "x") == edge


def test_a_node_dropped_on_an_edge_pushes_what_follows(canvas, hand, graph):
    name = add(canvas, "Dropout", QPointF(300, 900))
    edge = graph.edge_into("relu2", "x")
    before = graph.node("relu2").position
    hand.drag(hand.body(name), hand.on_edge(edge))
    assert graph.edge_into("relu2", "x") == Edge(name, "y", "relu2", "x")
    after = graph.node("relu2").position
    assert after[0] > before[0]
    box, other = (geo.BODY.translated(QPointF(*graph.node(n).position)) for n in (name, "relu2"))
    assert not box.intersects(other)


def test_who_lets_go_at_once_after_a_slip_has_clicked(window, qtbot):
    canvas, graph = window.canvas, window.document.graph
    before = graph.node("conv1").position
    at = canvas.mapFromScene(canvas.items_by_name["conv1"].pos() + geo.BODY.center())
    view = canvas.viewport()
    qtbot.mousePress(view, LEFT, pos=at)
    qtbot.mouseMove(view, at + QPoint(9, 0))
    qtbot.mouseRelease(view, LEFT, pos=at + QPoint(9, 0))
    assert graph.node("conv1").position == before
    assert canvas.selected() == ["conv1"]
    qtbot.mousePress(view, LEFT, pos=at)
    qtbot.mouseMove(view, at + QPoint(30, 0))
    qtbot.mouseRelease(view, LEFT, pos=at + QPoint(30, 0))
    assert graph.node("conv1").position != before


def test_a_bypass_that_the_shapes_forbid_is_explained_and_undone(canvas, qtbot, steps):
    canvas.select("conv1")
    qtbot.keyClick(canvas, KEY.Key_B)
    assert "cannot be bypassed" in canvas.editor.refusal.label.text()
    assert canvas.document.shapes.problem("conv1") is not None, "and stays marked until mended"


def test_unknown_operators_are_named_and_the_rest_is_pasted(canvas, graph, qtbot):
    canvas.select(["conv1", "relu1"])
    canvas.editor.copy()
    text = QApplication.clipboard().text().replace('"ReLU"', '"FromTheFuture"')
    QApplication.clipboard().setText(text)  # as if it came from a text editor
    with qtbot.waitSignal(canvas.document.message) as said:
        canvas.editor.paste_at(QPointF(0, 900))
    assert "FromTheFuture" in said.args[0]
    assert canvas.selected() == ["conv1_2"]


def test_notes_are_copied_with_nodes(canvas, graph):
    canvas.mark_selected({"conv1"}, set(graph.notes))
    canvas.editor.copy()
    count = len(graph.notes)
    canvas.editor.paste_at(QPointF(0, 900))
    assert len(graph.notes) == 2 * count


# -- frames ---------------------------------------------------------------------------------------


@pytest.fixture
def framed(canvas):
    canvas.document.add_frame(["conv1", "relu1"], "First stage")
    canvas.camera.fit_all()
    return canvas.graph_scene.frames.frames["frame1"]


def test_a_node_dropped_into_a_frame_is_owned_by_it_in_one_step(canvas, hand, graph, framed, steps):
    name = add(canvas, "Dropout", QPointF(300, 900))
    before = len(steps())
    middle = framed.area.center() + QPointF(0, framed.area.height() / 2 - 20)
    hand.drag(hand.body(name), middle)
    assert graph.node(name).frame == "frame1"
    assert len(steps()) == before + 1
    canvas.document.undo_stack.undo()
    assert graph.node(name).frame == ""


def test_a_frame_round_a_whole_frame_holds_it(canvas, graph, framed, qtbot):
    canvas.select(["conv1", "relu1", "pool1"])
    outer = canvas.document.add_frame(canvas.selected(), "Both")
    assert graph.frames["frame1"].parent == outer
    assert graph.node("conv1").frame == "frame1", "it keeps its members"
    assert graph.node("pool1").frame == outer
    areas = canvas.graph_scene.frames.areas()
    assert areas[outer].contains(areas["frame1"])


def test_a_frame_changes_its_colour_by_key(canvas, graph, framed, qtbot):
    canvas.select("conv1")
    was = graph.frames["frame1"].color
    qtbot.keyClick(canvas, KEY.Key_G, Qt.KeyboardModifier.AltModifier)
    assert graph.frames["frame1"].color != was


def test_an_empty_graph_is_one_to_one(show):
    canvas = show(graph=Graph())
    canvas.camera.fit_all()
    assert canvas.zoom == pytest.approx(1.0)


def test_an_arranged_graph_is_in_view_while_it_still_glides(canvas):
    canvas.reduced_motion = False
    canvas.document.move({"conv1": (-3000.0, 0.0), "loss": (0.0, 2500.0)})
    canvas.camera.set_zoom(3.0)
    canvas.editor.arrange()
    assert canvas.zoom > 0.3, "fitted to where the nodes go, not to where they come from"
    canvas.editor.glide.stop()
    assert canvas.camera.seen_area().contains(canvas.graph_scene.contents())
    assert canvas.camera.fitted


def test_a_composite_lies_on_no_other_node(canvas, graph):
    canvas.document.move({"target": graph.node("pool1").position})
    canvas.select(["relu1", "pool1", "conv2"])
    canvas.editor.group_selection()
    (block,) = canvas.selected()
    body = geo.BODY.translated(canvas.items_by_name[block].pos())
    others = [n for n in canvas.items_by_name if n != block]
    assert not any(
        body.intersects(geo.BODY.translated(canvas.items_by_name[n].pos())) for n in others
    )


def test_the_search_box_stays_over_the_canvas(canvas, hand):
    area = canvas.rect().adjusted(0, 0, 4, 4)  # as wide as a popup's border offscreen
    box = canvas.search_at(canvas.mapToScene(area.bottomRight() - QPoint(5, 5)))
    corner = canvas.mapFromGlobal(box.pos())
    assert area.contains(corner)
    assert area.contains(corner + QPoint(box.width() - 1, box.height() - 1))
    box.close()
