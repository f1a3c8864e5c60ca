"""The stepper goes through a net as it is used, or as it is trained: dropout and batch norm."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt

from graphcore.graph.layer_list import parse_layers
from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


def open_net(qtbot, window, panel, layers):
    graph = parse_layers(layers)
    window.document.open_graph(graph)
    name = next(n.name for n in graph if n.operator in ("Dropout", "BatchNorm1d"))
    qtbot.waitUntil(
        lambda: panel.walk.frame is not None and name in panel.walk.frame.forward, timeout=PATIENCE
    )
    return name, graph.edge_into(name, "x").source


def tick(qtbot, panel):
    before = panel.walk.frame
    qtbot.mouseClick(panel.training, LEFT, pos=panel.training.rect().center() * 0.2)
    qtbot.waitUntil(lambda: panel.walk.frame is not before, timeout=PATIENCE)
    return panel.walk.frame


def test_dropout_drops_half_and_doubles_the_rest(qtbot, explain, live_window) -> None:
    panel = explain("mlp")
    assert not panel.training.isVisible(), "this net does the same in training"
    node, source = open_net(qtbot, live_window, panel, "784-64-relu | dropout 0.5 | 10")
    qtbot.waitUntil(panel.training.isVisible, timeout=PATIENCE)
    frame = panel.walk.frame
    x = unpack(frame.values[source].array)
    np.testing.assert_array_equal(unpack(frame.values[node].array), x)
    frame = tick(qtbot, panel)
    x, y = (unpack(frame.values[n].array) for n in (source, node))
    dropped = y == 0
    np.testing.assert_allclose(y[~dropped], 2 * x[~dropped], rtol=1e-6)
    through = unpack(frame.gradients[source].array) != 0
    lost = dropped & (x > 0)
    assert 0.2 < lost.sum() / (x > 0).sum() < 0.8
    assert not (through & lost).any(), "no gradient goes back through what was dropped"
    again = tick(qtbot, panel)
    np.testing.assert_array_equal(unpack(again.values[node].array), x)


def test_batch_norm_takes_the_statistics_of_the_samples(qtbot, explain, live_window) -> None:
    panel = explain("mlp")
    node, source = open_net(qtbot, live_window, panel, "784-16 | batchnorm | relu | 10")
    qtbot.waitUntil(panel.training.isVisible, timeout=PATIENCE)
    frame = tick(qtbot, panel)
    assert frame.problem, "one sample has no spread"
    panel.batch.setFocus()
    panel.batch.selectAll()
    qtbot.keyClicks(panel.batch, "8")
    qtbot.keyClick(panel.batch, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: node in panel.walk.frame.quantities, timeout=PATIENCE)
    found = {q.name: unpack(q.array) for q in panel.walk.frame.quantities[node]}
    x = unpack(panel.walk.frame.values[source].array)
    y = unpack(panel.walk.frame.values[node].array)
    mean = next(v for k, v in found.items() if "mean" in k or "μ" in k)
    spread = next(v for k, v in found.items() if "var" in k or "σ" in k)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(spread + 1e-5), rtol=1e-4, atol=1e-5)
