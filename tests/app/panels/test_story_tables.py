"""Heat maps of the stepper: the value under the pointer, all of them as a table, and copied."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.panels.stepper.numbers import StepNumbers
from app.widgets.numbers import format_number
from app.widgets.numbers_table import sheet_shape
from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def tables():
    """The tables that are open; closes them in the end."""

    def found() -> list[StepNumbers]:
        shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, StepNumbers)]
        return [w for w in shown if w.isVisible()]

    yield found
    for table in found():
        table.close()


def step_to(qtbot, panel, node: str, phase: str) -> None:
    while (panel.walk.shown is None
           or (panel.walk.shown.node, panel.walk.shown.phase) != (node, phase)):  # fmt: skip
        qtbot.mouseClick(panel.step, LEFT)


def point_at(view, cell: tuple[int, int]) -> QPoint:
    """Move the mouse to a cell."""
    place = view.cell_rect(cell).center().toPoint()
    QTest.mouseMove(view, QPoint(1, 1))
    QTest.mouseMove(view, place)
    return place


def test_the_pointer_reads_a_value(qtbot, explain) -> None:
    panel = explain("lenet5")
    step_to(qtbot, panel, "conv1", "forward")
    view = panel.value.map
    maps = unpack(panel.walk.frame.values["conv1"].array)
    cell = next(c for c in np.ndindex(*view.grid_size()) if view.place_of(c) == (4, 12, 14))
    place = point_at(view, cell)
    assert view.place_of(view.cell_at(place.toPointF())) == (4, 12, 14)
    said = format_number(float(maps[4, 12, 14]))
    assert view.readout.isVisible()
    assert view.readout.text() == f"[4, 12, 14] = {said}"
    assert "(1, 6, 28, 28)" in panel.value.caption.text()


def test_a_long_vector_is_read_number_by_number(qtbot, explain) -> None:
    panel = explain("lenet5")
    step_to(qtbot, panel, "flatten", "forward")
    view = panel.value.map
    qtbot.waitUntil(lambda: view.grid_size() == (25, 16), timeout=PATIENCE)  # all 400 of them
    pooled = unpack(panel.walk.frame.values["pool2"].array).reshape(-1)
    best = int(pooled.argmax())
    point_at(view, (best // 16, best % 16))
    assert view.readout.text() == f"[{best}] = {format_number(float(pooled[best]))}"


def test_a_double_click_opens_the_whole_tensor(qtbot, explain, tables) -> None:
    panel = explain("lenet5")
    step_to(qtbot, panel, "conv1", "forward")
    place = panel.value.map.cell_rect((5, 5)).center().toPoint()
    qtbot.mouseDClick(panel.value.map, LEFT, pos=place)
    (table,) = tables()
    qtbot.waitUntil(lambda: table.model.values.size > 0, timeout=PATIENCE)
    maps = unpack(panel.walk.frame.values["conv1"].array)
    assert table.model.shape == (6, 28, 28)
    np.testing.assert_array_equal(table.model.values, maps.reshape(168, 28))
    heads = [table.model.headerData(i, Qt.Orientation.Vertical) for i in (0, 29, 167)]
    assert heads == ["0, 0", "1, 1", "5, 27"]
    assert not table.model.flags(table.model.index(0, 0)) & Qt.ItemFlag.ItemIsEditable
    assert "6 × 28 × 28 numbers" in table.said.text()
    table.of.setFocus()
    QTest.keyClick(table.of, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: table.model.shape == (6, 1, 5, 5), timeout=PATIENCE)
    kinds = [table.which.itemText(i) for i in range(table.which.count())]
    assert kinds == ["Value", "Gradient", "m", "v", "After the update"]
    QTest.keyClick(table.of, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: table.model.shape == (6, 28, 28), timeout=PATIENCE)
    before = table.model.values.copy()
    panel.sample.setValue(1)
    qtbot.waitUntil(lambda: not np.array_equal(table.model.values, before), timeout=PATIENCE)
    maps = unpack(panel.walk.frame.values["conv1"].array)
    np.testing.assert_array_equal(table.model.values, maps.reshape(168, 28))


def test_the_button_opens_the_gradient_and_copies_it(qtbot, explain, tables) -> None:
    panel = explain("lenet5")
    qtbot.mouseClick(panel.finish, LEFT)
    step_to(qtbot, panel, "logits", "backward")
    qtbot.mouseClick(panel.gradient.table, LEFT)
    (table,) = tables()
    qtbot.waitUntil(lambda: table.model.values.size > 0, timeout=PATIENCE)
    gradient = unpack(panel.walk.frame.gradients["logits"].array).reshape(-1)
    np.testing.assert_array_equal(table.model.values[0], gradient)
    qtbot.mouseClick(table.copy, LEFT)
    copied = np.array([float(x) for x in QApplication.clipboard().text().split("\t")], np.float32)
    np.testing.assert_array_equal(copied, gradient)
    table.table.setCurrentIndex(table.model.index(0, 3))
    QTest.keySequence(table, "Ctrl+C")
    assert float(QApplication.clipboard().text()) == pytest.approx(float(gradient[3]), rel=1e-8)
    table.digits.setCurrentIndex(table.digits.findData(9))
    assert table.model.index(0, 3).data() == format_number(float(gradient[3]), 9)


@pytest.mark.parametrize(
    ("shape", "sheet"),
    [((), (1, 1)), ((7,), (1, 7)), ((3, 4), (3, 4)), ((1, 5, 5), (5, 5)), ((6, 1, 5, 5), (30, 5)),
     ((6, 16, 1, 1), (6, 16)), ((8, 1), (8, 1))],
)  # fmt: skip
def test_a_table_has_the_rows_and_columns_of_its_pictures(shape, sheet) -> None:
    assert sheet_shape(shape) == sheet
