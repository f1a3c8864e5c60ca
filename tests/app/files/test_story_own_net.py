"""A net of one's own opens in the window: read, or run with consent, with weights and report."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from app.widgets import file_dialogs
from graphcore import files
from graphcore.scripting.net import load_data
from graphcore.views.net_files import NetSaved, SaveNet
from tests.app.driver import PATIENCE, rest, train, wait

NET = """
import os
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, x):
        return x + torch.relu(self.norm(self.conv(x)))

class Net(nn.Module):
    def __init__(self, classes, width=4):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2)
        self.blocks = nn.Sequential(*(Block(width) for _ in range(int("2"))))
        self.head = nn.Linear(width, classes)
        for k, part in enumerate(self.modules()):
            if isinstance(part, nn.BatchNorm2d):
                part.running_mean.fill_(0.3 + k)
                part.running_var.fill_(2.0 + k)
        print("made", classes)
        if classes == 0:
            with open(__file__ + ".pid", "w") as file:
                file.write(str(os.getpid()))
            while True:
                pass
        torch.save(self.state_dict(), __file__ + ".own")

    def forward(self, x):
        if classes_are_odd(self):
            raise ValueError("an odd number of classes")
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))

def classes_are_odd(net):
    return net.head.out_features % 2 == 1
"""

PLAIN = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))

    def forward(self, x):
        return self.net(x)
"""


def act(window, name: str) -> None:
    window.actions_table.actions[name].trigger()


def ready(qtbot, window, file: str = "circle") -> None:
    window.start(file)
    rest(qtbot, window)


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "own.py"
    path.write_text(NET)
    monkeypatch.setattr(file_dialogs, "ask_net", lambda *_: str(path))
    return path


def asked(qtbot, window):
    """Import the file; returns the dialog that says why reading it was not enough."""
    act(window, "import_net")
    wait(qtbot, lambda: window.imports.dialog is not None and window.imports.dialog.isVisible())
    return window.imports.dialog


def saved(qtbot, window, folder: Path) -> dict[str, torch.Tensor]:
    """Weights and statistics of the net that the engine holds."""
    with qtbot.waitSignal(window.engine.replies(NetSaved), timeout=PATIENCE) as news:
        window.engine.ask(SaveNet(str(folder)))
    assert not news.args[0].problem
    return load_file(folder / "weights.safetensors")


def test_a_file_is_run_with_consent_and_trains_with_its_own_weights(
    qtbot, live_window, source, tmp_path
) -> None:
    window = live_window
    ready(qtbot, window)
    dialog = asked(qtbot, window)
    assert "Line " in dialog.why.text()
    assert not Path(f"{source}.own").exists()  # nothing of it was run
    names = [dialog.modules.itemText(i) for i in range(dialog.modules.count())]
    assert names == ["Net", "Block"]
    assert list(dialog.arguments) == ["classes"]
    dialog.run_button.click()
    assert dialog.status.text() == "Net needs a value for classes, such as 10."
    dialog.arguments["classes"].setText("open('x')")
    dialog.run_button.click()
    assert "plain value" in dialog.status.text()
    dialog.arguments["classes"].setText("3")
    dialog.shapes["x"].setText("1xx")
    dialog.run_button.click()
    assert "not understood" in dialog.status.text()
    dialog.shapes["x"].setText("1x28x28")
    _stopped(qtbot, window, dialog, Path(f"{source}.pid"))
    dialog.arguments["classes"].setText("3")
    dialog.run_button.click()
    wait(qtbot, dialog.run_button.isEnabled)
    assert "an odd number of classes (own.py, line" in dialog.status.text()
    assert "made 3" in dialog.printed.toPlainText()
    dialog.arguments["classes"].setText("10")
    dialog.shapes["x"].clear()
    dialog.run_button.click()
    wait(qtbot, dialog.open_button.isVisible)
    assert dialog.shapes["x"].text() == "1x28x28"
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        dialog.open_button.click()
    rest(qtbot, window)
    assert window.files.name == "own"
    assert {n.name for n in window.document.root if n.subgraph is not None} >= {"blocks"}
    report = window.document.origin.report
    assert report.max_error < 1e-5
    own = torch.load(f"{source}.own", weights_only=True)
    there = saved(qtbot, window, tmp_path)
    learned = {k: name for k, name in report.names.items() if "running" not in k}
    assert len(learned) == len([k for k in own if "running" not in k and "num_" not in k])
    for name, plan_name in learned.items():
        assert torch.equal(there[plan_name], own[name]), name
    means = sorted(float(t.mean()) for n, t in there.items() if n.endswith("running_mean"))
    assert means == sorted(float(t.mean()) for n, t in own.items() if n.endswith("running_mean"))
    assert all(m > 0.2 for m in means)
    _completed_and_trained(qtbot, window, own, tmp_path)


