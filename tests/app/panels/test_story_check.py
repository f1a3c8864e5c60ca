"""Check me on one edge, one parameter, a value, the whole graph; the errors on the nodes."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from app.panels.stepper.check import by_node
from app.shell.stepper_view import WalkView
from graphcore.views.stepper import Checked, CheckFrame
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


def choose(panel, path: str) -> None:
    """Take a part out of the list with the keys."""
    box = panel.check.part
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Home)
    while box.currentData() != path:
        before = box.currentIndex()
        QTest.keyClick(box, Qt.Key.Key_Down)
        assert box.currentIndex() > before, f"{path} is not offered"


def check(qtbot, panel) -> str:
    panel.words.setText("")
    qtbot.mouseClick(panel.check.button, LEFT)
    qtbot.waitUntil(lambda: "Largest difference" in panel.words.text(), timeout=PATIENCE)
    return panel.words.text()


def chips(window) -> list[str]:
    return [c.text for c in window.canvas.findChild(WalkView).overlay.chips]


def test_one_edge_of_a_square(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    live_window.canvas.select(["u"])
    choose(panel, "b -> u.a")
    words = check(qtbot, panel)
    assert "b -> u.a[0]:  backward 6, difference 6" in words
    assert "J" not in panel.walk.errors
    choose(panel, "u")
    assert "u[0]:  backward 3, difference 3" in check(qtbot, panel)


def test_one_parameter_and_then_all_nodes_are_marked(qtbot, explain, live_window) -> None:
    panel = explain("mlp")
    live_window.canvas.select(["fc1"])
    choose(panel, "fc1.bias")
    words = check(qtbot, panel)
    assert "fc1.bias[" in words
    assert "fc1.weight" not in words
    assert set(panel.walk.errors) == {"fc1"}
    assert sum(c.startswith("✓") for c in chips(live_window)) == 1
    choose(panel, "")
    check(qtbot, panel)
    errors = panel.walk.errors
    assert {"x", "fc1"} <= set(errors)
    assert all(right and error < 1e-6 for error, right in errors.values())
    assert sum(c.startswith("✓") for c in chips(live_window)) == len(errors)


def test_marks_go_when_the_sample_is_another(qtbot, explain, live_window) -> None:
    panel = explain("mlp")
    check(qtbot, panel)
    assert any(c.startswith("✓") for c in chips(live_window))
    panel.sample.setValue(5)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 5, timeout=PATIENCE)
    assert not any(c.startswith("✓") for c in chips(live_window))


def test_a_loss_too_large_for_the_step_has_no_green_tick(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    live_window.document.set_attributes("a", value=1e11)
    qtbot.waitUntil(lambda: panel.walk.frame.numbers.get("a") == 1e11, timeout=PATIENCE)
    panel.words.setText("")
    qtbot.mouseClick(panel.check.button, LEFT)
    qtbot.waitUntil(lambda: "cannot be checked" in panel.words.text(), timeout=PATIENCE)
    assert "c[0]:  backward 9, cannot be checked: the loss is too large" in panel.words.text()
    assert "Largest difference" not in panel.words.text()
    assert not any(c.startswith(("✓", "✗")) for c in chips(live_window))


def test_a_node_of_which_a_part_cannot_be_checked_has_no_tick() -> None:
    right, wrong = Checked(1e-9, 0, 1.0, 1.0, "rounding"), Checked(0.5, 0, 1.0, 2.0, "wrong")
    lost = Checked(1.0, 0, 3.0, 0.0, "lost")
    frame = CheckFrame(
        {"a": right, "fc.weight": right, "fc.bias": lost, "out.weight": wrong, "out.bias": lost}
    )
    assert by_node(frame) == {"a": (1e-9, True), "out": (0.5, False)}
