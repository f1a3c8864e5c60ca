"""A weight is changed by hand in the table: the net follows, and undo takes it back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from app.panels.weights.panel import WeightsTable
from tests.app.driver import PATIENCE


@pytest.fixture
def table(qtbot, live_window):
    def open_table(graph: str, node: str, parameter: str) -> WeightsTable:
        live_window.start(graph)
        live_window.layouts.show("Build")
        QApplication.processEvents()
        qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
        live_window.canvas.select([node])
        page = live_window.layouts.docks["inspector"].fill().page
        qtbot.mouseClick(page.parameters.tables[parameter], Qt.MouseButton.LeftButton)
        found = [w for w in QApplication.topLevelWidgets() if isinstance(w, WeightsTable)]
        shown = next(w for w in found if w.isVisible())
        qtbot.waitUntil(lambda: shown.model.values.size > 0, timeout=PATIENCE)
        return shown

    yield open_table
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, WeightsTable):
            widget.close()


def type_into(qtbot, shown: WeightsTable, row: int, column: int, text: str) -> None:
    index = shown.model.index(row, column)
    shown.table.setCurrentIndex(index)
    shown.table.edit(index)
    editor = shown.table.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, text)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_the_perceptron_follows_its_weight(qtbot, live_window, table) -> None:
    shown = table("perceptron", "neuron", "weight")
    assert shown.model.values.tolist() == [[3.0, -2.0]]
    numbers = []
    live_window.engine.frame.connect(lambda f: numbers.append(f.values))
    live_window.engine.shown.watch(("neuron", "y"), ())
    type_into(qtbot, shown, 0, 1, "4")

    def z() -> float | None:
        known = [v["neuron"] for v in numbers if "neuron" in v]
        return round(known[-1].high, 6) if known else None

    qtbot.waitUntil(lambda: z() == 6.0, timeout=PATIENCE)  # 3·(-1) + 4·2 + 1
    qtbot.waitUntil(lambda: shown.model.values.tolist() == [[3.0, 4.0]], timeout=PATIENCE)
    live_window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: z() == -6.0, timeout=PATIENCE)
    live_window.document.undo_stack.redo()
    qtbot.waitUntil(lambda: z() == 6.0, timeout=PATIENCE)


def test_a_trained_weight_is_shown_and_nonsense_is_refused(qtbot, live_window, table) -> None:
    shown = table("mlp", "fc1", "bias")
    before = shown.model.values.copy()
    steps = live_window.document.undo_stack.count()
    type_into(qtbot, shown, 0, 0, "much")
    qtbot.waitUntil(lambda: "no number" in shown.refused.text())
    type_into(qtbot, shown, 0, 0, "nan")
    qtbot.waitUntil(lambda: "finite" in shown.refused.text())
    assert live_window.document.undo_stack.count() == steps
    live_window.engine.run(20)
    qtbot.waitUntil(
        lambda: not np.array_equal(shown.model.values, before) and shown.said.text() != "",
        timeout=PATIENCE,
    )
    shown.which.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "step 20" in shown.said.text(), timeout=PATIENCE)
    assert not shown.model.flags(shown.model.index(0, 0)) & Qt.ItemFlag.ItemIsEditable


def test_the_weights_of_a_deleted_node_come_back_with_undo(qtbot, live_window, table) -> None:
    shown = table("mlp", "fc1", "bias")
    engine, document = live_window.engine, live_window.document
    engine.run(20)
    qtbot.waitUntil(lambda: "step 20" in shown.said.text(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    trained = shown.model.values.copy()
    shown.close()
    states = []
    engine.state_changed.connect(states.append)
    live_window.canvas.select("fc1")
    live_window.canvas.editor.delete_and_reconnect()
    qtbot.waitUntil(lambda: "idle" in states, timeout=PATIENCE)  # the net goes on without it
    assert "fc1" not in document.graph
    states.clear()
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: "idle" in states, timeout=PATIENCE)
    again = WeightsTable(document, engine, "fc1.bias", live_window)
    again.show()
    qtbot.waitUntil(lambda: again.model.values.size > 0, timeout=PATIENCE)
    np.testing.assert_array_equal(again.model.values, trained)


def test_a_cell_takes_every_key_and_no_shortcut_acts(qtbot, live_window, table) -> None:
    shown = table("perceptron", "neuron", "weight")
    acted, graph = [], live_window.document.graph
    for name, action in live_window.actions_table.actions.items():
        action.triggered.connect(lambda *_, n=name: acted.append(n))
    before = [(n.name, n.position, n.attributes) for n in graph]
    shown.table.edit(shown.model.index(0, 0))
    editor = shown.table.findChild(QLineEdit)
    editor.selectAll()
    printable = "".join(chr(i) for i in range(32, 127))
    qtbot.keyClicks(editor, printable)
    assert editor.text() == printable
    keys = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace, Qt.Key.Key_Left, Qt.Key.Key_Right)
    for key in keys:
        qtbot.keyClick(editor, key)
    for key in (Qt.Key.Key_A, Qt.Key.Key_C, Qt.Key.Key_V, Qt.Key.Key_Z):
        qtbot.keyClick(editor, key, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert acted == []
    assert [(n.name, n.position, n.attributes) for n in graph] == before
    assert shown.model.values.tolist() == [[3.0, -2.0]]


def test_a_kernel_is_pasted_and_its_edge_image_is_seen(qtbot, live_window, table) -> None:
    shown = table("lenet5", "conv1", "weight")
    assert shown.model.values.shape == (30, 5)  # six kernels below each other
    before = shown.model.values.copy()
    edge = np.array([[-1.0, -1, 0, 1, 1]] * 5)
    QApplication.clipboard().setText("\n".join("\t".join(map(str, row)) for row in edge))
    shown.table.setCurrentIndex(shown.model.index(10, 0))  # the third kernel
    QTest.keySequence(shown, "Ctrl+V")
    qtbot.waitUntil(lambda: np.array_equal(shown.model.values[10:15], edge), timeout=PATIENCE)
    np.testing.assert_array_equal(shown.model.values[:10], before[:10])
    assert live_window.document.undo_stack.undoText() == "Set 25 numbers of conv1.weight"
    live_window.layouts.show("Explain")
    window = live_window.show_panel("window").fill()
    live_window.show_panel("walk").fill()
    live_window.canvas.select(["conv1"])
    qtbot.waitUntil(lambda: {"x", "y", "weight", "bias"} <= window._arrays.keys(), timeout=PATIENCE)
    picture, bias = (torch.from_numpy(window._arrays[k].copy()) for k in ("x", "bias"))
    kernel = torch.from_numpy(edge.astype(np.float32))[None, None]
    image = torch.nn.functional.conv2d(picture[None], kernel, padding=2)[0, 0] + bias[2]
    np.testing.assert_allclose(window.outputs._maps[2], image, atol=1e-4)
    live_window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: np.array_equal(shown.model.values, before), timeout=PATIENCE)
    QApplication.clipboard().setText("a\tb")
    QTest.keySequence(shown, "Ctrl+V")
    assert "a, in row 1 and column 1" in shown.refused.text()
