"""The user gives a net a fresh head, freezes layers and slows others down, on the canvas."""

from __future__ import annotations

import pytest

from app.canvas import Canvas
from app.document.document import Document
from graphcore import presets


@pytest.fixture
def canvas(qtbot):
    document = Document()
    document.open_graph(presets.load("mobilenet_v2"))
    made = Canvas(document)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    return made


def locks(canvas: Canvas) -> dict[str, str]:
    return {n: item.lock for n, item in canvas.graph_scene.nodes.items() if item.lock}


def test_a_head_is_replaced_frozen_and_thawed_with_locks_on_the_nodes(canvas: Canvas) -> None:
    document, menu = canvas.document, canvas.menu
    dialog = canvas.learning.ask_for_head()
    assert dialog is not None
    assert dialog.classes.value() == 1000
    dialog.classes.setValue(3)
    dialog.accept()
    assert document.shapes.shape("classifier") is not None
    assert document.shapes.shape("classifier")[1] == 3
    assert locks(canvas) == {"features": "all"}
    document.enter("features")
    canvas.selection.select("_15")
    menu.actions["unfreeze"].trigger()
    assert [n for n in canvas.graph_scene.nodes if n not in locks(canvas)][:3] == [
        "x",
        "_15",
        "_16",
    ]
    document.leave()
    assert locks(canvas) == {"features": "some"}
    canvas.selection.select("features")
    menu.actions["freeze"].trigger()
    assert locks(canvas) == {"features": "all"}
    document.undo_stack.undo()
    assert locks(canvas) == {"features": "some"}
    document.undo_stack.undo()
    document.undo_stack.undo()
    document.leave(0)
    assert locks(canvas) == {}
    assert document.shapes.shape("classifier")[1] == 1000


def test_a_rate_of_its_own_is_shown_and_taken_back(canvas: Canvas) -> None:
    canvas.selection.select("features")
    dialog = canvas.learning.ask_for_rate()
    dialog.setDoubleValue(0.1)
    dialog.accept()
    document = canvas.document
    assert document.root.training.rates == {"features": 0.1}
    assert canvas.graph_scene.nodes["features"].rate == 0.1
    document.enter("features")
    assert canvas.graph_scene.nodes["_3"].rate == 0.1
    document.leave()
    document.set_rates(["features"], 1.0)
    assert document.root.training.rates == {}
    assert canvas.graph_scene.nodes["features"].rate == 1.0
    document.undo_stack.undo()
    assert canvas.graph_scene.nodes["features"].rate == 0.1
