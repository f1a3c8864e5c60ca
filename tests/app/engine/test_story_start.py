"""What a net starts with goes along: to an engine elsewhere, and to the one after a crash."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.document.document import Document
from app.engine.engine import Engine
from app.engine.place import Place
from graphcore import presets
from graphcore.records.arrays import unpack
from graphcore.records.requests import Request
from graphcore.session.messages import Load
from graphcore.views.net_files import LoadWeights, WeightsLoaded
from graphcore.views.weights import TensorFrame, TensorRequest
from tests.app.driver import PATIENCE, open_graph, train, wait

NAME, NUMBERS = "hidden1.weight", np.arange(8, dtype=np.float32).reshape(4, 2) / 10


def numbers(qtbot, engine, name=NAME):
    with qtbot.waitSignal(engine.replies(TensorFrame), timeout=PATIENCE) as told:
        engine.ask(TensorRequest(name))
    return unpack(told.args[0].values)


def started_from_a_file(qtbot, window, tmp_path):
    """The circle, whose graph names its initialisers, filled from a file of all parameters."""
    open_graph(qtbot, window, "circle")
    given = {
        NAME: NUMBERS, "hidden1.bias": np.ones(4, np.float32),
        "hidden2.weight": np.full((2, 4), 0.2, np.float32),
        "hidden2.bias": np.zeros(2, np.float32), "out.weight": np.full((1, 2), 0.3, np.float32),
        "out.bias": np.zeros(1, np.float32),
    }  # fmt: skip
    save_file(given, tmp_path / "start.safetensors")
    with qtbot.waitSignal(window.engine.replies(WeightsLoaded), timeout=PATIENCE) as told:
        window.engine.ask(LoadWeights(str(tmp_path / "start.safetensors")))
    assert told.args[0].start
    np.testing.assert_array_equal(numbers(qtbot, window.engine), NUMBERS)
    train(qtbot, window, 3)
    assert not np.array_equal(numbers(qtbot, window.engine), NUMBERS)


@pytest.mark.parametrize("how", ["moved", "killed"])
def test_a_reset_goes_back_to_the_file_that_the_net_started_with(qtbot, live_window, tmp_path, how):
    window, engine = live_window, live_window.engine
    started_from_a_file(qtbot, window, tmp_path)
    trained, told = numbers(qtbot, engine), []
    engine.on(WeightsLoaded, told.append)
    before = engine.process_id
    if how == "moved":
        engine.move(Place(threads=2))
    else:
        os.kill(before, signal.SIGKILL)
        wait(qtbot, lambda: engine.state == "dead")
        engine.restart()
    wait(qtbot, lambda: engine.process_id not in (0, before) and engine.state in ("idle", "done"))
    if how == "moved":  # a run this short has left no checkpoint
        wait(qtbot, lambda: engine.step == 3)
        np.testing.assert_array_equal(numbers(qtbot, engine), trained)
    engine.reset()
    np.testing.assert_array_equal(numbers(qtbot, engine), NUMBERS)
    assert not told  # it is nobody's news


def test_an_initialiser_that_is_changed_later_counts_more_than_the_file(
    qtbot, live_window, tmp_path
):
    window, engine = live_window, live_window.engine
    started_from_a_file(qtbot, window, tmp_path)
    engine.reset()
    window.document.set_initializer("hidden1", "weight", "constant(0.5)")
    wait(qtbot, lambda: not engine.agreement.ahead and engine.state == "idle")
    engine.reset()
    np.testing.assert_array_equal(numbers(qtbot, engine), np.full((4, 2), 0.5, np.float32))
    np.testing.assert_array_equal(numbers(qtbot, engine, "hidden1.bias"), np.ones(4))


def test_an_engine_that_was_launched_early_gets_the_document_once(qtbot) -> None:
    """What a script's window opened at first was refused: its batch comes with the script."""
    document = Document()
    engine = Engine(document, [sys.executable, "-c", "import sys; sys.stdin.read()"])
    sent: list[Request] = []
    engine.send = sent.append
    engine.launch_early()
    document.open_graph(presets.load("circle"))
    assert not [x for x in sent if isinstance(x, Load)]
    engine.begin()
    document.open_graph(presets.load("xor"))
    assert len([x for x in sent if isinstance(x, Load)]) == 2
    engine.close()


def test_the_engine_is_started_before_the_window_is_imported() -> None:
    code = "import sys, app.__main__, app.settings, app.engine.place; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    rooms = {".".join(name.split(".")[:2]) for name in done.stdout.split()}
    assert not rooms & {"graphcore.session", "graphcore.ops", "graphcore.graph", "app.shell"}
