"""A loop of somebody else's in the window: it is shown, waits, goes on, and is never held up."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

import graphcore as gc
from app.engine.script_link import ScriptLink
from app.panels.runs.panel import COLUMNS
from graphcore.datasets.probe import Probe
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.arrays import unpack
from graphcore.session import messages as m
from graphcore.views.timeline import EnterRun
from graphcore.views.weights import TensorFrame, TensorRequest
from graphcore.watching.process import launch
from graphcore.watching.watch import Watch
from graphcore.watching.window import Window
from tests.app.driver import scrub, wait

RELAY = Path(__file__).parent / "relay.py"
START = np.arange(6, dtype=np.float32).reshape(2, 3)


def source() -> SimpleNamespace:
    """What ``Source`` makes of a module: here its weights are numbers of the test's own."""
    g = gc.Graph()
    x, t = g.add("Input", name="x", shape=(3,)), g.add("Target", name="t")
    h = g.add("Linear", name="h", out_features=2)
    loss = g.add("CrossEntropyLoss", name="loss")
    g.connect(x, h)
    g.connect(h, loss, input="x")
    g.connect(t, loss, input="target")
    probe = Probe(np.eye(3, dtype=np.float32), np.array([0, 1, 1]))
    g.training = TrainingSettings(
        dataset="probe", dataset_options={"batch": probe.mark, "classes": 2}, batch=3,
        optimizer="SGD", epochs=1,
    )  # fmt: skip
    weights = {"h.weight": START.copy(), "h.bias": np.zeros(2, np.float32)}
    return SimpleNamespace(
        graph=g, probe=probe, precision="", table=weights,
        weights=lambda: dict(weights), changing=lambda: dict(weights),
    )  # fmt: skip


class Loop(threading.Thread):
    """A training loop: after step n the weights are n more than at the start, the loss is 1 / n."""

    def __init__(self, of: SimpleNamespace, command: list[str] | None = None) -> None:
        super().__init__(daemon=True)
        self.watch = Watch(of.graph, Window(of, launch(command)))
        self.sink, self._table, self._over = self.watch._sink, of.table, False
        self.start()

    def run(self) -> None:
        while not self._over:
            time.sleep(0.004)
            self._table["h.weight"] = START + np.float32(self.watch.steps + 1)
            self.watch.step(1 / (self.watch.steps + 1))

    def goes_on(self, seconds: float = 0.3) -> bool:
        before = self.watch.steps
        time.sleep(seconds)
        return self.watch.steps > before + 1

    def end(self) -> None:
        self._over = True
        self.join()
        self.watch.close()


