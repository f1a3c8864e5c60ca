"""The learning rate is one number, wherever it is shown and however it was set."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel

from graphcore import files
from graphcore.views.timeline import EnterRun
from tests.app.driver import PATIENCE, scrub, train


def shown(window) -> dict[str, float]:
    """The learning rate in every place that has one."""
    QApplication.processEvents()
    inspector = window.layouts.docks["inspector"].fill()
    inspector.refresh()
    texts = {label.text() for label in inspector.findChildren(QLabel)}
    told = f"{window.document.root.training.lr:g}"
    moment = window.engine.moment
    return {
        "toolbar": window.transport.rate.value(),
        "panel": window.layouts.docks["training"].fill().fields["lr"].value(),
        "document": window.document.root.training.lr,
        "inspector": float(told) if told in texts else float("nan"),
        "run": next(r.settings.lr for r in moment.runs if r.run == moment.run),
        "engine": moment.lr,
    }


def expect(qtbot, window, rate: float) -> None:
    qtbot.waitUntil(lambda: set(shown(window).values()) == {rate}, timeout=PATIENCE)


def test_the_rate_is_the_same_everywhere(qtbot, live_window, tmp_path) -> None:
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    QApplication.processEvents()
    engine, document, rate = window.engine, window.document, window.transport.rate
    qtbot.waitUntil(lambda: engine.state == "idle" and engine.moment.run > 0, timeout=PATIENCE)
    first = document.root.training.lr
    expect(qtbot, window, first)
    train(qtbot, window, 5)
    rate.setValue(0.0125)
    expect(qtbot, window, 0.0125)
    assert len(engine.moment.runs) == 1, "another rate is no other run"
    rate.setValue(0.02)
    assert document.undo_stack.count() == 1, "typing in a row is one step"
    engine.play()
    qtbot.waitUntil(lambda: engine.state == "running", timeout=PATIENCE)
    window.layouts.docks["training"].fill().fields["lr"].setValue(0.003)
    qtbot.waitUntil(lambda: engine.last_frame.lr == 0.003, timeout=PATIENCE)
    assert engine.state == "running"
    engine.pause()
    expect(qtbot, window, 0.003)
    scrub(qtbot, window, 3)
    qtbot.waitUntil(lambda: engine.moment.lr == first, timeout=PATIENCE)
    assert shown(window) | {"engine": 0.003} == dict.fromkeys(shown(window), 0.003)
    assert window.transport.scheduled.text() == f"then {first:g}", "the rate of the step shown"
    scrub(qtbot, window, None)
    assert window.transport.scheduled.text() == ""
    scrub(qtbot, window, 3)
    train(qtbot, window, 2)
    expect(qtbot, window, 0.003)
    engine.reset()
    qtbot.waitUntil(lambda: engine.moment.newest == 0, timeout=PATIENCE)
    expect(qtbot, window, 0.003)
    document.undo_stack.undo()
    expect(qtbot, window, first)
    document.undo_stack.redo()
    expect(qtbot, window, 0.003)


def test_each_run_has_its_rate_and_the_file_the_one_that_is_shown(
    qtbot, live_window, tmp_path
) -> None:
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    QApplication.processEvents()
    engine, document = window.engine, window.document
    qtbot.waitUntil(lambda: engine.state == "idle" and engine.moment.run > 0, timeout=PATIENCE)
    first = document.root.training.lr
    train(qtbot, window, 5)
    engine.reset()
    qtbot.waitUntil(lambda: len(engine.moment.runs) == 2, timeout=PATIENCE)
    window.transport.rate.setValue(0.004)
    train(qtbot, window, 5)
    expect(qtbot, window, 0.004)
    engine.ask(EnterRun(1))
    expect(qtbot, window, first)
    engine.ask(EnterRun(2))
    expect(qtbot, window, 0.004)
    path = tmp_path / "net.graph.json"
    document.save(path)
    assert files.load(path).training.lr == 0.004
    window.files.open(str(path))
    qtbot.waitUntil(lambda: engine.state == "idle" and engine.moment.run > 0, timeout=PATIENCE)
    expect(qtbot, window, 0.004)
    race = window.show_panel("race").fill()
    race.what.setCurrentIndex(2)
    race.steps.setValue(10)
    qtbot.mouseClick(race.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "Learning rate 0.004" in race.said.text(), timeout=PATIENCE)
