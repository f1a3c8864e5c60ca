"""Every gesture, made with real mouse events: what it changes, in how many steps."""

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QFontMetricsF
from PySide6.QtWidgets import QApplication

from app.canvas.items import geometry as geo
from app.canvas.items.node_painter import font
from app.canvas.menu import QMenu
from app.canvas.search_popup import SearchPopup
from graphcore import files
from graphcore.graph.elements import Edge

SHIFT, CONTROL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)
RIGHT, MIDDLE = Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton


def add(canvas, operator, at):
    """A node, with everything in view."""
    name = canvas.editor.add_operator(operator, at)
    canvas.camera.fit_all()
    return name


def popups():
    found = [w for w in QApplication.topLevelWidgets() if isinstance(w, SearchPopup)]
    return [w for w in found if w.isVisible()]


# -- selecting ------------------------------------------------------------------------------------


def test_clicks_select(canvas, hand):
    hand.click(hand.body("conv1"))
    assert canvas.selected() == ["conv1"]
    hand.click(hand.body("relu1"), SHIFT)
    assert set(canvas.selected()) == {"conv1", "relu1"}
    hand.click(hand.body("conv1"), CONTROL)
    assert canvas.selected() == ["relu1"]
    hand.click(hand.body("fc1") + QPointF(0, 90))
    assert canvas.selected() == []


def band(canvas, hand, *names):
    beside = 12 / canvas.zoom
    area = canvas.graph_scene.contents(names).adjusted(-beside, -beside, beside, beside)
    return area.topLeft(), area.bottomRight()


def test_a_rubber_band_replaces_adds_toggles_and_takes_away(canvas, hand):
    hand.drag(*band(canvas, hand, "conv1", "relu1"))
    assert set(canvas.selected()) == {"conv1", "relu1"}
    hand.drag(*band(canvas, hand, "relu1", "pool1"), SHIFT)
    assert set(canvas.selected()) == {"conv1", "relu1", "pool1"}
    hand.drag(*band(canvas, hand, "relu1"), CONTROL)
    assert set(canvas.selected()) == {"conv1", "pool1"}
    hand.drag(*band(canvas, hand, "pool1", "conv2"), SHIFT | CONTROL)
    assert canvas.selected() == ["conv1"]
    hand.drag(*band(canvas, hand, "fc1"))
    assert canvas.selected() == ["fc1"]


def test_one_signal_for_many_nodes(canvas, qtbot):
    told = []
    canvas.selection.changed.connect(told.append)
    canvas.selection.select_all()
    assert len(told) == 1
    assert len(told[0]) == len(canvas.items_by_name)


def test_an_edge_is_selected_and_deleted(canvas, hand, graph, steps):
    edge = graph.edge_into("relu1", "x")
    canvas.camera.set_zoom(2.0)
    hand.click(hand.on_edge(edge))
    assert canvas.selection.edges() == [edge]
    canvas.editor.delete_selection()
    assert graph.edge_into("relu1", "x") is None
    assert len(steps()) == 1


# -- moving ---------------------------------------------------------------------------------------


def test_a_drag_moves_the_selection_in_one_step(canvas, hand, graph, steps):
    canvas.select(["conv1", "relu1"])
    before = {n: graph.node(n).position for n in ("conv1", "relu1")}
    hand.drag(hand.body("conv1"), hand.body("conv1") + QPointF(50, 200))
    for name, (x, y) in before.items():
        assert graph.node(name).position == (x + 50, y + 200)
        assert canvas.items_by_name[name].pos() == QPointF(x + 50, y + 200)
    assert len(steps()) == 1
    edge = canvas.graph_scene.edges[graph.edge_into("conv1", "x")]
    assert edge.end == hand.input("conv1"), "the edge came along"
    canvas.document.undo_stack.undo()
    assert canvas.items_by_name["conv1"].pos() == QPointF(*before["conv1"])


def test_less_than_six_pixels_is_a_click(canvas, hand, steps):
    at = hand.body("conv1")
    hand.press(at)
    hand.move(at + QPointF(5, 0) / canvas.zoom)
    assert canvas.items_by_name["conv1"].pos() == at - geo.BODY.center()
    hand.release(at + QPointF(5, 0) / canvas.zoom)
    assert not steps()
    assert canvas.selected() == ["conv1"]


