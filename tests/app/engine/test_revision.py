"""Document and engine agree on the net, whatever is done in whatever order."""

import math
import random

import msgspec
import pytest
from PySide6.QtCore import QEventLoop
from PySide6.QtWidgets import QApplication

from graphcore import presets
from graphcore.graph.shapes import ShapeInference
from graphcore.session import messages as m
from graphcore.session.live import EMPTY
from graphcore.views.health import HealthFrame
from graphcore.views.net_files import LoadWeights, WeightsLoaded
from graphcore.views.timeline import EnterRun
from tests.app.driver import PATIENCE


def numbers(document) -> int:
    """How many parameters the document's net has."""
    shapes = ShapeInference(document.root)
    shapes.close()
    return sum(math.prod(s) for known in shapes.flat().values() for s in known.parameters.values())


def settle(window, qtbot) -> None:
    """Until the engine has answered everything."""
    engine = window.engine
    qtbot.waitUntil(lambda: not engine.agreement.ahead, timeout=PATIENCE)
    with qtbot.waitSignal(engine.replies(WeightsLoaded), timeout=PATIENCE):
        # it is refused; requests are served in order: behind it there is nothing
        engine.ask(LoadWeights(""))
    qtbot.waitUntil(lambda: not engine.agreement.ahead, timeout=PATIENCE)


def linear(document) -> str:
    return next(n.name for n in document.root if n.operator == "Linear")


@pytest.fixture
def window(live_window, qtbot):
    live_window.start("circle")
    qtbot.waitUntil(lambda: live_window.engine.state == "idle", timeout=PATIENCE)
    return live_window


def two_runs(window, qtbot) -> None:
    """Two runs of other nets, the second one current."""
    engine, document = window.engine, window.document
    for units in (5, 9):
        document.set_attributes(linear(document), out_features=units)
        engine.run(3)
        qtbot.waitUntil(lambda: engine.step >= 3 and not engine.agreement.ahead, timeout=PATIENCE)
    qtbot.waitUntil(lambda: len(engine.moment.runs) > 1, timeout=PATIENCE)


def test_an_edit_on_the_way_to_another_run_is_kept_by_both(window, qtbot):
    two_runs(window, qtbot)
    engine, document = window.engine, window.document
    engine.ask(EnterRun(engine.moment.runs[0].run))
    document.set_attributes(linear(document), out_features=31)
    engine.agreement.stop()
    engine.agreement.load(keep=True)  # its time has come before the engine has answered
    settle(window, qtbot)
    assert document.root.node(linear(document)).attributes["out_features"] == 31
    assert engine.last_loaded.numbers == numbers(document)


def test_going_to_another_run_brings_its_graph(window, qtbot):
    two_runs(window, qtbot)
    engine, document = window.engine, window.document
    engine.ask(EnterRun(engine.moment.runs[0].run))
    settle(window, qtbot)
    assert document.root.node(linear(document)).attributes["out_features"] == 5
    assert engine.last_loaded.numbers == numbers(document)
    document.undo_stack.undo()
    settle(window, qtbot)
    assert engine.last_loaded.numbers == numbers(document)


def play(draw, window) -> str:
    """Do one of the things that users do."""
    engine, document = window.engine, window.document
    runs = [r.run for r in engine.moment.runs]
    layers = [n.name for n in document.root if n.operator == "Linear"]
    actions = {
        "run": lambda: engine.run(draw.randint(1, 20)),
        "play": engine.play,
        "pause": engine.pause,
        "reset": engine.reset,
        "undo": document.undo_stack.undo,
        "redo": document.undo_stack.redo,
        "edit": lambda: document.set_attributes(
            draw.choice(layers), out_features=draw.randint(1, 40)
        ) if layers else None,
        "scrub": lambda: engine.scrub(draw.choice((None, 0, 1, 5))),
        "enter": lambda: engine.ask(EnterRun(draw.choice(runs))) if runs else None,
        "preset": lambda: document.open_graph(
            presets.load(draw.choice(("xor", "circle", "linear-regression")))
        ),
        "anew": engine.start_anew,
    }  # fmt: skip
    name = draw.choice(list(actions))
    actions[name]()
    return name


@pytest.mark.parametrize("seed", range(3))
def test_random_play_ends_with_one_net(window, qtbot, seed):
    draw, done = random.Random(seed), []
    for _ in range(120):
        done.append(play(draw, window))
        for _ in range(draw.choice((0, 0, 1, 5))):
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
    window.engine.pause()
    print(
        done,
        window.engine.state,
        window.engine.agreement._loaded_at,
        window.engine.agreement._answered,
        window.engine.agreement._timer.isActive(),
    )
    settle(window, qtbot)
    if window.engine.has_net:
        assert window.engine.last_loaded.numbers == numbers(window.document), done


def test_what_is_told_of_an_older_net_is_not_shown(window, qtbot):
    engine, seen = window.engine, []
    engine.on(HealthFrame, seen.append)
    engine.frame.connect(seen.append)
    engine.loaded.connect(seen.append)
    window.document.set_attributes(linear(window.document), out_features=3)
    told = engine.agreement._answered
    old = msgspec.structs.replace(EMPTY, step=99, values={"x": None}, revision=told)
    for reply in (HealthFrame(problem="old", revision=told), old, engine.last_loaded):
        engine._take(reply)
    (frame,) = seen
    assert (frame.step, frame.values) == (99, {})
    seen.clear()
    window.document.open_graph(presets.load("xor"))
    engine._take(old)
    assert not [f for f in seen if isinstance(f, m.Frame)]
    assert engine.last_frame is None
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
