"""What is shown belongs to the open document: nothing of the one before is left in any part."""

from __future__ import annotations

import msgspec
import pytest
from PySide6.QtWidgets import QApplication

from graphcore import files, presets
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest
from tests.app.driver import PATIENCE, scrub, train


def settled(qtbot, window) -> None:
    """Wait until the engine has taken the graph, and has drawn what it has to show of it."""
    engine = window.engine
    qtbot.waitUntil(lambda: engine.state in ("idle", "refused"), timeout=PATIENCE)
    with qtbot.waitSignal(engine.frame, timeout=PATIENCE):
        engine.pause()


def pictured(window) -> set[str]:
    """Names of the nodes that show a value or a gradient."""
    items = window.canvas.items_by_name.items()
    return {n for n, item in items if any((item.value, item.gradient, item.weights))}


@pytest.fixture
def trained(qtbot, live_window):
    """LeNet after a few steps, with its pictures on the canvas."""
    window = live_window
    window.start("lenet5")
    window.layouts.show("Train")
    QApplication.processEvents()
    settled(qtbot, window)
    train(qtbot, window, 5)
    qtbot.waitUntil(lambda: "conv1" in pictured(window), timeout=PATIENCE)
    return window


def test_a_new_graph_of_the_same_names_begins_at_its_own_start(qtbot, trained) -> None:
    window, told = trained, []
    root = files.loads(files.dumps(window.document.root))
    window.engine.loaded.connect(told.append)
    window.document.undo_stack.setClean()
    window.files.new()
    settled(qtbot, window)
    for node in root:
        window.document.root.insert(node)
    for edge in root.edges:
        window.document.root.connect_edge(edge)
    window.document.set_training(root.training)
    qtbot.waitUntil(lambda: bool(told) and told[-1].parameters > 0, timeout=PATIENCE)
    settled(qtbot, window)
    assert told[-1].step == 0
    assert told[-1].kept == 0
    assert window.engine.step == 0
    assert not pictured(window)
    train(qtbot, window, 1)
    assert window.engine.step == 1
    assert [run.steps for run in window.engine.moment.runs] in ([1], [0])


def test_a_net_without_a_loss_shows_itself_and_nothing_of_the_net_before(
    qtbot, trained, tmp_path
) -> None:
    window = trained
    graph = presets.load("lenet5")
    for name in [n.name for n in graph if n.op.category == "loss" or n.operator == "Target"]:
        graph.remove(name)
    files.save(graph, tmp_path / "forward.graph.json")
    window.document.undo_stack.setClean()
    landscape = window.layouts.docks["landscape"].fill()
    window.files.open(str(tmp_path / "forward.graph.json"))
    settled(qtbot, window)
    assert window.engine.problem
    assert window.engine.step == 0
    assert "kept whole" not in window.status.currentMessage()
    qtbot.waitUntil(lambda: "fc1" in pictured(window), timeout=PATIENCE)
    assert landscape._frame is None
    assert not window.time.steps.size > 1


def test_explain_walks_through_a_net_without_a_loss(qtbot, explain, live_window) -> None:
    window = live_window
    panel = explain("lenet5")
    loss = next(n.name for n in window.document.root if n.op.category == "loss")
    window.document.remove([loss])
    qtbot.waitUntil(lambda: bool(window.engine.problem), timeout=PATIENCE)
    qtbot.waitUntil(lambda: not panel.walk.frame.backward, timeout=PATIENCE)
    assert "conv1" in panel.walk.frame.forward
    assert panel.walk.frame.values["conv1"] is not None


def test_a_mismatch_empties_what_follows_it_and_nothing_else(qtbot, trained) -> None:
    window = trained
    document, engine = window.document, window.engine
    weights = engine.step
    edge = document.graph.edge_into("fc1", "x")
    document.disconnect_edges([edge])
    qtbot.waitUntil(lambda: bool(engine.problem), timeout=PATIENCE)
    qtbot.waitUntil(lambda: "conv1" in pictured(window), timeout=PATIENCE)
    below = document.graph.descendants(["fc1"]) | {"fc1"}
    assert not pictured(window) & below
    assert engine.step == weights
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: engine.state == "idle" and not engine.problem, timeout=PATIENCE)
    settled(qtbot, window)
    assert engine.step == weights
    assert engine.last_loaded.kept == engine.last_loaded.parameters


def test_a_run_goes_on_after_a_mismatch_as_if_there_had_been_none(qtbot, trained, tmp_path) -> None:
    """Weights and the optimiser's state of what follows the fault outlive it."""
    window = trained
    document, engine = window.document, window.engine
    document.disconnect_edges([document.graph.edge_into("fc1", "x")])
    qtbot.waitUntil(lambda: bool(engine.problem), timeout=PATIENCE)
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: engine.state == "idle" and not engine.problem, timeout=PATIENCE)
    assert not engine.last_loaded.anew
    assert not engine.last_loaded.fresh


def test_another_seed_acts_at_the_start(qtbot, live_window) -> None:
    window = live_window
    window.start("xor")
    settled(qtbot, window)
    name = next(n.name for n in window.document.root if n.operator == "Linear") + ".weight"
    told = []
    window.engine.on(TensorFrame, lambda frame: told.append(frame.values.data))

    def weights() -> bytes:
        told.clear()
        window.engine.ask(TensorRequest(name))
        qtbot.waitUntil(lambda: bool(told), timeout=PATIENCE)
        return told[-1]

    first = weights()
    training = window.document.root.training
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        window.document.set_training(msgspec.structs.replace(training, seed=training.seed + 1))
    settled(qtbot, window)
    second = weights()
    assert second != first
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        window.document.set_initializer(name.partition(".")[0], "weight", "zeros")
    settled(qtbot, window)
    assert not any(weights())


def test_back_to_the_start_is_possible_whenever_the_net_is_not_there(qtbot, live_window) -> None:
    window = live_window
    window.start("xor")
    settled(qtbot, window)
    reset = window.transport.reset
    assert not reset.isEnabled()
    name = next(n.name for n in window.document.root if n.operator == "Linear") + ".weight"
    window.engine.ask(SetNumbers(name, (0,), (3.0,)))
    qtbot.waitUntil(reset.isEnabled, timeout=PATIENCE)
    window.engine.reset()
    qtbot.waitUntil(lambda: not reset.isEnabled(), timeout=PATIENCE)
    train(qtbot, window, 3)
    assert reset.isEnabled()
    scrub(qtbot, window, 0)
    assert reset.isEnabled(), "the run has steps, whatever is looked at"
