"""Going back in time against the real engine: every view follows, and nothing is lost by it."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from app.panels.runs.panel import COLUMNS
from app.panels.weights.panel import set_numbers
from app.shell.time_strip import LEAST_SLIDER
from graphcore import datasets, files, presets
from graphcore.runs.run_file import write_runs
from graphcore.runs.runs import Runs
from graphcore.session.messages import RunsOpened
from graphcore.training.trainer import Trainer
from graphcore.views.timeline import EnterRun, OpenRuns, RunsSaved, SaveRuns, TimelineFrame
from graphcore.views.weights import SetNumbers, TensorFrame, TensorRequest
from tests.app.driver import PATIENCE


@pytest.fixture
def trained(qtbot, live_window):
    """A window that has trained *circle* for 120 steps; its frames, and its timelines."""
    window = live_window
    window.start("circle")
    window.layouts.show("Train")
    frames, times = [], []
    window.engine.frame.connect(frames.append)
    window.engine.on(TimelineFrame, times.append)
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)
    train(qtbot, window, 120, times)
    window.frames, window.times = frames, times
    return window


def train(qtbot, window, steps: int, times: list) -> None:
    to = (times[-1].shown if times and times[-1].visiting else _step(window)) + steps
    window.engine.run(steps)
    qtbot.waitUntil(
        lambda: bool(times) and times[-1].newest == to and not times[-1].visiting
        and window.engine.state in ("idle", "done"), timeout=PATIENCE,
    )  # fmt: skip


def _step(window) -> int:
    return window.engine.step


def numbers(qtbot, window, name: str) -> np.ndarray:
    """A parameter as the engine has it now."""
    from graphcore.records.arrays import unpack

    with qtbot.waitSignal(window.engine.replies(TensorFrame), timeout=PATIENCE) as sent:
        window.engine.ask(TensorRequest(name))
    return unpack(sent.args[0].values)


def weights_of(window) -> str:
    node = next(n.name for n in window.document.graph if n.operator == "Linear")
    return f"{node}.weight"


def shown(qtbot, window, step: int, visiting: bool) -> None:
    qtbot.waitUntil(
        lambda: (
            (window.times[-1].shown, window.times[-1].visiting) == (step, visiting)
            and window.engine.step == step
        ),  # the frame of a step comes after its timeline
        timeout=PATIENCE,
    )


def test_every_view_shows_the_step_and_now_is_as_before(qtbot, trained) -> None:
    window, strip = trained, trained.time
    name = weights_of(window)
    newest = numbers(qtbot, window, name)
    assert strip.slider.isEnabled()
    assert not strip.now.isEnabled()
    assert strip.steps[0] == 0
    assert strip.steps[-1] == 120
    window.frames.clear()
    strip.slider.setFocus()
    qtbot.keyClick(strip.slider, Qt.Key.Key_Home)
    shown(qtbot, window, 0, True)
    qtbot.waitUntil(lambda: any(f.step == 0 and f.values for f in window.frames), timeout=PATIENCE)
    first = numbers(qtbot, window, name)
    assert not np.array_equal(first, newest)
    panel = window.layouts.docks["training"].fill()
    assert panel.loss.playhead == 0
    assert "Step 0" in strip.words.text()
    qtbot.waitUntil(lambda: window.times[-1].test is not None, timeout=PATIENCE)
    assert "test" in strip.words.text()
    qtbot.keyClick(strip.slider, Qt.Key.Key_Right)
    shown(qtbot, window, 1, True)
    qtbot.keyClick(strip.slider, Qt.Key.Key_End)
    shown(qtbot, window, 120, False)
    np.testing.assert_array_equal(numbers(qtbot, window, name), newest)
    assert panel.loss.playhead is None
    assert not strip.now.isEnabled()


def test_training_on_after_a_look_back_is_as_if_one_had_not_looked(qtbot, trained) -> None:
    window, strip = trained, trained.time
    name = weights_of(window)
    middle = strip.slider.rect().center()
    qtbot.mousePress(strip.slider, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(strip.slider, middle - QPoint(60, 0))
    qtbot.mouseRelease(strip.slider, Qt.MouseButton.LeftButton, pos=middle - QPoint(60, 0))
    qtbot.waitUntil(lambda: window.times[-1].visiting, timeout=PATIENCE)
    qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    shown(qtbot, window, 120, False)
    train(qtbot, window, 30, window.times)
    looked = numbers(qtbot, window, name)
    window.engine.reset()
    qtbot.waitUntil(lambda: window.times[-1].newest == 0, timeout=PATIENCE)
    train(qtbot, window, 150, window.times)
    np.testing.assert_array_equal(numbers(qtbot, window, name), looked)
    assert len(window.times[-1].runs) == 2


def test_training_on_from_there_is_a_branch_and_the_old_run_stays(qtbot, trained) -> None:
    window, strip = trained, trained.time
    name = weights_of(window)
    end = numbers(qtbot, window, name)
    engine = window.engine
    engine.set_speed(200)
    strip.slider.setValue(list(strip.steps).index(20))
    shown(qtbot, window, 20, True)
    qtbot.mouseClick(strip.branch, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == 2 and window.times[-1].newest > 30,
                    timeout=PATIENCE)  # fmt: skip
    engine.pause()
    first, second = window.times[-1].runs
    assert (second.parent, second.begun_at, first.steps) == (first.run, 20, 120)
    panel = window.layouts.docks["training"].fill()
    steps, _losses = panel.loss.points("train")
    assert (np.diff(steps) > 0).all()
    assert steps[0] == 1
    engine.ask(EnterRun(first.run))
    shown(qtbot, window, 120, False)
    assert window.times[-1].run == first.run
    np.testing.assert_array_equal(numbers(qtbot, window, name), end)
    assert panel.loss.points("train")[0][-1] == 120
    QApplication.processEvents()


def test_without_a_run_the_strip_says_what_to_do(qtbot, window) -> None:
    assert not window.time.slider.isEnabled()
    assert "No steps yet" in window.time.words.text()
    assert "Train first" in window.time.slider.toolTip()


def test_runs_stand_side_by_side_and_one_goes_from_one_to_another(qtbot, trained) -> None:
    window, engine = trained, trained.engine
    window.show_panel("training").fill()
    panel = window.show_panel("runs").fill()
    QApplication.processEvents()
    engine.reset()
    qtbot.waitUntil(lambda: window.times[-1].newest == 0, timeout=PATIENCE)
    old = window.document.root.training
    window.document.set_training(type(old)(dataset=old.dataset, optimizer="Adam", lr=0.01,
                                 dataset_options=old.dataset_options, batch=20))  # fmt: skip
    qtbot.waitUntil(lambda: window.times[-1].runs[-1].settings.optimizer == "Adam",
                    timeout=PATIENCE)  # fmt: skip
    train(qtbot, window, 40, window.times)
    assert panel.table.rowCount() == 2

    def cell(row: int, column: str):
        return panel.table.item(row, COLUMNS.index(column))

    assert [cell(r, "optimizer").text() for r in (0, 1)] == [old.optimizer, "Adam"]
    assert [cell(r, "steps").text() for r in (0, 1)] == ["120", "40"]
    marked = [curve.opts["symbol"] for curve in panel.accuracy._curves.values()]
    assert set(marked) == {"o"}, "a run that was tested once has a point"
    qtbot.waitUntil(lambda: len(panel.loss._series) == 2, timeout=PATIENCE)
    assert [cell(r, "rate").text() for r in (0, 1)] == [f"{old.lr:g}", "0.01"]
    for rate in (0.04, 0.002, 0.001):
        window.transport.rate.setValue(rate)
        train(qtbot, window, 4, window.times)
        qtbot.waitUntil(
            lambda now=rate: cell(1, "rate").text().endswith(f" {now:g}"), timeout=PATIENCE
        )
    assert cell(1, "rate").text() == "0.01 … 0.001"
    assert "0.01 → 0.04 → 0.002 → 0.001" in cell(1, "rate").toolTip()
    steps_drawn = panel.loss.points("Run 1")[0]
    panel.over.setCurrentIndex(1)
    assert panel.loss.points("Run 1")[0][-1] < steps_drawn[-1]
    panel.table.selectRow(0)
    qtbot.mouseClick(panel.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.times[-1].newest == 120, timeout=PATIENCE)
    assert window.document.root.training == old
    assert window.document.undo_stack.canUndo()
    cell(0, "run").setText("plain")
    qtbot.waitUntil(lambda: window.times[-1].runs[0].name == "plain", timeout=PATIENCE)
    panel.table.selectRow(1)
    qtbot.mouseClick(panel.remove, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == 1, timeout=PATIENCE)
    assert panel.table.rowCount() == 1


def test_a_run_is_saved_reopened_and_branched_again(qtbot, trained, tmp_path, monkeypatch) -> None:
    from app.widgets import file_dialogs

    window, engine = trained, trained.engine
    name, path = weights_of(window), tmp_path / "mine.gradrun"
    graph, end = files.dumps(window.document.root), numbers(qtbot, window, name)
    losses = window.layouts.docks["training"].fill().loss.points("train")[1].copy()
    monkeypatch.setattr(file_dialogs, "ask_save_run", lambda *_: str(tmp_path / "mine"))
    monkeypatch.setattr(file_dialogs, "ask_open_run", lambda *_: str(path))
    with qtbot.waitSignal(engine.replies(RunsSaved), timeout=PATIENCE) as saved:
        window.actions_table.actions["save_run"].trigger()
    assert not saved.args[0].problem
    window.files.open_preset("xor")
    qtbot.waitUntil(lambda: bool(window.times) and window.times[-1].newest == 0, timeout=PATIENCE)
    other = files.dumps(window.document.root)
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], b"no archive", whole.replace(b'"step"', b'"stop"')):
        path.write_bytes(damage)
        with qtbot.waitSignal(engine.replies(RunsOpened), timeout=PATIENCE) as opened:
            window.actions_table.actions["open_run"].trigger()
        assert "mine.gradrun" in opened.args[0].problem
        assert "\n" not in opened.args[0].problem
        assert files.dumps(window.document.root) == other
        assert window.banner.isVisible()
    path.write_bytes(whole)
    with qtbot.waitSignal(engine.replies(RunsOpened), timeout=PATIENCE):
        window.actions_table.actions["open_run"].trigger()
    shown(qtbot, window, 120, False)
    assert files.dumps(window.document.root) == graph
    np.testing.assert_array_equal(numbers(qtbot, window, name), end)
    panel = window.layouts.docks["training"].fill()
    np.testing.assert_allclose(panel.loss.points("train")[1], losses)
    window.time.slider.setValue(list(window.time.steps).index(30))
    shown(qtbot, window, 30, True)
    train(qtbot, window, 10, window.times)
    assert [(r.parent, r.begun_at, r.steps) for r in window.times[-1].runs] == [
        (None, 0, 120), (1, 30, 40),
    ]  # fmt: skip


def test_a_file_of_runs_on_the_command_line_is_opened(qtbot, live_window, tmp_path) -> None:
    graph, runs, path = presets.load("circle"), Runs(), tmp_path / "mine.gradrun"
    data = datasets.load("circle", options=graph.training.dataset_options)
    trainer = Trainer(graph, data)
    runs.begin(trainer, files.dumps(graph))
    runs.note([trainer.train_step() for _ in range(5)], trainer, 0.1)
    write_runs(path, runs)
    times = []
    live_window.engine.on(TimelineFrame, times.append)
    with qtbot.waitSignal(live_window.engine.replies(RunsOpened), timeout=PATIENCE) as opened:
        live_window.start(str(path))
    assert not opened.args[0].problem
    assert files.dumps(live_window.document.root) == files.dumps(graph)
    qtbot.waitUntil(lambda: bool(times) and times[-1].newest == 5, timeout=PATIENCE)


def test_a_file_of_runs_that_is_none_is_refused_in_a_sentence(qtbot, live_window, tmp_path) -> None:
    (tmp_path / "mine.gradrun").write_bytes(b"no archive")
    with qtbot.waitSignal(live_window.engine.replies(RunsOpened), timeout=PATIENCE):
        live_window.start(str(tmp_path / "mine.gradrun"))
    assert "mine.gradrun" in live_window.banner.text


def test_one_goes_to_a_run_of_another_graph_and_back_by_undo(qtbot, trained) -> None:
    window, document = trained, trained.document
    was = files.dumps(document.root)
    old = numbers(qtbot, window, weights_of(window))
    layer = weights_of(window).partition(".")[0]
    width = document.root.node(layer).attributes["out_features"]
    document.set_attributes(layer, out_features=width + 3)
    document.change_operator([document.root.edges_from(layer)[0].target], "ReLU")
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == 2, timeout=PATIENCE)
    now, steps = files.dumps(document.root), document.undo_stack.count()
    panel = window.show_panel("runs").fill()
    qtbot.waitUntil(lambda: panel.table.rowCount() == 2, timeout=PATIENCE)
    panel.table.selectRow(0)
    qtbot.mouseClick(panel.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: files.dumps(document.root) == was, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.times[-1].run == 1, timeout=PATIENCE)
    shown(qtbot, window, 120, False)
    np.testing.assert_array_equal(numbers(qtbot, window, weights_of(window)), old)
    assert document.undo_stack.count() == steps + 1
    assert "Run 1" in document.undo_stack.undoText()
    assert window.engine.state == "idle"
    runs = len(window.times[-1].runs)
    document.undo_stack.undo()
    assert files.dumps(document.root) == now
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == runs + 1, timeout=PATIENCE)
    assert numbers(qtbot, window, f"{layer}.weight").shape[0] == width + 3


def test_weights_changed_by_hand_are_said_to_be_and_go_on_as_a_run_of_their_own(
    qtbot, trained, tmp_path, monkeypatch
) -> None:
    from app.widgets import file_dialogs

    window, engine, strip = trained, trained.engine, trained.time
    runs = window.show_panel("runs").fill()
    qtbot.waitUntil(lambda: runs.table.rowCount() == 1, timeout=PATIENCE)
    figure = window.layouts.docks["training"].fill().figures.labels["accuracy"]
    qtbot.waitUntil(lambda: " of " in window.time.words.text(), timeout=PATIENCE)  # it was tested
    learned_to, row = figure.text(), runs.table
    tested = f"{learned_to} of 250"
    qtbot.waitUntil(lambda: row.item(0, COLUMNS.index("test")).text() == tested, timeout=PATIENCE)
    name, stamp = weights_of(window), window.show_panel("results").fill().stamp
    QApplication.processEvents()
    learned = numbers(qtbot, window, name)
    qtbot.waitUntil(lambda: "120" in stamp.text(), timeout=PATIENCE)

    window.document.set_numbers(
        name, (0,), (float(learned.flat[0]),), (40.0,), partial(set_numbers, engine)
    )
    qtbot.waitUntil(lambda: "changed by hand" in stamp.text(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: figure.text() != learned_to, timeout=PATIENCE)
    qtbot.waitUntil(lambda: " of " in strip.words.text(), timeout=PATIENCE)
    assert "Step 120" in strip.words.text()
    assert "weights changed by hand" in strip.words.text()
    assert not window.times[-1].visiting
    window.document.undo_stack.undo()
    qtbot.waitUntil(lambda: "by hand" not in strip.words.text() + stamp.text(), timeout=PATIENCE)
    qtbot.waitUntil(lambda: figure.text() == learned_to, timeout=PATIENCE)  # of what it learned

    window.document.undo_stack.redo()
    qtbot.waitUntil(lambda: window.times[-1].by_hand, timeout=PATIENCE)
    strip.slider.setValue(list(strip.steps).index(20))
    shown(qtbot, window, 20, True)
    assert "by hand" not in strip.words.text()
    qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    shown(qtbot, window, 120, False)
    assert "by hand" in strip.words.text()
    assert numbers(qtbot, window, name).flat[0] == 40
    moved = numbers(qtbot, window, name)

    assert strip.now.text() == "Put back"
    qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not window.times[-1].by_hand, timeout=PATIENCE)
    assert strip.now.text() == "Now"
    assert not strip.now.isEnabled()
    np.testing.assert_array_equal(numbers(qtbot, window, name), learned)
    with qtbot.waitSignal(window.engine.replies(TimelineFrame), timeout=PATIENCE):
        window.engine.ask(SetNumbers(name, (0,), (40.0,)))
    np.testing.assert_array_equal(numbers(qtbot, window, name), moved)

    train(qtbot, window, 5, window.times)
    first, second = window.times[-1].runs
    assert (first.steps, first.by_hand) == (120, False)
    assert (second.parent, second.begun_at, second.by_hand) == (first.run, 120, True)
    assert "by hand" not in strip.words.text()
    window.show_panel("runs")
    qtbot.waitUntil(lambda: runs.table.rowCount() == 2, timeout=PATIENCE)
    assert runs.table.item(1, COLUMNS.index("from")).text() == "Run 1 @ 120, by hand"
    assert runs.table.item(0, COLUMNS.index("test")).text() == tested
    strip.slider.setValue(list(strip.steps).index(120))
    shown(qtbot, window, 120, True)
    assert numbers(qtbot, window, name).flat[0] == 40
    qtbot.mouseClick(strip.now, Qt.MouseButton.LeftButton)
    shown(qtbot, window, 125, False)
    path = tmp_path / "mine.gradrun"
    monkeypatch.setattr(file_dialogs, "ask_save_run", lambda *_: str(path))
    monkeypatch.setattr(file_dialogs, "ask_open_run", lambda *_: str(path))
    monkeypatch.setattr(file_dialogs, "ask_unsaved", lambda *_: "discard")
    with qtbot.waitSignal(engine.replies(RunsSaved), timeout=PATIENCE):
        window.actions_table.actions["save_run"].trigger()
    with qtbot.waitSignal(engine.replies(RunsOpened), timeout=PATIENCE):
        window.actions_table.actions["open_run"].trigger()
    shown(qtbot, window, 125, False)
    assert [r.by_hand for r in window.times[-1].runs] == [False, True]
    engine.ask(EnterRun(first.run))
    shown(qtbot, window, 120, False)
    np.testing.assert_array_equal(numbers(qtbot, window, name), learned)


def test_a_run_that_begins_with_weights_set_by_hand_stays_one_run(qtbot, live_window) -> None:
    window, times = live_window, []
    window.start("circle")
    window.engine.on(TimelineFrame, times.append)
    qtbot.waitUntil(lambda: window.engine.state == "idle" and bool(times), timeout=PATIENCE)
    name = weights_of(window)
    before = float(numbers(qtbot, window, name).flat[0])
    window.document.set_numbers(name, (0,), (before,), (3.0,), partial(set_numbers, window.engine))
    qtbot.waitUntil(lambda: times[-1].by_hand, timeout=PATIENCE)
    assert "by hand" in window.time.words.text()
    train(qtbot, window, 5, times)
    assert [(r.parent, r.by_hand) for r in times[-1].runs] == [(None, True)]
    window.engine.scrub(0)
    qtbot.waitUntil(lambda: times[-1].visiting, timeout=PATIENCE)
    assert numbers(qtbot, window, name).flat[0] == 3


def test_weights_changed_while_the_net_trains_begin_a_run_at_once(qtbot, trained) -> None:
    window, engine, name = trained, trained.engine, weights_of(trained)
    engine.set_speed(60)
    engine.play()
    qtbot.waitUntil(lambda: window.times[-1].newest > 125, timeout=PATIENCE)
    engine.ask(SetNumbers(name, (0,), (7.0,)))
    qtbot.waitUntil(lambda: len(window.times[-1].runs) == 2, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.times[-1].newest > window.times[-1].runs[1].begun_at + 3,
                    timeout=PATIENCE)  # fmt: skip
    assert not window.times[-1].by_hand
    assert window.times[-1].runs[1].by_hand
    assert engine.state == "running"
    engine.pause()


def test_weights_changed_by_hand_are_saved_with_the_runs(
    qtbot, trained, tmp_path, monkeypatch
) -> None:
    from app.widgets import file_dialogs

    window, engine, name = trained, trained.engine, weights_of(trained)
    path = tmp_path / "mine.gradrun"
    monkeypatch.setattr(file_dialogs, "ask_save_run", lambda *_: str(path))
    learned = numbers(qtbot, window, name)
    engine.ask(SetNumbers(name, (0,), (7.0,)))
    with qtbot.waitSignal(engine.replies(RunsSaved), timeout=PATIENCE):
        window.actions_table.actions["save_run"].trigger()
    engine.reset()
    qtbot.waitUntil(lambda: window.times[-1].newest == 0, timeout=PATIENCE)
    with qtbot.waitSignal(engine.replies(RunsOpened), timeout=PATIENCE):
        window.files.open_run(str(path))
    shown(qtbot, window, 120, False)
    assert numbers(qtbot, window, name).flat[0] == 7
    first, second = window.times[-1].runs
    assert (second.parent, second.steps, second.by_hand) == (first.run, 120, True)
    engine.ask(EnterRun(first.run))
    qtbot.waitUntil(lambda: window.times[-1].run == first.run, timeout=PATIENCE)
    np.testing.assert_array_equal(numbers(qtbot, window, name), learned)


def test_the_slider_keeps_its_place_whatever_is_said_beside_it(qtbot, trained) -> None:
    window, strip = trained, trained.time
    qtbot.waitUntil(lambda: " · test " in strip.words.text(), timeout=PATIENCE)
    left = strip.slider.x()
    for step in strip.steps[[3, 30, -4]].tolist():
        strip.slider.setValue(list(strip.steps).index(step))
        shown(qtbot, window, step, True)
        assert strip.slider.x() == left
        qtbot.waitUntil(lambda: " · test " in strip.words.text(), timeout=PATIENCE)
        QApplication.processEvents()
        assert strip.slider.x() == left
    window.resize(660, 600)
    QApplication.processEvents()
    assert strip.slider.width() >= LEAST_SLIDER
    assert " · test " not in strip.words.text()
    assert " · test " in strip.words.toolTip()


def test_the_loss_of_a_run_is_the_same_wherever_it_stands(qtbot, trained, tmp_path) -> None:
    window, path = trained, str(tmp_path / "run.gradrun")
    train(qtbot, window, 500, window.times)  # more than are sent point by point
    training = window.layouts.docks["training"].fill()
    runs = window.show_panel("runs").fill()

    def told():
        """Training's curve, the table of runs, and the curve beside it."""
        column = COLUMNS.index("loss")
        cell = runs.table.item(0, column).text() if runs.table.rowCount() else ""
        return {training.loss.legend.entries[0][2], runs.loss.legend.entries[0][2], cell}

    def agrees():
        return bool(runs.loss.legend.entries) and len(told()) == 1

    qtbot.waitUntil(agrees, timeout=PATIENCE)
    before = told()
    with qtbot.waitSignal(window.engine.replies(RunsSaved), timeout=PATIENCE):
        window.engine.ask(SaveRuns(path))
    with qtbot.waitSignal(window.engine.replies(RunsOpened), timeout=PATIENCE):
        window.engine.ask(OpenRuns(path))
    qtbot.waitUntil(agrees, timeout=PATIENCE)
    assert told() == before