def test_escape_gives_a_drag_up(canvas, hand, qtbot, steps):
    said = []
    canvas.editor.said.connect(said.append)
    before = canvas.items_by_name["conv1"].pos()
    hand.drag(hand.body("conv1"), hand.body("conv1") + QPointF(90, 200), let_go=False)
    assert canvas.items_by_name["conv1"].pos() != before
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.items_by_name["conv1"].pos() == before
    assert said[-1] == ""
    hand.release(hand.body("conv1"))
    assert not steps()


def test_a_drag_near_the_rim_takes_the_view_along(canvas, hand, qtbot):
    canvas.camera.set_zoom(1.5)
    canvas.centerOn(hand.body("conv1"))
    start = canvas.camera.seen_area().left()
    hand.press(hand.body("conv1"))
    hand.move(canvas.mapToScene(QPoint(5, 400)))
    qtbot.waitUntil(lambda: canvas.camera.seen_area().left() < start - 50)
    hand.release(canvas.mapToScene(QPoint(5, 400)))
    assert not canvas.pointer._rim.isActive()


# -- connecting -----------------------------------------------------------------------------------


def test_an_edge_is_drawn_from_output_to_input_and_back(canvas, hand, graph, steps):
    name = add(canvas, "ReLU", QPointF(300, 900))
    hand.drag(hand.output("conv1"), hand.input(name))
    assert graph.edge_into(name, "x").source == "conv1"
    canvas.document.disconnect_edges(graph.edges_into(name))
    hand.drag(hand.input(name), hand.output("conv2"))
    assert graph.edge_into(name, "x").source == "conv2"
    assert len(steps()) == 4


def test_the_nearest_fitting_port_within_twenty_pixels_takes_the_edge(canvas, hand, graph):
    name = add(canvas, "ReLU", QPointF(300, 900))
    hand.drag(hand.output("conv1"), hand.input(name) - QPointF(15, 0) / canvas.zoom)
    assert graph.edge_into(name, "x").source == "conv1"


def test_fitting_ports_light_up_and_the_rest_fades(canvas, hand):
    hand.press(hand.output("flatten"))
    lit = {n: i.lit for n, i in canvas.items_by_name.items()}
    assert ("input", "x") in lit["fc2"], "(N, 400) fits a Linear"
    assert not lit["conv1"], "upstream: it would close a cycle"
    assert not lit["conv2"]
    assert all(e.faded for e in canvas.graph_scene.edges.values())
    hand.release(hand.output("flatten"))
    assert {i.lit for i in canvas.items_by_name.values()} == {None}
    for popup in popups():
        popup.close()


def test_a_refused_drop_says_why_and_offers_the_fix(canvas, hand, graph, qtbot, steps):
    name = add(canvas, "Linear", QPointF(300, 900))
    hand.drag(hand.output("conv1"), hand.input(name))
    assert canvas.editor.refusal.isVisible()
    assert "gets (N, 6, 28, 28)" in canvas.editor.refusal.label.text()
    assert graph.edge_into(name, "x") is None
    before = files.dumps(graph)
    qtbot.mouseClick(canvas.editor.refusal.button, Qt.MouseButton.LeftButton)
    assert graph.node(graph.edge_into(name, "x").source).operator == "Flatten"
    assert canvas.document.shapes.problem(name) is None
    assert not canvas.editor.refusal.isVisible()
    canvas.document.undo_stack.undo()
    assert files.dumps(graph) == before, "edge and fix are one step"


def test_a_cycle_is_refused_in_words(canvas, hand, graph):
    before = files.dumps(graph)
    hand.drag(hand.output("conv2"), hand.input("conv1"))
    assert "cycle" in canvas.editor.refusal.label.text()
    assert files.dumps(graph) == before


def test_an_edge_is_taken_by_its_end_and_put_elsewhere(canvas, hand, graph, steps):
    name = add(canvas, "ReLU", QPointF(300, 900))
    hand.drag(hand.input("relu2"), hand.input(name))
    assert graph.edge_into("relu2", "x") is None
    assert graph.edge_into(name, "x").source == "conv2"
    assert len(steps()) == 2


def test_an_edge_pulled_off_into_nothing_goes(canvas, hand, graph, steps):
    hand.drag(hand.input("relu1"), hand.input("relu1") + QPointF(-20, 100))
    assert graph.edge_into("relu1", "x") is None
    assert len(steps()) == 1


