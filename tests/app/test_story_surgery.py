"""A net is changed on the canvas while it trains; it goes on, and one is told what became of it."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from app.panels.runs.panel import COLUMNS
from app.widgets.numbers import loss_text
from graphcore.views.timeline import EnterRun, TimelineFrame
from tests.app.driver import PATIENCE, open_graph, train


def test_a_net_grows_while_it_trains_and_forgets_nothing(qtbot, live_window) -> None:
    window, frames, loads = live_window, [], []
    engine = window.engine
    engine.frame.connect(frames.append)
    engine.loaded.connect(loads.append)
    window.start("circle")
    QApplication.processEvents()
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    window.actions_table.actions["grow_silent"].trigger()
    assert engine.growth == "silent"
    engine.set_speed(40)
    engine.play()
    qtbot.waitUntil(lambda: bool(frames) and frames[-1].step > 5, timeout=PATIENCE)
    graph = window.document.root
    layer = next(n.name for n in graph if n.operator == "Linear")
    width = graph.node(layer).attributes["out_features"]
    said = []
    window.status.messageChanged.connect(said.append)
    step, seen = frames[-1].step, len(loads)
    window.document.set_attributes(layer, out_features=width + 2)
    qtbot.waitUntil(lambda: len(loads) > seen, timeout=PATIENCE)
    assert loads[-1].change < 1e-6
    assert set(loads[-1].part) >= {f"{layer}.weight", f"{layer}.bias"}
    qtbot.waitUntil(lambda: any("the function is unchanged" in s for s in said), timeout=PATIENCE)
    assert any(f"kept in part: {layer}.weight" in s for s in said)
    qtbot.waitUntil(lambda: frames[-1].step > step + 5, timeout=PATIENCE)
    assert frames[-1].state == "running"
    window.document.set_frozen(layer, "weight", True)
    qtbot.waitUntil(lambda: any(f"frozen: {layer}.weight" in s for s in said), timeout=PATIENCE)
    window.document.undo_stack.undo()
    window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: any("outputs changed by" in s for s in said), timeout=PATIENCE)
    assert graph.node(layer).attributes["out_features"] == width
    engine.pause()


@pytest.mark.parametrize("running", [True, False])
def test_every_kind_of_change_keeps_what_fits_and_says_so(qtbot, live_window, running) -> None:
    window, frames, loads, said = live_window, [], [], []
    engine, document = window.engine, window.document
    engine.frame.connect(frames.append)
    engine.loaded.connect(loads.append)
    window.status.messageChanged.connect(said.append)
    window.start("circle")
    qtbot.waitUntil(lambda: engine.state == "idle" and bool(frames), timeout=PATIENCE)
    graph = document.root
    first = next(n.name for n in graph if n.operator == "Linear")
    activation = next(e.target for e in graph.edges if e.source == first)
    engine.set_speed(60)
    engine.run(None if running else 5)
    qtbot.waitUntil(lambda: frames[-1].step >= 5, timeout=PATIENCE)

    def changed(edit, word: str = "") -> object:
        seen, heard, step = len(loads), len(said), frames[-1].step
        edit()
        qtbot.waitUntil(lambda: len(loads) > seen, timeout=PATIENCE)
        qtbot.waitUntil(lambda: any(word in s for s in said[heard:]), timeout=PATIENCE)
        if not running:
            engine.run(3)
        qtbot.waitUntil(lambda: frames[-1].step >= step + 3, timeout=PATIENCE)
        assert loads[-1].step >= step
        return loads[-1]

    width = graph.node(first).attributes["out_features"]
    called: list[str] = []

    def squash() -> None:
        called.extend(document.change_operator([activation], "Sigmoid"))

    kept = changed(squash, "outputs changed by")
    (activation,) = called
    assert kept.kept == 2 * sum(n.operator == "Linear" for n in graph)
    kept = changed(lambda: document.set_attributes(first, out_features=width - 1), "kept in part")
    assert set(kept.part) >= {f"{first}.weight", f"{first}.bias"}
    edge = next(e for e in graph.edges if e.source == activation)

    def deepen() -> None:
        document.insert_on_edge(edge, "Linear", out_features=width - 1)

    engine.growth = "silent"
    kept = changed(deepen, "the function is unchanged")
    assert len(kept.fresh) == 2
    new = kept.fresh[0].partition(".")[0]
    edge = next(e for e in graph.edges if e.source == new)

    def skip() -> None:
        add = document.insert_on_edge(edge, "Add")
        document.connect_nodes(activation, add)

    kept = changed(skip, "outputs changed by")
    assert not kept.fresh
    kept = changed(lambda: document.remove([new], reconnect=True), "gone")
    assert set(kept.gone) == {f"{new}.weight", f"{new}.bias"}
    engine.pause()


def test_a_layer_grows_by_copies_and_one_is_told(qtbot, live_window) -> None:
    window, loads, said = live_window, [], []
    engine, actions = window.engine, window.actions_table.actions
    engine.loaded.connect(loads.append)
    window.status.messageChanged.connect(said.append)
    window.start("circle")
    qtbot.waitUntil(lambda: engine.state == "idle" and bool(loads), timeout=PATIENCE)
    actions["grow_silent"].trigger()
    actions["grow_copies"].trigger()
    assert not actions["grow_silent"].isChecked()
    assert window.settings.get("engine/growth") == engine.growth == "copies"
    graph = window.document.root
    layer = next(n.name for n in graph if n.operator == "Linear")
    width = graph.node(layer).attributes["out_features"]
    for growth, sentence in (
        ("copies", "the function is unchanged"), ("noisy", "outputs changed by"),
    ):  # fmt: skip
        seen, heard = len(loads), len(said)
        window.settings.set("engine/growth", growth)
        assert actions[f"grow_{growth}"].isChecked()
        width += 3
        window.document.set_attributes(layer, out_features=width)
        qtbot.waitUntil(lambda seen=seen: len(loads) > seen, timeout=PATIENCE)
        assert loads[-1].copies == {layer: 3}
        told = f"new units are copies: {layer} (3)"
        qtbot.waitUntil(lambda h=heard, t=told: any(t in s for s in said[h:]), timeout=PATIENCE)
        assert any(sentence in s for s in said[heard:])
    actions["grow_noisy"].trigger()
    assert engine.growth == "initial"


def test_a_paused_net_is_shown_as_it_is_after_an_edit(qtbot, live_window) -> None:
    window, loads, frames = live_window, [], []
    engine, document = window.engine, window.document
    times: list = []
    engine.on(TimelineFrame, times.append)
    engine.loaded.connect(loads.append)
    engine.frame.connect(frames.append)
    window.start("lenet5")
    panel = window.show_panel("training").fill()
    qtbot.waitUntil(lambda: engine.state == "idle" and bool(frames), timeout=PATIENCE)
    engine.run(12)
    qtbot.waitUntil(lambda: frames[-1].step == 12 and engine.state == "idle", timeout=PATIENCE)
    (name,) = document.change_operator(["relu3"], "Tanh")
    qtbot.waitUntil(lambda: len(loads) == 2, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.canvas.items_by_name[name].value is not None, timeout=PATIENCE)
    shown = window.canvas.items_by_name[name].value
    assert shown.low < 0, "what the new operator makes of it"
    assert shown.high <= 1
    qtbot.waitUntil(lambda: panel.figures.labels["step"].text() == "12", timeout=PATIENCE)
    assert panel.figures.labels["epoch"].text() != "–"
    qtbot.waitUntil(lambda: times[-1].run == 2 and times[-1].test is not None,
                    timeout=PATIENCE)  # fmt: skip
    assert panel.figures.labels["loss"].text() == loss_text(times[-1].test.loss)
    engine.run(1)
    qtbot.waitUntil(lambda: frames[-1].step == 13, timeout=PATIENCE)
    runs = window.show_panel("runs").fill()
    qtbot.waitUntil(lambda: runs.table.rowCount() == 2, timeout=PATIENCE)
    told = [runs.table.item(row, COLUMNS.index("changes")) for row in (0, 1)]
    assert [item.text() for item in told] == ["–", f"relu3 → {name} (Tanh)"]
    assert name in told[1].toolTip()


def test_an_edit_that_the_data_do_not_fit_leaves_the_engine_at_work(qtbot, live_window) -> None:
    window, loads, frames, failures = live_window, [], [], []
    engine, document = window.engine, window.document
    engine.loaded.connect(loads.append)
    engine.frame.connect(frames.append)
    engine.failed.connect(failures.append)
    window.start("lenet5")
    qtbot.waitUntil(lambda: engine.state == "idle" and bool(frames), timeout=PATIENCE)
    engine.run(3)
    qtbot.waitUntil(lambda: frames[-1].step == 3 and engine.state == "idle", timeout=PATIENCE)
    document.set_attributes("logits", out_features=5)
    qtbot.waitUntil(lambda: len(loads) == 2 or bool(failures), timeout=PATIENCE)
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: bool(loads) and engine.state == "idle", timeout=PATIENCE)
    engine.run(1)
    qtbot.waitUntil(lambda: frames[-1].step == 4 and engine.alive, timeout=PATIENCE)


def test_the_learning_rate_that_was_typed_outlives_an_edit_and_the_slider(
    qtbot, live_window
) -> None:
    window, times = live_window, []
    engine, rate = window.engine, window.transport.rate
    engine.on(TimelineFrame, times.append)
    window.start("circle")
    qtbot.waitUntil(lambda: engine.state == "idle" and bool(times), timeout=PATIENCE)
    before = window.document.root.training.lr
    assert rate.value() == before

    def train(to: int) -> None:
        engine.run(to - times[-1].newest)
        qtbot.waitUntil(lambda: times[-1].newest == to and engine.state == "idle", timeout=PATIENCE)

    train(5)
    rate.setValue(0.0125)
    train(10)
    layer = next(n.name for n in window.document.root if n.operator == "Linear")
    width = window.document.root.node(layer).attributes["out_features"]
    window.document.set_attributes(layer, out_features=width + 1)
    qtbot.waitUntil(lambda: times[-1].run == 2, timeout=PATIENCE)
    train(15)
    assert times[-1].lr == rate.value() == 0.0125
    engine.ask(EnterRun(1))
    qtbot.waitUntil(lambda: times[-1].run == 1, timeout=PATIENCE)
    engine.scrub(3)
    qtbot.waitUntil(
        lambda: times[-1].visiting and times[-1].shown == 3 == engine.step, timeout=PATIENCE
    )
    assert rate.value() == 0.0125, "it is the rate that training on from here has"
    engine.scrub(None)
    qtbot.waitUntil(lambda: not times[-1].visiting, timeout=PATIENCE)
    assert rate.value() == 0.0125


@pytest.mark.parametrize("inside", [False, True])
def test_a_trained_layer_with_another_name_is_the_same_layer(qtbot, live_window, inside) -> None:
    window = live_window
    document, loads = window.document, []
    window.engine.loaded.connect(loads.append)
    open_graph(qtbot, window, "circle")
    layer = next(n.name for n in document.root if n.operator == "Linear")
    if inside:
        block = document.group([layer])
        document.enter(block)
        qtbot.waitUntil(lambda: len(loads) > 1, timeout=PATIENCE)
    train(qtbot, window, 30)
    seen = len(loads)
    document.rename(layer, "layer")
    qtbot.waitUntil(lambda: len(loads) > seen, timeout=PATIENCE)
    assert (loads[-1].fresh, loads[-1].gone, loads[-1].anew) == ((), (), ())
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: len(loads) > seen + 1, timeout=PATIENCE)
    assert (loads[-1].fresh, loads[-1].gone, loads[-1].anew) == ((), (), ())
    assert loads[-1].change is None or loads[-1].change < 1e-6
