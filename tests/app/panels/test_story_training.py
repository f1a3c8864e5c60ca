"""A user's tasks against the real engine process, from the first click to the result."""

import itertools
import os
import signal

import msgspec
import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtWidgets import QApplication

from graphcore import files
from graphcore.views.landscape import LandscapeFrame
from graphcore.views.timeline import EnterRun, TimelineFrame
from tests.app.driver import PATIENCE, open_graph, train, wait


def ready(qtbot, window) -> None:
    qtbot.waitUntil(lambda: window.engine.state in ("idle", "done"), timeout=PATIENCE)


def drag(qtbot, canvas, start, end) -> None:
    """Drag with the left button from one point of the canvas to another."""
    a, b = (canvas.mapFromScene(p) for p in (start, end))
    target = canvas.viewport()
    qtbot.mousePress(target, Qt.MouseButton.LeftButton, pos=a)
    for share in (0.3, 0.7, 1.0):
        qtbot.mouseMove(target, a + QPoint(int((b - a).x() * share), int((b - a).y() * share)))
    qtbot.mouseRelease(target, Qt.MouseButton.LeftButton, pos=b)


def connect(qtbot, canvas, source: str, target: str, port: str) -> None:
    scene = canvas.graph_scene
    output = canvas.document.graph.node(source).outputs[0]
    start = scene.port_position(source, "output", output)
    drag(qtbot, canvas, start, scene.port_position(target, "input", port))


def build_anew(document) -> None:
    names = [document.add_node("Input", (0, 0), shape=(2,))]
    names += [document.add_node("Linear", (260, 0), out_features=2)]
    names += [document.add_node("CrossEntropyLoss", (520, 0))]
    document.connect_nodes(names[0], names[1], "x")
    document.connect_nodes(names[1], names[2], "x")
    document.connect_nodes(document.add_node("Target", (260, 200)), names[2], "target")


def test_from_an_empty_canvas_to_a_trained_net_and_back(qtbot, live_window) -> None:
    window = live_window
    window.start("expression")
    window.files.new()
    canvas, document = window.canvas, window.document
    empty = files.dumps(document.graph)
    places = {"Input": (0, 0), "Linear": (260, 0), "Tanh": (520, 0), "Target": (520, 300),
              "CrossEntropyLoss": (1040, 100)}  # fmt: skip
    names = {op: document.add_node(op, at) for op, at in places.items() if op != "Input"}
    names["Input"] = document.add_node("Input", places["Input"], shape=(2,))
    document.set_attributes(names["Linear"], out_features=8)
    out = document.add_node("Linear", (780, 0), out_features=2)
    canvas.camera.fit_all()
    QApplication.processEvents()
    row = [names["Input"], names["Linear"], names["Tanh"], out, names["CrossEntropyLoss"]]
    for source, target in itertools.pairwise(row):
        connect(qtbot, canvas, source, target, "x")
    connect(qtbot, canvas, names["Target"], names["CrossEntropyLoss"], "target")
    assert len(document.graph.edges) == 5
    qtbot.waitUntil(lambda: not document.shapes.problems, timeout=5000)
    window.show_panel("training")
    QApplication.processEvents()
    panel = window.layouts.docks["training"].fill()
    for field, value in (("dataset", "circle"), ("optimizer", "Adam")):
        panel.fields[field].setCurrentText(value)
        panel.fields[field].textActivated.emit(value)
    panel.fields["lr"].setValue(0.02)
    panel.fields["epochs"].setValue(80)
    ready(qtbot, window)
    scores = []
    window.engine.frame.connect(lambda frame: scores.extend(frame.scores))
    qtbot.waitUntil(lambda: window.engine.last_loaded.dataset == "circle", timeout=PATIENCE)
    ready(qtbot, window)
    qtbot.mouseClick(window.transport.play, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.engine.state == "done", timeout=PATIENCE)
    assert scores[-1].accuracy > 0.85
    built, trained = files.dumps(document.graph), window.engine.step
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    qtbot.waitUntil(lambda: window.engine.state == "refused", timeout=PATIENCE)
    assert files.dumps(document.graph) == empty
    assert not canvas.items_by_name
    while document.undo_stack.canRedo():
        document.undo_stack.redo()
    assert files.dumps(document.graph) == built
    assert canvas.items_by_name.keys() == {n.name for n in document.graph}
    qtbot.waitUntil(lambda: window.engine.moment.newest == trained, timeout=PATIENCE)
    assert window.engine.moment.test.accuracy > 0.85, "the run is there again with its weights"
    canvas.selection.select_all()
    canvas.editor.delete_selection()
    qtbot.waitUntil(lambda: window.engine.state == "refused", timeout=PATIENCE)
    build_anew(document)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    assert window.engine.step == 0, "a net that is built anew shares nothing with the one before"
    qtbot.waitUntil(lambda: window.engine.moment.newest == 0, timeout=PATIENCE)


def test_train_save_and_reopen(qtbot, live_window, tmp_path) -> None:
    window = live_window
    window.start("circle")
    ready(qtbot, window)
    window.engine.run(50)
    qtbot.waitUntil(
        lambda: window.engine.step == 50,
        timeout=PATIENCE,
    )
    path = tmp_path / "mine.graph.json"
    window.document.save(path)
    saved = files.dumps(window.document.graph)
    window.files.open_preset("expression")
    assert window.files.open(str(path))
    assert files.dumps(window.document.graph) == saved
    (tmp_path / "cut.graph.json").write_bytes(saved[:200])
    assert not window.files.open(str(tmp_path / "cut.graph.json"))
    assert "cut.graph.json" in window.banner.text
    assert files.dumps(window.document.graph) == saved