def test_a_drop_on_empty_canvas_offers_what_fits_and_connects(canvas, hand, graph, qtbot, steps):
    hand.drag(hand.output("flatten"), hand.output("flatten") + QPointF(10, 110))
    (popup,) = popups()
    names = [popup.list.item(i).data(Qt.ItemDataRole.UserRole) for i in range(popup.list.count())]
    assert "Linear" in names
    assert "Conv2d" not in names, "(N, 400) is no image"
    assert "Input" not in names
    popup.field.setText("dense")
    qtbot.keyClick(popup.field, Qt.Key.Key_Return)
    (new,) = canvas.selected()
    assert graph.node(new).operator == "Linear"
    assert graph.edge_into(new, "x").source == "flatten"
    assert len(steps()) == 1


def test_control_drag_moves_all_edges_of_an_output(canvas, hand, graph, steps):
    first = add(canvas, "ReLU", QPointF(300, 900))
    canvas.document.connect_nodes("conv1", first)
    second = add(canvas, "Tanh", QPointF(0, 900))
    canvas.document.connect_nodes("x", second)
    before = len(steps())
    hand.drag(hand.output("conv1"), hand.body(second), CONTROL)
    assert graph.edge_into(first, "x").source == second
    assert graph.edge_into("relu1", "x").source == second
    assert not graph.edges_from("conv1")
    assert len(steps()) == before + 1


def test_a_slice_cuts_what_it_crosses(canvas, hand, graph, steps):
    edges = [graph.edge_into(n, "x") for n in ("conv1", "relu1")]
    top = hand.on_edge(edges[0]) - QPointF(0, 55)
    hand.drag(top, top + QPointF(0, 110), ALT)
    assert graph.edge_into("conv1", "x") is None
    assert graph.edge_into("relu1", "x") is not None
    middle = hand.on_edge(edges[1]) - QPointF(0, 55)
    hand.drag(middle, middle + QPointF(0, 110), button=RIGHT)
    assert graph.edge_into("relu1", "x") is None
    assert len(steps()) == 2
    back = graph.edge_into("relu2", "x")
    inside = hand.on_edge(back) - QPointF(0, 25)
    hand.drag(inside, inside + QPointF(60, 5), ALT)
    assert graph.edge_into("relu2", "x") == back, "inside its box, but not across it"


# -- nodes on edges -------------------------------------------------------------------------------


def test_a_lone_node_dropped_on_an_edge_stands_on_it(canvas, hand, graph, steps):
    name = add(canvas, "Dropout", QPointF(300, 900))
    edge = graph.edge_into("relu2", "x")
    hand.drag(hand.body(name), hand.on_edge(edge), let_go=False)
    assert canvas.graph_scene.edges[edge].highlighted
    hand.release(hand.on_edge(edge))
    assert graph.edge_into(name, "x").source == "conv2"
    assert graph.edge_into("relu2", "x").source == name
    assert len(steps()) == 2
    assert not any(e.highlighted for e in canvas.graph_scene.edges.values())


def drop(canvas, operator, at):
    data = QMimeData()
    data.setData("application/x-gradscape-operator", operator.encode())
    point = canvas.mapFromScene(at)
    copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
    button = Qt.MouseButton.LeftButton
    QApplication.sendEvent(canvas.viewport(), QDragEnterEvent(point, copy, data, button, none))
    QApplication.sendEvent(canvas.viewport(), QDragMoveEvent(point, copy, data, button, none))
    QApplication.sendEvent(canvas.viewport(), QDropEvent(QPointF(point), copy, data, button, none))


def test_operators_are_dragged_in_from_the_library(canvas, hand, graph, steps):
    at = QPointF(800, 780)
    drop(canvas, "Softmax", at)
    item = canvas.items_by_name["softmax"]
    assert (item.pos() + geo.BODY.center() - at).manhattanLength() < 12
    edge = graph.edge_into("relu2", "x")
    drop(canvas, "Dropout", hand.on_edge(edge))
    assert graph.edge_into("relu2", "x").source == "dropout"
    assert graph.edge_into("dropout", "x") == Edge("conv2", "y", "dropout", "x")
    drop(canvas, "Constant", hand.on_edge(graph.edge_into("relu2", "x")))
    assert graph.edge_into("relu2", "x").source == "dropout", "a source stands on no edge"
    assert len(steps()) == 3


# -- deleting, copying ----------------------------------------------------------------------------


