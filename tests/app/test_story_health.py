"""A teacher shows why deep sigmoid nets do not learn, and what helps."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from app.remedies import REMEDIES
from graphcore import files, presets

PATIENCE = 60_000


def accuracy_after_an_epoch(qtbot, window) -> float:
    scores = []
    window.engine.frame.connect(lambda f: scores.extend(s for s in f.scores if s.whole))
    window.engine.run_epoch()
    qtbot.waitUntil(lambda: bool(scores) and window.engine.state == "idle", timeout=PATIENCE)
    return float(scores[-1].test_accuracy)


def test_the_vanishing_gradient_is_seen_explained_and_cured(qtbot, live_window) -> None:
    live_window.start("vanishing")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("health").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: bool(panel.cards), timeout=PATIENCE)
    sizes = [size for _name, size in panel.gradients.bars]
    assert sizes[0] / sizes[-1] == pytest.approx(3e-6, rel=0.6)
    assert [name for name, _ in panel.updates.bars] == [name for name, _ in panel.gradients.bars]
    assert not panel.dead.isVisible()
    first = panel._frame.findings[0].node
    assert live_window.canvas.items_by_name[first].ailing
    assert accuracy_after_an_epoch(qtbot, live_window) < 0.3
    operators = {n.operator for n in live_window.document.graph}
    assert "Sigmoid" in operators
    buttons = panel.cards[0].findChildren(QPushButton)
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.cards, timeout=PATIENCE)
    assert "Sigmoid" not in {n.operator for n in live_window.document.graph}
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    assert panel.gradients.bars[0][1] / panel.gradients.bars[-1][1] > 0.1
    assert len(panel.dead.bars) == 6
    assert not live_window.canvas.items_by_name[first].ailing
    assert accuracy_after_an_epoch(qtbot, live_window) > 0.8
    live_window.document.undo_stack.undo()
    assert {n.operator for n in live_window.document.graph} == operators


@pytest.mark.parametrize("key", sorted(REMEDIES))
def test_every_remedy_is_one_step_that_fits_and_can_be_undone(key, document) -> None:
    document.open_graph(presets.load("vanishing" if key == "relu" else "vanishing-relu"))
    before = files.dumps(document.root)
    with document.macro(key):
        REMEDIES[key].apply(document)
    assert document.undo_stack.count() == 1
    assert not document.shapes.problems
    assert files.dumps(document.root) != before
    document.undo_stack.undo()
    assert files.dumps(document.root) == before


def test_skip_connections_let_the_gradient_through(qtbot, live_window) -> None:
    live_window.start("vanishing")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("health").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: bool(panel.cards), timeout=PATIENCE)
    labels = [b.text() for b in panel.cards[0].findChildren(QPushButton)]
    assert labels == ["Try ReLU with He's initialiser", "Insert batch norm",
                      "Add skip connections", "Show"]  # fmt: skip
    before = panel._frame.ratio
    skip = panel.cards[0].findChildren(QPushButton)[2]
    qtbot.mouseClick(skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel._frame.ratio > 100 * before, timeout=PATIENCE)
    assert sum(n.operator == "Add" for n in live_window.document.graph) == 5
