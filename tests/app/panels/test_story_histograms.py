"""Histograms over the run, and the report of what an edit did to the weights."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from tests.app.driver import PATIENCE


def test_ridges_grow_while_the_net_learns(qtbot, live_window) -> None:
    live_window.start("mlp")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("histograms").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    live_window.canvas.select(["fc2"])
    live_window.engine.run(3000)
    qtbot.waitUntil(lambda: len(panel.ridges["weights"].steps) >= 3, timeout=PATIENCE)
    assert len(panel.ridges["gradient"].steps) >= 2
    assert panel.ridges["activation"].steps
    assert panel.ridges["update"].steps
    qtbot.keyClick(panel.form, Qt.Key.Key_Down)
    assert all(strips.isVisible() for strips in panel.strips.values())
    assert panel.strips["weights"].steps == panel.ridges["weights"].steps
    qtbot.mouseMove(panel.strips["weights"], panel.strips["weights"].rect().center())
    assert panel.strips["weights"].readout.text().startswith("step ")
    live_window.canvas.select(["fc1"])
    assert panel.title.text() == "fc1"
    assert panel.ridges["weights"].steps == []


def test_the_weights_of_the_run_so_far_are_there_at_once(qtbot, live_window) -> None:
    live_window.start("mlp")
    live_window.layouts.show("Train")
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    live_window.engine.run(600)
    qtbot.waitUntil(lambda: live_window.engine.step == 600, timeout=PATIENCE)
    panel = live_window.show_panel("histograms").fill()
    live_window.canvas.select(["fc2"])
    ridge, strips = panel.ridges["weights"], panel.strips["weights"]
    qtbot.waitUntil(lambda: len(ridge.steps) >= 20, timeout=PATIENCE)
    assert (ridge.steps[0], ridge.steps[-1]) == (0, 600)
    assert ridge.steps == sorted(ridge.steps) == strips.steps
    gaps = [b - a for a, b in pairwise(ridge.steps)]
    assert max(gaps) < 80
    assert panel.ridges["gradient"].steps == [600]
    live_window.canvas.select(["fc1"])
    qtbot.waitUntil(
        lambda: panel.title.text().startswith("fc1 ·") and len(ridge.steps) >= 20, timeout=PATIENCE
    )
    assert "the rest since step 600" in panel.title.text()
    live_window.engine.scrub(26)
    qtbot.waitUntil(lambda: ridge.steps[-1] == 26, timeout=PATIENCE)
    assert panel.title.text() == "fc1 · weights up to step 26, the rest of this step alone"
    live_window.engine.scrub(None)
    qtbot.waitUntil(lambda: "the rest since step 600" in panel.title.text(), timeout=PATIENCE)


def test_an_edit_says_what_became_of_the_weights(qtbot, live_window) -> None:
    live_window.start("mlp")
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    said = []
    live_window.status.messageChanged.connect(said.append)
    live_window.document.set_attributes("fc1", out_features=20)
    qtbot.waitUntil(lambda: any("kept in part: fc1" in s for s in said), timeout=PATIENCE)