def _completed_and_trained(qtbot, window, own, tmp_path) -> None:
    """The report's button adds what is missing; the start stays the module's, also in a file."""
    panel = window.show_panel("import_report").fill()
    assert "CrossEntropyLoss over 10 classes fits its output, MNIST" in panel.needs.text()
    assert "1x28x28 is a guess" in panel.notes.text()
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        panel.add.click()
    rest(qtbot, window)
    assert not panel.add.isVisible()
    window.document.undo_stack.undo()
    wait(qtbot, panel.add.isVisible)
    window.document.undo_stack.redo()
    train(qtbot, window, 3)
    stem = window.document.origin.report.names["stem.weight"]
    assert not torch.equal(saved(qtbot, window, tmp_path)[stem], own["stem.weight"])
    window.engine.reset()
    wait(qtbot, lambda: window.engine.last_frame is not None and window.engine.step == 0)
    assert torch.equal(saved(qtbot, window, tmp_path)[stem], own["stem.weight"])
    window.document.save(tmp_path / "kept.graph.json")
    window.files.open_preset("xor")
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        window.files.open(str(tmp_path / "kept.graph.json"))
    rest(qtbot, window)
    assert torch.equal(saved(qtbot, window, tmp_path)[stem], own["stem.weight"])
    assert window.document.origin.report.guessed == "1x28x28"


def _stopped(qtbot, window, dialog, mark: Path) -> None:
    """A run without an end is stopped: its process ends, nothing changes, and one can go on."""
    before = window.document.root
    dialog.arguments["classes"].setText("0")
    dialog.run_button.click()
    assert dialog.progress.isVisible()
    wait(qtbot, lambda: mark.exists() and bool(mark.read_text()))
    number = int(mark.read_text())
    dialog.cancel_button.click()
    assert dialog.status.text() == "Stopped."
    wait(qtbot, lambda: not _lives(number))
    assert window.document.root is before
    assert dialog.isVisible()


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def write_pt2(module: torch.nn.Module, path: Path) -> None:
    program = torch.export.export(
        module, (torch.ones(2, 2),), dynamic_shapes=({0: torch.export.Dim.AUTO},)
    )
    torch.export.save(program, path)


def write_onnx(module: torch.nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.ones(1, 2),), str(path), dynamo=False)


@pytest.mark.parametrize(("kind", "write"), [("pt2", write_pt2), ("onnx", write_onnx)])
def test_an_exported_program_opens_like_a_graph(
    kind: str, write, qtbot, live_window, tmp_path
) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2))
    write(module, tmp_path / f"net.{kind}")
    window = live_window
    with qtbot.waitSignal(window.engine.loaded, timeout=PATIENCE):
        window.start(str(tmp_path / f"net.{kind}"))
    rest(qtbot, window)
    assert window.files.recent[0].endswith(f"net.{kind}")
    assert window.document.root.training.dataset == "circle"
    there = saved(qtbot, window, tmp_path)
    names = window.document.origin.report.names
    for name, tensor in module.state_dict().items():
        assert np.array_equal(there[names[name]], tensor), name
    (tmp_path / f"bad.{kind}").write_bytes(b"PK nothing")
    window.open_file(str(tmp_path / f"bad.{kind}"))
    wait(qtbot, lambda: f"bad.{kind}" in window.banner.text)
    assert window.files.name == "net"


def test_weights_beside_a_source_are_where_its_net_starts(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    path = tmp_path / "plain.py"
    path.write_text(PLAIN)
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))
    given = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
    save_file(given, path.with_suffix(".safetensors"))
    monkeypatch.setattr(file_dialogs, "ask_net", lambda *_: str(path))
    window, engine = live_window, live_window.engine
    ready(qtbot, window)
    train(qtbot, window, 3)  # nothing of this net, nor of its start, goes on
    act(window, "import_net")
    wait(qtbot, lambda: window.banner.text.startswith("All 4 tensors"))
    report = window.show_panel("import_report").fill()
    report.add.click()
    rest(qtbot, window)
    assert not engine.moment.by_hand, "weights of a file are a start, not a change by hand"
    train(qtbot, window, 3)
    act(window, "reset")
    wait(qtbot, lambda: engine.step == 0)
    rest(qtbot, window)
    kept = saved(qtbot, window, tmp_path)
    assert {tuple(t.shape): t.tolist() for t in kept.values()} == {
        tuple(t.shape): t.tolist() for t in given.values()
    }


def test_classes_are_called_what_a_file_says_and_the_graph_keeps_it(
    qtbot, live_window, tmp_path, monkeypatch
) -> None:
    window = live_window
    ready(qtbot, window)
    path = tmp_path / "names.json"
    monkeypatch.setattr(file_dialogs, "ask_names", lambda *_: str(path))
    path.write_text('["inside"]')
    act(window, "class_names")
    assert window.engine.last_loaded.classes != ("inside", "outside")
    assert "names.json has 1 names; the data have 2 classes." in window.banner.text
    path.write_text('{"0": ["n01", "inside"], "1": ["n02", "outside"]}')
    act(window, "class_names")
    wait(qtbot, lambda: window.engine.last_loaded.classes == ("inside", "outside"))
    kept = files.loads(files.dumps(window.document.root))
    assert kept.training.class_names == ("inside", "outside")
    assert load_data(kept).classes == ("inside", "outside")
    act(window, "undo")
    wait(qtbot, lambda: window.engine.last_loaded.classes != ("inside", "outside"))
