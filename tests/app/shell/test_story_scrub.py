"""Every view shows the step that one goes back to, and at the end what it showed before."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.panels.weights.panel import WeightsTable
from graphcore.views.decision_map import DecisionFrame
from graphcore.views.digit_pad import DigitFrame
from graphcore.views.embedding import EmbeddingFrame
from graphcore.views.health import HealthFrame
from graphcore.views.histograms import SpreadFrame
from graphcore.views.landscape import LandscapeFrame
from graphcore.views.results import ResultsFrame
from graphcore.views.samples import SampleFrame
from graphcore.views.timeline import TimelineFrame
from tests.app.driver import PATIENCE

LEFT = Qt.MouseButton.LeftButton
STEPS = 60


def open_trained(qtbot, window, preset):
    window.start(preset)
    window.layouts.show("Train")
    times = []
    window.engine.on(TimelineFrame, times.append)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    window.engine.run(STEPS)
    qtbot.waitUntil(
        lambda: bool(times) and times[-1].newest == STEPS and window.engine.state == "idle",
        timeout=PATIENCE,
    )


def draw(panel):
    sketch = panel.sketch
    QTest.mousePress(sketch, LEFT, pos=QPoint(60, 30))
    for y in range(30, 120, 10):
        QTest.mouseMove(sketch, QPoint(60 + y // 8, y))
    QTest.mouseRelease(sketch, LEFT, pos=QPoint(75, 120))


def choose_sample(panel):
    panel.of.setFocus()
    QTest.keyClick(panel.of, Qt.Key.Key_Down)


def content(frame):
    """What a view shows, whatever step it says it is of.

    Of histograms the weights' alone: the gradient is that of the batch that comes next. Of a
    landscape, which goes on being refined, around which step it lies and where the dot is.
    """
    if isinstance(frame, LandscapeFrame):
        return frame.step, frame.current
    if isinstance(frame, SpreadFrame):
        return msgspec.msgpack.encode(frame.weights)
    fields = [f for f in ("step", "epoch", "lr") if hasattr(frame, f)]
    return msgspec.msgpack.encode(msgspec.structs.replace(frame, **dict.fromkeys(fields, 0)))


@pytest.mark.parametrize(
    ("preset", "panel", "reply"),
    [
        ("circle", "decision", DecisionFrame), ("circle", "results", ResultsFrame),
        ("circle", "health", HealthFrame), ("circle", "histograms", SpreadFrame),
        ("circle", "embedding", EmbeddingFrame), ("circle", "landscape", LandscapeFrame),
        ("circle", "activations", SampleFrame), ("mlp", "digit_pad", DigitFrame),
    ],
)  # fmt: skip
def test_a_view_goes_back_and_comes_back(qtbot, live_window, preset, panel, reply) -> None:
    window = live_window
    frames = []
    window.engine.on(reply, frames.append)
    open_trained(qtbot, window, preset)
    layer = next(n.name for n in window.document.graph if n.operator == "Linear")
    view = window.show_panel(panel).fill()
    window.canvas.select(layer)
    QApplication.processEvents()
    if panel == "digit_pad":
        draw(view)
    if panel == "activations":
        choose_sample(view)
    qtbot.waitUntil(lambda: bool(frames), timeout=PATIENCE)
    qtbot.wait(300)  # coarse first: what is refined has come
    newest, count = content(frames[-1]), len(frames)
    slider = window.time.slider
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: len(frames) > count and content(frames[-1]) != newest, timeout=PATIENCE)
    if hasattr(frames[-1], "step") and reply is not LandscapeFrame:
        assert frames[-1].step == 0
    QTest.keyClick(slider, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: content(frames[-1]) == newest, timeout=PATIENCE)


def test_ridges_end_at_the_step_that_is_looked_at(qtbot, live_window) -> None:
    window = live_window
    open_trained(qtbot, window, "circle")
    panel = window.show_panel("histograms").fill()
    window.canvas.select(next(n.name for n in window.document.graph if n.operator == "Linear"))
    QApplication.processEvents()
    ridges = panel.ridges
    qtbot.waitUntil(lambda: ridges["weights"].steps[-1:] == [STEPS], timeout=PATIENCE)
    newest = {key: ridge.steps for key, ridge in ridges.items()}
    slider = window.time.slider
    slider.setFocus()
    for _ in range(10):
        QTest.keyClick(slider, Qt.Key.Key_Left)
    qtbot.waitUntil(
        lambda: window.time.words.text().startswith("Step 5")
        and ridges["weights"].steps[-1] == ridges["activation"].steps[-1] < STEPS,
        timeout=PATIENCE,
    )  # fmt: skip
    assert ridges["weights"].steps[0] == 0
    QTest.keyClick(slider, Qt.Key.Key_End)
    qtbot.waitUntil(
        lambda: {key: ridge.steps for key, ridge in ridges.items()} == newest, timeout=PATIENCE
    )
    QTest.keyClick(slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: ridges["weights"].steps == [0], timeout=PATIENCE)
    qtbot.mouseClick(window.time.branch, LEFT)
    qtbot.waitUntil(lambda: len(ridges["gradient"].steps) > 1, timeout=PATIENCE)
    window.engine.pause()
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    assert ridges["weights"].steps == sorted(ridges["weights"].steps)


def test_an_open_table_of_weights_goes_back_and_comes_back(qtbot, live_window) -> None:
    window = live_window
    open_trained(qtbot, window, "circle")
    layer = next(n.name for n in window.document.graph if n.operator == "Linear")
    table = WeightsTable(window.document, window.engine, f"{layer}.weight", window)
    qtbot.addWidget(table)
    table.show()
    qtbot.waitUntil(lambda: f"step {STEPS}" in table.said.text(), timeout=PATIENCE)
    newest = table.model.values.copy()
    slider = window.time.slider
    slider.setFocus()
    QTest.keyClick(slider, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: table.said.text().endswith("step 0"), timeout=PATIENCE)
    assert not np.array_equal(table.model.values, newest)
    QTest.keyClick(slider, Qt.Key.Key_End)
    qtbot.waitUntil(lambda: f"step {STEPS}" in table.said.text(), timeout=PATIENCE)
    np.testing.assert_array_equal(table.model.values, newest)


def test_the_strip_says_how_much_of_a_run_lies_on_disk(qtbot, live_window) -> None:
    """A run that memory holds, told of as one that it does not hold: those take minutes."""
    window, frames = live_window, []
    window.engine.on(TimelineFrame, frames.append)
    open_trained(qtbot, window, "circle")
    slider, strip = window.time.slider, window.time
    assert "on disk" not in slider.toolTip()
    window.engine.replies(TimelineFrame).emit(
        msgspec.structs.replace(frames[-1], memory=1 << 20, disk=5 << 20)
    )
    assert "6.0 MiB kept, 5.0 MiB of it on disk" in slider.toolTip()
    assert strip.room.text().endswith("6.0 MiB")
    assert strip.room.toolTip() == slider.toolTip()  # nothing went wrong
