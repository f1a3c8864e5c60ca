"""A net is changed on the canvas while it trains; it goes on, and one is told what became of it."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

PATIENCE = 60_000


def test_a_net_grows_while_it_trains_and_forgets_nothing(qtbot, live_window) -> None:
    window, frames, loads = live_window, [], []
    engine = window.engine
    engine.frame.connect(frames.append)
    engine.loaded.connect(loads.append)
    window.start("circle")
    QApplication.processEvents()
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    window.actions_table.actions["quietly"].trigger()
    assert engine.quietly
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
