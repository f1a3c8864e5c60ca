"""Hold a neuron, an edge, a value; see the numbers, the answer and the accuracy; release."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

PATIENCE = 60_000


@pytest.fixture
def explaining(qtbot, live_window):
    def open_graph(graph: str, steps: int = 0):
        live_window.start(graph)
        live_window.layouts.show("Explain")
        panel = live_window.show_panel("what_if").fill()
        walk = live_window.show_panel("walk").fill().walk
        QApplication.processEvents()
        qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
        if steps:
            live_window.engine.run(steps)
            qtbot.waitUntil(
                lambda: (
                    live_window.engine.last_frame is not None
                    and live_window.engine.last_frame.step == steps
                ),
                timeout=PATIENCE,
            )
        qtbot.waitUntil(lambda: walk.frame is not None, timeout=PATIENCE)
        return panel, walk

    return open_graph


def test_a_held_sum_changes_j_and_releasing_restores_it(qtbot, live_window, explaining) -> None:
    panel, walk = explaining("expression")
    assert walk.frame.numbers["J"] == 33
    live_window.canvas.select(["v"])
    panel.value.setValue(5)
    qtbot.mouseClick(panel.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: walk.frame.numbers.get("J") == 15, timeout=PATIENCE)
    assert walk.frame.numbers["v"] == 5
    assert walk.frame.slopes["a"] == 0
    assert not any("__" in name for name in (*walk.frame.forward, *walk.frame.backward))
    assert {(t.source, t.target) for t in walk.frame.terms} >= {("v", "J"), ("a", "v")}
    assert panel.list.item(0).text() == "v = 5"
    live_window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: walk.frame.numbers.get("J") == 33, timeout=PATIENCE)
    assert panel.list.count() == 0
    live_window.document.undo_stack.redo()
    qtbot.waitUntil(lambda: walk.frame.numbers.get("J") == 15, timeout=PATIENCE)
    panel.list.setCurrentRow(0)
    qtbot.mouseClick(panel.release, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: walk.frame.numbers.get("J") == 33, timeout=PATIENCE)


def test_one_edge_alone(qtbot, live_window, explaining) -> None:
    panel, walk = explaining("expression")
    live_window.canvas.select(["b"])
    panel.where.setCurrentIndex(1)
    panel.value.setValue(10)
    qtbot.mouseClick(panel.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: walk.frame.numbers.get("J") == 75, timeout=PATIENCE)  # 3(5 + 10·2)
    assert walk.frame.numbers["b"] == 3
    assert ("b", "u") in {(t.source, t.target) for t in walk.frame.terms}


def test_a_channel_of_a_trained_net_and_the_accuracy_per_class(
    qtbot, live_window, explaining
) -> None:
    panel, _walk = explaining("tiny-conv", steps=60)
    layer = next(n.name for n in live_window.document.graph if n.operator == "ReLU")
    live_window.canvas.select([layer])
    assert panel.unit.maximum() > 0
    qtbot.mouseClick(panel.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 11, timeout=PATIENCE)
    assert panel.table.verticalHeaderItem(0).text() == "loss"
    changes = [panel.table.item(i, 2).text() for i in range(11)]
    assert any(text.startswith("−") for text in changes)
    qtbot.waitUntil(lambda: "free for" in panel.verdict.text(), timeout=PATIENCE)
    before = live_window.engine.last_frame.step
    live_window.engine.run(5)
    qtbot.waitUntil(lambda: live_window.engine.last_frame.step == before + 5, timeout=PATIENCE)
    assert panel.holds
    live_window.document.undo_stack.setClean()
    live_window.start("mlp")
    assert panel.holds == ()


def test_saliency_grad_cam_and_a_nudge_are_shown(qtbot, live_window, explaining) -> None:
    explaining("tiny-conv", steps=60)
    panel = live_window.show_panel("saliency").fill()
    qtbot.waitUntil(lambda: "taken for" in panel.said.text(), timeout=PATIENCE)
    assert all(view.grid_size()[0] > 0 for view in panel.views.values())
    assert panel.layer.count() == 2
    first = panel.captions["image"].text()
    panel.sample.setValue(1)
    qtbot.waitUntil(lambda: panel.captions["image"].text() != first, timeout=PATIENCE)
    panel.layer.setCurrentIndex(0)
    panel.layer.activated.emit(0)
    wanted = panel.layer.currentText()
    qtbot.waitUntil(lambda: wanted in panel.captions["cam"].text(), timeout=PATIENCE)
