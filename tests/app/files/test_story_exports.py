"""A run handed to other programs, by the menu: table, TensorBoard, PyTorch, report, and back."""

import csv
import importlib.util
import math
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file

import graphcore as gc
from app.widgets import file_dialogs
from graphcore.views.net_files import WeightsLoaded
from graphcore.views.timeline import EnterRun, TimelineFrame
from tests.app.driver import PATIENCE
from tests.graphcore.runs.test_tensorboard import fields, read


@pytest.fixture
def trained(qtbot, live_window):
    """A window whose net was trained for an epoch, the data seen twice."""
    window = live_window
    window.start("circle")
    qtbot.waitUntil(lambda: window.engine.state in ("idle", "done"), timeout=PATIENCE)
    per_epoch = window.engine.last_loaded.steps_per_epoch
    window.engine.run(2 * per_epoch)
    log = window.exports.metrics.log
    qtbot.waitUntil(lambda: log.newest == 2 * per_epoch and log.rows[-1].scored, timeout=PATIENCE)
    qtbot.waitUntil(lambda: window.engine.state in ("idle", "done"), timeout=PATIENCE)
    return window


def choose(monkeypatch, dialog: str, path: Path) -> Path:
    monkeypatch.setattr(file_dialogs, dialog, lambda *_: str(path))
    return path


def act(window, action: str) -> None:
    window.actions_table.actions[action].trigger()


def export(qtbot, window, action: str) -> str:
    """Run an action to its end; what it wrote."""
    with qtbot.waitSignal(window.exports.done, timeout=PATIENCE) as done:
        act(window, action)
    return done.args[0]


def test_metrics_as_a_table_and_for_tensorboard(qtbot, trained, tmp_path, monkeypatch) -> None:
    path = choose(monkeypatch, "ask_metrics", tmp_path / "run.csv")
    assert export(qtbot, trained, "export_metrics") == str(path)
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert int(rows[-1]["step"]) == trained.engine.step
    scored = [row for row in rows if row["test_loss"]]
    assert len(scored) >= 2
    panel = trained.layouts.docks["training"].fill()
    assert panel.figures.labels["loss"].text() == f"{float(scored[-1]['test_loss']):.4f}"
    assert all(float(row["lr"]) > 0 for row in rows if row["train_loss"])
    seconds = [float(row["seconds"]) for row in rows if row["seconds"]]
    assert seconds == sorted(seconds)
    choose(monkeypatch, "ask_folder", tmp_path / "board")
    export(qtbot, trained, "export_events")
    (file,) = (tmp_path / "board" / "test").glob("events.out.tfevents.*")
    events = list(read(file.read_bytes()))[1:]
    losses = [e for e in events if fields(fields(e[5])[1])[1] == b"loss"]
    assert len(losses) == len(scored)


def test_the_net_as_an_onnx_file(qtbot, trained, tmp_path, monkeypatch) -> None:
    pytest.importorskip("onnx")
    from graphcore.files.onnx.export import self_test

    choose(monkeypatch, "ask_onnx", tmp_path / "my net.onnx")
    written = Path(export(qtbot, trained, "export_onnx"))
    assert written == tmp_path / "my_net.onnx"
    assert self_test(written) <= 1e-5
    assert (tmp_path / "my_net.data.json").is_file()


def test_the_net_as_a_program_of_torch(qtbot, trained, tmp_path, monkeypatch) -> None:
    choose(monkeypatch, "ask_program", tmp_path / "my net.pt2")
    written = Path(export(qtbot, trained, "export_program"))
    assert written == tmp_path / "my_net.pt2"
    net = gc.open_net(written)
    assert all(name in trained.document.root for name in net.inputs)
    assert (tmp_path / "my_net.data.json").is_file()


def test_the_net_as_a_script_for_keras(qtbot, trained, tmp_path, monkeypatch) -> None:
    choose(monkeypatch, "ask_keras", tmp_path / "my net.py")
    written = Path(export(qtbot, trained, "export_keras"))
    assert written == tmp_path / "my_net.py"
    assert "keras.Sequential(" in written.read_text()
    weights = load_file(tmp_path / "my_net.safetensors")
    assert {name.rpartition("/")[2] for name in weights} == {"kernel", "bias"}
    assert "trained_on" not in written.read_text()