@pytest.fixture
def watched(qtbot, live_window, tmp_path):
    """A loop, the window that shows it, and a function that has the window gone."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "line"))
    listener.listen()
    loop = Loop(source(), [sys.executable, "-S", "-E", str(RELAY), str(tmp_path / "line")])
    lines = [listener.accept()[0] for _ in range(2)]
    listener.close()
    link = ScriptLink(lines[0].fileno(), lines[1].fileno())
    live_window.start_watching(link)

    def leave() -> None:
        link._timer.stop()
        os.close(link._out)
        link._out = os.open(os.devnull, os.O_WRONLY)
        lines[1].shutdown(socket.SHUT_RDWR)

    yield loop, link, leave
    leave()
    loop.end()
    os.close(link._out)
    for line in lines:
        line.close()


def weight(qtbot, window) -> float:
    """How much larger the weights are in the engine than at the start."""
    with qtbot.waitSignal(window.engine.replies(TensorFrame), timeout=5000) as sent:
        window.engine.ask(TensorRequest("h.weight"))
    return float((unpack(sent.args[0].values) - START).mean())


def test_a_loop_is_shown_waits_and_goes_on(qtbot, live_window, watched) -> None:
    loop, link, leave = watched
    window, engine = live_window, live_window.engine
    told: dict[int, float] = {}

    def note(frame: m.Frame) -> None:
        told.update(zip(unpack(frame.steps).tolist(), unpack(frame.losses).tolist(), strict=True))

    engine.frame.connect(note)
    wait(qtbot, lambda: engine.state == "running" and engine.step > 20)
    assert "h" in window.document.root
    assert not window.document.modified
    assert (window.transport.rate.text(), window.transport.rate.isEnabled()) == ("–", False)
    assert window.show_panel("training").fill().accuracy.isHidden()
    window.transport.play.click()
    wait(qtbot, lambda: engine.state == "idle" and engine.step == loop.watch.steps)
    assert not loop.goes_on()
    at = engine.step
    np.testing.assert_allclose([told[n] for n in range(1, at + 1)], 1 / np.arange(1, at + 1))
    assert weight(qtbot, window) == at
    window.transport.step.click()
    wait(qtbot, lambda: engine.step == at + 1 and engine.state == "idle")
    assert loop.watch.steps == at + 1
    kept = unpack(engine.moment.steps).tolist()
    early = kept[len(kept) // 2]
    scrub(qtbot, window, early)
    assert weight(qtbot, window) == early
    assert not loop.goes_on()
    assert window.time.words.text().startswith(f"Step {early}")
    assert "epoch" not in window.time.words.text()

    loop.sink._source.precision = "bfloat16"
    window.transport.play.click()
    wait(qtbot, lambda: engine.step > at + 20 and not engine.moment.visiting)
    wait(qtbot, lambda: "your loop: bfloat16" in link.label.text())
    engine.set_speed(5)
    wait(qtbot, lambda: loop.sink._steer.speed == 5)
    before = loop.watch.steps
    time.sleep(0.7)
    assert 1 <= loop.watch.steps - before <= 5
    engine.set_speed(None)

    window.transport.play.click()
    wait(qtbot, lambda: not loop.goes_on(0.1))
    training = window.document.root.training
    window.document.set_training(msgspec.structs.replace(training, lr=0.5, epochs=2))
    wait(qtbot, lambda: "goes on unseen" in link.label.text())
    assert loop.goes_on()
    engine.ask(EnterRun(1))
    wait(qtbot, lambda: engine.state == "running" and engine.step > at + 20)

    window.transport.play.click()
    wait(qtbot, lambda: not loop.goes_on(0.1))
    runs = window.show_panel("runs").fill()
    wait(qtbot, lambda: runs.table.item(0, COLUMNS.index("from")) is not None)
    assert runs.table.item(0, COLUMNS.index("from")).text() == "a script"
    assert runs.table.item(0, COLUMNS.index("optimizer")).text() == "–"
    leave()
    wait(qtbot, lambda: loop.goes_on(0.1) and loop.watch._sink is None)


def test_a_window_whose_script_has_no_net_closes(qtbot, live_window) -> None:
    read, write = os.pipe()
    link = ScriptLink(read, os.open(os.devnull, os.O_WRONLY))
    live_window.show()
    live_window.start_watching(link)
    assert live_window.isVisible()
    os.close(write)
    wait(qtbot, lambda: not live_window.isVisible())
    os.close(read)
    os.close(link._out)


def test_a_script_that_ends_leaves_its_run(qtbot, live_window, watched) -> None:
    loop, link, _ = watched
    engine = live_window.engine
    wait(qtbot, lambda: engine.state == "running" and engine.step > 5)
    loop.end()
    wait(qtbot, lambda: engine.state == "done" and "is over" in link.label.text())
    assert engine.step == loop.watch.steps
    assert weight(qtbot, live_window) == loop.watch.steps
    live_window.transport.play.click()
    wait(qtbot, lambda: "whose loop is over" in live_window.banner.text)


def test_an_engine_that_dies_holds_nobody_up_and_comes_back(qtbot, live_window, watched) -> None:
    loop, _, _ = watched
    engine = live_window.engine
    wait(qtbot, lambda: engine.state == "running" and engine.step > 5)
    live_window.transport.play.click()
    wait(qtbot, lambda: engine.state == "idle" and not loop.goes_on(0.1))
    engine._process._process.kill()
    wait(qtbot, lambda: engine.state == "dead" and loop.goes_on(0.1))
    engine.restart()
    step = loop.watch.steps
    wait(qtbot, lambda: engine.state == "running" and engine.step > step)


def test_the_window_of_a_script_is_a_process_of_its_own(tmp_path, monkeypatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    loop = Loop(source())
    process = loop.sink._process
    until = time.monotonic() + 60
    while loop.sink._heard_of < 5:  # each is an answer of its engine to new weights
        assert time.monotonic() < until
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGSTOP)  # it hangs
    assert loop.goes_on()
    loop.sink._steer = m.Steer(until=0)
    assert not loop.goes_on()
    process.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while not (loop.goes_on(0.1) and loop.watch._sink is None):
        assert time.monotonic() < until
    loop.end()
    QApplication.processEvents()
