"""A formula is typed on an empty canvas and walked through at once, without any data."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from tests.app.driver import PATIENCE


@pytest.fixture
def typed(qtbot, explain, live_window):
    """Types a formula into the search box of a new graph; gives back stepper and samples."""

    def type_formula(text: str):
        explain("mlp")
        samples = live_window.show_panel("samples").fill()
        QApplication.processEvents()
        qtbot.waitUntil(lambda: samples.grid.frame is not None, timeout=PATIENCE)
        live_window.files.new()
        popup = live_window.canvas.search_at(live_window.canvas.camera.pointer_place())
        popup.field.setText(text)
        QTest.keyClick(popup.field, Qt.Key.Key_Return)
        panel = live_window.layouts.docks["walk"].fill()
        return panel, samples

    return type_formula


def test_it_is_walked_and_its_numbers_are_typed(qtbot, typed, live_window) -> None:
    panel, samples = typed("J = 3*(a + b*c)")
    qtbot.waitUntil(
        lambda: panel.walk.frame is not None and "J" in panel.walk.frame.numbers, timeout=PATIENCE
    )
    assert not live_window.banner.isVisible()
    assert panel.walk.frame.numbers["J"] == 3 * (1 + 2 * 3)
    before = panel.walk.done
    live_window.walk.step()
    assert panel.walk.done != before
    table = samples.typed.table
    qtbot.waitUntil(lambda: table.rowCount() == 3, timeout=PATIENCE)
    assert [table.verticalHeaderItem(i).text() for i in range(3)] == ["a", "b", "c"]
    table.setCurrentCell(1, 0)
    table.editItem(table.item(1, 0))
    editor = table.findChild(QLineEdit)
    QTest.keyClicks(editor, "4")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.walk.frame.numbers["J"] == 39, timeout=PATIENCE)


def test_the_samples_panel_follows_the_graph(qtbot, typed, live_window, answers_nothing) -> None:
    _panel, samples = typed("J = a*b")
    live_window.files.new()
    assert samples.typed.table.rowCount() == samples.typed.table.columnCount() == 0
    assert "numbers of its own" not in samples.hint.text()
    live_window.files.open_preset("mlp")
    qtbot.waitUntil(
        lambda: samples.grid.frame is not None and not samples.grid.frame.problem, timeout=PATIENCE
    )
    assert samples.tabs.currentWidget() is samples.grid
