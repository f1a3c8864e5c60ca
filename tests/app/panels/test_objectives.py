"""Several losses are given their parameters in a dialog, as one undoable step."""

from __future__ import annotations

import pytest

from app.panels.training.objectives import LOSS, NODES, RATE, ObjectivesDialog
from graphcore import presets
from graphcore.graph.training_settings import Objective


@pytest.fixture
def dialog(qtbot, themed):
    graph = presets.load("gan-2d")
    made = ObjectivesDialog(graph, graph.training.objectives)
    qtbot.addWidget(made)
    return made


def test_what_is_shown_is_what_is_kept(dialog) -> None:
    before = dialog.objectives
    dialog.accept()
    assert dialog.result() == 1
    assert dialog.objectives == before


def test_a_row_is_changed_added_and_removed(dialog) -> None:
    dialog.table.cellWidget(1, NODES).setText("")
    dialog.table.cellWidget(1, RATE).setText("0.01")
    dialog.accept()
    assert dialog.objectives[1] == Objective(loss="g_loss", lr=0.01)
    dialog._add(Objective(loss="real_share"))
    assert dialog.table.rowCount() == 3
    dialog.table.removeRow(2)
    dialog.accept()
    assert len(dialog.objectives) == 2


@pytest.mark.parametrize(
    ("place", "text", "sentence"),
    [(NODES, "nobody", "no node called 'nobody'"), (RATE, "fast", "fast is no learning rate"),
     (RATE, "-1", "0 or more"), (RATE, "nan", "0 or more")],
)  # fmt: skip
def test_what_cannot_be_is_said_and_changes_nothing(dialog, place, text, sentence) -> None:
    before = dialog.objectives
    dialog.table.cellWidget(0, place).setText(text)
    dialog.accept()
    assert sentence in dialog.said.text()
    assert dialog.result() == 0
    assert dialog.objectives == before
    assert dialog.table.cellWidget(0, LOSS).currentText() == "d_loss"


def test_the_training_panel_opens_it_and_undo_takes_it_back(make_window, monkeypatch) -> None:
    window = make_window("gan-2d")
    window.layouts.show("Train")
    panel = window.layouts.docks["training"].fill()
    before = window.document.root.training.objectives

    def answer(self) -> int:
        self.table.cellWidget(0, RATE).setText("0.5")
        self.accept()
        return self.result()

    monkeypatch.setattr(ObjectivesDialog, "exec", answer)
    panel.losses.click()
    assert window.document.root.training.objectives[0].lr == 0.5
    window.document.undo_stack.undo()
    assert window.document.root.training.objectives == before
