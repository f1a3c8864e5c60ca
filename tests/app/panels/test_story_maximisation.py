"""A unit is chosen on the canvas, and the picture that excites it most climbs live."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from graphcore.records.arrays import unpack
from graphcore.views.maximisation import MaximisationFrame
from tests.app.driver import PATIENCE, train

LEFT = Qt.MouseButton.LeftButton


def test_the_picture_of_a_unit_climbs_above_the_training_pictures(qtbot, live_window) -> None:
    live_window.start("mlp")
    live_window.layouts.show("Explain")
    panel = live_window.show_panel("maximisation").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    train(qtbot, live_window, 30)
    frames: list[MaximisationFrame] = []
    live_window.engine.on(MaximisationFrame, frames.append)
    assert not panel.start.isEnabled()
    live_window.canvas.select(["fc1"])
    assert "fc1" in panel.said.text()
    panel.unit.setFocus()
    panel.unit.selectAll()
    QTest.keyClicks(panel.unit, "3")
    qtbot.mouseClick(panel.start, LEFT)
    assert panel.start.text() == "Stop"
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].done == 1, timeout=PATIENCE)
    last, climbing = frames[-1], [f.activation for f in frames if f.image is not None]
    assert (last.node, last.unit, last.units, last.searched) == ("fc1", 3, 16, 60_000)
    assert climbing[-1] == max(climbing) > last.best_activation
    assert panel.start.text() == "Maximise"
    np.testing.assert_array_equal(panel.image._maps, unpack(last.image))
    np.testing.assert_array_equal(panel.best._maps, unpack(last.best))
    assert f"training sample {last.index:,}, a {last.label}, of 60,000" in panel.best_said.text()
    assert panel.unit.maximum() == 15
    live_window.canvas.select(["target"])
    assert not panel.image._maps.size
    qtbot.mouseClick(panel.start, LEFT)
    qtbot.waitUntil(lambda: "has units" in panel.said.text(), timeout=PATIENCE)
    assert live_window.engine.step == 30
