"""Looking around: trackpads, fits, what is remembered, what moves and what does not."""

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QNativeGestureEvent, QPainter, QPointingDevice, QWheelEvent
from PySide6.QtWidgets import QApplication, QStyleOptionGraphicsItem


def middle(canvas):
    return QPointF(canvas.viewport().rect().center())


def slide(canvas, pixels, modifiers=Qt.KeyboardModifier.NoModifier):
    """Two fingers on a trackpad."""
    view = canvas.viewport()
    event = QWheelEvent(
        middle(canvas), QPointF(view.mapToGlobal(middle(canvas))), pixels, pixels * 8,
        Qt.MouseButton.NoButton, modifiers, Qt.ScrollPhase.ScrollUpdate, False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def pinch(canvas, by):
    view = canvas.viewport()
    place = middle(canvas)
    event = QNativeGestureEvent(
        Qt.NativeGestureType.ZoomNativeGesture, QPointingDevice.primaryPointingDevice(), 2, place,
        place, QPointF(view.mapToGlobal(place)), by, QPointF(),
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def test_two_fingers_pan_and_a_pinch_zooms(canvas):
    canvas.camera.set_zoom(1.5)
    before, zoom = canvas.camera.seen_area().center(), canvas.zoom
    slide(canvas, QPoint(40, 20))
    moved = canvas.camera.seen_area().center() - before
    assert (moved.x(), moved.y()) == pytest.approx((-40 / zoom, -20 / zoom), abs=1.5)
    assert canvas.zoom == zoom
    before = canvas.camera.seen_area().center()
    pinch(canvas, 0.25)
    assert canvas.zoom == pytest.approx(zoom * 1.25)
    assert (canvas.camera.seen_area().center() - before).manhattanLength() * canvas.zoom < 4


def test_looking_and_selecting_are_no_steps(canvas, hand, steps):
    slide(canvas, QPoint(10, 5))
    pinch(canvas, 0.1)
    hand.wheel(hand.body("conv1"), 2)
    hand.click(hand.body("conv1"))
    canvas.selection.select_all()
    canvas.camera.fit_nodes(canvas.selected())
    assert not steps()
    assert not canvas.document.modified


def test_arranged_nodes_glide_unless_motion_is_reduced(canvas, qtbot):
    places = {n: canvas.document.graph.node(n).position for n in canvas.items_by_name}
    shuffled = dict(zip(places, reversed(list(places.values())), strict=True))
    canvas.document.move(shuffled)
    canvas.reduced_motion = False
    canvas.editor.arrange()
    item, goal = canvas.items_by_name["conv1"], canvas.document.graph.node("conv1").position
    assert item.pos() != QPointF(*goal), "it is on its way"
    qtbot.waitUntil(lambda: item.pos() == QPointF(*goal))
    canvas.document.undo_stack.undo()
    canvas.reduced_motion = True
    canvas.editor.arrange()
    assert item.pos() == QPointF(*goal)


def test_arranging_leaves_what_is_pinned(canvas, graph):
    canvas.document.set_flag(["conv2"], "pinned", True)
    canvas.document.move({"conv2": (1234.0, -567.0)})
    canvas.editor.arrange()
    assert graph.node("conv2").position == (1234.0, -567.0)


def test_pulses_stand_still_where_motion_is_reduced(canvas):
    canvas.reduced_motion = True
    canvas.pictures.set_pulsing(True)
    assert not canvas.pictures.pulsing
    canvas.reduced_motion = False
    canvas.pictures.set_pulsing(True)
    assert canvas.pictures.pulsing
    canvas.pictures.set_pulsing(False)


def test_frames_nest_and_move_together(canvas, graph, hand):
    inner = canvas.document.add_frame(["conv1", "relu1"], "Inner")
    outer = canvas.document.add_frame(["conv1", "relu1", "pool1"], "Outer")
    frames = canvas.graph_scene.frames.frames
    assert graph.frames[inner].parent == outer
    assert frames[outer].area.contains(frames[inner].area)
    before = graph.node("conv1").position
    hand.drag(frames[outer].title_area.center(), frames[outer].title_area.center() + QPointF(50, 0))
    assert graph.node("conv1").position == (before[0] + 50, before[1])
    canvas.document.remove_frame(outer)
    assert graph.frames[inner].parent == ""


def height_of_title(item, zoom):
    """Screen pixels that a frame's title takes, from what is painted of it."""
    picture = QImage(900, 500, QImage.Format.Format_ARGB32)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.scale(zoom, zoom)
    painter.translate(-item.area.left() + 20 / zoom, -item.area.top() + 60 / zoom)
    item.paint(painter, QStyleOptionGraphicsItem())
    painter.end()
    solid = [
        y for y in range(picture.height())
        if any(picture.pixelColor(x, y).alpha() > 200 for x in range(22, 200))
    ]  # fmt: skip
    return len(solid)


@pytest.mark.parametrize("zoom", [1.0, 0.3, 0.15])
def test_a_frame_s_title_can_be_read_from_afar(canvas, zoom):
    name = canvas.document.add_frame(["conv1", "relu1", "pool1", "conv2"], "EEE")
    assert height_of_title(canvas.graph_scene.frames.frames[name], zoom) >= 8


def test_the_three_levels_of_detail_are_pictures_names_and_boxes(show):
    """From near a node shows its picture's place; from afar one item paints everything."""
    from tests.app.canvas.test_painting import crowd, painted

    canvas = show(graph=crowd(200))
    canvas.camera.set_zoom(1.0)
    canvas.centerOn(canvas.items_by_name["n0"].pos())
    near = painted(canvas, canvas.viewport().repaint)
    assert "n0" in near
    canvas.camera.set_zoom(0.34)
    assert canvas.camera.far
    assert not painted(canvas, canvas.viewport().repaint)


def test_escape_clears_the_selection(canvas, hand, qtbot):
    hand.click(hand.body("conv1"))
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.FocusIn))
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.selected() == []