def test_a_reset_begins_another_table(qtbot, trained) -> None:
    log = trained.exports.metrics.log
    trained.engine.reset()
    assert not len(log)
    trained.engine.run(3)
    qtbot.waitUntil(lambda: log.newest == 3, timeout=PATIENCE)
    assert [row.step for row in log.rows] == [1, 2, 3]


def test_the_table_is_that_of_the_run_one_goes_to(qtbot, trained, tmp_path, monkeypatch) -> None:
    engine, metrics, times = trained.engine, trained.exports.metrics, []
    engine.on(TimelineFrame, times.append)
    newest = metrics.log.newest
    losses = {row.step: row.train_loss for row in metrics.log.rows}
    engine.reset()
    engine.run(3)
    qtbot.waitUntil(lambda: metrics.log.newest == 3, timeout=PATIENCE)
    first = next(r.run for r in times[-1].runs if r.steps == newest)
    engine.ask(EnterRun(first))
    qtbot.waitUntil(lambda: times[-1].run == first, timeout=PATIENCE)
    path = choose(monkeypatch, "ask_metrics", tmp_path / "run.csv")
    export(qtbot, trained, "export_metrics")
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert int(rows[-1]["step"]) == newest
    there = {int(r["step"]): float(r["train_loss"]) for r in rows if r["train_loss"]}
    assert len(there) > 3
    same = [there[s] == pytest.approx(losses[s], rel=1e-3) for s in there if losses.get(s)]
    assert same
    assert all(same)
    engine.scrub(2)
    qtbot.waitUntil(lambda: times[-1].shown == 2 == engine.step, timeout=PATIENCE)
    engine.run(2)
    qtbot.waitUntil(lambda: metrics.log.newest == 4, timeout=PATIENCE)
    assert metrics.log.rows[0].train_loss == pytest.approx(losses[metrics.log.rows[0].step])


