"""The courses' own examples, gone through with the arrow keys; their numbers as they are shown."""

from __future__ import annotations

import math

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

import graphcore as gc
from app.shell.stepper_view import WalkView
from tests.app.driver import PATIENCE

END, HOME = Qt.Key.Key_End, Qt.Key.Key_Home
RIGHT, LEFT = Qt.Key.Key_Right, Qt.Key.Key_Left


def press(panel, *keys: Qt.Key) -> None:
    for key in keys:
        QTest.keyClick(panel, key)


def chips(window) -> list[str]:
    return [c.text for c in window.canvas.findChild(WalkView).overlay.chips]


def number(window, name: str) -> float:
    """What is written in a node."""
    picture = window.canvas.items_by_name[name].value
    assert picture.kind == "number"
    return float(picture.array)


@pytest.fixture
def formula(qtbot, explain, live_window):
    """Opens a formula in place of the graph that is there."""

    def open_formula(text: str, **values: float):
        panel = explain("expression")
        graph = gc.parse_expression(text)
        for name, value in values.items():
            graph.set_attributes(name, value=value)
        live_window.document.open_graph(graph)
        QApplication.processEvents()
        qtbot.waitUntil(
            lambda: panel.walk.frame is not None and set(values) <= set(panel.walk.frame.numbers),
            timeout=PATIENCE,
        )
        return panel

    return open_formula


def test_arrows_step_on_and_back(explain, live_window) -> None:
    panel = explain("expression")
    panel.setFocus()  # on the canvas Home shows the whole graph
    press(panel, RIGHT, RIGHT, LEFT)
    assert panel.walk.done == 1
    QTest.keyClick(panel.step, RIGHT)  # the buttons leave the arrows to the panel
    assert panel.walk.done == 2
    press(panel, END)
    assert number(live_window, "J") == 33
    press(panel, END)
    assert {"∂J/∂a = 3", "∂J/∂b = 6", "∂J/∂c = 9"} <= set(chips(live_window))
    press(panel, HOME)
    assert chips(live_window) == []


def test_the_perceptron(explain, live_window) -> None:
    panel = explain("perceptron")
    press(panel, END)
    assert number(live_window, "neuron") == -6
    assert number(live_window, "y") == pytest.approx(0.00247, abs=5e-6)
    press(panel, RIGHT, RIGHT)
    assert "∂y/∂neuron = 0.002467" in chips(live_window)  # y (1 − y)


def test_linear_regression_and_the_sign_of_its_gradient(explain, live_window) -> None:
    panel = explain("linear-regression")
    frame = panel.walk.frame
    press(panel, END)
    answer, wanted, x = (number(live_window, n) for n in ("line", "target", "x"))
    assert number(live_window, "loss") == pytest.approx((answer - wanted) ** 2, rel=1e-6)
    press(panel, END)
    slope = 2 * (answer - wanted)
    assert frame.slopes["line"] == pytest.approx(slope, rel=1e-6)
    assert (slope < 0) == (answer < wanted)  # below the target: up is downhill
    press(panel, RIGHT)
    words = panel.words.text()
    update = next(u for u in frame.updates if u.name == "line.weight")
    assert update.gradient == pytest.approx(slope * x, rel=1e-5)
    assert (update.after > update.before) == (update.gradient < 0)
    assert "line.weight:  " in words
    assert "→" in words


def test_half_the_squared_error_by_hand(formula, live_window) -> None:
    panel = formula("L = 0.5*(y - p)*(y - p)", y=3.0, p=1.0)
    press(panel, END, END)
    assert panel.walk.frame.numbers[panel.walk.frame.end] == 2
    shown = set(chips(live_window))
    assert f"∂{panel.walk.frame.end}/∂p = −2" in shown  # −(y − p)
    assert f"∂{panel.walk.frame.end}/∂y = 2" in shown


def test_logistic_regression(explain, live_window) -> None:
    panel = explain("logistic-regression")
    press(panel, END)
    frame = panel.walk.frame
    target = number(live_window, "target")
    z = math.log(1 / (math.exp(frame.numbers["loss"]) - 1)) * (1 if target else -1)
    arriving = next(t for t in frame.terms if t.source == "out")
    p = 1 / (1 + math.exp(-z))
    assert arriving.size == pytest.approx(abs(p - target), rel=1e-4)  # σ(z) − t
    press(panel, END)
    assert any(text.startswith("∇") for text in chips(live_window))


def test_a_chain_of_three_neurons(explain, live_window) -> None:
    panel = explain("chain")
    press(panel, END, END)
    frame = panel.walk.frame
    slope = 2 * (frame.numbers["a3"] - 1)
    for layer in (3, 2, 1):
        assert frame.slopes[f"a{layer}"] == pytest.approx(slope, rel=1e-5)
        a = frame.numbers[f"a{layer}"]
        slope *= a * (1 - a)
        assert frame.slopes[f"z{layer}"] == pytest.approx(slope, rel=1e-5)
        weight = next(iter(live_window.document.graph.node(f"z{layer}").parameter_inputs))
        assert weight == "weight"
        before = "x" if layer == 1 else f"a{layer - 1}"
        slope = frame.slopes[before]
    assert any(text.startswith("∂loss/∂x = 0.0197") for text in chips(live_window))


def test_the_expression_of_micrograds_readme(explain, live_window) -> None:
    panel = explain("micrograd")
    press(panel, END)
    assert number(live_window, "g") == pytest.approx(24.7041, abs=5e-5)
    press(panel, END)
    assert {"∂g/∂a = 138.8", "∂g/∂b = 645.6"} <= set(chips(live_window))
    press(panel, HOME)
    while panel.walk.shown is None or panel.walk.shown != panel.walk.events[-1]:
        press(panel, RIGHT)
    slopes = panel.walk.frame.slopes
    assert slopes["a"] == pytest.approx(138.8338, abs=5e-5)
    assert slopes["b"] == pytest.approx(645.5773, abs=5e-5)


def test_a_square_hands_back_along_both_of_its_edges(formula, live_window) -> None:
    panel = formula("J = x*x", x=3.0)
    press(panel, END, END)
    assert chips(live_window).count("1 × 3 = 3") == 2
    assert "∂J/∂x = 6" in chips(live_window)
    assert "what comes back is added, 3 + 3 = 6" in panel.words.text()


def test_a_diamond_adds_what_comes_back(formula, live_window) -> None:
    panel = formula("u = 2*x\nv = 3*x\nJ = u*v", x=1.0)
    press(panel, END, END)
    assert "what comes back is added, 6 + 6 = 12" in panel.words.text()
    assert "∂J/∂x = 12" in chips(live_window)
