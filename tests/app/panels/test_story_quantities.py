"""What a node computes on its way, as the stepper shows it: tables and maps with real numbers."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE


@pytest.fixture
def explain(qtbot, live_window):
    """Opens a graph in the Explain layout and goes forward up to a node; gives back the panel."""

    def open_graph(name: str, node: str):
        live_window.start(name)
        live_window.layouts.show("Explain")
        QApplication.processEvents()
        panel = live_window.layouts.docks["walk"].fill()
        qtbot.waitUntil(lambda: bool(panel.walk.events), timeout=PATIENCE)
        while panel.walk.current is None or panel.walk.current.node != node:
            qtbot.mouseClick(panel.step, Qt.MouseButton.LeftButton)
        return panel

    return open_graph


def table(panel) -> dict[str, list[str]]:
    """Name of each row -> its cells."""
    t = panel.quantities.table
    return {
        t.verticalHeaderItem(i).text(): [t.item(i, j).text() for j in range(t.columnCount())]
        for i in range(t.rowCount())
    }


def test_softmax_with_cross_entropy_is_taken_apart(explain) -> None:
    panel = explain("lenet5", "loss")
    frame = panel.walk.frame
    logits = unpack(frame.values["logits"].array).reshape(-1).astype(float)
    powers = np.exp(logits - logits.max())
    p, wanted = powers / powers.sum(), np.eye(10)[int(frame.label)]
    assert panel.quantities.isVisible()
    rows = table(panel)
    assert list(rows) == ["x", "exp(x − max x)", "p", "t", "p − t"]
    for name, values in (("p", p), ("t", wanted), ("p − t", p - wanted)):
        for cell, value in zip(rows[name], values, strict=True):
            assert cell == format_number(value, 3), name
    assert f"Σ exp = {format_number(powers.sum(), 6)}" in panel.quantities.numbers.text()
    surprise = f"−Σ t log p = {format_number(frame.numbers['loss'], 6)}"
    assert surprise in panel.quantities.numbers.text()
    assert np.isclose(frame.numbers["loss"], -np.log(p[int(frame.label)]), rtol=1e-5)


def test_attention_shows_its_weights(explain) -> None:
    panel = explain("vit-tiny", "attention")
    (told,) = panel.walk.frame.quantities["attention"]
    weights = unpack(told.array)
    assert np.allclose(weights.sum(-1), 1, atol=1e-5)
    assert panel.quantities.maps.isVisible()
    assert not panel.quantities.table.isVisible()
    assert "attention weights" in panel.quantities.numbers.text()


def test_batch_norm_shows_its_statistics(explain) -> None:
    panel = explain("resnet8", _first_norm())
    assert {"running mean", "running σ²", "γ", "β"} <= set(table(panel))


def _first_norm() -> str:
    from graphcore import presets

    return next(n.name for n in presets.load("resnet8") if n.operator == "BatchNorm2d")


def test_a_node_without_an_inside_shows_none(explain) -> None:
    panel = explain("lenet5", "conv1")
    assert not panel.quantities.isVisible()