def test_the_learning_rate_of_each_row_is_that_of_its_step(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    """Of a schedule that falls at every step, while it trains and in the run as it is kept."""
    window, engine = live_window, live_window.engine
    window.start("circle")
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    changed = {"lr": 0.02, "schedule": "cosine", "epochs": 2}
    window.document.set_training(msgspec.structs.replace(window.document.root.training, **changed))
    qtbot.waitUntil(lambda: engine.state == "idle", timeout=PATIENCE)
    total = 2 * engine.last_loaded.steps_per_epoch
    engine.run(total)
    log = window.exports.metrics.log
    qtbot.waitUntil(lambda: log.newest == total and engine.state == "done", timeout=PATIENCE)
    right = [0.01 * (1 + math.cos(math.pi * i / (total - 1))) for i in range(total)]
    assert [row.lr for row in log.rows if row.train_loss] == pytest.approx(right)
    times = []
    engine.on(TimelineFrame, times.append)
    engine.reset()
    engine.run(1)
    qtbot.waitUntil(lambda: log.newest == 1 and bool(times[-1].runs), timeout=PATIENCE)
    qtbot.waitUntil(lambda: any(r.steps == total for r in times[-1].runs), timeout=PATIENCE)
    engine.ask(EnterRun(next(r.run for r in times[-1].runs if r.steps == total)))
    qtbot.waitUntil(lambda: log.newest == total, timeout=PATIENCE)
    assert [row.lr for row in log.rows if row.train_loss] == pytest.approx(right)


def test_to_pytorch_and_back(qtbot, trained, tmp_path, monkeypatch) -> None:
    path = choose(monkeypatch, "ask_script", tmp_path / "my net.py")
    written = Path(export(qtbot, trained, "export_script"))
    assert written == tmp_path / "my_net.py"
    assert not path.exists()
    spec = importlib.util.spec_from_file_location("my_net", written)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.self_test()
    net = module.load()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(1.5)
    tensors = {**net.state_dict(), "other.weight": torch.zeros(7)}
    save_file({k: v.contiguous() for k, v in tensors.items()}, tmp_path / "changed.safetensors")
    choose(monkeypatch, "ask_weights", tmp_path / "changed.safetensors")
    with qtbot.waitSignal(trained.engine.replies(WeightsLoaded), timeout=PATIENCE) as news:
        act(trained, "load_weights")
    assert len(news.args[0].loaded) == len(load_file(
        written.with_suffix(".safetensors")))  # fmt: skip
    assert "changed.safetensors" in trained.banner.text
    assert "Not used: other.weight." in trained.banner.text
    choose(monkeypatch, "ask_script", tmp_path / "again.py")
    export(qtbot, trained, "export_script")
    again = load_file(tmp_path / "again.safetensors")
    assert all(torch.equal(again[name], tensors[name]) for name in again)


def test_a_module_is_opened_with_the_weights_beside_it(
    qtbot, trained, tmp_path, monkeypatch
) -> None:
    choose(monkeypatch, "ask_script", tmp_path / "net.py")
    written = Path(export(qtbot, trained, "export_script"))
    kept = load_file(written.with_suffix(".safetensors"))
    before = sorted(node.operator for node in trained.document.root)
    trained.files.open_preset("mlp")
    choose(monkeypatch, "ask_net", written)
    with qtbot.waitSignal(trained.engine.replies(WeightsLoaded), timeout=PATIENCE) as news:
        act(trained, "import_net")
        qtbot.waitUntil(lambda: len(trained.document.root) == len(before), timeout=PATIENCE)
    assert sorted(node.operator for node in trained.document.root) == before
    assert len(news.args[0].loaded) == len(kept)
    (tmp_path / "odd.py").write_text("import os\nos.remove('everything')\n")
    choose(monkeypatch, "ask_net", tmp_path / "odd.py")
    act(trained, "import_net")
    act(trained, "import_net")
    assert "Not done yet (Reading: odd.py)" in trained.banner.text
    qtbot.waitUntil(lambda: "no class with a forward" in trained.banner.text, timeout=PATIENCE)
    assert sorted(node.operator for node in trained.document.root) == before


def test_a_state_dict_of_another_program_goes_onto_the_open_graph(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    window, mark = live_window, tmp_path / "ran"
    window.start("mlp")
    qtbot.waitUntil(lambda: window.engine.state == "idle", timeout=PATIENCE)

    def load() -> WeightsLoaded:
        with qtbot.waitSignal(window.engine.replies(WeightsLoaded), timeout=PATIENCE) as news:
            act(window, "load_weights")
        return news.args[0]

    path = choose(monkeypatch, "ask_weights", tmp_path / "net.pth")
    linear = [n for n in window.document.root if n.parameter_inputs]
    sizes = [n.attributes["out_features"] for n in linear]
    module = torch.nn.Sequential(*(
        torch.nn.Linear(a, b) for a, b in zip([784, *sizes], sizes, strict=False)
    ))  # fmt: skip
    torch.save({"trap": Trap(str(mark))}, path)
    assert load().problem
    assert not mark.exists()
    assert "Nothing of it was run" in window.banner.text
    tensors = {f"module.{n.name}.{k}": t for n, layer in zip(linear, module, strict=True)
               for k, t in layer.half().state_dict().items()}  # fmt: skip
    last = f"module.{linear[-1].name}.weight"
    torch.save({"state_dict": {**tensors, last: torch.ones(3, 3)}}, path)
    news = load()
    assert (news.fitting, news.wanted) == (len(tensors) - 1, len(tensors))
    (button,) = window.banner.buttons
    assert button.text() == f"Take what fits ({news.fitting} of {news.wanted})"
    with qtbot.waitSignal(window.engine.replies(WeightsLoaded), timeout=PATIENCE):
        button.click()
    assert f"{news.fitting} of the net's {news.wanted} tensors" in window.banner.text
    assert "in the file (3, 3). Converted from float16." in window.banner.text
    torch.save({"state_dict": tensors}, path)
    with qtbot.waitSignal(window.engine.replies(WeightsLoaded), timeout=PATIENCE) as loaded:
        window.open_file(str(path))  # as when it is dropped on the window
    assert len(loaded.args[0].loaded) == len(tensors)
    assert window.banner.text.startswith(f"All {len(tensors)} tensors")


class Trap:
    """What a pickle would run."""

    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self):
        return open, (self.mark, "w")


def test_a_report_from_the_window(qtbot, trained, tmp_path, monkeypatch) -> None:
    path = choose(monkeypatch, "ask_report", tmp_path / "run.html")
    with qtbot.waitSignal(trained.exports.done, timeout=PATIENCE):
        act(trained, "export_report")
        assert trained.exports.indicator.isVisible()
        act(trained, "export_report")
        assert "Not done yet (Report: " in trained.banner.text
    assert trained.exports.indicator.isHidden()
    text = path.read_text()
    assert " from step " not in text
    assert "<h2>Curves</h2>" in text
    assert "<polyline" in text
    assert str(path) in trained.banner.text


def test_a_report_tells_of_a_learning_rate_set_while_it_trained(
    qtbot, trained, tmp_path, monkeypatch
) -> None:
    path = choose(monkeypatch, "ask_report", tmp_path / "run.html")
    begun, log = trained.engine.step, trained.exports.metrics.log
    before = trained.document.root.training.lr
    trained.transport.rate.setValue(0.0125)
    trained.engine.run(4)
    qtbot.waitUntil(lambda: log.newest == begun + 4, timeout=PATIENCE)
    with qtbot.waitSignal(trained.exports.done, timeout=PATIENCE):
        act(trained, "export_report")
    assert f"{before:g}, 0.0125 from step {begun + 1}<" in path.read_text()


def test_an_export_that_is_given_up_leaves_nothing(qtbot, trained, tmp_path, monkeypatch) -> None:
    path = choose(monkeypatch, "ask_report", tmp_path / "run.html")
    act(trained, "export_report")
    qtbot.waitUntil(lambda: trained.exports._job is not None, timeout=PATIENCE)
    scratch = Path(trained.exports._scratch.name)
    assert (scratch / "weights.safetensors").exists()
    trained.exports.indicator.button.click()
    assert trained.exports.indicator.isHidden()
    assert not path.exists()
    assert not scratch.exists()


def test_a_calculation_goes_to_pytorch_and_has_no_report(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    window = live_window
    window.start("micrograd")
    qtbot.waitUntil(lambda: window.engine.state in ("idle", "done"), timeout=PATIENCE)
    choose(monkeypatch, "ask_script", tmp_path / "sum.py")
    written = Path(export(qtbot, window, "export_script"))
    spec = importlib.util.spec_from_file_location("sum", written)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.self_test()
    act(window, "export_report")
    assert window.banner.text == "This graph only calculates: nothing to report on."


def test_refusals(qtbot, trained, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    choose(monkeypatch, "ask_script", tmp_path / "file" / "net.py")
    act(trained, "export_script")
    qtbot.waitUntil(lambda: "cannot be made" in trained.banner.text, timeout=PATIENCE)
    (tmp_path / "broken.safetensors").write_bytes(b"no weights")
    choose(monkeypatch, "ask_weights", tmp_path / "broken.safetensors")
    with qtbot.waitSignal(trained.engine.replies(WeightsLoaded), timeout=PATIENCE) as news:
        act(trained, "load_weights")
    assert isinstance(news.args[0], WeightsLoaded)
    assert "cannot be read as safetensors" in trained.banner.text
    trained.engine.reset()
    act(trained, "export_metrics")
    assert trained.banner.text == "There are no metrics yet: train the net first."


def test_a_report_names_the_run_and_where_it_branched(
    qtbot, trained, tmp_path, monkeypatch
) -> None:
    path = choose(monkeypatch, "ask_report", tmp_path / "run.html")
    engine, strip = trained.engine, trained.time
    strip.slider.setValue(list(strip.steps).index(10))
    qtbot.waitUntil(lambda: engine.moment.visiting, timeout=PATIENCE)
    engine.run(3)
    qtbot.waitUntil(lambda: engine.moment.newest == 13, timeout=PATIENCE)
    with qtbot.waitSignal(trained.exports.done, timeout=PATIENCE):
        act(trained, "export_report")
    assert "Run 2 (from Run 1 at step 10)</h1>" in path.read_text()