def test_delete_and_delete_with_reconnect(canvas, graph, qtbot, steps):
    canvas.select(["relu1", "pool1"])
    canvas.editor.delete_selection()
    assert graph.edge_into("conv2", "x") is None
    canvas.document.undo_stack.undo()
    canvas.select(["relu1", "pool1"])
    qtbot.keyClick(canvas, Qt.Key.Key_Backspace)
    assert graph.edge_into("conv2", "x").source == "conv1"
    assert len(steps()) == 1


def test_copy_is_text_and_paste_lands_at_the_point(canvas, graph, steps):
    canvas.select(["conv1", "relu1"])
    canvas.editor.copy()
    data = QApplication.clipboard().mimeData()
    assert data.hasText()
    assert data.hasFormat("application/x-gradscape-nodes")
    assert '"Conv2d"' in data.text()
    canvas.editor.paste_at(QPointF(40, 900))
    assert set(canvas.selected()) == {"conv1_2", "relu1_2"}
    assert graph.node("conv1_2").position == (40.0, 900.0)
    assert graph.edge_into("relu1_2", "x").source == "conv1_2"
    assert len(steps()) == 1
    canvas.editor.duplicate()
    assert set(canvas.selected()) == {"conv1_3", "relu1_3"}


def test_pasting_rubbish_says_so_and_changes_nothing(canvas, steps):
    QApplication.clipboard().setText("not a graph at all")
    canvas.editor.paste_at(QPointF(0, 0))
    assert canvas.editor.refusal.isVisible()
    assert not steps()


# -- looking around -------------------------------------------------------------------------------


def test_the_wheel_zooms_about_the_pointer_within_limits(canvas, hand):
    at = hand.body("pool1")
    before = canvas.mapFromScene(at)
    hand.wheel(at, 3)
    assert (canvas.mapFromScene(at) - before).manhattanLength() <= 3
    for _ in range(60):
        hand.wheel(at, 3)
    assert canvas.zoom == pytest.approx(4.0)
    for _ in range(120):
        hand.wheel(canvas.camera.seen_area().center(), -3)
    assert abs(canvas.zoom - 0.05) < 1e-9


def test_middle_and_space_drags_pan(canvas, hand, qtbot, steps):
    canvas.camera.set_zoom(1.5)
    start = canvas.camera.seen_area().topLeft()
    at = canvas.camera.seen_area().center()
    hand.drag(at, at + QPointF(60, 40), button=MIDDLE)
    assert canvas.camera.seen_area().topLeft() != start
    start = canvas.camera.seen_area().topLeft()
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    hand.drag(hand.body("conv2"), hand.body("conv2") + QPointF(60, 40))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.camera.seen_area().topLeft() != start
    assert not popups(), "Space was for the drag"
    assert not steps()


def test_space_alone_and_a_double_click_search(canvas, hand, qtbot):
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    (popup,) = popups()
    assert popup.isVisible()
    popup.close()
    assert not popups()
    area = canvas.graph_scene.contents()
    hand.double_click(QPointF(area.center().x(), area.bottom() - 20))
    (popup,) = popups()
    assert popup.isVisible()
    popup.close()


def test_the_second_click_on_what_stood_in_the_place_of_the_canvas_is_none_on_it(canvas, hand):
    """A lesson or a preset opens at the first click of two."""
    area = canvas.graph_scene.contents()
    canvas.hide()
    canvas.show()
    at = QPointF(area.center().x(), area.bottom() - 20)
    hand.second_click(at)
    assert not popups()
    hand.double_click(at)
    (popup,) = popups()
    popup.close()


def test_fit(canvas):
    canvas.select("conv2")
    canvas.camera.fit_nodes(canvas.selected())
    assert canvas.zoom == pytest.approx(1.25)
    canvas.camera.fit_all()
    assert canvas.camera.seen_area().contains(canvas.graph_scene.contents())
    canvas.camera.zoom_reset()
    assert canvas.zoom == pytest.approx(1.0)


def test_the_map_shows_while_something_is_out_of_view(canvas, hand, qtbot):
    assert not canvas.minimap.isVisible()
    canvas.camera.zoom_reset()
    canvas.centerOn(hand.body("x"))
    qtbot.waitUntil(canvas.minimap.isVisible)
    qtbot.mouseClick(canvas.minimap, Qt.MouseButton.LeftButton, pos=QPoint(150, 90))
    assert canvas.camera.seen_area().center().x() > 600
    qtbot.keyClick(canvas, Qt.Key.Key_M)
    assert not canvas.minimap.isVisible()