@pytest.mark.cold
def test_a_killed_engine_costs_nothing(qtbot, live_window) -> None:
    window = live_window
    window.start("circle")
    ready(qtbot, window)
    engine = window.engine
    engine.set_speed(100)
    per_epoch = engine.last_loaded.steps_per_epoch
    engine.play()
    qtbot.waitUntil(
        lambda: engine.step > per_epoch + 3,
        timeout=PATIENCE,
    )
    before = files.dumps(window.document.graph)
    with qtbot.waitSignal(engine.died, timeout=PATIENCE):
        os.kill(engine.process_id, signal.SIGKILL)
    assert window.isVisible()
    assert window.banner.isVisible()
    assert "graph is safe" in window.banner.text
    assert files.dumps(window.document.graph) == before
    with qtbot.waitSignal(engine.loaded, timeout=PATIENCE) as loaded:
        engine.restart()
    step = loaded.args[0].step
    assert step >= per_epoch
    assert step % per_epoch == 0
    engine.set_speed(None)
    ready(qtbot, window)
    engine.run(3)
    qtbot.waitUntil(lambda: engine.step == step + 3, timeout=PATIENCE)


def test_an_empty_canvas_shows_nothing_of_the_net_before(qtbot, live_window) -> None:
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    panel = window.layouts.docks["landscape"].fill()
    qtbot.waitUntil(lambda: panel._frame is not None, timeout=PATIENCE)
    window.engine.run(20)
    window.document.undo_stack.setClean()
    window.files.new()
    told = []
    window.engine.on(LandscapeFrame, told.append)
    window.engine.on(TimelineFrame, told.append)
    window.engine.run(5)
    qtbot.wait(700)
    assert all(isinstance(reply, TimelineFrame) and not reply.runs for reply in told)
    assert panel._frame is None


def test_a_graph_with_a_problem_trains_nothing(qtbot, live_window) -> None:
    """Neither the net that was there before nor a half of this one; Play says what is missing."""
    window = live_window
    window.start("lenet5")
    ready(qtbot, window)
    engine, document = window.engine, window.document
    document.disconnect_edges([document.graph.edge_into("fc1", "x")])
    qtbot.waitUntil(lambda: bool(engine.problem), timeout=PATIENCE)
    stepped = []
    engine.frame.connect(lambda frame: stepped.append(frame.step))
    assert "fc1" in window.transport.play.toolTip()
    window.transport.play.click()
    qtbot.waitUntil(lambda: "fc1" in window.banner.text, timeout=PATIENCE)
    assert engine.state == "idle"
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: not engine.problem and engine.state == "idle", timeout=PATIENCE)
    assert set(stepped) <= {0}
    assert window.banner.isHidden()


def test_samples_held_back_have_a_curve_of_their_own(qtbot, live_window):
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    training = window.document.graph.training
    options = {**training.dataset_options, "validation": 0.4}
    window.document.set_training(
        msgspec.structs.replace(training, dataset_options=options, epochs=6)
    )
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    panel = window.layouts.docks["training"].fill()
    scores, times = [], []
    window.engine.frame.connect(lambda frame: scores.extend(frame.scores))
    window.engine.on(TimelineFrame, times.append)
    window.engine.play()
    qtbot.waitUntil(lambda: window.engine.state == "done" and bool(times), timeout=PATIENCE)
    run = times[-1].run
    held_back = [s for s in scores if s.held_back]
    assert len(held_back) == 6, "once at the end of each epoch"
    steps, losses = panel.loss.points("validation")
    assert list(losses) == pytest.approx([s.loss for s in held_back])
    assert steps[-1] == window.engine.step
    told = {name: value for name, _, value in panel.loss.legend.entries}
    gap = losses[-1] - panel.loss._shown("train")[-1]
    assert float(told["validation − train"].replace("−", "-")) == pytest.approx(gap, abs=0.02)
    window.engine.reset()
    qtbot.waitUntil(lambda: not len(panel.loss.points("validation")[0]), timeout=PATIENCE)
    window.engine.ask(EnterRun(run))
    qtbot.waitUntil(lambda: len(panel.loss.points("validation")[0]) == 6, timeout=PATIENCE)
    assert list(panel.loss.points("validation")[1]) == list(losses)


class Layouts(QObject):
    """Counts how often a widget is laid out."""

    count = 0

    def eventFilter(self, watched, event) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


def test_new_figures_do_not_lay_out_the_window_at_every_frame(qtbot, live_window):
    window = live_window
    window.start("lenet5")
    ready(qtbot, window)
    window.layouts.show("Train")
    layouts, frames = Layouts(), []
    window.engine.play()
    landscape = window.layouts.docks["landscape"].fill()
    qtbot.waitUntil(lambda: "steps ago" in landscape.contour.stamp.text(), timeout=PATIENCE)
    window.engine.frame.connect(frames.append)
    window.installEventFilter(layouts)
    qtbot.waitUntil(lambda: len(frames) > 80, timeout=PATIENCE)
    window.engine.pause()
    assert len({f.step for f in frames}) > 60, "there was something new to show at each"
    assert layouts.count < len(frames) / 1.5


def test_the_panel_knows_what_was_trained_before_it_was_looked_at(qtbot, live_window) -> None:
    open_graph(qtbot, live_window, "circle", layout="Build")
    train(qtbot, live_window, 30)
    live_window.layouts.show("Train")
    panel = live_window.layouts.docks["training"].fill()
    wait(qtbot, lambda: panel.figures.labels["loss"].text() != "–")
    assert panel.figures.labels["step"].text() == "30"
    assert len(panel.loss.points("train")[0]) == 30
