"""Hold a neuron, an edge, a value; see the numbers, the answer and the accuracy; release."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from graphcore import datasets, presets
from graphcore.records.arrays import unpack
from graphcore.session.messages import Hold
from graphcore.training.trainer import Trainer
from tests.app.driver import PATIENCE


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
                    live_window.engine.last_frame is not None and live_window.engine.step == steps
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


def hold_as_for(qtbot, panel, sample: int, unit: int = -1) -> None:
    """Type in what is held, and at which sample's value; press Hold."""
    for field, number in ((panel.unit, unit), (panel.sample, sample)):
        if field is panel.sample:
            QTest.keyClick(panel.how, Qt.Key.Key_Down)
        if number >= 0:
            field.setFocus()
            field.selectAll()
            QTest.keyClicks(field, str(number))
            QTest.keyClick(field, Qt.Key.Key_Return)
    qtbot.mouseClick(panel.hold, Qt.MouseButton.LeftButton)


def logits_of(frame) -> np.ndarray:
    return unpack(frame.values["logits"].array).reshape(-1).copy()


def test_a_whole_layer_at_its_value_from_another_sample(qtbot, live_window, explaining) -> None:
    panel, walk = explaining("lenet5", steps=20)
    stepper = live_window.show_panel("walk").fill()
    qtbot.waitUntil(lambda: walk.frame.step == 20, timeout=PATIENCE)
    free = walk.frame
    stepper.sample.setValue(3)
    qtbot.waitUntil(lambda: walk.frame.sample == 3, timeout=PATIENCE)
    other = walk.frame
    stepper.sample.setValue(0)
    qtbot.waitUntil(lambda: walk.frame.sample == 0, timeout=PATIENCE)
    assert walk.frame.numbers == free.numbers
    live_window.canvas.select(["pool2"])
    hold_as_for(qtbot, panel, 3)
    qtbot.waitUntil(lambda: walk.frame.held == 1, timeout=PATIENCE)
    assert panel.list.item(0).text() == "pool2 as for sample 3"
    np.testing.assert_array_equal(logits_of(walk.frame), logits_of(other))
    scores = logits_of(other).astype(float)
    loss = np.log(np.exp(scores).sum()) - scores[int(free.label)]
    assert walk.frame.numbers["loss"] == pytest.approx(loss, rel=1e-6)
    assert (
        panel.verdict.text()
        == f"A 7: predicted as {other.answer}, without the hold as {free.answer}."
    )
    qtbot.waitUntil(lambda: panel.table.rowCount() == 12, timeout=PATIENCE)
    held = {panel.table.item(i, 1).text() for i in range(2, 12)}
    assert held == {"0.0%", "100.0%"}  # every digit is predicted as the same
    qtbot.mouseClick(panel.release, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: walk.frame.held == 0, timeout=PATIENCE)
    assert walk.frame.numbers == free.numbers
    np.testing.assert_array_equal(logits_of(walk.frame), logits_of(free))
    assert panel.table.isHidden()


def test_one_channel_at_its_value_from_another_sample(qtbot, live_window, explaining) -> None:
    panel, walk = explaining("lenet5")
    free = walk.frame
    graph = presets.load("lenet5")
    trainer = Trainer(graph, datasets.load("mnist"))
    plan, nn = trainer.looking_plan(), torch.nn.functional
    x, t = trainer.tensors(trainer.data.test, 6)
    plan.forward(trainer.binding.feeds(x, t))
    held = plan.value("pool2")[:1].clone()
    held[0, 4] = plan.value("pool2")[5, 4]
    y, w = held.flatten(1), trainer.plan.parameters
    for layer in ("fc1", "fc2"):
        y = nn.linear(y, w[f"{layer}.weight"], w[f"{layer}.bias"]).relu()
    y = nn.linear(y, w["logits.weight"], w["logits.bias"])
    live_window.canvas.select(["pool2"])
    hold_as_for(qtbot, panel, 5, unit=4)
    qtbot.waitUntil(lambda: walk.frame.held == 1, timeout=PATIENCE)
    assert panel.list.item(0).text() == "pool2[4] as for sample 5"
    np.testing.assert_allclose(logits_of(walk.frame), y[0].numpy(), atol=1e-6)
    assert walk.frame.numbers["loss"] == pytest.approx(float(nn.cross_entropy(y, t[:1])), rel=1e-6)
    qtbot.mouseClick(panel.release_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: walk.frame.held == 0, timeout=PATIENCE)
    assert walk.frame.numbers == free.numbers


def test_a_channel_of_a_trained_net_and_the_accuracy_per_class(
    qtbot, live_window, explaining
) -> None:
    panel, _walk = explaining("tiny-conv", steps=60)
    layer = next(n.name for n in live_window.document.graph if n.operator == "ReLU")
    live_window.canvas.select([layer])
    assert panel.unit.maximum() > 0
    qtbot.mouseClick(panel.hold, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 12, timeout=PATIENCE)
    assert panel.table.verticalHeaderItem(0).text() == "loss"
    changes = [panel.table.item(i, 2).text() for i in range(12)]
    assert any(text.startswith("−") for text in changes)
    qtbot.waitUntil(lambda: "without the hold" in panel.verdict.text(), timeout=PATIENCE)
    before = live_window.engine.step
    live_window.engine.run(5)
    qtbot.waitUntil(lambda: live_window.engine.step == before + 5, timeout=PATIENCE)
    assert panel.holds
    live_window.document.undo_stack.setClean()
    live_window.start("mlp")
    assert panel.holds == ()


def test_saliency_grad_cam_and_a_nudge_are_shown(qtbot, live_window, explaining) -> None:
    explaining("tiny-conv", steps=60)
    panel = live_window.show_panel("saliency").fill()
    qtbot.waitUntil(lambda: "predicted as" in panel.said.text(), timeout=PATIENCE)
    assert all(view.grid_size()[0] > 0 for view in panel.views.values())
    assert panel.layer.count() == 2
    first = panel.captions["image"].text()
    panel.sample.setValue(1)
    qtbot.waitUntil(lambda: panel.captions["image"].text() != first, timeout=PATIENCE)
    panel.layer.setCurrentIndex(0)
    panel.layer.activated.emit(0)
    wanted = panel.layer.currentText()
    qtbot.waitUntil(lambda: wanted in panel.captions["cam"].text(), timeout=PATIENCE)
    live_window.engine.hold((Hold(wanted),))
    without = "without the values held in What if"
    qtbot.waitUntil(lambda: without in panel.said.text(), timeout=PATIENCE)
    live_window.engine.hold(())
    qtbot.waitUntil(lambda: without not in panel.said.text(), timeout=PATIENCE)
