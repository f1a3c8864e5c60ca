"""One number of a layer as the sum that it is; a click into the heat map takes another."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt

import graphcore as gc
from app.widgets.numbers import format_number
from graphcore.records.arrays import unpack
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


def step_to(qtbot, panel, node: str) -> None:
    while panel.walk.shown is None or panel.walk.shown.node != node:
        qtbot.mouseClick(panel.step, LEFT)


def click_number(qtbot, panel, index: tuple[int, ...]) -> None:
    view = panel.value.map
    cell = next(c for c in np.ndindex(*view.grid_size()) if view.index_of(c) == index)
    qtbot.mouseClick(view, LEFT, pos=view.cell_rect(cell).center().toPoint())


def rows(panel) -> dict[str, list[float]]:
    t = panel.quantities.table
    return {
        t.verticalHeaderItem(i).text(): [float(t.item(i, j).toolTip())
                                         for j in range(t.columnCount()) if t.item(i, j)]
        for i in range(t.rowCount())
    }  # fmt: skip


def written(panel, begin: str) -> bool:
    return any(line.startswith(begin) for line in panel.formula.latex)


@pytest.fixture
def calculation(qtbot, explain, live_window):
    """Opens a graph of given numbers in place of the one that is there."""

    def open_graph(graph: gc.Graph, end: str):
        panel = explain("expression")
        live_window.document.open_graph(graph)
        qtbot.waitUntil(
            lambda: panel.walk.frame is not None and end in panel.walk.frame.forward,
            timeout=PATIENCE,
        )
        return panel

    return open_graph


def test_a_layers_number_is_written_out_and_another_one_chosen(qtbot, explain) -> None:
    panel = explain("mlp")
    step_to(qtbot, panel, "logits")
    qtbot.waitUntil(lambda: written(panel, "y_{0} = "), timeout=PATIENCE)
    click_number(qtbot, panel, (1,))
    qtbot.waitUntil(lambda: written(panel, "y_{1} = "), timeout=PATIENCE)
    letters, numbers = panel.formula.latex[1], panel.formula.latex[-1]
    assert letters.startswith(r"y_{1} = W_{1,0} \cdot x_{0} + W_{1,1} \cdot x_{1} + ")
    assert r"\dots" in letters
    assert letters.endswith("+ b_{1}")
    value = float(unpack(panel.walk.frame.values["logits"].array)[1])
    assert numbers.endswith(f"= {format_number(value)}".replace("−", "-"))
    shown = rows(panel)
    assert list(shown)[:3] == ["W[1, k]", "x[k]", "product"]
    bias = panel._written.element.bias.value
    assert sum(shown["product"]) + bias == pytest.approx(value, abs=1e-6)
    panel.walk.go_to(len(panel.walk.events))
    (edge,) = panel.walk.handed_on("logits")
    x = unpack(panel.walk.frame.values[edge.source].array)
    np.testing.assert_allclose(shown["x[k]"], x, rtol=1e-6)


def test_the_perceptron_is_its_weighted_sum(qtbot, explain) -> None:
    panel = explain("perceptron")
    step_to(qtbot, panel, "neuron")
    wanted = r"= 3 \cdot (-1) + (-2) \cdot 2 + 1 = -6"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)


def test_a_mean_over_a_batch_and_the_squares_in_a_loss(qtbot, calculation) -> None:
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(4,), batch=False, value=[1.0, 2.0, 3.0, 6.0])
    graph.connect("x", graph.add("Mean", name="J"))
    panel = calculation(graph, "J")
    step_to(qtbot, panel, "J")
    wanted = r"= \frac{1}{4} (1 + 2 + 3 + 6) = 3"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)
    graph = gc.Graph()
    graph.add("Input", name="p", shape=(2,), batch=False, value=[1.0, -2.0])
    graph.add("Input", name="t", shape=(2,), batch=False, value=[0.5, 1.0])
    loss = graph.add("MSELoss", name="L")
    graph.connect("p", loss, input="x")
    graph.connect("t", loss, input="target")
    panel = calculation(graph, "L")
    step_to(qtbot, panel, "L")
    wanted = r"= \frac{1}{2} ((1 - 0.5)^2 + ((-2) - 1)^2) = 4.625"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)


def test_a_matrix_product_number_by_number(qtbot, calculation) -> None:
    graph = gc.Graph()
    graph.add("Input", name="a", shape=(2, 2), batch=False, value=[[1.0, 2.0], [3.0, 4.0]])
    graph.add("Input", name="b", shape=(2, 3), batch=False, value=[[5.0, 6.0, 7.0],
                                                                  [8.0, 9.0, -1.0]])  # fmt: skip
    product = graph.add("MatMul", name="y")
    graph.connect("a", product, input="a")
    graph.connect("b", product, input="b")
    panel = calculation(graph, "y")
    step_to(qtbot, panel, "y")
    first = r"= 1 \cdot 5 + 2 \cdot 8 = 21"
    qtbot.waitUntil(lambda: first in panel.formula.latex, timeout=PATIENCE)
    click_number(qtbot, panel, (1, 2))
    wanted = r"= 3 \cdot 7 + 4 \cdot (-1) = 17"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)
    assert written(panel, r"y_{1,2} = a_{1,0} \cdot b_{0,2} + a_{1,1} \cdot b_{1,2}")
    assert rows(panel)["product"] == [21, -4]


def test_the_loss_and_its_gradient_are_averages_over_a_batch(qtbot, explain) -> None:
    """J = 1/n Σ L and ∂J/∂W = 1/n Σ ∂Lₖ/∂W, as one goes through the samples alone and together."""
    panel = explain("lenet5")
    losses, gradients = [], []

    def taken(frame) -> None:
        losses.append(frame.numbers["loss"])
        gradients.append(unpack(frame.gradients["logits.bias"].array).copy())

    for sample in range(3):
        panel.sample.setValue(sample)
        qtbot.waitUntil(lambda i=sample: panel.walk.frame.sample == i, timeout=PATIENCE)
        taken(panel.walk.frame)
    panel.sample.setValue(0)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 0, timeout=PATIENCE)
    panel.batch.setFocus()
    panel.batch.selectAll()
    qtbot.keyClicks(panel.batch, "3")
    qtbot.keyClick(panel.batch, Qt.Key.Key_Return)
    mean = sum(losses) / 3
    qtbot.waitUntil(
        lambda: panel.walk.frame.numbers["loss"] == pytest.approx(mean, rel=1e-6),
        timeout=PATIENCE,
    )
    together = unpack(panel.walk.frame.gradients["logits.bias"].array)
    np.testing.assert_allclose(together, np.mean(gradients, 0), atol=1e-7)
    step_to(qtbot, panel, "loss")
    terms = " + ".join(format_number(x, 3) for x in losses)
    wanted = rf"= \frac{{1}}{{3}} ({terms}) = {format_number(mean)}"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)


def test_the_gradient_of_a_weight_is_upstream_times_input(qtbot, explain) -> None:
    panel = explain("linear-regression")
    qtbot.mouseClick(panel.finish, LEFT)
    step_to(qtbot, panel, "loss")
    while (panel.walk.shown.node, panel.walk.shown.phase) != ("line", "backward"):
        qtbot.mouseClick(panel.step, LEFT)
    frame = panel.walk.frame
    update = next(u for u in frame.updates if u.name == "line.weight")
    g, x = frame.slopes["line"], frame.numbers["x"]
    assert g * x == pytest.approx(update.gradient, rel=1e-6)
    texts = [f"({t})" if t.startswith("-") else t
             for t in (format_number(v, 3).replace("−", "-") for v in (g, x))]  # fmt: skip
    total = format_number(update.gradient).replace("−", "-")
    wanted = rf"= {texts[0]} \cdot {texts[1]} = {total}"
    qtbot.waitUntil(lambda: wanted in panel.formula.latex, timeout=PATIENCE)
    assert written(panel, r"\partial L/\partial W_{0,0} = g_{0} \cdot x_{0}")
