"""Optimisers race from the training layout; the run itself stays where it is."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from graphcore.views.landscape import LandscapeFrame
from tests.app.driver import PATIENCE


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
    assert "Adam 0.001" in panel.said.text()  # the rate that it races with
    assert live_window.engine.step == 0
    qtbot.waitUntil(lambda: panel.map.has_surface, timeout=PATIENCE)
    qtbot.waitUntil(lambda: "refinement" not in panel.map.contour.stamp.text(), timeout=PATIENCE)
    assert "of the variance of all paths" in panel.map.contour.stamp.text()
    paths = panel.map._others
    assert list(paths) == list(panel.plot._curves)
    starts = np.array([path[0] for path in paths.values()])
    assert np.allclose(starts, starts[0], atol=1e-3)
    ends = np.array([path[-1] for path in paths.values()])
    assert np.ptp(ends, axis=0).max() > 0.01
    panel.what.setCurrentIndex(1)
    panel.steps.setValue(100_000)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.progress.value() >= 0 and bool(panel.plot._curves),
                    timeout=PATIENCE)  # fmt: skip
    assert "Adam" not in panel.plot._curves
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert panel.start.text() == "Race"
    live_window.engine.run(3)
    qtbot.waitUntil(lambda: live_window.engine.step == 3, timeout=PATIENCE)


def test_where_a_runner_came_to_is_a_place_to_look_towards(qtbot, live_window) -> None:
    live_window.start("circle")
    live_window.layouts.show("Train")
    race = live_window.show_panel("race").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    race.what.setCurrentIndex(1)
    race.steps.setValue(30)
    qtbot.mouseClick(race.start, Qt.MouseButton.LeftButton)
    stamp = race.map.contour.stamp
    qtbot.waitUntil(lambda: "refinement" not in stamp.text() and race.map.has_surface
                    and race.said.text() != "", timeout=PATIENCE)  # fmt: skip
    surfaces = []
    live_window.engine.on(LandscapeFrame, surfaces.append)
    panel = live_window.show_panel("landscape").fill()
    panel.plane.setCurrentIndex(3)
    qtbot.waitUntil(lambda: panel.target.findText("race: 0.1") >= 0
                    or any("race:" in t for s in surfaces for t in s.targets),
                    timeout=PATIENCE)  # fmt: skip
    name = next(t for s in surfaces for t in s.targets if t.startswith("race:"))
    qtbot.waitUntil(lambda: panel.target.findText(name) >= 0, timeout=PATIENCE)
    panel.target.setCurrentText(name)
    panel.target.activated.emit(panel.target.currentIndex())
    qtbot.waitUntil(lambda: surfaces[-1].plane == "towards" and name in surfaces[-1].labels[0],
                    timeout=PATIENCE)  # fmt: skip


@pytest.mark.parametrize(("what", "names"), [("learning rates", 3), ("batch sizes", 2)])
def test_rates_and_batches_race_over_the_same_samples(qtbot, live_window, what, names) -> None:
    live_window.start("circle")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("race").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    panel.what.setFocus()
    for _ in range(panel.what.count()):
        if what not in panel.what.currentText().lower():
            QTest.keyClick(panel.what, Qt.Key.Key_Down)
    assert what in panel.what.currentText().lower()
    panel.steps.setValue(40)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is first" in panel.said.text(), timeout=PATIENCE)
    runners = list(panel.plot._curves)
    assert len(runners) >= names
    values = [float(re.search(r"[\d.]+", name).group()) for name in runners]
    assert len(set(values)) == len(runners), "each has its own number"
    last = {name: panel.plot.points(name)[0][-1] for name in runners}
    if what == "batch sizes":
        assert max(last.values()) <= 1.5 * min(last.values()), "samples are counted, not steps"
    winner = min(runners, key=lambda name: panel.plot.points(name)[1][-1])
    assert panel.said.text().startswith(winner)
    qtbot.waitUntil(lambda: panel.map.has_surface, timeout=PATIENCE)
    assert list(panel.map._others) == runners
