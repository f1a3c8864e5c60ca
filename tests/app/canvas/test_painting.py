"""What is painted, how often, and what a crowded graph costs: counted, not timed."""

import re

import numpy as np
import pytest
from PySide6.QtCore import QBuffer, QPointF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QApplication, QStyleOptionGraphicsItem

from app.canvas.items import geometry as geo
from app.canvas.items.edge_item import glow
from app.canvas.items.frame_item import NOTE_TEXT, NoteItem
from app.canvas.items.live import Picture
from app.canvas.items.node_painter import summary
from app.style import palette
from graphcore.graph.elements import Node, Note
from graphcore.graph.graph import Graph
from graphcore.ops import get

TILES = Picture("tiles", np.linspace(-1, 1, 6 * 28 * 28).reshape(6, 28, 28), -1.0, 1.0)


def painted(canvas, action):
    """Names of the nodes that are painted because of an action."""
    QApplication.processEvents()
    before = {n: i.paints for n, i in canvas.items_by_name.items()}
    action()
    QApplication.processEvents()
    return {n for n, i in canvas.items_by_name.items() if i.paints > before[n]}


def crowd(count, operator="Constant"):
    full = get(operator).complete({})
    nodes = [
        Node(f"n{i}", operator, dict(full), position=(i % 20 * 240.0, i // 20 * 160.0))
        for i in range(count)
    ]
    return Graph.build(nodes, [])


def test_a_picture_repaints_its_node_alone(canvas):
    assert painted(canvas, lambda: canvas.pictures.show({"conv1": TILES}, {})) == {"conv1"}
    weights = Picture("matrix", np.eye(5), 0.0, 1.0)
    assert painted(canvas, lambda: canvas.pictures.show({"fc1.weight": weights}, {})) == {"fc1"}
    assert canvas.items_by_name["fc1"].weights is weights


def test_a_few_large_weights_leave_the_others_to_be_seen(canvas):
    weights = np.where(np.eye(40) > 0, -0.05, 0.05)
    weights[0, 0] = 8.0
    canvas.pictures.show({"fc1.weight": Picture("matrix", weights, -0.05, 8.0)}, {})
    canvas.grab()
    image = canvas.items_by_name["fc1"].images["weights"]
    one, other = image.pixelColor(5, 5), image.pixelColor(5, 6)
    assert abs(one.red() - other.red()) > 100


def test_what_is_kept_painted_while_dots_pass_is_never_out_of_date(canvas):
    """Cards and edges look as when they are painted anew: after a move, in another theme."""
    edge = next(iter(canvas.graph_scene.edges))
    theme = palette.current().name

    def looks(pulsing):
        canvas.pictures.set_pulsing(pulsing)
        QApplication.processEvents()
        above = canvas.rect().adjusted(0, 0, 0, -canvas.minimap.height() - 30)
        return canvas.grab(above).toImage()  # the map below follows when there is time

    canvas.reduced_motion = False
    before = looks(True)
    for change in (
        lambda: canvas.graph_scene.edges[edge].set_flow(0.01, 0.01),  # too dark for a dot
        lambda: canvas.document.move({"conv1": (-150.0, 90.0)}),
        lambda: palette.apply(QApplication.instance(), "light" if theme == "dark" else "dark"),
        lambda: palette.apply(QApplication.instance(), theme),
    ):
        change()
        kept = looks(True)
        assert kept != before
        looks(False)
        before = looks(True)
        assert kept == before


def test_dots_move_on_with_the_pictures_and_by_the_clock(canvas, qtbot):
    canvas.reduced_motion = False
    canvas.pictures.set_pulsing(True)
    canvas.pictures.show({"conv1": TILES}, {})
    moved = canvas.pictures.overlay.phase
    qtbot.wait(10)
    canvas.pictures.show({"conv1": TILES}, {})
    assert moved < canvas.pictures.overlay.phase, "with the picture"
    moved = canvas.pictures.overlay.phase
    qtbot.waitUntil(lambda: canvas.pictures.overlay.phase != moved, timeout=2000)
    canvas.pictures.set_pulsing(False)
    moved = canvas.pictures.overlay.phase
    canvas.pictures.show({"conv1": TILES}, {})
    assert canvas.pictures.overlay.phase == moved


def test_what_does_not_change_is_not_painted(canvas):
    canvas.pictures.set_step_state({"x"}, "conv1")
    assert not painted(canvas, lambda: canvas.pictures.set_step_state({"x"}, "conv1"))
    assert not painted(canvas, lambda: canvas.pictures.set_show("value"))
    assert painted(canvas, lambda: canvas.pictures.set_step_state({"x", "conv1"}, "relu1")) == {
        "conv1", "relu1",
    }  # fmt: skip


def test_dragging_one_node_paints_few_others(canvas):
    item = canvas.items_by_name["pool1"]

    def drag():
        item.setPos(item.pos() + QPointF(4, 0))
        canvas.graph_scene.moved(("pool1",))

    assert len(painted(canvas, drag)) <= 3


def test_a_picture_is_made_once_and_anew_in_another_theme(canvas):
    canvas.pictures.show({"conv1": TILES}, {})
    canvas.grab()
    image = canvas.items_by_name["conv1"].images["value"]
    canvas.grab()
    assert canvas.items_by_name["conv1"].images["value"] is image
    palette.apply(QApplication.instance(), "light")
    try:
        canvas.grab()
        assert canvas.items_by_name["conv1"].images["value"] is not image
    finally:
        palette.apply(QApplication.instance(), "dark")


def test_stepping_tells_done_current_and_pending(canvas):
    canvas.pictures.set_step_state({"x"}, "conv1")
    states = {n: i.step_state for n, i in canvas.items_by_name.items()}
    assert (states["x"], states["conv1"], states["loss"]) == ("done", "current", "pending")
    canvas.pictures.set_step_state(set(), None)
    assert {i.step_state for i in canvas.items_by_name.values()} == {""}


def test_a_zero_gradient_is_dark():
    p = palette.current()
    assert glow(p, "backward", 0.0) == QColor(p.line)
    assert glow(p, "backward", 1.0) == QColor(p.warning)


def test_a_crowded_graph_from_afar_paints_no_items(show):
    canvas = show(graph=crowd(200))
    canvas.camera.set_zoom(0.3)
    assert canvas.camera.far
    assert not painted(canvas, canvas.viewport().repaint)
    assert canvas.visible_nodes() == [], "nothing is computed for boxes"
    canvas.camera.set_zoom(1.0)
    canvas.centerOn(canvas.items_by_name["n0"].pos())
    assert painted(canvas, canvas.viewport().repaint)
    assert "n0" in canvas.visible_nodes()


def test_a_small_graph_keeps_its_pictures_from_afar(canvas):
    canvas.camera.set_zoom(0.2)
    assert not canvas.camera.far
    assert "conv1" in canvas.visible_nodes()


def test_boxes_from_afar_follow_the_document(show):
    canvas = show(graph=crowd(200))
    canvas.camera.set_zoom(0.1)
    canvas.centerOn(canvas.graph_scene.contents().center())
    at = QPointF(10_000.0, 500.0)

    def color():
        image = canvas.viewport().grab().toImage()
        point = canvas.mapFromScene(at + geo.BODY.center())
        return image.pixelColor(point) if image.rect().contains(point) else None

    canvas.document.move({"n0": (at.x(), at.y())})
    canvas.centerOn(at)
    QApplication.processEvents()
    assert color() == palette.category_color("source")
    canvas.document.undo_stack.undo()
    QApplication.processEvents()
    assert color() == QColor(palette.current().canvas)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_an_empty_canvas_says_how_to_begin(show, theme):
    palette.apply(QApplication.instance(), theme)
    try:
        canvas = show()
        image = canvas.viewport().grab().toImage()
        middle = image.rect().center()
        area = [(x, y) for x in range(middle.x() - 90, middle.x() + 90) for y in
                range(middle.y() - 10, middle.y() + 20)]  # fmt: skip
        colors = {image.pixelColor(x, y).name() for x, y in area}
        assert len(colors) > 5, "there are words in the middle"
        canvas.document.add_node("ReLU", (9000.0, 9000.0))
        QApplication.processEvents()
        after = canvas.viewport().grab().toImage()
        assert {after.pixelColor(x, y).name() for x, y in area} != colors
    finally:
        palette.apply(QApplication.instance(), "dark")


def drawn(item, zoom):
    """Elements and words that an item draws at a zoom, as SVG has them."""
    buffer, svg = QBuffer(), QSvgGenerator()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    svg.setOutputDevice(buffer)
    painter = QPainter(svg)
    painter.scale(zoom, zoom)
    item.paint(painter, QStyleOptionGraphicsItem())
    painter.end()
    text = bytes(buffer.data().data()).decode()
    words = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    return re.findall(r"<(path|rect|polyline|circle|line)\b", text), words


def test_the_middle_level_draws_names_and_lines_alone(show):
    close, middle = geo.CROWDED_MIDDLE, (geo.FAR + geo.CROWDED_MIDDLE) / 2
    canvas = show(graph=crowd(200, "Identity"))
    canvas.document.connect_nodes("n0", "n1")
    QApplication.processEvents()
    node = canvas.items_by_name["n1"]
    edge = next(iter(canvas.graph_scene.edges.values()))
    assert drawn(node, close)[1] == ["n1", "Identity"]
    shapes, words = drawn(node, middle)
    assert (len(shapes), words) == (4, ["n1"]), "card, outline, header and its end; a name"
    assert drawn(edge, close)[0] == ["path"], "a curve"
    assert drawn(edge, middle) == (["polyline"], []), "one straight line"


def test_the_map_draws_the_graph_anew_only_when_it_is_another(show, qtbot):
    canvas = show(graph=crowd(200))
    canvas.camera.set_zoom(1.0)
    qtbot.waitUntil(canvas.minimap.isVisible)

    def drawn():
        canvas.viewport().repaint()
        canvas.minimap.repaint()
        return canvas.minimap._graph.cacheKey()

    first = drawn()
    canvas.horizontalScrollBar().setValue(canvas.horizontalScrollBar().value() + 40)
    assert drawn() == first
    canvas.document.move({"n0": (900.0, 900.0)})
    moved = drawn()
    assert moved != first
    canvas.select("n5")
    assert drawn() != moved


def test_numbers_of_an_attribute_are_not_written_like_a_size():
    graph = Graph()
    few = graph.add("Input", shape=(2,), batch=False, value=(-1.0, 2.0))
    many = graph.add("Input", shape=(5,), batch=False, value=(0.0, 1.0, 2.0, 3.0, 4.0))
    assert "value (−1, 2)" in summary(few)
    assert "value 5 numbers" in summary(many)


def test_a_note_grows_its_letters_as_the_canvas_shrinks_as_far_as_they_fit(qapp):
    short = NoteItem(Note("short", "Two words", size=(220.0, 100.0)))
    assert short.text_size(1.0) == NOTE_TEXT
    assert short.text_size(0.5) == 2 * NOTE_TEXT
    full = NoteItem(Note("full", "many words " * 60, size=(220.0, 100.0)))
    assert full.text_size(0.5) == NOTE_TEXT
