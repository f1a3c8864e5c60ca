"""Options of the data set, optimiser and schedule in the training panel."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from app.widgets import file_dialogs


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
