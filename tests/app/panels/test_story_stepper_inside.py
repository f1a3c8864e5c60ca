"""Stepping over a composite, and inside it once it is entered."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.shell.stepper_view import WalkView
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def grouped(qtbot, explain, live_window):
    """LeNet-5 with its first three layers in one node."""
    panel = explain("lenet5")
    canvas = live_window.canvas
    canvas.select(["conv1", "relu1", "pool1"])
    canvas.menu.actions["group"].trigger()
    (block,) = canvas.selected()
    qtbot.waitUntil(lambda: f"{block}/conv1" in panel.walk.frame.forward, timeout=PATIENCE)
    return panel, block


def click(qtbot, button, times: int = 1) -> None:
    for _ in range(times):
        qtbot.mouseClick(button, LEFT)


def step_to(qtbot, panel, node: str) -> None:
    while panel.walk.shown is None or panel.walk.shown.node != node:
        assert panel.step.isEnabled()
        qtbot.mouseClick(panel.step, LEFT)


def enter(live_window, name: str) -> None:
    live_window.document.enter(name)
    QApplication.processEvents()


def test_a_step_takes_a_composite_as_one_node_and_back_undoes_it(
    qtbot, grouped, live_window
) -> None:
    panel, block = grouped
    step_to(qtbot, panel, block)
    walk, items = panel.walk, live_window.canvas.items_by_name
    assert {f"{block}/conv1", f"{block}/relu1", f"{block}/pool1", block} <= walk.valued
    assert items[block].step_state == "current"
    assert items[block].value is not None
    assert "5 nodes in one" in panel.words.text()
    click(qtbot, panel.back)
    assert not {block, f"{block}/conv1", f"{block}/y"} & walk.valued
    assert items[block].value is None


def test_inside_one_steps_node_by_node_and_outside_shows_how_far(
    qtbot, grouped, live_window
) -> None:
    panel, block = grouped
    step_to(qtbot, panel, block)
    click(qtbot, panel.back)
    enter(live_window, block)
    items, walk = live_window.canvas.items_by_name, panel.walk
    assert items["x"].step_state == "done"  # its source outside has its value
    click(qtbot, panel.step, 2)
    assert walk.shown.node == f"{block}/relu1"
    assert items["conv1"].step_state == "done"
    assert items["relu1"].step_state == "current"
    assert items["pool1"].step_state == "pending"
    assert items["conv1"].value is not None
    assert items["pool1"].value is None
    assert panel.title.text().startswith(f"Forward 4 of 15:  {block}/relu1")
    live_window.document.leave()
    QApplication.processEvents()
    assert "2 / 3" in [c.text for c in live_window.canvas.findChild(WalkView).overlay.chips]
    assert "(2 of 3 inside)" in panel.title.text()
    assert live_window.canvas.items_by_name[block].value is None


def test_the_gradient_comes_back_through_the_inside(qtbot, grouped, live_window) -> None:
    panel, block = grouped
    click(qtbot, panel.finish, 2)
    enter(live_window, block)
    texts = [c.text for c in live_window.canvas.findChild(WalkView).overlay.chips]
    assert sum(t.startswith("∇") for t in texts) >= 4  # conv1, relu1, pool1 and the output
    frame = panel.walk.frame
    inner = {(t.source, t.target) for t in frame.terms}
    assert (f"{block}/x", f"{block}/conv1") in inner
    assert (f"{block}/conv1", f"{block}/relu1") in inner
    into = next(t for t in frame.terms if t.target == block)
    assert into.size == pytest.approx(
        next(t.size for t in frame.terms if t.target == f"{block}/conv1")
    )


def test_numbers_inside_are_those_of_the_net_without_the_composite(
    qtbot, explain, live_window
) -> None:
    panel = explain("expression")
    canvas = live_window.canvas
    canvas.select(["u", "v"])
    canvas.menu.actions["group"].trigger()
    (block,) = canvas.selected()
    qtbot.waitUntil(lambda: f"{block}/u" in panel.walk.frame.forward, timeout=PATIENCE)
    click(qtbot, panel.finish, 2)
    assert panel.walk.frame.slopes["c"] == 9
    enter(live_window, block)
    chips = [c.text for c in canvas.findChild(WalkView).overlay.chips]
    assert "∂J/∂u = 3" in chips
    assert "3 × 2 = 6" in chips
    assert "3 × 3 = 9" in chips
