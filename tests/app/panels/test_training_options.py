"""Options of the data set, optimiser and schedule in the training panel."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from app.panels.stepper import words
from app.widgets import file_dialogs
from graphcore.records.arrays import pack
from graphcore.records.score import Score
from graphcore.session import messages as m
from graphcore.session.live import EMPTY
from graphcore.views.stepper import WalkFrame
from graphcore.views.timeline import RunCurves


@pytest.fixture
def panel(make_window):
    window = make_window("circle")
    window.layouts.show("Train")
    return window.layouts.docks["training"].fill()


def test_options_follow_what_is_chosen(panel):
    document = panel._document
    assert "noise" in panel.options["dataset_options"].fields
    assert "momentum" in panel.options["optimizer_options"].fields
    panel.fields["optimizer"].textActivated.emit("Adam")
    assert "beta1" in panel.options["optimizer_options"].fields
    assert document.graph.training.optimizer == "Adam"
    panel.fields["schedule"].textActivated.emit("step")
    assert set(panel.options["schedule_options"].fields) == {"every", "gamma"}


def test_an_option_is_stored_undone_and_left_out_at_its_default(panel):
    document = panel._document
    noise = panel.options["dataset_options"].fields["noise"]
    before = document.graph.training.dataset_options.get("noise")
    noise.setValue(0.25)
    assert document.graph.training.dataset_options["noise"] == 0.25
    document.undo_stack.undo()
    assert document.graph.training.dataset_options.get("noise") == before
    assert noise.value() == (before or 0.0)
    noise.setValue(0.1)
    noise.setValue(0.0)
    assert "noise" not in document.graph.training.dataset_options


def test_a_table_is_chosen_by_its_file(panel, monkeypatch, tmp_path):
    table = tmp_path / "table.csv"
    monkeypatch.setattr(file_dialogs, "ask_any_file", lambda _parent, _start: str(table))
    panel.fields["dataset"].textActivated.emit("csv")
    form = panel.options["dataset_options"]
    form._choose(next(row for row in form._rows if row.name == "path"))
    assert panel._document.graph.training.dataset_options["path"] == str(table)
    assert form.fields["path"].text() == str(table)


def test_data_from_files_asks_for_them_at_once(panel):
    options = panel.options["dataset_options"]
    assert not options.toggle.isChecked()
    panel.fields["dataset"].textActivated.emit("csv")
    assert options.toggle.isChecked()
    assert options.fields["path"].isVisible()


def test_a_loss_of_any_size_has_room(panel):
    for loss, text in ((0.33241, "0.3324"), (4276110592.0, "4.276e9")):
        panel.figures.show_score(Score(loss, None, 100))
        assert panel.figures.labels["loss"].text() == text


def test_choose_data_scrolls_to_the_field(make_window, qtbot):
    window = make_window("circle")
    window.layouts.show("Train")
    window.resize(1100, 620)
    panel = window.layouts.docks["training"].fill()
    QApplication.processEvents()
    panel.form_area.verticalScrollBar().setValue(panel.form_area.verticalScrollBar().maximum())
    field = panel.fields["dataset"]
    assert field.visibleRegion().isEmpty()
    panel.show_data()
    qtbot.waitUntil(lambda: not field.visibleRegion().isEmpty(), timeout=5000)


def test_patience_is_a_number_of_epochs_or_none(panel):
    panel.fields["patience"].setValue(3)
    assert panel._document.graph.training.patience == 3
    panel.fields["patience"].setValue(0)
    assert panel._document.graph.training.patience is None


def test_the_wheel_scrolls_past_a_field(panel, qtbot):
    form = panel.options["dataset_options"]
    form.toggle.click()
    noise = form.fields["noise"]
    noise.clearFocus()
    before = noise.value()
    place = QPointF(noise.rect().center())
    turn = QWheelEvent(
        place, noise.mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(noise, turn)
    assert noise.value() == before


def test_an_option_that_does_not_fit_is_said_and_taken_back(panel):
    document = panel._document
    panel.fields["optimizer"].textActivated.emit("SGD")
    fields = panel.options["optimizer_options"].fields
    steps = document.undo_stack.count()
    assert fields["momentum"].minimum() == 0
    fields["nesterov"].click()
    assert "nesterov needs a momentum" in panel.note.text()
    assert not fields["nesterov"].isChecked()
    assert document.undo_stack.count() == steps
    fields["momentum"].setValue(0.9)
    fields["nesterov"].click()
    assert document.root.training.optimizer_options == {"momentum": 0.9, "nesterov": True}


def frame_of(*scores: Score) -> m.Frame:
    return msgspec.structs.replace(
        EMPTY, state="running", step=5, scores=scores, steps=pack(np.arange(5)),
        losses=pack(np.ones(5, np.float32)), total_steps=100, epochs=10,
    )  # fmt: skip


def test_figures_and_legend_show_the_newest_test_at_once(panel):
    def told(plot):
        return {name: value for name, _color, value in plot.legend.entries}["test"]

    for step, loss, accuracy in ((1, 0.5, 0.25), (2, 0.25, 0.75)):
        panel._on_frame(frame_of(Score(loss, accuracy, 500, step, False)))
        assert panel.figures.labels["loss"].text() == str(loss)
        assert (told(panel.loss), told(panel.accuracy)) == (str(loss), str(accuracy))


def test_a_net_that_answers_with_numbers_is_promised_no_accuracy(panel):
    panel._on_frame(frame_of(Score(0.5, None, 500, 1, False)))
    assert not panel.accuracy.isVisibleTo(panel)
    assert not panel.figures.labels["accuracy"].isVisibleTo(panel)
    panel._on_frame(frame_of(Score(0.5, 0.25, 500, 2, False)))
    assert panel.accuracy.isVisibleTo(panel)


def test_the_rate_is_a_dash_before_the_net_has_trained(panel):
    panel.figures.show_frame(msgspec.structs.replace(EMPTY, samples_per_second=500.0))
    assert panel.figures.labels["speed"].text() == "500"
    panel.figures.show_frame(EMPTY)
    assert panel.figures.labels["speed"].text() == "–"


@pytest.mark.parametrize("unchanged", [(), ("line.weight",)])
def test_the_stepper_says_which_weights_the_optimiser_leaves(unchanged):
    frame = WalkFrame(rule="AdamW, lr 0.001", unchanged=unchanged)
    said = words._changed(frame)
    assert ("every weight" in said) == (not unchanged)
    assert all(name in said for name in unchanged)


def test_losses_of_whole_batches_are_shown_as_they_are(qtbot, live_window):
    """Of the four points of xor every step sees all: training and test are of the same samples."""
    window = live_window
    window.start("xor")
    panel = window.show_panel("training").fill()
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=30_000)
    window.engine.run(40)
    qtbot.waitUntil(lambda: window.engine.moment.newest == 40, timeout=30_000)
    qtbot.waitUntil(lambda: panel.loss.points("train")[1].size == 40, timeout=30_000)
    panel.loss.redraw()
    told = {name: value for name, _color, value in panel.loss.legend.entries}
    assert float(told["train"]) == pytest.approx(panel.loss.points("train")[1][-1], rel=0.01)
    qtbot.waitUntil(lambda: bool(window.engine.moment.runs), timeout=30_000)
    (run,) = window.engine.moment.runs
    assert run.loss == pytest.approx(panel.loss.points("train")[1][-1], rel=1e-5)
    x, y = panel.loss.points("train")
    none = pack(np.zeros((0, 5)))
    curves = RunCurves(
        run=2, name="Run 2", steps=pack(x), seconds=pack(x), losses=pack(y[None]), tests=none,
        rates=pack(x),
        validations=none, stride=1, smooth=pack(y), accuracies=pack(np.zeros((0, 2))),
        objectives=(),
    )  # fmt: skip
    for given in (curves, None):  # as after another activation: all is of the net before
        frame = msgspec.structs.replace(window.engine.moment, outdated=True, curves=given)
        panel._on_timeline(frame)
        told = {name: value for name, _color, value in panel.loss.legend.entries}
        assert told["train"] == ""
        assert "test − train" not in told


def test_other_points_keep_how_their_targets_are_coded(panel):
    document = panel._document
    options = {"targets": "signs", "only_classes": "0"}
    document.set_training(
        msgspec.structs.replace(document.root.training, dataset="circle", dataset_options=options)
    )
    panel.fields["dataset"].textActivated.emit("xor")
    training = document.root.training
    assert (training.dataset, training.dataset_options) == ("xor", {"targets": "signs"})
