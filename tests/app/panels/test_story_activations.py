"""A layer from the inside while LeNet-5 trains, and when it is paused."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import Qt

from app.panels.activations.panel import LayerRow
from graphcore.records.arrays import pack
from graphcore.records.pictures import Picture
from tests.app.driver import PATIENCE, train


@pytest.fixture
def looking(live_window, opened, qtbot):
    panel = opened("lenet5", "activations")
    qtbot.waitUntil(lambda: panel._seen, timeout=PATIENCE)
    return live_window, panel


def filled(view) -> bool:
    return bool(len(view._maps))


def test_it_says_what_to_do_while_nothing_is_selected(looking):
    _window, panel = looking
    assert panel.empty.isVisible()
    assert not panel.rows
    assert not panel.pin.isEnabled()


def test_the_selected_layer_shows_all_four(looking, qtbot):
    window, panel = looking
    window.canvas.select(["conv1"])
    train(qtbot, window, 3)
    row = panel.rows["conv1"]
    qtbot.waitUntil(lambda: all(filled(v) for v in row.views.values()), timeout=PATIENCE)
    assert row.views["value"]._maps.shape[0] == 6
    assert row.views["weights"]._maps.shape == (6, 5, 5)
    assert "…" in row._captions["gradient"][0].text()
    before = row.views["value"]._maps.copy()
    train(qtbot, window, 6)
    qtbot.waitUntil(lambda: not np.array_equal(row.views["value"]._maps, before), timeout=PATIENCE)


def test_another_node_appears_while_training_is_paused(looking, qtbot):
    window, panel = looking
    train(qtbot, window, 2)
    window.canvas.select(["relu3"])
    row = panel.rows["relu3"]
    qtbot.waitUntil(lambda: filled(row.views["value"]), timeout=PATIENCE)
    qtbot.waitUntil(lambda: filled(row.views["gradient"]), timeout=PATIENCE)
    assert not row.views["weights"].isVisible()


def test_pins_stay_and_go(looking, qtbot):
    window, panel = looking
    train(qtbot, window, 2)
    window.canvas.select(["conv1"])
    qtbot.mouseClick(panel.pin, Qt.MouseButton.LeftButton)
    window.canvas.select(["fc1"])
    assert list(panel.rows) == ["conv1", "fc1"]
    for name in panel.rows:
        view = panel.rows[name].views["gradient"]
        qtbot.waitUntil(lambda view=view: filled(view), timeout=PATIENCE)
    qtbot.mouseClick(panel.rows["conv1"].unpin, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: list(panel.rows) == ["fc1"], timeout=PATIENCE)


def test_one_scale_makes_colours_comparable(looking, qtbot):
    window, panel = looking
    window.canvas.select(["conv1"])
    train(qtbot, window, 2)
    row = panel.rows["conv1"]
    qtbot.waitUntil(lambda: all(filled(v) for v in row.views.values()), timeout=PATIENCE)
    assert len({v._high for v in row.views.values()}) > 1
    qtbot.mouseClick(panel.one_scale, Qt.MouseButton.LeftButton)
    assert len({(v._low, v._high) for v in row.views.values()}) == 1


def test_nothing_is_asked_for_behind_a_tab(looking, qtbot):
    window, _panel = looking
    window.canvas.select(["conv1"])
    assert window.engine.shown._closely == ("conv1",)
    window.show_panel("results")
    qtbot.waitUntil(lambda: window.engine.shown._closely == (), timeout=PATIENCE)


def test_a_chosen_sample_stays_while_the_net_learns(looking, qtbot):
    window, panel = looking
    window.canvas.select(["x"])
    panel.of.setFocus()
    qtbot.keyClick(panel.of, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: panel.told.text().startswith("a 7, predicted as"), timeout=PATIENCE)
    panel.sample.setValue(2)
    qtbot.waitUntil(lambda: panel.told.text().startswith("a 1, predicted as"), timeout=PATIENCE)
    row = panel.rows["x"]
    qtbot.waitUntil(lambda: filled(row.views["value"]), timeout=PATIENCE)
    before = row.views["value"]._maps.copy()
    gradient = row.views["gradient"]._maps.copy()
    train(qtbot, window, 6)
    qtbot.waitUntil(lambda: panel.told.text().endswith("step 6"), timeout=PATIENCE)
    assert np.array_equal(row.views["value"]._maps, before)
    assert not np.array_equal(row.views["gradient"]._maps, gradient)


def test_a_layer_answers_the_drawn_digit(looking, qtbot):
    window, panel = looking
    window.canvas.select(["conv1"])
    pad = window.show_panel("digit_pad").fill()
    qtbot.waitUntil(lambda: pad._seen, timeout=PATIENCE)
    panel.of.setCurrentIndex(2)
    assert "digit pad" in panel.told.text()
    train(qtbot, window, 2)
    row = panel.rows["conv1"]
    assert not filled(row.views["value"])
    middle = pad.sketch.rect().center()
    qtbot.mousePress(pad.sketch, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseRelease(pad.sketch, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.waitUntil(lambda: filled(row.views["value"]), timeout=PATIENCE)
    assert not filled(row.views["gradient"])


def test_headings_side_by_side_end_before_the_next_in_a_narrow_panel(qtbot, themed):
    row = LayerRow("conv1")
    qtbot.addWidget(row)
    row.resize(330, 200)
    row.show()
    numbers = pack(np.array([-0.000062, 0.000067], np.float32))
    sent = Picture("bars", numbers, -0.000062345, 0.000067891, "(2)")
    row.show_pictures({"conv1": sent, "conv1.weight": sent},
                      {"conv1": sent, "conv1.weight": sent})  # fmt: skip
    for label in itertools.chain(*row._captions.values()):
        image = label.grab().toImage()
        edge = {image.pixel(image.width() - 1, y) for y in range(image.height())}
        assert len(edge) == 1, f"{label.text()} is cut by what stands beside it"
