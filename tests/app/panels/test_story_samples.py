"""Choose what goes through the net: a picture out of the data set, a drawing, typed numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

import graphcore as gc
from app.panels.samples.cells import NumberCells
from app.widgets import file_dialogs
from graphcore.datasets.table.block import placed, read_block
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


@pytest.fixture
def five(tmp_path):
    """A picture of 5 × 5 with numbers of its own, and a vector, through a convolution."""
    g = gc.Graph()
    x = g.add("Input", name="x", shape=(1, 5, 5), value=[0.0] * 25)
    conv = g.add("Conv2d", name="conv", out_channels=1, kernel_size=3)
    flat = g.add("Flatten", name="flat")
    v = g.add("Input", name="v", shape=(9,), value=[1.0] * 9)
    both = g.add("Mul", name="both")
    g.connect(x, conv)
    g.connect(conv, flat)
    g.connect(flat, both)
    g.connect(v, both)
    gc.save(g, tmp_path / "five.graph.json")
    return str(tmp_path / "five.graph.json")


def shown(table) -> list[list[str]]:
    return [
        [table.item(i, j).text() for j in range(table.columnCount())]
        for i in range(table.rowCount())
    ]


def test_a_block_of_a_spreadsheet_fills_the_cells_of_an_input(
    qtbot, choosing, live_window, five, tmp_path, monkeypatch
) -> None:
    panel, samples = choosing(five)
    typed, table = samples.typed, samples.typed.table
    assert [typed.which.itemText(i) for i in range(2)] == ["v", "x"]
    QTest.keyClick(typed.which, Qt.Key.Key_End)
    assert shown(table) == [["0"] * 5] * 5
    samples.tabs.setCurrentWidget(typed)
    table.setFocus()
    clipboard = QApplication.clipboard()

    def paste(text: str, row: int = 0, column: int = 0) -> None:
        clipboard.setText(text)
        table.setCurrentCell(row, column)
        QTest.keyClick(table, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)

    def fed() -> np.ndarray:
        return np.array(live_window.document.root.node("x").attributes["value"]).reshape(5, 5)

    paste("\n".join(str(i) for i in range(25)))  # 25 numbers, in whatever rows
    np.testing.assert_array_equal(fed(), np.arange(25).reshape(5, 5))
    qtbot.waitUntil(
        lambda: unpack(panel.walk.frame.values["x"].array).max() == 24, timeout=PATIENCE
    )
    assert shown(table)[4] == ["20", "21", "22", "23", "24"]
    paste("0,5\t−1\n2,25\t", 3, 3)  # decimal commas; an empty cell leaves what is there
    assert fed()[3:, 3:].tolist() == [[0.5, -1], [2.25, 24]]
    before = fed()
    paste("1\tzwei", 0, 0)
    assert typed.said.text().startswith("zwei, in row 1 and column 2 of what is pasted")
    paste("1\t2\t3", 0, 3)
    assert "from this cell on there are 5 × 2 cells" in typed.said.text()
    np.testing.assert_array_equal(fed(), before)
    QTest.keyClick(table, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert clipboard.text().splitlines()[3] == "15\t16\t17\t0.5\t-1"
    assert len(live_window.document.root) == 5  # nothing was pasted among the nodes
    live_window.document.undo_stack.undo()
    np.testing.assert_array_equal(fed(), np.arange(25).reshape(5, 5))
    Image.fromarray(np.eye(10, dtype=np.uint8) * 255).save(tmp_path / "line.png")
    monkeypatch.setattr(file_dialogs, "ask_picture", lambda *_: str(tmp_path / "line.png"))
    qtbot.mouseClick(typed.picture, LEFT)
    assert fed().diagonal().min() > 0.3 > fed()[0, 2:].max()
    QTest.keyClick(typed.which, Qt.Key.Key_Home)
    assert len(shown(table)) == 9
    assert not typed.picture.isEnabled()


def test_a_picture_is_answered_with_the_likeliest_classes(
    qtbot, choosing, monkeypatch, tmp_path
) -> None:
    panel, samples = choosing("mlp")
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "line.png")
    monkeypatch.setattr(file_dialogs, "ask_picture", lambda *_: str(tmp_path / "line.png"))
    samples.tabs.setCurrentWidget(samples.typed)
    assert not samples.typed.answers.isVisible()
    qtbot.mouseClick(samples.typed.picture, LEFT)
    qtbot.waitUntil(samples.typed.answers.isVisible, timeout=PATIENCE)
    found = panel.walk.frame.likeliest
    assert len(found) == 5
    shares = [share for _, share in found]
    assert shares == sorted(shares, reverse=True)
    first = f"{shares[0]:.1%}  {found[0][0]}"
    assert samples.typed.answers.text().splitlines()[:2] == ["The net says:", first]
    qtbot.mouseClick(samples.typed.reset, LEFT)
    qtbot.waitUntil(lambda: not samples.typed.answers.isVisible(), timeout=PATIENCE)


def test_the_rows_of_a_table_have_the_names_of_its_columns(qtbot, choosing) -> None:
    panel, samples = choosing("house-prices")
    table = samples.typed.table
    heads = [table.verticalHeaderItem(i).text() for i in range(table.rowCount())]
    assert heads == ["area (m²)", "rooms", "age (years)"]
    samples.tabs.setCurrentWidget(samples.typed)
    assert not samples.typed.reset.isEnabled()
    type_number(table, 0, "123,5")
    qtbot.waitUntil(
        lambda: float(unpack(panel.walk.frame.given)[0]) == pytest.approx(123.5), timeout=PATIENCE
    )
    qtbot.mouseClick(samples.typed.reset, LEFT)
    qtbot.waitUntil(lambda: float(unpack(panel.walk.frame.given)[0]) != 123.5, timeout=PATIENCE)


@pytest.mark.parametrize(
    ("text", "shape", "numbers"),
    [("1 2 3\n4 5 6", (2, 3), [1, 2, 3, 4, 5, 6]), ("1, 2, 3, 4, 5, 6", (2, 3), range(1, 7)),
     ("[[1, 2], [3, 4]]", (4, 1), [1, 2, 3, 4]), ("7\t8", (4, 1), [7, 8]),
     ("1.234,5;2", (1, 2), [1234.5, 2])],
)  # fmt: skip
def test_numbers_of_other_programs_are_read(text, shape, numbers) -> None:
    assert placed(read_block(text), (0, 0), shape)[1] == list(numbers)


def test_a_typed_row_of_a_regression_has_no_true_value(qtbot, choosing, live_window) -> None:
    panel, samples = choosing("linear-regression")
    b = live_window.canvas.items_by_name
    samples.tabs.setCurrentIndex(3)
    type_number(samples.typed.table, 0, "0.25")
    qtbot.waitUntil(lambda: panel.walk.frame.unknown, timeout=PATIENCE)
    panel.walk.go_to(len(panel.walk.events))
    assert "No true value is known for this row" in panel.words.text()
    assert panel.verdict.text() == "no true value is known"
    assert b["line"].value is not None
    for name in ("target", "loss"):
        assert b[name].value is None, "no number that was made up"
        assert b[name].step_state == "pending", "no tick"
    assert not panel.check.isHidden()


def test_answers_follow_the_training_net_and_say_their_step(qtbot, choosing, live_window) -> None:
    _, samples = choosing("circle")
    grid, engine = samples.grid, live_window.engine
    first = grid.list.item(0)
    engine.set_speed(30.0)  # at full speed the run is over before the list is asked for again
    engine.run(None)
    qtbot.waitUntil(lambda: engine.state == "running", timeout=PATIENCE)
    qtbot.waitUntil(lambda: grid.frame.step > 0, timeout=PATIENCE)
    early = grid.frame.step
    qtbot.waitUntil(lambda: grid.frame.step > early, timeout=PATIENCE)
    assert engine.state == "running"
    assert grid.where.text().endswith(f"· step {grid.frame.step:,}")
    assert grid.list.item(0) is first, "the list stays as it was under the pointer"
    engine.pause()


def test_what_is_typed_stays_while_the_engine_replies(qtbot) -> None:
    cells = NumberCells()
    qtbot.addWidget(cells)
    cells.show()
    cells.show_sheet(np.zeros((2, 2)), ["a", "b"], ["0", "1"])
    cells.setCurrentCell(0, 1)
    qtbot.keyClicks(cells, "7")
    cells.show_sheet(np.ones((2, 2)), ["a", "b"], ["0", "1"])
    with qtbot.waitSignal(cells.entered) as entered:
        qtbot.keyClick(cells.findChild(QLineEdit), Qt.Key.Key_Tab)
    assert entered.args == [[1], [7.0]]
    assert cells.item(1, 1).text() == "1"
