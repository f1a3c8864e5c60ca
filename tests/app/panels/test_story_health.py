"""A teacher shows why deep sigmoid nets do not learn, and what helps."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.panels.health.remedies import REMEDIES, offers
from graphcore import files, presets
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.views.health import Finding, HealthFrame
from tests.app.driver import PATIENCE


def accuracy_after_an_epoch(qtbot, window) -> float:
    scores = []
    window.engine.frame.connect(lambda f: scores.extend(s for s in f.scores if s.whole))
    window.engine.run_epoch()
    qtbot.waitUntil(lambda: bool(scores) and window.engine.state == "idle", timeout=PATIENCE)
    return float(scores[-1].accuracy)


def test_the_vanishing_gradient_is_seen_explained_and_cured(qtbot, live_window) -> None:
    live_window.start("vanishing")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("health").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: bool(panel.cards), timeout=PATIENCE)
    sizes = [size for _name, size in panel.gradients.bars]
    assert sizes[0] / sizes[-1] == pytest.approx(3e-6, rel=0.6)
    assert [name for name, _ in panel.updates.bars] == [name for name, _ in panel.gradients.bars]
    assert not panel.dead.isVisible()
    first = panel._frame.findings[0].node
    assert live_window.canvas.items_by_name[first].ailing
    assert accuracy_after_an_epoch(qtbot, live_window) < 0.3
    operators = {n.operator for n in live_window.document.graph}
    assert "Sigmoid" in operators
    buttons = panel.cards[0].findChildren(QPushButton)
    qtbot.mouseClick(buttons[0], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not panel.cards, timeout=PATIENCE)
    assert "Sigmoid" not in {n.operator for n in live_window.document.graph}
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    assert panel.gradients.bars[0][1] / panel.gradients.bars[-1][1] > 0.1
    assert len(panel.dead.bars) == 6
    assert not live_window.canvas.items_by_name[first].ailing
    assert accuracy_after_an_epoch(qtbot, live_window) > 0.8
    live_window.document.undo_stack.undo()
    assert {n.operator for n in live_window.document.graph} == operators
    qtbot.waitUntil(
        lambda: [size for _name, size in panel.gradients.bars] == sizes and bool(panel.cards),
        timeout=PATIENCE,
    )  # the net that one began with, at its start
    live_window.document.undo_stack.redo()
    qtbot.waitUntil(lambda: not panel.cards, timeout=PATIENCE)


@pytest.mark.parametrize("key", sorted(REMEDIES))
def test_every_remedy_is_one_step_that_fits_and_can_be_undone(key, document) -> None:
    graphs = {"relu": "vanishing", "logits": "autoencoder"}
    document.open_graph(presets.load(graphs.get(key, "vanishing-relu")))
    if key == "bare":
        loss = next(n for n in document.graph if n.operator == "CrossEntropyLoss")
        document.insert_on_edge(document.graph.edge_into(loss, "x"), "Softmax")
        document.undo_stack.clear()
    if key == "standardize":
        plain = msgspec.structs.replace(document.root.training, normalization="none")
        document.set_training(plain)
        document.undo_stack.clear()
    before = files.dumps(document.root)
    with document.macro(key):
        REMEDIES[key].apply(document)
    assert document.undo_stack.count() == 1
    assert not document.shapes.problems
    assert files.dumps(document.root) != before
    document.undo_stack.undo()
    assert files.dumps(document.root) == before


def test_no_two_cures_that_are_opposed_are_offered(qtbot, live_window) -> None:
    for urgent, other in itertools.permutations(REMEDIES, 2):
        offered = {key for row in offers([urgent, other]) for key in row}
        assert urgent in offered
        assert not ("faster" in offered and offered & {"slower", "again", "clip"})
    live_window.start("mlp")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("health").fill()
    found = (Finding("relu1", "Units are dead.", "leaky"), Finding("fc1", "Too small.", "faster"))
    live_window.engine.replies(HealthFrame).emit(HealthFrame(findings=found))
    labels = [[b.text() for b in card.findChildren(QPushButton)] for card in panel.cards]
    assert labels == [
        ["Try LeakyReLU", "Insert batch norm", "Show"], ["Try ten times the learning rate", "Show"],
    ]  # fmt: skip


def test_a_net_that_learns_by_heart_is_said_to_overfit(qtbot, live_window) -> None:
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    panel = window.show_panel("health").fill()
    wide = parse_layers("2-64-relu-64-relu-2")
    wide.set_training(TrainingSettings(
        dataset="circle", dataset_options={"samples": 40, "noise": 0.5}, optimizer="Adam", lr=0.01,
        batch=20, epochs=300,
    ))  # fmt: skip
    window.document.open_graph(wide)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    window.engine.play()
    qtbot.waitUntil(lambda: window.engine.state == "done", timeout=PATIENCE)
    qtbot.waitUntil(lambda: bool(panel.cards) and "300" in panel.stamp.text(), timeout=PATIENCE)
    (words,) = [label.text() for label in panel.cards[-1].findChildren(QLabel)]
    assert words.startswith("The net overfits: since step ")


def test_skip_connections_let_the_gradient_through(qtbot, live_window) -> None:
    live_window.start("vanishing")
    live_window.layouts.show("Train")
    panel = live_window.show_panel("health").fill()
    QApplication.processEvents()
    qtbot.waitUntil(lambda: bool(panel.cards), timeout=PATIENCE)
    labels = [b.text() for b in panel.cards[0].findChildren(QPushButton)]
    assert labels == ["Try ReLU with He's initialiser", "Insert batch norm",
                      "Add skip connections", "Show"]  # fmt: skip
    before = panel._frame.ratio
    skip = panel.cards[0].findChildren(QPushButton)[2]
    qtbot.mouseClick(skip, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: panel._frame.ratio > 100 * before, timeout=PATIENCE)
    assert sum(n.operator == "Add" for n in live_window.document.graph) == 5


def test_a_run_that_blows_up_says_where_and_starts_again_more_slowly(qtbot, live_window) -> None:
    window = live_window
    window.start("linear-regression")
    window.layouts.show("Train")
    panel = window.show_panel("health").fill()
    training = window.document.graph.training
    settings = msgspec.structs.replace(training, lr=1e9, optimizer="SGD", optimizer_options={})
    window.document.set_training(settings)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    failures = []
    window.engine.failed.connect(failures.append)
    window.engine.play()
    qtbot.waitUntil(lambda: bool(failures), timeout=PATIENCE)
    assert failures[0].kind == "diverged"
    words = [label.text() for label in panel.cards[0].findChildren(QLabel)]
    assert words == [failures[0].message]
    assert "NaN or infinite at step" in words[0]
    node = failures[0].node
    assert window.canvas.items_by_name[node].ailing
    again = panel.cards[0].findChildren(QPushButton)[0]
    assert "Start again" in again.text()
    qtbot.mouseClick(again, Qt.MouseButton.LeftButton)
    assert window.document.graph.training.lr == pytest.approx(1e8)
    window.document.undo_stack.undo()
    assert window.document.graph.training.lr == pytest.approx(1e9)