# -- keys -----------------------------------------------------------------------------------------


def test_arrows_nudge_in_one_step(canvas, graph, qtbot, steps):
    canvas.select("conv1")
    x, y = graph.node("conv1").position
    for _ in range(3):
        qtbot.keyClick(canvas, Qt.Key.Key_Right)
    qtbot.keyClick(canvas, Qt.Key.Key_Down, SHIFT)
    assert graph.node("conv1").position == (x + 30, y + 1)
    assert len(steps()) == 1


def test_control_with_arrows_walks_along_edges(canvas, qtbot, steps):
    qtbot.keyClick(canvas, Qt.Key.Key_Right)
    assert canvas.selected() == [canvas.document.graph.topological_order()[0]]
    canvas.select("conv1")
    qtbot.keyClick(canvas, Qt.Key.Key_Right, CONTROL)
    assert canvas.selected() == ["relu1"]
    qtbot.keyClick(canvas, Qt.Key.Key_Left, CONTROL)
    qtbot.keyClick(canvas, Qt.Key.Key_Left, CONTROL)
    assert canvas.selected() == ["x"]
    qtbot.keyClick(canvas, Qt.Key.Key_Down, CONTROL)
    assert canvas.selected() == ["flatten"]
    assert not steps()


def test_bypass_and_pin(canvas, graph, qtbot, steps):
    canvas.select("relu1")
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    qtbot.keyClick(canvas, Qt.Key.Key_P)
    assert graph.node("relu1").bypassed
    assert graph.node("relu1").pinned
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    assert not graph.node("relu1").bypassed
    canvas.select("pool1")
    qtbot.keyClick(canvas, Qt.Key.Key_B)
    assert "cannot be bypassed" in canvas.editor.refusal.label.text()


def test_rename_in_place(canvas, graph, qtbot, steps):
    canvas.select("conv1")
    qtbot.keyClick(canvas, Qt.Key.Key_F2)
    edit = typed(canvas)
    edit.setPlainText("edges")
    qtbot.keyClick(edit, Qt.Key.Key_Return)
    assert "edges" in graph
    assert steps() == ["Rename conv1 to edges"]


# -- frames, notes, menu --------------------------------------------------------------------------


def typed(canvas):
    return next(c for c in canvas.viewport().children() if hasattr(c, "accepted"))


def test_a_frame_goes_round_the_selection_and_moves_it(canvas, hand, graph, qtbot, steps):
    canvas.select(["relu2", "pool2"])
    qtbot.keyClick(canvas, Qt.Key.Key_G)
    typed(canvas).setPlainText("Second stage")
    qtbot.keyClick(typed(canvas), Qt.Key.Key_Return)
    frame = graph.frames["frame1"]
    assert frame.title == "Second stage"
    item = canvas.graph_scene.frames.frames["frame1"]
    assert item.area.contains(canvas.graph_scene.contents(["relu2", "pool2"]))
    before = graph.node("pool2").position
    title = item.title_area.center()
    canvas.mark_selected(set())
    hand.drag(title, title + QPointF(30, 40))
    assert graph.node("pool2").position == (before[0] + 30, before[1] + 40)
    canvas.select(["relu2"])
    qtbot.keyClick(canvas, Qt.Key.Key_G, SHIFT)
    assert not graph.frames
    assert not canvas.graph_scene.frames.frames
    assert len(steps()) == 4


def test_notes_are_typed_moved_and_deleted(canvas, hand, graph, qtbot):
    for name in list(graph.notes):
        canvas.document.set_note(name, None)
    canvas.annotations.add_note(QPointF(500, 700))
    typed(canvas).setPlainText("Remember this")
    qtbot.keyClick(typed(canvas), Qt.Key.Key_Return, CONTROL)
    assert graph.notes["note1"].text == "Remember this"
    hand.drag(QPointF(600, 750), QPointF(620, 790))
    assert graph.notes["note1"].position == (520.0, 740.0)
    assert canvas.selected_notes() == ["note1"]
    canvas.editor.delete_selection()
    assert not graph.notes
    canvas.document.undo_stack.undo()
    assert canvas.graph_scene.frames.notes["note1"].pos() == QPointF(520, 740)


