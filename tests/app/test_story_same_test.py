"""Figures of tests that stand side by side say how many samples they are of."""

from __future__ import annotations

import re

from PySide6.QtWidgets import QApplication

from app.panels.runs.panel import COLUMNS
from app.panels.training.figures import TrainingFigures
from graphcore.records.score import Score
from tests.app.driver import PATIENCE


def test_loss_and_accuracy_are_of_one_test(qtbot) -> None:
    figures = TrainingFigures()
    qtbot.addWidget(figures)
    figures.show_score(Score(0.5, 0.9, 500, 20))
    assert figures.labels["accuracy"].text() == "90.00%"
    assert "500 test samples at step 20" in figures.labels["accuracy"].toolTip()
    figures.show_score(Score(0.4, None, 10_000, 30))
    assert figures.labels["accuracy"].text() == "–", "that of the test before is no longer shown"
    figures.show_score(None)
    assert figures.labels["loss"].text() == "–"


def test_every_accuracy_says_of_how_many(qtbot, live_window) -> None:
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    QApplication.processEvents()
    engine = window.engine
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    runs, results = (window.layouts.docks[name].fill() for name in ("runs", "results"))
    window.show_panel("runs")
    engine.run_epoch()
    qtbot.waitUntil(lambda: engine.moment.test is not None, timeout=PATIENCE)
    window.show_panel("results")
    qtbot.waitUntil(lambda: "test accuracy" in results.stamp.text(), timeout=PATIENCE)
    window.show_panel("runs")
    cell = runs.table.item(0, COLUMNS.index("test"))
    qtbot.waitUntil(lambda: " of " in cell.text(), timeout=PATIENCE)
    words = window.time.words
    qtbot.waitUntil(lambda: " of " in words.text() + words.toolTip(), timeout=PATIENCE)
    for told in (cell.text(), results.stamp.text(), words.text() + words.toolTip()):
        assert re.search(r"%\s*of [\d,]+", told), told
