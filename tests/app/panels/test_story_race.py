"""Optimisers race from the training layout; the run itself stays where it is."""

from __future__ import annotations

import re

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

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


def test_every_runner_has_settings_that_are_shown_and_can_be_typed(qtbot, live_window) -> None:
    live_window.start("circle")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("race").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    table, document = panel.runners, live_window.document
    assert table.isVisible()  # before the start one sees who runs, and how

    def cells(column: int) -> list[str]:
        return [table.item(row, column).text() for row in range(table.rowCount())]

    def type_into(row: int, column: int, text: str) -> None:
        table.setCurrentCell(row, column)
        table.editItem(table.item(row, column))
        editor = table.findChild(QLineEdit)
        editor.selectAll()
        QTest.keyClicks(editor, text)
        QTest.keyClick(editor, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: table.findChild(QLineEdit) is None)

    names, own = cells(0), document.root.training
    row = names.index(own.optimizer)
    assert float(cells(1)[row]) == own.lr
    assert cells(3)[names.index("SGD, momentum")] == "momentum 0.9"
    assert cells(2) == [str(own.batch)] * len(names)
    sgd, adam = names.index("SGD"), names.index("Adam")
    type_into(sgd, 1, "0.25")
    type_into(sgd, 3, "momentum 0.5, nesterov true")
    type_into(adam, 2, "20")
    for column, text, why in ((1, "-1", "learning rate"), (2, "2.5", "batch size"),
                              (3, "speed 3", "no option 'speed'")):  # fmt: skip
        before = cells(column)
        type_into(adam, column, text)
        assert why in panel.said.text()
        assert cells(column) == before
    for i, name in enumerate(names):
        if name not in ("SGD", "Adam"):
            table.item(i, 0).setCheckState(Qt.CheckState.Unchecked)
    panel.steps.setValue(20)
    qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "is first" in panel.said.text(), timeout=PATIENCE)
    assert not table.isVisible()
    assert list(panel.plot._curves) == ["SGD", "Adam"]
    assert "SGD 0.25" in panel.said.text()
    assert panel.plot.points("Adam")[0][0] == 20  # samples of its first step
    QTest.keyClick(panel.shown, Qt.Key.Key_Home)
    assert table.isVisible()
    assert cells(1)[sgd] == "0.25"
    qtbot.mouseClick(panel.defaults, Qt.MouseButton.LeftButton)
    assert cells(1)[sgd] != "0.25"
    document.set_training(msgspec.structs.replace(own, lr=0.5))
    assert cells(1)[row] == "0.5"  # what nobody has changed follows the run