def test_a_note_from_the_menu_lies_where_the_right_button_was_pressed(canvas, hand, graph, qtbot):
    canvas.camera.fit_all()
    place = canvas.camera.seen_area().topLeft() + QPointF(60, 40) / canvas.zoom
    hand.click(place, button=RIGHT)
    menu = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())
    known = set(graph.notes)
    next(a for a in menu.actions() if a.text().replace("&", "") == "Add Note").trigger()
    menu.close()
    typed(canvas).setPlainText("Here")
    qtbot.keyClick(typed(canvas), Qt.Key.Key_Return, CONTROL)
    (name,) = set(graph.notes) - known
    away = QPointF(*graph.notes[name].position) - place
    assert max(abs(away.x()), abs(away.y())) < 10


def test_escape_keeps_a_note_as_it_was_and_makes_none(canvas, graph, qtbot, steps):
    for name in list(graph.notes):
        canvas.document.set_note(name, None)
    before = steps()
    canvas.annotations.add_note(QPointF(500, 700))
    qtbot.keyClicks(typed(canvas), "not this")
    qtbot.keyClick(typed(canvas), Qt.Key.Key_Escape)
    canvas.annotations.add_note(QPointF(500, 700))
    qtbot.keyClick(typed(canvas), Qt.Key.Key_Return, CONTROL)
    assert not graph.notes
    assert steps() == before
    name = canvas.document.add_note("kept", (500.0, 700.0))
    QApplication.processEvents()
    edit = canvas.annotations.edit_note(name)
    qtbot.keyClicks(edit, "not this")
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    assert graph.notes[name].text == "kept"


def test_a_note_is_as_high_as_its_lines(canvas, graph, qtbot):
    text = "\n".join(f"line {i}" for i in range(20))
    name = canvas.document.add_note(text, (500.0, 700.0))
    item = canvas.graph_scene.frames.notes[name]
    line = QFontMetricsF(font(12)).lineSpacing()
    assert item.boundingRect().height() > 19 * line + 16
    canvas.camera.fit_all()
    edit = canvas.annotations.edit_note(name)
    edit.setPlainText(text + text)
    room = canvas.viewport().height() - edit.y()
    assert edit.height() == room or edit.verticalScrollBar().maximum() == 0
    qtbot.keyClick(edit, Qt.Key.Key_Escape)


def test_the_right_button_opens_a_menu_for_what_is_there(canvas, hand):
    hand.click(hand.body("conv1"), button=RIGHT)
    assert canvas.selected() == ["conv1"]
    menu = next(w for w in QApplication.topLevelWidgets() if isinstance(w, QMenu) and w.isVisible())
    texts = [a.text() for a in menu.actions()]
    assert "Bypass" in texts
    assert "Rename" in texts
    menu.close()


def test_hovering_says_what_is_there(canvas, hand, qtbot):
    told = []
    canvas.editor.said.connect(told.append)
    hand.hover(hand.output("conv1"))
    assert told[-1] == "conv1.y  (N, 6, 28, 28)"
    hand.hover(hand.body("conv1"))
    assert told[-1].startswith("conv1: ")
    assert canvas.items_by_name["conv1"].hovered
    hand.hover(hand.body("relu1"))
    assert not canvas.items_by_name["conv1"].hovered


@pytest.mark.parametrize("way", ["removed", "renamed", "another is selected", "pointer leaves"])
def test_what_is_said_of_a_node_ends_with_it(canvas, hand, way):
    told = []
    canvas.editor.said.connect(told.append)
    hand.hover(hand.body("conv1"))
    assert told[-1].startswith("conv1")
    if way == "removed":
        canvas.document.remove(["conv1"])
    elif way == "renamed":
        canvas.document.rename("conv1", "first")
    elif way == "another is selected":
        canvas.select(["relu1"])
    else:
        QApplication.sendEvent(canvas.viewport(), QEvent(QEvent.Type.Leave))
    assert told[-1] == ""


def test_a_double_click_opens_the_node(canvas, hand, qtbot):
    with qtbot.waitSignal(canvas.editor.node_activated) as told:
        hand.double_click(hand.body("conv2"))
    assert told.args == ["conv2"]


def test_a_dragged_node_snaps_into_line_with_others(canvas, hand, graph):
    canvas.document.move({"fc1": (503.0, 307.0), "relu3": (900.0, 620.0)})
    canvas.camera.fit_all()
    canvas.mark_selected(set())
    start = hand.body("relu3")
    near = start + QPointF(0, 307.0 - 620.0 + 3 / canvas.zoom)
    hand.drag(start, near, let_go=False)
    guides = canvas.pointer.gesture._guides
    assert not guides._item.path().isEmpty()
    hand.release(near)
    assert graph.node("relu3").position[1] == 307.0
    assert guides._item.scene() is None
    hand.drag(hand.body("relu3"), hand.body("relu3") + QPointF(0, 40 / canvas.zoom))
    assert graph.node("relu3").position[1] % 10 == 0


