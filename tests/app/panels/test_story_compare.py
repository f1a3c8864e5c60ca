"""Two runs on one playhead: the same net until they part, and what differs from there on."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from graphcore.views.comparison import CompareFrame
from graphcore.views.timeline import TimelineFrame
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def parted(qtbot, live_window):
    """*circle*, trained for 60 steps; gone back to step 30, and from there on at a higher rate."""
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    window.times = []
    window.engine.on(TimelineFrame, window.times.append)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    train(qtbot, window, 60)
    go_to(qtbot, window, 30)
    rate = window.transport.rate
    rate.setFocus()
    rate.selectAll()
    QTest.keyClicks(rate, "0.3")
    QTest.keyClick(rate, Qt.Key.Key_Return)
    train(qtbot, window, 20)
    return window


def train(qtbot, window, steps):
    to = (window.times[-1].shown if window.times else 0) + steps
    window.engine.run(steps)
    qtbot.waitUntil(
        lambda: bool(window.times) and window.times[-1].newest == to
        and not window.times[-1].visiting and window.engine.state == "idle", timeout=PATIENCE,
    )  # fmt: skip


def go_to(qtbot, window, step):
    strip = window.time
    strip.slider.setFocus()
    while window.times[-1].shown > step:
        shown = window.times[-1].shown
        QTest.keyClick(strip.slider, Qt.Key.Key_Left)
        qtbot.waitUntil(lambda: window.times[-1].shown < shown, timeout=PATIENCE)  # noqa: B023


def open_panel(qtbot, window):
    window.show_panel("compare")
    panel = window.layouts.docks["compare"].fill()
    frames = []
    window.engine.on(CompareFrame, frames.append)
    panel.show_selection(())
    qtbot.waitUntil(lambda: bool(panel.told.text()), timeout=PATIENCE)
    return panel, frames


def newest(qtbot, window, frames, where=lambda frame: True):
    step = window.times[-1].shown
    qtbot.waitUntil(
        lambda: bool(frames) and frames[-1].ours.step == step and where(frames[-1]),
        timeout=PATIENCE,
    )  # fmt: skip
    return frames[-1]


def test_runs_are_one_until_they_part(qtbot, parted):
    window = parted
    training = window.layouts.docks["training"].fill()
    assert training.fields["lr"].value() == 0.3
    rates = [run.settings.lr for run in window.times[-1].runs]
    assert rates[0] != 0.3, "the run that was left keeps its own"
    assert rates[1] == 0.3
    panel, frames = open_panel(qtbot, window)
    assert [panel.run.itemText(i) for i in range(panel.run.count())] == ["Run 1"]
    now = newest(qtbot, window, frames)
    assert (now.ours.name, now.ours.step) == ("Run 2", 50)
    assert (now.theirs.name, now.theirs.step) == ("Run 1", 50)
    assert now.largest > 0
    assert now.distance > 0
    assert "differ by" in panel.told.text()
    assert "Run 2 − Run 1" in panel.difference.caption.text()
    go_to(qtbot, window, 30)
    before = newest(qtbot, window, frames)
    assert (before.largest, before.distance) == (0.0, 0.0)
    assert "the same weights" in panel.told.text()
    assert before.ours.test == before.theirs.test


def test_weights_and_map_are_compared_too(qtbot, parted):
    window = parted
    panel, frames = open_panel(qtbot, window)
    window.canvas.select(next(n.name for n in window.document.graph if n.operator == "Linear"))
    for what, shape in (("weights", None), ("decision map", (100, 100))):
        panel.what.setFocus()
        while panel.what.currentText() != what:
            QTest.keyClick(panel.what, Qt.Key.Key_Down)
        kind = {"weights": "weights", "decision map": "map"}[what]
        frame = newest(qtbot, window, frames, lambda f: f.what == kind)  # noqa: B023
        assert frame.largest > 0, frame.problem
        assert shape is None or "100, 100" in frame.difference.shape
    assert not panel.sample.isVisible()
    assert panel.difference.view.grid_area().width() > 10


def test_one_run_says_how_to_get_a_second(qtbot, live_window):
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    panel, _ = open_panel(qtbot, window)
    assert not panel.run.isEnabled()
    assert "train on from there" in panel.told.text()
    window.engine.run(5)
    qtbot.waitUntil(lambda: window.engine.step == 5, timeout=PATIENCE)
    window.engine.reset()
    qtbot.waitUntil(lambda: panel.run.currentText() == "Run 1", timeout=PATIENCE)


def test_a_branch_is_compared_with_the_run_it_left_until_one_chooses(qtbot, parted):
    window = parted
    panel, _frames = open_panel(qtbot, window)
    for run in (3, 4):
        branch(qtbot, window, run)
        assert panel.run.currentText() == f"Run {run - 1}"
    panel.run.setCurrentText("Run 1")
    panel.run.activated.emit(panel.run.currentIndex())
    branch(qtbot, window, 5)
    assert panel.run.currentText() == "Run 1"


def branch(qtbot, window, number):
    """Go back to step 20 and train five steps from there, which is another run."""
    go_to(qtbot, window, 20)
    window.engine.run(5)
    done = (number, 25, False)
    qtbot.waitUntil(
        lambda: (window.times[-1].run, window.times[-1].newest, window.times[-1].visiting) == done
        and window.engine.state == "idle", timeout=PATIENCE,
    )  # fmt: skip


def test_nets_of_other_sizes_stand_beside_each_other_with_their_scores(qtbot, parted):
    window = parted
    width = window.document.root.node("hidden1").attributes["out_features"]
    window.document.set_attributes("hidden1", out_features=width + 3)
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == 3, timeout=PATIENCE)
    panel, frames = open_panel(qtbot, window)
    panel.show_selection(("hidden1",))
    frame = newest(qtbot, window, frames, lambda f: f.node == "hidden1" and bool(f.ours.picture))
    assert frame.difference is None
    assert frame.ours.test is not None
    assert frame.theirs.test is not None
    assert f"({width + 3},)" in panel.told.text()
    assert f"({width},)" in panel.told.text()
    assert " of 200" in panel.ours.caption.text()
    assert panel.theirs.caption.text().count("test loss") == 1
    assert not panel._parts.isHidden()
    panel.show_selection(("answer",))
    newest(qtbot, window, frames, lambda f: f.node == "answer" and bool(f.difference))
    assert "have not the same weights" in panel.told.text()
