"""Every figure of a run is of the step, the weights and the data that it stands beside."""

from __future__ import annotations

import math

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from app.files import file_menu
from graphcore.records.arrays import unpack
from graphcore.views.timeline import EnterRun, RunsSaved
from graphcore.views.weights import SetNumbers
from tests.app.driver import PATIENCE


def rates_of(session) -> dict[int, float]:
    return {row.step: row.lr for row in session.window.exports.metrics.log.rows if row.step}


def test_the_metrics_have_the_learning_rate_that_each_step_was_made_with(session) -> None:
    session.settings(schedule="cosine", epochs=2)
    session.train(40)
    used = {k: 0.03 * (1 + math.cos(math.pi * (k - 1) / 49)) / 2 for k in range(1, 41)}
    assert rates_of(session) == pytest.approx(used)
    session.settings(schedule="constant")
    session.train(1)
    session.wait(lambda: rates_of(session).get(41) is not None)
    assert rates_of(session) == pytest.approx({**used, 41: 0.03})
    session.engine.ask(EnterRun(1))  # its table comes as a whole
    session.wait(lambda: len(rates_of(session)) == 40)
    assert rates_of(session) == pytest.approx(used)


def told(plot) -> dict[str, str]:
    return {name: value for name, _color, value in plot.legend.entries}


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def test_validation_is_of_the_step_and_the_weights_that_are_shown(session) -> None:
    window, panel = session.window, session.window.show_panel("training").fill()
    session.settings(dataset_options={"targets": "signs", "validation": 0.2}, epochs=40)
    session.train(100)
    session.wait(lambda: told(panel.loss).get("validation", "") != "")
    kept = [s for s in unpack(session.moment.steps).tolist() if 21 < s < 100 and s % 21]
    step = kept[len(kept) // 2]  # between two ends of epochs: the last one's figure is of before
    session.scrub(step)
    session.wait(lambda: session.moment.validation is not None and session.moment.test is not None)
    assert session.moment.shown == step
    assert window.status.dataset.text() == "circle · 201 + 49 + 250"
    assert "201 to train, 49 for validation, 250 to test" in panel.note.text()
    found, epochs_end = session.moment.validation, panel.loss.points("validation")
    assert found.loss not in epochs_end[1]
    assert number(told(panel.loss)["validation"]) == pytest.approx(found.loss, rel=1e-3)
    assert number(told(panel.accuracy)["validation"]) == pytest.approx(found.accuracy, abs=1e-4)
    gap = number(told(panel.accuracy)["validation"]) - number(told(panel.accuracy)["train"])
    assert number(told(panel.accuracy)["validation − train"]) == pytest.approx(gap, abs=1e-6)
    window.engine.scrub(None)
    session.wait(lambda: not session.moment.visiting)
    window.engine.ask(SetNumbers("out.bias", (0,), (40.0,)))
    session.wait(lambda: session.moment.by_hand and session.moment.validation is not None)
    found = session.moment.validation
    assert 0.5 < found.loss < 1.5
    assert number(told(panel.loss)["validation"]) == pytest.approx(found.loss, rel=1e-3)


def test_before_the_first_step_the_curves_are_of_the_data_as_they_are_now(session) -> None:
    panel = session.window.show_panel("training").fill()
    session.wait(lambda: len(panel.loss.points("test")[0]) == 1)
    before = panel.loss.points("test")[1][0]
    session.settings(normalization="standardize")
    session.wait(lambda: panel.loss.points("test")[1].tolist() not in ([], [before]))
    assert panel.loss.points("test")[0].tolist() == [0]
    rows = session.window.exports.metrics.log.rows
    assert [row.test_loss for row in rows] == pytest.approx(panel.loss.points("test")[1].tolist())


def test_the_losses_of_changed_weights_are_not_smoothed_with_those_before(session) -> None:
    window, panel = session.window, session.window.show_panel("training").fill()
    session.train(60)
    window.engine.ask(SetNumbers("out.bias", (0,), (40.0,)))
    session.wait(lambda: session.moment.by_hand)
    session.train(12)
    steps, losses = (column.tolist() for column in panel.loss.points("train"))
    weights = [0.9 ** (72 - step) for step in steps if step > 60]
    own = sum(w * y for w, y in zip(weights, losses[-12:], strict=True)) / sum(weights)
    assert session.row().loss == pytest.approx(own, rel=1e-4)
    assert number(told(panel.loss)["train"]) == pytest.approx(own, rel=1e-3)
    session.window.document.set_training(  # on other data it has made no step yet
        msgspec.structs.replace(session.window.document.root.training, normalization="standardize")
    )
    session.wait(lambda: session.row().name == "Run 3" and session.moment.test is not None)
    assert session.row().loss is None
    runs = session.window.show_panel("runs").fill()
    session.wait(lambda: "Run 3" in told(runs.loss))
    assert told(runs.loss)["Run 3"] == ""
    assert told(runs.accuracy)["Run 3"] == ""


def test_a_branch_is_named_after_the_run_that_made_its_step(session) -> None:
    session.settings(schedule="cosine", epochs=3)
    session.train(30)
    session.scrub(20)
    session.train(5)
    session.scrub(10)
    shown = session.window.transport.scheduled.text()
    used = 0.03 * (1 + math.cos(math.pi * 9 / 74)) / 2  # of the tenth of 75 updates
    assert shown == f"then {used:.3g}"
    session.train(5)
    assert [row[:3] for row in session.rows()] == [
        ("Run 1", None, 0), ("Run 2", 1, 20), ("Run 3", 1, 10),
    ]  # fmt: skip


def test_what_an_edit_did_and_how_long_a_run_is_are_of_now(qtbot, session) -> None:
    window, document = session.window, session.window.document
    session.settings(epochs=2)
    session.train(50)
    window.engine.play()  # two epochs more
    session.wait(lambda: session.moment.newest == 100 and window.engine.state == "done")
    page = window.show_panel("inspector").fill()
    window.canvas.select("")
    session.wait(lambda: "2 + 2 more" in texts(page))
    with session.loading():
        document.set_attributes("hidden1", out_features=6)
    session.wait(lambda: "kept whole" in window.status.currentMessage())
    document.undo_stack.undo()
    session.wait(lambda: session.moment.newest == 100 and window.engine.state == "done")
    with session.loading():
        document.remove([node.name for node in document.graph])
    session.wait(lambda: "kept whole" not in window.status.currentMessage())


def texts(widget) -> list[str]:
    return [label.text() for label in widget.findChildren(QLabel)]


def test_a_long_run_is_not_dropped_without_a_word(qtbot, session, monkeypatch, tmp_path) -> None:
    window, files = session.window, session.window.files
    session.train(5)
    assert files.open_preset("xor"), "a short run goes"
    session.idle()
    window.start("circle")
    session.idle()
    session.train(5)
    monkeypatch.setattr(file_menu, "WORTH", 0.0)
    assert not files.open_preset("xor")
    assert "circle has trained for" in window.banner.text
    save, _ = window.banner.buttons
    path = str(tmp_path / "kept.gradrun")
    monkeypatch.setattr(file_menu.file_dialogs, "ask_save_run", lambda *_: path)
    with qtbot.waitSignal(session.engine.replies(RunsSaved), timeout=PATIENCE):
        qtbot.mouseClick(save, Qt.MouseButton.LeftButton)
    assert files.open_preset("xor"), "it is in a file"
    session.idle()
    session.train(3)
    assert not files.open_preset("circle")
    _, go_on = window.banner.buttons
    qtbot.mouseClick(go_on, Qt.MouseButton.LeftButton)
    session.wait(lambda: "hidden2" in window.document.graph)


def test_where_no_answer_is_right_or_wrong_runs_have_no_accuracy(session) -> None:
    runs = session.window.show_panel("runs").fill()
    session.train(3)
    session.wait(lambda: len(runs.loss.points("Run 1")[0]) == 3)
    assert not runs.accuracy.isHidden()
    session.window.start("house-prices")
    session.idle()
    session.train(3)
    session.wait(runs.accuracy.isHidden)
