"""Optimisers race from the training layout; the run itself stays where it is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

PATIENCE = 60_000


def test_a_race_is_run_stopped_and_won(qtbot, live_window) -> None:
    live_window.start("mlp")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("race").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    panel.steps.setValue(60)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is first" in panel.said.text(), timeout=PATIENCE)
    steps, losses = panel.plot.points("Adam")
    assert len(steps) == 60
    assert losses[-1] < losses[0]
    assert panel.start.text() == "Race"
    assert live_window.engine.last_frame.step == 0
    panel.what.setCurrentIndex(1)
    panel.steps.setValue(100_000)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.progress.value() >= 0 and bool(panel.plot._curves),
                    timeout=PATIENCE)  # fmt: skip
    assert "Adam" not in panel.plot._curves
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert panel.start.text() == "Race"
    live_window.engine.run(3)
    qtbot.waitUntil(lambda: live_window.engine.last_frame.step == 3, timeout=PATIENCE)
