"""A teacher shows why deep sigmoid nets do not learn, and what helps."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

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
    assert not live_window.canvas.items_by_name[first].ailing
    assert accuracy_after_an_epoch(qtbot, live_window) > 0.8
    live_window.document.undo_stack.undo()
    assert {n.operator for n in live_window.document.graph} == operators
