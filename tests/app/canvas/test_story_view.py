"""Looking around: where one looks, what is kept of it, and what a window of another size shows."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QTabBar

from graphcore import presets

CONTROL = Qt.KeyboardModifier.ControlModifier
KEY = Qt.Key


def whole(canvas):
    return canvas.camera.seen_area().contains(canvas.graph_scene.contents())


def test_keys_fit_all_fit_the_selection_and_show_one_to_one(window, qtbot):
    canvas = window.canvas
    window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus)
    canvas.select("conv2")
    qtbot.keyClick(canvas, KEY.Key_F)
    assert canvas.zoom == pytest.approx(1.25)
    assert not whole(canvas)
    qtbot.keyClick(canvas, KEY.Key_0, CONTROL)
    assert canvas.zoom == pytest.approx(1.0)
    qtbot.keyClick(canvas, KEY.Key_Home)
    assert whole(canvas)
    assert canvas.camera.fitted


def test_what_was_fitted_is_fitted_again_in_a_window_of_another_size(canvas, hand):
    for size in ((700, 420), (1500, 900), (1200, 800)):
        canvas.resize(*size)
        QApplication.processEvents()
        assert whole(canvas)
        area, contents = canvas.camera.seen_area(), canvas.graph_scene.contents()
        near = min(area.width() - contents.width(), area.height() - contents.height())
        assert near <= 100, "as large as it can be"
    hand.wheel(hand.body("conv2"), 4)
    zoom = canvas.zoom
    canvas.resize(800, 500)
    QApplication.processEvents()
    assert canvas.zoom == zoom, "who has come closer stays there"


def test_a_file_opens_as_it_was_left(canvas, hand, tmp_path, show):
    path = tmp_path / "net.graph.json"
    hand.wheel(hand.body("conv2"), 5)
    left = canvas.camera.view
    canvas.document.save(path)
    canvas.camera.fit_all()
    canvas.document.open(path)
    assert canvas.camera.view == pytest.approx(left, abs=2)
    other = show(size=(900, 600))
    other.document.open(path)
    assert other.camera.view == pytest.approx(left, abs=2), "in another window too"


def test_one_that_was_seen_whole_is_seen_whole_on_any_screen(canvas, tmp_path, show):
    path = tmp_path / "net.graph.json"
    canvas.document.save(path)
    assert b'"view"' not in path.read_bytes()
    other = show(size=(640, 400))
    other.document.open(path)
    assert whole(other)


def test_a_composite_and_what_is_round_it_keep_their_views(canvas, hand):
    canvas.select(["conv1", "relu1", "pool1"])
    canvas.editor.group_selection()
    (block,) = canvas.selected()
    hand.wheel(hand.body(block), 3)
    outside = canvas.camera.view
    hand.double_click(hand.body(block))
    assert whole(canvas)
    hand.wheel(hand.body("relu1"), 3)
    inside = canvas.camera.view
    canvas.document.leave()
    assert canvas.camera.view == pytest.approx(outside, abs=2)
    canvas.document.enter(block)
    assert canvas.camera.view == pytest.approx(inside, abs=2)


def test_a_window_that_shrinks_leaves_the_canvas_its_share(make_window, qtbot):
    window = make_window("lenet5")
    window.resize(1400, 950)
    qtbot.wait(50)  # until the panels have their share
    assert window.canvas.height() > 250
    share = window.canvas.height() / window.height()
    window.resize(1280, 720)
    qtbot.waitUntil(lambda: window.canvas.height() / window.height() > 0.7 * share)
    assert whole(window.canvas)


def test_titles_of_docks_are_whole_where_many_share_little_room(make_window, qtbot):
    window = make_window("lenet5")
    window.resize(1280, 720)
    window.layouts.show("Train")
    direct = Qt.FindChildOption.FindDirectChildrenOnly

    def fits(bar):
        texts = [bar.fontMetrics().horizontalAdvance(bar.tabText(i)) for i in range(bar.count())]
        beside = 10 if bar.property("compact") else 44  # icon and room at both sides
        return all(bar.tabRect(i).width() >= w + beside for i, w in enumerate(texts)) and (
            bar.tabRect(bar.count() - 1).right() <= bar.width()
        )

    def bars():
        return [b for b in window.findChildren(QTabBar, options=direct) if b.count()]

    qtbot.waitUntil(lambda: len(bars()) == 2 and all(map(fits, bars())))
    window.resize(1900, 900)
    qtbot.waitUntil(lambda: not any(b.property("compact") for b in bars()))


@pytest.mark.parametrize("view", [(1e300, -1e300, 1.0), (50_000.0, 0.0, 4.0)])
def test_a_view_beside_the_graph_shows_the_graph(show, view):
    graph = presets.load("lenet5")
    graph.view = view
    canvas = show(graph=graph)
    assert canvas.camera.seen_area().contains(canvas.graph_scene.contents())
