"""Find a learning rate from the training panel, with the real engine."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QApplication

from app.panels.training.rate_finder import RateFinder
from tests.app.driver import PATIENCE


@pytest.fixture
def panel(qtbot, live_window):
    live_window.start("mlp")
    live_window.layouts.show("Train")
    QApplication.processEvents()
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    return live_window.layouts.docks["training"].fill()


def with_dialog(qtbot, panel, act) -> RateFinder:
    """Click the button, and act on the dialog once the test is over."""
    seen = []

    def look() -> None:
        dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, RateFinder))
        if dialog.progress.value() < 100:
            timer.start(50)
            return
        seen.append(dialog)
        act(dialog)

    timer = QTimer()
    timer.setSingleShot(True)
    timer.timeout.connect(look)
    timer.start(50)
    panel.find_rate.click()
    return seen[0]


def test_the_suggested_rate_is_taken_in_one_undo_step(qtbot, live_window, panel) -> None:
    before = live_window.document.graph.training.lr
    dialog = with_dialog(qtbot, panel, lambda d: qtbot.mouseClick(d.use, Qt.MouseButton.LeftButton))
    assert dialog.rate is not None
    assert 1e-4 < dialog.rate < 1
    assert live_window.document.graph.training.lr == dialog.rate
    live_window.document.undo_stack.undo()
    assert live_window.document.graph.training.lr == before


def test_a_click_chooses_another_and_cancel_changes_nothing(qtbot, live_window, panel) -> None:
    before = live_window.document.graph.training.lr
    chosen = []

    def act(dialog: RateFinder) -> None:
        suggested = dialog.rate
        place = dialog.plot.viewport().rect().center() + QPoint(-60, 0)
        qtbot.mouseClick(dialog.plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
        chosen.append((suggested, dialog.rate))
        dialog.reject()

    with_dialog(qtbot, panel, act)
    assert chosen[0][0] != chosen[0][1]
    assert live_window.document.graph.training.lr == before