# -- room -----------------------------------------------------------------------------------------


def test_a_click_on_one_of_several_selects_that_one(canvas, hand):
    canvas.mark_selected({"conv1", "relu1", "pool1"})
    hand.click(hand.body("relu1"))
    assert canvas.selected() == ["relu1"]
    canvas.mark_selected({"conv1", "relu1"})
    hand.drag(hand.body("relu1"), hand.body("relu1") + QPointF(0, 300))
    assert set(canvas.selected()) == {"conv1", "relu1"}


def areas(canvas):
    return [geo.BODY.translated(item.pos()) for item in canvas.items_by_name.values()]


def test_a_node_dropped_on_another_pushes_it_aside_in_one_step(canvas, hand, graph, steps):
    before = {n.name: n.position for n in graph}
    hand.drag(hand.body("conv2"), hand.body("relu1") + QPointF(30, 20))
    places = areas(canvas)
    assert not any(a.intersects(b) for i, a in enumerate(places) for b in places[:i])
    assert graph.node("relu1").position != before["relu1"]
    assert graph.node("fc1").position == before["fc1"]
    assert len(steps()) == 1
    canvas.document.undo_stack.undo()
    assert {n.name: n.position for n in graph} == before


def test_a_pinned_node_is_not_pushed(canvas, hand, graph):
    canvas.document.set_flag(["relu1"], "pinned", True)
    before = graph.node("relu1").position
    hand.drag(hand.body("conv2"), hand.body("relu1") + QPointF(30, 20))
    assert graph.node("relu1").position == before


def test_arranging_puts_no_node_on_a_note(canvas, graph):
    place = graph.node("conv2").position
    first = canvas.document.add_note("about the second convolution", place)
    far = canvas.document.add_note("far away", (-3000.0, -3000.0))
    canvas.editor.arrange()
    for note in graph.notes.values():
        area = QRectF(*note.position, *note.size)
        assert not any(area.intersects(body) for body in areas(canvas))
    assert graph.notes[far].position == (-3000.0, -3000.0)
    canvas.document.undo_stack.undo()
    assert graph.notes[first].position == place


def test_tab_on_a_selected_edge_inserts_what_is_chosen(canvas, graph, steps):
    edge = next(e for e in graph.edges if e.target == "relu1")
    canvas.mark_selected(set())
    canvas.graph_scene.edges[edge].setSelected(True)
    canvas.editor.search_to_add()
    (popup,) = popups()
    popup.operator_chosen.emit("Tanh")
    popup.close()
    (made,) = canvas.selected()
    assert graph.node(made).operator == "Tanh"
    assert [e.target for e in graph.edges_from("conv1")] == [made]
    assert [e.target for e in graph.edges_from(made)] == ["relu1"]
    assert steps() == ["Insert Tanh"]


def test_the_right_button_on_an_edge_has_the_menu_of_the_edge(canvas, hand, graph):
    edge = next(e for e in graph.edges if e.target == "relu1")
    hand.click(hand.on_edge(edge), button=RIGHT)
    menu = canvas.findChildren(QMenu)[-1]
    rows = {a.text(): a for a in menu.actions()}
    assert list(rows) == ["Insert a Node…", "Go to conv1", "Go to relu1", "Delete"]
    assert canvas.selection.edges() == [edge]
    rows["Insert a Node…"].trigger()
    (popup,) = popups()
    popup.close()
    rows["Delete"].trigger()
    assert edge not in graph.edges
    menu.close()


@pytest.mark.parametrize("selected", [[], ["conv1"]])
def test_no_action_of_the_canvas_asks_more_than_is_selected(window, selected) -> None:
    canvas = window.canvas
    before = files.dumps(window.document.graph)
    for text, action in canvas.menu.actions.items():
        canvas.select(selected)
        action.setEnabled(True)
        action.trigger()
        while window.document.undo_stack.canUndo():
            window.document.undo_stack.undo()
        for popup in canvas.findChildren(SearchPopup):
            popup.close()
        assert files.dumps(window.document.graph) == before, text
