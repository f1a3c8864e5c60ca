"""The runs of a session against the real engine: names, numbers, tests, and how a run ends."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit

from app.widgets import file_dialogs
from app.widgets.numbers import format_number
from graphcore.session.messages import RunsOpened
from graphcore.views.timeline import EditRun, EnterRun, RunsSaved
from tests.app.driver import PATIENCE


def test_each_run_has_its_test_loss_and_a_name_that_one_can_edit(qtbot, session) -> None:
    session.train(30)
    panel, tested = session.panel, session.moment.test.loss
    assert session.cell(0, "test_loss").text() == format_number(tested, 4)
    assert "test samples at step 30" in session.cell(0, "test_loss").toolTip()
    strip = session.window.time.words.text() + session.window.time.words.toolTip()
    assert "Step 30" in strip
    panel.table.selectRow(0)
    qtbot.mouseClick(panel.rename, Qt.MouseButton.LeftButton)
    field = panel.table.findChild(QLineEdit)
    field.selectAll()
    qtbot.keyClicks(field, "slow start")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    session.wait(lambda: session.moment.runs[0].name == "slow start")
    assert session.window.exports._title().endswith("slow start")
    session.scrub(10)
    session.train(5)
    assert [row[0] for row in session.rows()] == ["slow start", "Run 2"]
    session.wait(lambda: set(panel.loss._series) == {"slow start", "Run 2"})
    session.cell(1, "run").setText("slow start")
    session.wait(lambda: "Another run is called slow start" in session.window.banner.text)
    session.wait(lambda: session.cell(1, "run").text() == "Run 2")


def test_numbers_have_no_holes_after_edits_branches_undo_and_removal(qtbot, session) -> None:
    document = session.window.document
    session.train(20)
    for seed in (1, 2, 3):  # each begins a run that gives way to the next
        session.settings(seed=seed)
    session.wait(lambda: [r.name for r in session.moment.runs] == ["Run 1", "Run 2"])
    for _ in range(3):
        document.undo_stack.undo()
    session.wait(lambda: [r.name for r in session.moment.runs] == ["Run 1"])
    session.idle()
    session.train(4)
    session.scrub(10)
    session.train(4)
    session.scrub(12)
    session.train(4)
    assert [r.name for r in session.moment.runs] == ["Run 1", "Run 2", "Run 3"]
    session.panel.table.selectRow(1)
    qtbot.mouseClick(session.panel.remove, Qt.MouseButton.LeftButton)
    session.wait(lambda: len(session.moment.runs) == 2)
    session.engine.reset()
    session.wait(lambda: session.moment.newest == 0)
    session.train(3)
    assert sorted(r.name for r in session.moment.runs) == ["Run 1", "Run 2", "Run 3"]


def test_an_early_stop_is_said_with_its_reason_and_the_epoch_that_is_held(session) -> None:
    session.settings(lr=3.0, patience=2)
    session.engine.play()
    session.wait(lambda: session.engine.state == "done")
    banner = session.window.banner
    session.wait(banner.isVisible)
    assert banner.text.startswith("Stopped early after epoch ")
    assert "has not fallen for 2 epochs. The net holds the weights of epoch " in banner.text
    session.wait(lambda: session.moment.held > 0)
    held = session.moment.held
    assert f"weights of epoch {held}," in banner.text
    words = session.window.time.words
    assert f"best weights, of epoch {held}" in words.text() + words.toolTip()
    assert session.row().held == held
    panel = session.window.layouts.docks["training"].fill()
    assert panel.figures._captions["epoch"].text() == f"epoch (best: {held})"
    assert "Train on after the early stop, to epoch 100" in session.window.transport.play.toolTip()
    session.engine.run(3)
    session.engine.reset()
    session.wait(lambda: session.moment.newest == 0)
    session.wait(lambda: not banner.isVisible())


def test_play_at_the_end_adds_the_epochs_that_are_set_and_says_so(qtbot, session) -> None:
    session.settings(epochs=2)
    said, play = [], session.window.transport.play
    session.window.document.message.connect(said.append)
    per_epoch = session.engine.last_loaded.steps_per_epoch
    for end in (2, 4, 6):
        qtbot.mouseClick(play, Qt.MouseButton.LeftButton)
        session.wait(lambda: session.engine.state == "running" or session.moment.newest > 0)
        session.wait(
            lambda e=end: session.engine.step == e * per_epoch and session.engine.state == "done"
        )
        assert play.toolTip() == f"Train 2 epochs more, to epoch {end + 2} (F5)"
    assert said == ["Train 2 epochs more, to epoch 4", "Train 2 epochs more, to epoch 6"]
    figure = session.window.layouts.docks["training"].fill().figures.labels["epoch"]
    assert figure.text() == "6.00/6"


def test_saved_and_opened_runs_have_the_same_steps_names_and_tests(
    session, qtbot, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "mine.gradrun"
    monkeypatch.setattr(file_dialogs, "ask_save_run", lambda *_: str(path))
    monkeypatch.setattr(file_dialogs, "ask_open_run", lambda *_: str(path))
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "discard")
    session.train(40)
    session.scrub(15)
    session.train(10)
    session.engine.ask(EditRun(2, "branch"))
    session.engine.ask(EnterRun(1))
    session.wait(lambda: session.moment.run == 1 and session.moment.runs[1].name == "branch")
    session.scrub(20)
    before = session.rows()
    with qtbot.waitSignal(session.engine.replies(RunsSaved), timeout=PATIENCE):
        session.window.actions_table.actions["save_run"].trigger()
    session.window.files.open_preset("xor")
    session.wait(lambda: session.moment.newest == 0)
    with qtbot.waitSignal(session.engine.replies(RunsOpened), timeout=PATIENCE):
        session.window.actions_table.actions["open_run"].trigger()
    session.wait(lambda: session.moment.newest == 40)
    assert session.rows() == before
    session.idle()
    session.wait(lambda: session.engine.step == session.moment.shown == 40)
    assert "Step 40" in session.window.time.words.text()


def test_the_loss_of_a_run_ends_smoothly(session) -> None:
    session.train(300)
    session.wait(lambda: "Run 1" in session.panel.loss._series)
    session.wait(lambda: session.panel.loss.points("Run 1")[0][-1] == 300)
    smooth = session.panel.loss.points("Run 1")[1]
    assert np.abs(np.diff(smooth[150:])).max() < 0.04
    assert smooth[-1] == pytest.approx(session.row().loss, rel=1e-3)


def test_after_a_reset_nothing_is_left_of_the_run_before(qtbot, session) -> None:
    """A frame that was on its way adds no point, no row and no step to the next run."""
    window, engine = session.window, session.engine
    training = window.layouts.docks["training"].fill()
    landscape = window.show_panel("landscape").fill()
    compare = window.show_panel("compare").fill()
    session.train(30)
    engine.set_speed(100.0)
    engine.play()
    session.wait(lambda: engine.step > 60)
    engine._ask_for_frame()
    engine._process._process.waitForBytesWritten(1000)
    time.sleep(0.3)  # its answer waits in the pipe
    frames = []
    engine.frame.connect(frames.append)
    window.actions_table.actions["reset"].trigger()
    session.wait(lambda: session.moment.newest == 0 and engine.state == "idle")
    assert {frame.step for frame in frames} <= {0}
    assert [len(training.loss.points(key)[0]) for key in ("train", "test")] == [0, 0]
    assert [value for _, _, value in training.loss.legend.entries] == ["", ""]
    assert not len(window.exports.metrics.log)
    session.wait(lambda: landscape.contour.stamp.text().startswith("Step 0 "))
    session.train(5)
    assert training.loss.points("train")[0].tolist() == [1, 2, 3, 4, 5]
    assert [row.step for row in window.exports.metrics.log.rows] == [1, 2, 3, 4, 5]
    assert training.figures.labels["step"].text() == "5"
    session.wait(lambda: "<b>Run 2</b> at step 5<br>" in compare.ours.caption.text())
    assert "<b>Run 1</b> at step 5<br>" in compare.theirs.caption.text()
    session.wait(lambda: landscape.contour.stamp.text().startswith("Step 5 "))


def test_a_curve_of_another_net_leaves_the_legend_with_it(session, monkeypatch) -> None:
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "discard")
    training = session.window.layouts.docks["training"].fill()
    options = session.window.document.root.training.dataset_options
    session.settings(dataset_options={**options, "validation": 0.2})
    session.engine.run_epoch()

    def names() -> list[str]:
        return [name for name, _, _ in training.loss.legend.entries]

    session.wait(lambda: "validation" in names())
    session.window.files.open_preset("xor")
    session.wait(lambda: session.moment.newest == 0)
    assert names() == ["train", "test"]


def test_another_batch_size_keeps_the_steps_and_epochs_that_were_made(session):
    """At the end of a run, then trained on, exported and reset: every place says the same."""
    window, engine = session.window, session.engine
    panel = window.show_panel("training").fill()
    figures, epochs = panel.figures.labels, panel.fields["epochs"]
    session.settings(epochs=4, batch=32)
    engine.play()
    session.wait(lambda: engine.state == "done" and session.moment.newest == engine.step)
    made = engine.step
    session.wait(lambda: figures["epoch"].text() == "4.00/4")
    with session.loading():
        panel.fields["batch"].setValue(64)
    session.idle()
    session.wait(lambda: session.moment.newest == made and len(session.moment.counts) == 2)
    session.wait(lambda: engine.state == "done")
    assert engine.step == made
    assert (figures["epoch"].text(), figures["step"].text()) == ("4.00/4", str(made))
    assert window.time.words.text().startswith(f"Step {made} · epoch 4.00 ")
    assert panel.loss.points("train")[0][-1] == made
    assert engine.further_epochs() == "Train 4 epochs more, to epoch 8"
    window.actions_table.actions["train"].trigger()
    total = made + 4 * engine.last_loaded.steps_per_epoch
    session.wait(lambda: engine.state == "done" and session.moment.newest == total)
    session.wait(lambda: figures["epoch"].text() == "8.00/8")
    assert epochs.text() == "4 + 4 more"
    steps, _ = panel.loss.points("train")
    assert (np.diff(steps) > 0).all()
    rows = {row.step: row.epoch for row in window.exports.metrics.log.rows}
    assert [rows[step] for step in (made, made + 1, total)] == [3, 4, 7]
    session.scrub(made // 2)
    assert window.time.words.text().startswith(f"Step {made // 2} · epoch 2.00 ")
    window.actions_table.actions["reset"].trigger()
    session.wait(lambda: figures["epoch"].text() == "0.00/4" and epochs.text() == "4")


def test_after_other_data_nothing_of_the_former_stands_beside_the_new(session):
    panel = session.window.show_panel("training").fill()
    plots = panel.loss, panel.accuracy

    def told(plot) -> dict[str, str]:
        return {name: value for name, _color, value in plot.legend.entries}

    session.train(20)
    session.wait(lambda: all(told(plot)["train"] for plot in plots))
    run = session.moment.run
    session.settings(normalization="standardize")
    session.wait(lambda: session.moment.run != run and session.moment.test is not None)
    for plot in plots:
        assert told(plot)["test"]  # measured again, as is the accuracy on training samples
        steps, values = plot.points("test")
        assert np.isnan(values[steps > 20]).all()  # no line to what comes
    assert told(panel.loss)["train"] == ""
    assert "test − train" not in told(panel.loss)
    assert told(panel.accuracy)["train"] == format_number(session.moment.test.training, 3)
    session.train(1)
    session.wait(lambda: bool(told(panel.loss)["train"]))
