"""The embedding follows the net and the selected layer; a click shows the picture of a point."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE


@pytest.fixture
def looking(live_window, opened, qtbot):
    panel = opened("lenet5", "embedding")
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=PATIENCE)
    return live_window, panel


def test_points_have_classes_and_move_while_the_net_learns(looking, qtbot):
    window, panel = looking
    before = unpack(panel._frame.points).copy()
    assert len(before) == 300
    assert len(panel.scatter.data) == 300
    assert len({str(c) for c in panel._colors}) == 10
    window.engine.run(30)
    qtbot.waitUntil(lambda: panel._frame.step == 30, timeout=PATIENCE)
    assert not np.allclose(unpack(panel._frame.points), before)
    assert "logits" in panel.stamp.text()


def test_the_selected_layer_is_the_one_that_is_shown(looking, qtbot):
    window, panel = looking
    window.canvas.select(["fc1"])
    qtbot.waitUntil(lambda: panel._frame.node == "fc1", timeout=PATIENCE)
    assert panel._frame.size == 120
    window.canvas.select(["loss"])
    qtbot.waitUntil(lambda: "each sample" in panel.plot.empty_text, timeout=PATIENCE)


def test_a_click_on_a_point_shows_its_picture(looking, qtbot):
    _window, panel = looking
    assert panel.picture.pixmap().isNull()
    panel.scatter.sigClicked.emit(panel.scatter, panel.scatter.points()[7:8], None)
    assert panel.words.text().startswith("Test sample 7: a 9, predicted as ")
    assert not panel.picture.pixmap().isNull()


def test_nothing_is_computed_behind_a_tab(looking, qtbot):
    window, panel = looking
    window.show_panel("landscape")
    qtbot.waitUntil(lambda: not panel._seen, timeout=PATIENCE)
    step = panel._frame.step
    window.engine.run(5)
    qtbot.waitUntil(lambda: window.engine.step == 5, timeout=PATIENCE)
    assert panel._frame.step == step


def test_tsne_is_made_on_demand_while_training_goes_on(looking, qtbot):
    window, panel = looking
    window.canvas.select(["fc2"])
    window.engine.set_speed(30.0)  # t-SNE's process comes last: training must not be over first
    window.engine.run(None)
    qtbot.keyClick(panel.method, Qt.Key.Key_Down)
    assert panel.make.isVisible()
    assert "button" in panel.plot.empty_text
    qtbot.mouseClick(panel.make, Qt.MouseButton.LeftButton)
    assert panel.progress.isVisible()
    qtbot.waitUntil(lambda: panel.progress.value() > 0, timeout=3 * PATIENCE)
    begun = window.engine.step
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=3 * PATIENCE)
    assert window.engine.step > begun
    assert len(panel.scatter.data) == 1000
    assert "t-SNE of 1,000" in panel.stamp.text()
    assert panel._frame.node == "fc2"
    assert not panel.progress.isVisible()
    panel.scatter.sigClicked.emit(panel.scatter, panel.scatter.points()[7:8], None)
    assert not panel.picture.pixmap().isNull()
    window.engine.pause()


def test_tsne_can_be_cancelled(looking, qtbot):
    _window, panel = looking
    qtbot.keyClick(panel.method, Qt.Key.Key_Down)
    qtbot.mouseClick(panel.make, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.progress.value() > 0, timeout=PATIENCE)
    qtbot.mouseClick(panel.make, Qt.MouseButton.LeftButton)
    assert not panel.progress.isVisible()
    qtbot.keyClick(panel.method, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=PATIENCE)
    assert panel._frame.shares[0] > 0
