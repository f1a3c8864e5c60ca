"""Play on a graph that cannot be trained says what is missing and offers it."""

from __future__ import annotations

import pytest

from graphcore import files
from graphcore.graph.graph import Graph
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.arrays import unpack
from graphcore.views.landscape import LandscapeFrame
from tests.app import driver
from tests.app.driver import PATIENCE, scrub


def ready(qtbot, window) -> None:
    states = ("idle", "refused")
    qtbot.waitUntil(lambda: window.engine.state in states, timeout=PATIENCE)


def offered(window) -> list[str]:
    return [button.text() for button in window.banner.buttons]


def press(qtbot, window, label: str) -> None:
    """Take what the banner offers, and wait until the engine has the graph."""
    button = next(b for b in window.banner.buttons if b.text() == label)
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        button.click()


def play(qtbot, window) -> None:
    """Press Play and wait for the answer."""
    assert window.transport.play.isEnabled()
    with qtbot.waitSignal(window.engine.failed, timeout=PATIENCE):
        window.transport.play.click()


def saddle() -> Graph:
    """x² - y² as inputs with numbers of their own."""
    graph = Graph()
    for name, value in (("x", 1.0), ("y", 0.5)):
        graph.add("Input", name=name, shape=(), batch=False, value=value)
        graph.add("Mul", name=f"{name}2")
        graph.connect(name, f"{name}2", input="a")
        graph.connect(name, f"{name}2", input="b")
    graph.add("Sub", name="f")
    graph.connect("x2", "f", input="a")
    graph.connect("y2", "f", input="b")
    graph.training = TrainingSettings(optimizer="SGD", lr=0.1, epochs=1)
    return graph


def open_graph(qtbot, window, graph: Graph, tmp_path) -> None:
    path = tmp_path / "own.graph.json"
    files.save(graph, path)
    window.start(str(path))
    ready(qtbot, window)


def test_an_empty_graph_offers_the_presets(qtbot, live_window) -> None:
    window = live_window
    window.start("xor")
    ready(qtbot, window)
    window.files.new()
    qtbot.waitUntil(lambda: window.engine.state == "refused", timeout=PATIENCE)
    play(qtbot, window)
    assert "empty" in window.banner.text
    assert offered(window) == ["Open a preset"]


def test_a_net_without_a_loss_gets_one_and_trains(qtbot, live_window, tmp_path) -> None:
    window = live_window
    graph = Graph()
    graph.training = TrainingSettings(dataset="circle", epochs=1)
    graph.add("Input", name="x", shape=(2,))
    graph.add("Linear", name="answer", out_features=1)
    graph.connect("x", "answer")
    open_graph(qtbot, window, graph, tmp_path)
    play(qtbot, window)
    assert "Target" in window.banner.text or "loss" in window.banner.text
    assert "trained yet" in window.transport.play.toolTip()
    press(qtbot, window, "Add a loss")
    assert not window.engine.problem
    window.engine.run(3)
    qtbot.waitUntil(lambda: window.engine.step == 3, timeout=PATIENCE)
    assert window.banner.isHidden()
    window.document.undo_stack.undo()
    assert {n.name for n in window.document.root} == {"x", "answer"}, "one step"


def test_a_mismatch_is_shown(qtbot, live_window) -> None:
    window = live_window
    window.start("lenet5")
    ready(qtbot, window)
    fc1 = window.document.root.edge_into("fc1", "x")
    conv = window.document.root.edges_into(fc1.source)[0].source
    window.document.connect_nodes(conv, "fc1", input="x")
    if not window.document.shapes.problems:
        pytest.skip("the preset takes images there")
    qtbot.waitUntil(lambda: bool(window.engine.problem), timeout=PATIENCE)
    play(qtbot, window)
    assert offered(window)[0].startswith("Show")


def test_a_function_is_descended_on(qtbot, live_window, tmp_path) -> None:
    window = live_window
    open_graph(qtbot, window, saddle(), tmp_path)
    engine = window.engine
    play(qtbot, window)
    assert "no parameter that is not frozen" in window.banner.text
    press(qtbot, window, "Descend: make the inputs parameters")
    assert not engine.problem
    window.layouts.show("Train")
    landscape = window.show_panel("landscape").fill()
    frames = []
    engine.on(LandscapeFrame, frames.append)
    engine.play()
    qtbot.waitUntil(lambda: engine.state == "done", timeout=PATIENCE)
    assert engine.step == 100
    training = window.layouts.docks["training"].fill()
    _, losses = training.loss.points("train")
    assert losses[0] == pytest.approx(0.75)
    assert losses[-1] < -1.0
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].step == 100, timeout=PATIENCE)
    assert frames[-1].exact, "the two parameters are its own plane"
    assert landscape._frame is not None
    assert unpack(frames[-1].path)[0] is not None
    scrub(qtbot, window, 0)
    engine.reset()
    qtbot.waitUntil(lambda: engine.moment.newest == 0, timeout=PATIENCE)


def test_data_that_are_not_there_can_be_chosen(qtbot, live_window, tmp_path) -> None:
    window = live_window
    graph = Graph()
    graph.training = TrainingSettings(dataset="csv", dataset_options={"path": "/nowhere.csv"})
    graph.add("Input", name="x", shape=(2,))
    graph.add("Linear", name="answer", out_features=1)
    graph.connect("x", "answer")
    open_graph(qtbot, window, graph, tmp_path)
    assert window.engine.state == "refused"
    told = []
    window.engine.failed.connect(lambda failure: told.append(failure.kind))
    window.transport.play.click()
    qtbot.waitUntil(lambda: "untrainable" in told, timeout=PATIENCE)
    assert offered(window) == ["Choose data"]
    window.banner.buttons[0].click()
    assert window.layouts.docks["training"].isVisible()


def test_a_calculation_with_layers_learns_from_its_own_numbers(qtbot, live_window) -> None:
    driver.open_graph(qtbot, live_window, "chain")
    panel = live_window.layouts.docks["training"].fill()
    driver.train(qtbot, live_window, 20)
    losses = panel.loss.points("train")[1]
    assert losses[-1] < losses[0]
    assert not len(panel.loss.points("test")[0]), "there is nothing to test on"
    assert panel.figures.labels["loss"].isHidden()
    assert panel.figures.labels["speed"].isHidden()
