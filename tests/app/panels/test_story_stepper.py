"""Stepping through both passes with keys and buttons, against the real engine process."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.shell.preferences import PreferencesDialog
from app.shell.stepper_view import WalkView
from app.style import palette
from app.widgets.numbers import format_number, set_digits
from tests.app.driver import PATIENCE


def chips(window) -> list[str]:
    return [c.text for c in window.canvas.findChild(WalkView).overlay.chips]


def press(qtbot, panel, times: int = 1) -> None:
    for _ in range(times):
        qtbot.mouseClick(panel.step, Qt.MouseButton.LeftButton)


def test_the_chain_rule_on_three_numbers(qtbot, explain, live_window) -> None:
    panel, canvas = explain("expression"), live_window.canvas
    walk, frame = panel.walk, panel.walk.frame
    assert chips(live_window) == []
    press(qtbot, panel, len(frame.forward))
    assert "v = 11" in panel.words.text(), "values have the names of their nodes"
    assert "J = 33" in panel.words.text()
    assert panel.title.text().startswith("Forward 7 of 7")
    assert r"J = 3 \cdot 11 = 33" in panel.formula.latex
    assert {n: canvas.items_by_name[n].step_state for n in "auvJ"} == {
        "a": "done", "u": "done", "v": "done", "J": "current",
    }  # fmt: skip
    press(qtbot, panel, 2)
    assert walk.current.node == "v"
    assert r"\partial v/\partial u = 1" in panel.formula.latex, "in the names of the graph"
    assert "∂J/∂v = 3" in chips(live_window)
    assert "1 × 3 = 3" in chips(live_window)
    assert chips(live_window).count("3 × 1 = 3") == 2
    press(qtbot, panel, len(frame.backward) - 2)
    assert {"∂J/∂a = 3", "∂J/∂b = 6", "∂J/∂c = 9"} <= set(chips(live_window))
    assert not panel.step.isEnabled()
    qtbot.mouseClick(panel.back, Qt.MouseButton.LeftButton)
    assert len(walk.sloped) == len(frame.backward) - 1


def test_leaving_the_layout_clears_the_canvas(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    press(qtbot, panel, 9)
    assert chips(live_window)
    live_window.layouts.show("Build")
    QApplication.processEvents()
    assert chips(live_window) == []
    assert {i.step_state for i in live_window.canvas.items_by_name.values()} == {""}


def test_an_edited_input_is_followed(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    press(qtbot, panel, len(panel.walk.events))
    live_window.document.set_attributes("b", value=4.0)
    qtbot.waitUntil(lambda: panel.walk.frame.numbers.get("J") == 39, timeout=PATIENCE)
    assert "∂J/∂c = 12" in chips(live_window)


def test_a_digit_goes_through_lenet(qtbot, explain, live_window) -> None:
    panel, canvas = explain("lenet5"), live_window.canvas
    assert canvas.items_by_name["conv1"].value is None
    assert canvas.items_by_name["conv1"].weights is not None, "they are there before any step"
    assert canvas.items_by_name["x"].value is not None
    qtbot.mouseClick(panel.finish, Qt.MouseButton.LeftButton)
    assert canvas.items_by_name["conv1"].value is not None
    assert panel.walk.current.node == "loss"
    assert "predicted as" in panel.verdict.text()
    qtbot.mouseClick(panel.finish, Qt.MouseButton.LeftButton)
    assert panel.walk.sloped == set(panel.walk.frame.backward)
    assert canvas.items_by_name["conv1"].gradient is not None
    press(qtbot, panel)
    assert panel.title.text() == "Update"
    assert "conv1.weight" in panel.words.text()
    assert "AdamW" in panel.words.text()
    panel.sample.setValue(3)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 3, timeout=PATIENCE)
    assert panel.verdict.text().startswith("a 0")


def test_slow_motion_stops_at_a_breakpoint(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    panel.pace.setValue(40)
    live_window.canvas.select(["v"])
    qtbot.mouseClick(panel.pause_at, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.walk.playing, timeout=PATIENCE)
    assert panel.walk.current.node == "v"
    assert panel.walk.current.phase == "forward"
    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.walk.playing, timeout=PATIENCE)
    assert (panel.walk.current.node, panel.walk.current.phase) == ("v", "backward")


def test_a_breakpoint_is_painted_at_its_node(qtbot, explain, live_window) -> None:
    panel, canvas = explain("expression"), live_window.canvas
    canvas.camera.fit_all()
    item = canvas.items_by_name["v"]

    def red() -> int:
        """Pixels of the mark's colour around the node's upper left corner."""
        corner = canvas.mapFromScene(item.pos())
        picture = canvas.viewport().grab(QRect(corner - QPoint(20, 20), QSize(40, 40))).toImage()
        wanted = palette.current().color("error").rgb()
        return sum(
            picture.pixel(x, y) == wanted
            for x in range(picture.width()) for y in range(picture.height())
        )  # fmt: skip

    place = canvas.mapFromScene(item.sceneBoundingRect().center())
    qtbot.mouseClick(canvas.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert canvas.selected() == ["v"]
    assert red() == 0
    qtbot.mouseClick(panel.pause_at, Qt.MouseButton.LeftButton)
    assert panel.walk.breakpoints == {"v"}
    assert "⏸" in chips(live_window)
    assert red() > 8
    qtbot.mouseClick(panel.pause_at, Qt.MouseButton.LeftButton)
    assert red() == 0


def test_more_digits_are_picked_in_the_preferences(qtbot, explain, live_window) -> None:
    panel = explain("micrograd")
    qtbot.mouseClick(panel.finish, Qt.MouseButton.LeftButton)
    assert "g = 24.7041" in panel.words.text()
    live_window.actions_table.actions["preferences"].trigger()
    dialog = live_window.findChild(PreferencesDialog)
    digits = dialog.editors["look/decimals"]
    for _ in range(5):
        QTest.keyClick(digits, Qt.Key.Key_Up)
    try:
        assert digits.value() == 9
        assert "g = 24.7040816" in panel.words.text()
        qtbot.mouseClick(panel.finish, Qt.MouseButton.LeftButton)
        a, b = (format_number(panel.walk.frame.slopes[n], 9) for n in "ab")
        assert a.startswith("138.8338")
        assert len(b) > 9
        assert {f"∂g/∂a = {a}", f"∂g/∂b = {b}"} <= set(chips(live_window))
        dialog.editors["look/decimals"].setValue(4)
        assert "∂g/∂a = 138.8" in chips(live_window)
    finally:
        set_digits(4)
        dialog.close()


def test_slow_motion_sends_dots_along_what_the_step_uses(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    dots = live_window.canvas.findChild(WalkView).pulses
    edges = live_window.canvas.graph_scene.edges
    panel.pace.setValue(20)

    def lit(target: str, gradient: bool) -> bool:
        brightness = [e.gradient if gradient else e.value for k, e in edges.items()
                      if k.target == target]  # fmt: skip
        return dots.isVisible() and brightness == [1.0, 1.0]

    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: lit("v", gradient=False) and 0.1 < dots.phase < 0.5, timeout=PATIENCE)
    qtbot.waitUntil(lambda: lit("v", gradient=True) and dots.phase > 0.6, timeout=PATIENCE)
    qtbot.mouseClick(panel.play, Qt.MouseButton.LeftButton)
    assert not dots.isVisible()
    assert all(e.value is None and e.gradient is None for e in edges.values())


def test_check_me_compares_this_sample_and_says_why_it_differs(qtbot, explain) -> None:
    panel = explain("mlp")

    def check(power: int) -> str:
        panel.check.difference.setCurrentIndex(panel.check.difference.findData(10.0**-power))
        panel.words.setText("")
        qtbot.mouseClick(panel.check.button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "Largest difference" in panel.words.text(), timeout=PATIENCE)
        return panel.words.text()

    usual = check(6)
    assert "h = 1e-06" in usual
    assert "fc1.weight[" in usual
    assert "rounding" in usual
    assert "rounding" in check(10)
    assert "the curve within the step" in check(2)


def test_check_me_on_a_formula(qtbot, explain) -> None:
    panel = explain("expression")
    qtbot.mouseClick(panel.check.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Largest difference" in panel.words.text(), timeout=PATIENCE)
    for name, slope in (("a", "3"), ("b", "6"), ("c", "9")):
        assert f"{name}[0]:  backward {slope}, " in panel.words.text()


def test_the_keys_step_from_anywhere_and_can_be_changed(qtbot, live_window) -> None:
    live_window.start("expression")
    live_window.layouts.show("Build")
    actions = live_window.actions_table
    actions.actions["walk_step"].trigger()
    assert live_window.layouts.current == "Explain", "beside the curves it would be a strip"
    panel = live_window.layouts.docks["walk"].fill()
    qtbot.waitUntil(lambda: bool(panel.walk.events), timeout=PATIENCE)
    before = panel.walk.done
    actions.actions["walk_step"].trigger()
    assert panel.walk.done == before + 1
    actions.actions["walk_back"].trigger()
    assert panel.walk.done == before
    row = next(r for r in actions.rows if r.id == "walk_step")
    actions.set_shortcut(row, "Ctrl+Alt+N")
    assert actions.actions["walk_step"].shortcut().toString() == "Ctrl+Alt+N"
    actions.set_shortcut(row, row.shortcut)


def test_only_the_stepper_draws_on_the_canvas_while_one_steps(qtbot, explain, live_window) -> None:
    panel, pictures = explain("chain"), live_window.canvas.pictures
    press(qtbot, panel, 1)
    item = live_window.canvas.items_by_name["loss"]
    with qtbot.waitSignal(live_window.engine.frame, timeout=PATIENCE):
        live_window.engine.shown.watch_again()
    assert item.value is None, "the stepper has not come to the loss"
    panel.walk.go_to(len(panel.walk.events))
    assert chips(live_window)
    pictures.hide(True)
    assert chips(live_window) == [], "they would answer the question"
    pictures.hide(False)
    assert chips(live_window)
    live_window.layouts.show("Build")
    item.set_picture("value", None)
    qtbot.waitUntil(lambda: item.value is not None, timeout=PATIENCE)


def test_while_the_net_trains_every_node_shows_the_running_step(qtbot, explain, live_window):
    """What is gone through is of the step where training paused, and comes back there."""
    panel, engine = explain("circle"), live_window.engine
    pictures = live_window.canvas.pictures
    panel.walk.go_to(len(panel.walk.events) - 2)
    before, place = panel.walk.frame, panel.walk.current
    assert pictures.stepping
    live_window.engine.set_speed(2.0)
    engine.run(3)
    qtbot.waitUntil(lambda: engine.step >= 1, timeout=PATIENCE)
    assert panel.walk.frame is None
    assert not pictures.stepping
    assert "Pause" in panel.title.text()
    nodes = live_window.canvas.graph_scene.nodes
    qtbot.waitUntil(lambda: nodes["loss"].value is not None, timeout=PATIENCE)
    qtbot.waitUntil(lambda: panel.walk.frame is not None, timeout=PATIENCE)
    assert engine.state != "running"
    assert panel.walk.frame.step == engine.step > before.step
    assert panel.walk.current == place
    assert pictures.stepping


def test_an_emptied_canvas_has_nothing_to_step_through(qtbot, explain, live_window) -> None:
    panel = explain("expression")
    panel.walk.go_to(len(panel.walk.events))
    assert chips(live_window)
    live_window.canvas.selection.select_all()
    live_window.canvas.editor.delete_selection()
    qtbot.waitUntil(lambda: not panel.walk.events, timeout=PATIENCE)
    assert panel.walk.frame is None
    assert chips(live_window) == []


def test_fewer_samples_than_were_asked_for_are_said(qtbot, explain, live_window) -> None:
    panel = explain("xor")
    count = panel.walk.frame.samples
    panel.batch.setValue(3)
    qtbot.waitUntil(lambda: panel.walk.frame.together == 3, timeout=PATIENCE)
    press(qtbot, panel)
    assert "3 samples go through together" in panel.words.text()
    panel.sample.setValue(count - 2)
    qtbot.waitUntil(lambda: panel.walk.frame.together == 2, timeout=PATIENCE)
    assert panel.batch.value() == panel.batch.maximum() == 2
    assert "2 samples go through together" in panel.words.text()
    panel.sample.setValue(0)
    qtbot.waitUntil(lambda: panel.walk.frame.sample == 0, timeout=PATIENCE)
    assert panel.batch.value() == panel.walk.frame.together == 3, "as it was wished for"


def test_the_update_says_rates_of_nodes_and_shows_what_changes(qtbot, explain, live_window) -> None:
    panel = explain("xor")
    live_window.document.set_rates(["hidden"], 0.1)
    qtbot.waitUntil(
        lambda: panel.walk.frame and any(u.rate != 1 for u in panel.walk.frame.updates),
        timeout=PATIENCE,
    )
    panel.walk.go_to(len(panel.walk.events))
    words, frame = panel.words.text(), panel.walk.frame
    assert f"SGD, lr {format_number(frame.lr)} changes every weight" in words
    assert "hidden.bias, at its own lr 0.05 = 0.5 × 0.1:" in words
    assert r"\eta_{{\mathrm{hidden}}} = 0.5 \cdot 0.1 = 0.05" in panel.formula.latex
    table = panel.quantities.table
    rows = [table.verticalHeaderItem(i).text() for i in range(table.rowCount())]
    for name in ("hidden.bias", "hidden.weight"):
        before, after = rows.index(name), rows.index(f"{name} after")
        for j in range(table.columnCount()):
            cells = [table.item(row, j) for row in (before, after)]
            if all(cells) and cells[0].toolTip() != cells[1].toolTip():
                assert cells[0].text() != cells[1].text(), (name, j)
