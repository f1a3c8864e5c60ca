"""Choose what goes through the net: a picture out of the data set, a drawing, typed numbers."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def choosing(qtbot, explain, live_window):
    """Opens a graph; gives back the stepper and the samples, with a page there."""

    def open_graph(name: str):
        panel = explain(name)
        samples = live_window.show_panel("samples").fill()
        QApplication.processEvents()
        qtbot.waitUntil(lambda: samples.grid.frame is not None, timeout=PATIENCE)
        return panel, samples

    return open_graph


def click_row(qtbot, samples, row: int) -> None:
    view = samples.grid.list
    at = view.visualItemRect(view.item(row)).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=at)


def type_number(table, row: int, text: str) -> None:
    table.setCurrentCell(row, 0)
    table.editItem(table.item(row, 0))
    editor = table.findChild(QLineEdit)
    QTest.keyClicks(editor, text)
    QTest.keyClick(editor, Qt.Key.Key_Return)


def test_a_picture_is_clicked_and_goes_through_the_net(qtbot, choosing, live_window) -> None:
    panel, samples = choosing("mlp")
    grid = samples.grid
    frame = grid.frame
    assert frame.total == 10_000
    assert grid.list.count() == len(frame.indices) == 48  # a page, never the whole set
    assert not grid.list.item(3).icon().isNull()
    assert "test sample 3: a 0" in grid.list.item(3).toolTip()
    click_row(qtbot, samples, 3)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 3, timeout=PATIENCE)
    assert panel.sample.value() == 3
    assert panel.verdict.text().startswith("a 0")
    QTest.keyClick(grid.list, Qt.Key.Key_Right)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 4, timeout=PATIENCE)
    panel.sample.setValue(7)
    assert grid.list.currentRow() == 7
    saliency = live_window.show_panel("saliency").fill()
    qtbot.waitUntil(lambda: saliency.sample.value() == 7, timeout=PATIENCE)


def test_by_class_by_page_by_split_and_by_mistake(qtbot, choosing) -> None:
    panel, samples = choosing("mlp")
    grid = samples.grid
    QTest.keyClicks(grid.label, "3")
    qtbot.waitUntil(lambda: set(grid.frame.labels) == {"3"}, timeout=PATIENCE)
    assert grid.frame.total == 1010
    first = grid.frame.indices
    qtbot.mouseClick(grid.next, LEFT)
    qtbot.waitUntil(lambda: grid.frame.start == 48, timeout=PATIENCE)
    assert not set(first) & set(grid.frame.indices)
    assert grid.where.text() == "49–96 of 1,010"
    QTest.keyClick(grid.label, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: grid.frame.total == 10_000, timeout=PATIENCE)
    qtbot.mouseClick(grid.wrong, LEFT, pos=QPoint(8, grid.wrong.height() // 2))
    qtbot.waitUntil(lambda: grid.frame.total < 10_000, timeout=PATIENCE)
    assert all(a != b for a, b in zip(grid.frame.answers, grid.frame.labels, strict=True))
    assert "→" in grid.list.item(0).text()
    QTest.keyClick(grid.split, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: grid.frame.split == "train", timeout=PATIENCE)
    click_row(qtbot, samples, 0)
    qtbot.waitUntil(lambda: panel.walk.frame.samples == 60_000, timeout=PATIENCE)
    assert panel.walk.frame.sample == grid.frame.indices[0]
    assert panel.verdict.text() == f"a {grid.frame.labels[0]}"


def test_a_drawn_digit_goes_through_and_wiping_brings_the_sample_back(qtbot, choosing) -> None:
    panel, samples = choosing("mlp")
    before = panel.walk.frame.given
    samples.tabs.setCurrentIndex(1)
    pad = samples.sketch
    middle = pad.rect().center()
    QTest.mousePress(pad, LEFT, pos=middle - QPoint(0, 40))
    for y in range(-40, 41, 8):
        QTest.mouseMove(pad, middle + QPoint(0, y))
    QTest.mouseRelease(pad, LEFT, pos=middle + QPoint(0, 40))

    def is_a_stroke_down_the_middle() -> bool:
        drawn = unpack(panel.walk.frame.given).reshape(28, 28)
        return bool(drawn[:, 13:15].max() > 0.9 and drawn[:, :8].max() < 0.01)

    qtbot.waitUntil(is_a_stroke_down_the_middle, timeout=PATIENCE)
    assert panel.sample_name.text().startswith("Drawn")
    QTest.keyClicks(samples.label, "1")
    samples.label.activated.emit(samples.label.currentIndex())
    qtbot.waitUntil(lambda: panel.walk.frame.label == "1", timeout=PATIENCE)
    qtbot.mouseClick(samples.wipe, LEFT)
    qtbot.waitUntil(lambda: panel.walk.frame.given == before, timeout=PATIENCE)


def test_numbers_of_a_sample_are_typed(qtbot, choosing) -> None:
    panel, samples = choosing("circle")
    grid = samples.grid
    assert grid.frame.images is None
    assert grid.list.item(0).text().startswith("0:  ")
    assert not samples.tabs.isTabVisible(1)  # nothing to draw on
    samples.tabs.setCurrentIndex(2)
    type_number(samples.typed.table, 1, "0.25")
    qtbot.waitUntil(
        lambda: abs(float(unpack(panel.walk.frame.given)[1]) - 0.25) < 1e-6, timeout=PATIENCE
    )
    assert panel.sample_name.text().startswith("Typed")
    shown = unpack(panel.walk.frame.values["x"].array)
    assert shown[1] == pytest.approx(0.25, abs=1e-6)
    type_number(samples.typed.table, 1, "nonsense")
    qtbot.waitUntil(lambda: samples.typed.table.item(1, 0).text() == "0.25", timeout=PATIENCE)


def test_numbers_of_a_formula_are_typed_and_undone(qtbot, choosing, live_window) -> None:
    panel, samples = choosing("expression")
    table = samples.typed.table
    names = [table.verticalHeaderItem(i).text() for i in range(table.rowCount())]
    type_number(table, names.index("b"), "4")
    qtbot.waitUntil(lambda: panel.walk.frame.numbers["J"] == 39, timeout=PATIENCE)
    live_window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: panel.walk.frame.numbers["J"] == 33, timeout=PATIENCE)
