"""What a net has learned, seen in the window while the real engine trains it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest

from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from graphcore.training.sample import centred_digit
from tests.app.driver import PATIENCE, train


def position_of(plot, place):
    """Where a place of the plane is on the map."""
    area = plot.area()
    x, y = (place - plot._low) / (plot._high - plot._low)
    return QPointF(area.left() + x * area.width(), area.bottom() - y * area.height()).toPoint()


def test_the_plane_is_divided_as_the_net_learns(qtbot, opened, live_window) -> None:
    panel = opened("circle", "decision")
    qtbot.waitUntil(lambda: panel.map.has_map, timeout=PATIENCE)
    before = panel._frame.shares.data
    train(qtbot, live_window, 500)
    qtbot.waitUntil(lambda: panel._frame.step == 500, timeout=PATIENCE)
    assert panel._frame.shares.data != before
    assert panel.layer.count() >= 2
    panel.show_selection(["tanh1"])
    assert panel.layer.currentText() == "tanh1"
    assert panel.units.grid_size()[0] > 0
    centre = panel.map.area().center().toPoint()
    qtbot.mouseMove(panel.map, centre)
    assert "%" in panel.map.readout.text()


def test_every_unit_has_its_map_and_every_weight_its_line(qtbot, opened, live_window) -> None:
    panel, canvas = opened("circle", "decision"), live_window.canvas
    train(qtbot, live_window, 100)
    qtbot.waitUntil(lambda: panel._frame is not None and panel._frame.step == 100, timeout=PATIENCE)
    assert canvas.items_by_name["tanh1"].value.array.shape == (4, 32, 32)
    qtbot.keyClick(panel.view, Qt.Key.Key_Down)
    assert [name for name, _ in panel.net.columns] == ["x", "tanh1", "tanh2", "answer"]
    assert [(s, t, w.shape) for s, t, w in panel.net.links] == [
        ("x", "tanh1", (4, 2)), ("tanh1", "tanh2", (2, 4)), ("tanh2", "answer", (1, 2)),
    ]  # fmt: skip
    unit = panel.net.unit_rect((1, 2)).center().toPoint()
    qtbot.mouseMove(panel.net, unit)
    assert panel.net.readout.text().startswith("tanh1, unit 2\nweights from x: ")
    live_window.show_panel("landscape")
    qtbot.waitUntil(lambda: not panel._seen, timeout=PATIENCE)
    train(qtbot, live_window, 1)
    qtbot.waitUntil(lambda: canvas.items_by_name["tanh1"].value.array.shape == (4,),
                    timeout=PATIENCE)  # fmt: skip


def test_the_canvas_has_unit_maps_as_long_as_the_decision_map_is_seen(
    qtbot, live_window, opened
) -> None:
    """Whichever panel is in front: gone with the map, also where nothing trains meanwhile."""
    opened("circle", "decision")
    window = live_window
    window.engine.run(5)
    names = ("tanh1", "tanh2", "answer")

    def kinds() -> set[str]:
        found = [window.canvas.items_by_name[name].value for name in names]
        return {picture.kind if picture is not None else "" for picture in found}

    qtbot.waitUntil(lambda: kinds() == {"tiles"}, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    for panel in ("landscape", "embedding", "race"):
        window.show_panel(panel)
        qtbot.waitUntil(lambda: kinds() == {"bars", "number"}, timeout=PATIENCE)
        window.show_panel("decision")
        qtbot.waitUntil(lambda: kinds() == {"tiles"}, timeout=PATIENCE)
    window.show_panel("activations")  # in another place: the map is seen beside it
    window.engine.run(3)
    qtbot.waitUntil(lambda: window.engine.step == 8, timeout=PATIENCE)
    assert kinds() == {"tiles"}


def test_the_grid_is_shown_as_a_layer_warps_it(qtbot, opened, live_window) -> None:
    panel = opened("circle", "decision")
    panel.view.setCurrentIndex(2)  # before there is a layer to be chosen
    qtbot.waitUntil(lambda: panel.warped.grid.shape == (32, 32, 2), timeout=PATIENCE)
    panel.layer.setCurrentText("tanh2")  # two units: no projection
    qtbot.waitUntil(lambda: "2 units of tanh2" in panel.warped.toolTip(), timeout=PATIENCE)
    assert abs(panel.warped.grid).max() <= 1
    before = panel.warped.grid
    train(qtbot, live_window, 300)
    qtbot.waitUntil(lambda: abs(panel.warped.grid - before).max() > 0.01, timeout=PATIENCE)
    panel.layer.setCurrentText("tanh1")
    qtbot.waitUntil(lambda: "two principal components" in panel.warped.toolTip(), timeout=PATIENCE)
    panel.view.setCurrentIndex(0)
    panel.layer.setCurrentText("answer")  # one unit: it would bend the plane to a line
    panel.view.setCurrentIndex(2)
    assert panel.layer.currentText() == "tanh2"
    panel.layer.setCurrentText("answer")  # unless it is asked for
    assert panel.layer.currentText() == "answer"


def test_points_are_painted_moved_and_removed_by_hand(qtbot, opened, live_window) -> None:
    panel, document = opened("circle", "decision"), live_window.document
    qtbot.waitUntil(lambda: panel.map.has_map, timeout=PATIENCE)
    left, right = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton
    before, training = len(panel.map._points), document.root.training
    centre = panel.map.area().center().toPoint()
    qtbot.mouseClick(panel.map, left, pos=centre)  # nothing is changed by looking
    assert document.root.training == training
    qtbot.mouseClick(panel.edit, left, pos=QPoint(8, panel.edit.height() // 2))
    panel.brush.setCurrentIndex(1)
    live_window.engine.set_speed(30.0)
    live_window.engine.run(None)
    corner = panel.map.area().topLeft().toPoint() + QPoint(6, 6)
    qtbot.mousePress(panel.map, left, pos=corner)
    for x in (15, 30, 45):
        qtbot.mouseMove(panel.map, corner + QPoint(x, 0))
    qtbot.mouseRelease(panel.map, left, pos=corner + QPoint(45, 0))
    assert document.undo_stack.undoText() == "Paint 4 points"
    qtbot.waitUntil(lambda: len(unpack(panel._frame.points)) == before + 4, timeout=PATIENCE)
    qtbot.waitUntil(lambda: live_window.engine.state == "running", timeout=PATIENCE)
    step = live_window.engine.step
    qtbot.waitUntil(lambda: live_window.engine.step > step, timeout=PATIENCE)
    assert panel.map._labels[0] == 1.0  # the net is taught -1 and +1
    painted = position_of(panel.map, panel.map._points[0])
    qtbot.mousePress(panel.map, left, pos=painted)
    qtbot.mouseMove(panel.map, painted + QPoint(0, 60))
    qtbot.mouseRelease(panel.map, left, pos=painted + QPoint(0, 60))
    assert document.undo_stack.undoText() == "Move a point"
    place = panel.map._points[0].copy()
    qtbot.waitUntil(lambda: abs(unpack(panel._frame.points)[0] - place).max() < 1e-3,
                    timeout=PATIENCE)  # fmt: skip
    there = position_of(panel.map, place)
    assert panel.map.point_at(there) == 0
    qtbot.mouseClick(panel.map, right, pos=there)
    assert document.undo_stack.undoText() == "Remove a point"
    qtbot.waitUntil(lambda: len(unpack(panel._frame.points)) == before + 3, timeout=PATIENCE)
    for _ in range(3):
        document.undo_stack.undo()
    assert document.root.training == training
    qtbot.waitUntil(lambda: len(unpack(panel._frame.points)) == before, timeout=PATIENCE)
    live_window.engine.pause()


def test_three_classes_and_more_share_the_plane(qtbot, opened, live_window) -> None:
    panel, document = opened("xor", "decision"), live_window.document
    document.set_attributes("out", out_features=3)
    settings = document.root.training
    document.set_training(msgspec.structs.replace(settings, dataset="rings", dataset_options={}))
    qtbot.waitUntil(lambda: panel._frame is not None and len(panel._frame.classes) == 3,
                    timeout=PATIENCE)  # fmt: skip
    assert len(panel.map._shares) == 3
    assert set(panel.map._labels.tolist()) == {0.0, 1.0, 2.0}


def test_a_net_of_images_has_no_plane(qtbot, opened) -> None:
    panel = opened("mlp", "decision")
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=PATIENCE)
    assert not panel.map.has_map
    assert "two inputs" in panel._frame.problem


def test_results_show_what_is_taken_for_what(qtbot, opened, live_window) -> None:
    panel = opened("mlp", "results")
    train(qtbot, live_window, 60)
    qtbot.waitUntil(lambda: panel._frame is not None and panel._frame.step == 60, timeout=PATIENCE)
    assert panel.table.rowCount() == 10
    assert "60" in panel.stamp.text()
    everything = panel.gallery.count()
    assert everything > 0
    mistake = panel._frame.mistakes[0]
    panel.matrix.cell_clicked.emit(mistake.label, mistake.answer)
    assert 0 < panel.gallery.count() <= everything
    taken = int(unpack(panel._frame.counts)[mistake.label, mistake.answer])
    assert f": {taken}" in panel.title.text()
    assert ("surest" in panel.title.text()) == (panel.gallery.count() < taken)
    names = {panel.gallery.item(i).text() for i in range(panel.gallery.count())}
    assert names == {f"{mistake.label} → {mistake.answer}"}


def test_mistakes_over_points_say_where_they_lie(qtbot, opened, live_window) -> None:
    panel = opened("circle", "results")
    train(qtbot, live_window, 5)
    qtbot.waitUntil(lambda: panel._frame is not None and panel._frame.step == 5, timeout=PATIENCE)
    first = panel._frame.mistakes[0]
    x, y = (format_number(number, 2) for number in first.numbers)
    assert panel.gallery.item(0).text().startswith(f"({x}, {y})\n")


def test_results_say_whether_the_net_is_as_right_as_it_is_sure(qtbot, opened, live_window) -> None:
    panel = opened("mlp", "results")
    train(qtbot, live_window, 60)
    qtbot.waitUntil(lambda: panel._frame is not None and panel._frame.step == 60, timeout=PATIENCE)
    qtbot.keyClick(panel.shown, Qt.Key.Key_Down)
    assert panel.calibration.isVisible()
    bins = panel.calibration.bins
    assert bins.shape == (15, 3)
    assert bins[:, 0].sum() == unpack(panel._frame.counts).sum()
    assert f"{panel._frame.calibration_error:.2%}" in panel.calibration_words.text()
    fullest = (bins[:, 0].argmax() + 0.5) / len(bins)
    assert "of them right" in panel.calibration.describe(float(fullest))


def test_results_show_the_curves_of_a_class_and_the_likeliest_ones(
    qtbot, opened, live_window
) -> None:
    panel = opened("mlp", "results")
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=PATIENCE)
    train(qtbot, live_window, 60)
    qtbot.waitUntil(lambda: panel._frame.step == 60, timeout=PATIENCE)
    frame = panel._frame
    assert frame.accuracy < frame.top[2] < frame.top[3] < frame.top[5] <= 1
    assert f"top 5 {frame.top[5]:.1%}" in panel.stamp.text()
    kinds = (("ROC", 1), ("Precision and recall", -1))
    for page, (text, way) in zip(panel.curves, kinds, strict=True):
        while panel.shown.currentText() != text:
            QTest.keyClick(panel.shown, Qt.Key.Key_Down)
        assert page.isVisible()
        QTest.keyClicks(page.of, "7")
        assert page.of.currentText() == "7"
        x, y = page.plot.line.T
        assert (x[0], x[-1]) == (0, 1)
        assert (np.diff(x) >= 0).all()
        assert way * (y[-1] - y[0]) > 0
        recall = float(unpack(frame.recall)[7])
        assert page.plot.points[0][1 if way > 0 else 0] == pytest.approx(recall, abs=1e-6)
        area = frame.curves[7].area if way > 0 else frame.curves[7].average
        assert f"{area:.4f}" in page.said.text()
        assert 0.6 < area <= 1


def test_the_gap_between_training_and_test_is_marked(qtbot, opened, live_window) -> None:
    panel = opened("mlp", "training")
    train(qtbot, live_window, 1900)  # past the end of an epoch: there are two points at least
    qtbot.waitUntil(  # tested where it stopped, after a while
        lambda: [n for n, _, _ in panel.loss.legend.entries] == ["train", "test", "test − train"],
        timeout=PATIENCE,
    )


def test_a_drawn_one_is_taken_for_something(qtbot, opened, live_window) -> None:
    panel, canvas = opened("mlp", "digit_pad"), live_window.canvas
    train(qtbot, live_window, 300)
    draw_a_one(qtbot, panel.sketch)
    assert not panel.sketch.empty
    qtbot.waitUntil(lambda: len(panel.bars.shares) == 10, timeout=PATIENCE)
    wait_for_the_last_answer(qtbot, panel)
    assert int(panel.bars.shares.argmax()) == 1
    assert panel.words.text().startswith("1, with")
    items, drawn = canvas.items_by_name, canvas.items_by_name["x"].value
    assert drawn is not None
    train(qtbot, live_window, 20)
    assert (items["x"].value.array == drawn.array).all(), "the drawing, not a training sample"
    assert items["target"].value is None, "nobody says what the drawing is"
    assert items["loss"].value is None
    qtbot.mouseClick(panel.wipe, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(panel.bars.shares) == 0, timeout=PATIENCE)
    qtbot.waitUntil(lambda: items["target"].value is not None, timeout=PATIENCE)
    assert (items["x"].value.array != drawn.array).any()


def test_a_picture_that_is_dropped_goes_into_the_net(qtbot, opened, live_window, tmp_path) -> None:
    panel = opened("mlp", "digit_pad")
    seven = np.zeros((56, 28), np.uint8)
    seven[10:14, 4:20] = seven[10:40, 16:20] = 255
    Image.fromarray(seven).save(tmp_path / "seven.png")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "seven.png"))])
    live_window.dropEvent(
        QDropEvent(QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                   Qt.KeyboardModifier.NoModifier)
    )  # fmt: skip
    assert panel.sketch.pixels().max() == 1
    wait_for_the_last_answer(qtbot, panel)
    assert ", with" in panel.words.text()
    qtbot.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert panel.sketch.empty
    (tmp_path / "seven.png").write_text("no picture")
    live_window.open_file(str(tmp_path / "seven.png"))
    assert "seven.png" in live_window.banner.text
    assert panel.sketch.empty


def wait_for_the_last_answer(qtbot, panel) -> None:
    """Until what is said is of the whole drawing: a stroke is answered as it grows."""
    wanted = centred_digit(panel.sketch.pixels())
    qtbot.waitUntil(
        lambda: len(panel.seen._maps) == 1 and np.allclose(panel.seen._maps[0], wanted),
        timeout=PATIENCE,
    )


def draw_a_one(qtbot, sketch) -> None:
    middle = sketch.rect().center()
    reach = min(sketch.width(), sketch.height()) // 3
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(sketch, left, pos=middle - QPoint(0, reach))
    for y in range(-reach, reach, 4):
        qtbot.mouseMove(sketch, middle + QPoint(0, y))
    qtbot.mouseRelease(sketch, left, pos=middle + QPoint(0, reach))


def test_strokes_are_taken_back_and_the_graph_is_left_alone(qtbot, opened, live_window) -> None:
    panel = opened("mlp", "digit_pad")
    live_window.document.set_attributes("fc1", out_features=20)
    draw_a_one(qtbot, panel.sketch)
    one = panel.sketch.pixels()
    beside = panel.sketch.rect().center() - QPoint(40, 0)
    qtbot.mousePress(panel.sketch, Qt.MouseButton.LeftButton, pos=beside)
    qtbot.mouseRelease(panel.sketch, Qt.MouseButton.LeftButton, pos=beside)
    assert panel.sketch.pixels().sum() > one.sum()
    control = Qt.KeyboardModifier.ControlModifier
    panel.sketch.setFocus()
    qtbot.keyClick(panel.sketch, Qt.Key.Key_Z, control)
    assert (panel.sketch.pixels() == one).all()
    qtbot.keyClick(panel.sketch, Qt.Key.Key_Z, control)
    assert panel.sketch.empty
    assert not panel.back.isEnabled()
    qtbot.keyClick(panel.sketch, Qt.Key.Key_Z, control | Qt.KeyboardModifier.ShiftModifier)
    assert (panel.sketch.pixels() == one).all()
    qtbot.mouseClick(panel.wipe, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert (panel.sketch.pixels() == one).all()
    assert live_window.document.graph.node("fc1").attributes["out_features"] == 20


def test_the_nearest_training_digits_are_ones(qtbot, opened, live_window) -> None:
    panel = opened("mlp", "digit_pad")
    draw_a_one(qtbot, panel.sketch)
    qtbot.waitUntil(lambda: panel.near.gallery.count() == 6, timeout=PATIENCE)
    assert {panel.near.gallery.item(i).text() for i in range(6)} == {"1"}
    assert "60,000" in panel.near.words.text()
    live_window.canvas.select(["fc1"])
    qtbot.keyClick(panel.near.by, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: "fc1" in panel.near.words.text(), timeout=PATIENCE)
    assert panel.near.gallery.count() == 6
    qtbot.mouseClick(panel.wipe, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.near.gallery.count() == 0, timeout=PATIENCE)


def test_the_picture_is_centred_like_mnist_or_left_as_it_is(qtbot, opened) -> None:
    panel = opened("mlp", "digit_pad")
    left = Qt.MouseButton.LeftButton
    area = panel.sketch._area().toRect()
    qtbot.mousePress(panel.sketch, left, pos=area.topLeft() + QPoint(20, 20))
    qtbot.mouseMove(panel.sketch, area.topLeft() + QPoint(20, area.height() // 3))
    qtbot.mouseRelease(panel.sketch, left, pos=area.topLeft() + QPoint(20, area.height() // 3))
    wait_for_the_last_answer(qtbot, panel)
    centred = panel.seen._maps[0]
    assert centred[:, :8].sum() == 0
    qtbot.mouseClick(panel.centre, left, pos=QPoint(8, panel.centre.height() // 2))
    qtbot.waitUntil(lambda: panel.seen._maps[0][:, :8].sum() > 0, timeout=PATIENCE)


def test_a_gan_is_seen_to_learn(qtbot, opened, live_window) -> None:
    panel = opened("gan-2d", "decision")
    train(qtbot, live_window, 300)
    qtbot.waitUntil(lambda: panel._frame is not None and panel._frame.step == 300, timeout=PATIENCE)
    assert panel.map._generated.shape[1] == 2
    assert len(panel.map._generated) > 100
    assert "real_share" in panel._frame.neurons
    losses = live_window.layouts.docks["training"].fill().loss
    assert len(losses.points("g_loss")[0]) > 0
