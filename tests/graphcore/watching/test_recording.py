"""A loop of plain torch is recorded, and what is shown of each step is what torch computes."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import graphcore as gc
from graphcore import files
from graphcore.cli.main import main
from graphcore.errors import ExportError, FileError
from graphcore.records.arrays import pack, unpack
from graphcore.runs.run_file import read_runs
from graphcore.runs.snapshots import Moment
from graphcore.session import messages as m
from graphcore.session.session import Session
from graphcore.views.landscape import LandscapeRequest, compute
from graphcore.views.landscape.compute import Landscape
from graphcore.views.timeline import TimelineRequest
from graphcore.views.timeline.compute import timeline
from graphcore.watching import watch, window
from graphcore.watching.process import launch
from graphcore.watching.source import Source
from graphcore.watching.watch import Watch
from graphcore.watching.window import Window
from graphcore.worker.protocol import FrameReader, decode_request


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.bn = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.out = nn.Linear(4 * 6 * 6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn(self.conv(x)))
        return functional.log_softmax(self.out(self.drop(x.flatten(1))), dim=1)


class Noisy(Net):
    """It draws random numbers in evaluation, too."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.dropout(x, 0.1))


def data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(24, 1, 8, 8, generator=generator)
    return x, torch.randint(0, 3, (24,), generator=generator)


def train(net: nn.Module, steps: int, out: Path | None) -> tuple[list[float], list[dict]]:
    """A loop with two parameter groups, a schedule and gradients of two batches per step."""
    x, y = data()
    groups = [{"params": [*net.conv.parameters(), *net.bn.parameters()], "lr": 0.01},
              {"params": net.out.parameters()}]  # fmt: skip
    optimizer = torch.optim.AdamW(groups, lr=0.02)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 3)
    losses, states = [], [copy.deepcopy(net.state_dict())]
    watched = gc.watch(net, (x[:6], y[:6]), loss=functional.nll_loss, out=out) if out else None
    for step in range(steps):
        optimizer.zero_grad()
        for part in (slice(0, 12), slice(12, 24)):
            loss = functional.nll_loss(net(x[part]), y[part])
            loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        states.append(copy.deepcopy(net.state_dict()))
        if watched is not None:
            watched._look_at = 0.0 if step % 2 else math.inf  # every other step
            watched.step(loss)
            idle(watched)
    if watched is not None:
        watched.close()
    return losses, states


def idle(watched: Watch) -> None:
    """Wait until the record has taken what it was given."""
    sink = watched._sink
    while sink._busy:
        time.sleep(0.001)
    sink._due_at = 0.0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float], list[dict]]:
    path = tmp_path_factory.mktemp("watched") / "own.gradrun"
    torch.manual_seed(0)
    return path, *train(Net(), 9, path)


def opened(path: Path) -> tuple[Session, list]:
    told: list = []
    session = Session(told.append, "cpu")
    session.open_runs(str(path))
    return session, told


def test_each_kept_step_shows_what_torch_computes(recorded) -> None:
    path, losses, states = recorded
    session, told = opened(path)
    run = session.runs.current
    np.testing.assert_allclose(run.curves.rows[:, 2], losses, rtol=1e-6)
    assert run.timeline.steps == [0, 2, 4, 6, 8, 9]
    shown = timeline(session, TimelineRequest())
    assert len(unpack(shown.curves.steps)) == 9  # a window that opens the run draws its curve
    assert shown.runs[0].of_script
    assert "its batch of 6 samples" in next(r for r in told if isinstance(r, m.Loaded)).note
    x, y = (part[:6] for part in data())
    for step in run.timeline.steps:
        session.scrub(step)
        session.settle()
        session.want_frame()
        session.tell()
        assert told[-1].step == step
        net = Net()
        net.load_state_dict(states[step])
        net.eval()
        hidden = net.conv(x)
        loss = functional.nll_loss(net(x), y)
        loss.backward()
        plan = session.trainer.recorded
        np.testing.assert_allclose(plan.value("conv"), hidden.detach(), atol=1e-5)
        np.testing.assert_allclose(plan.value("nll_loss"), loss.item(), atol=1e-5)
        for name, parameter in net.named_parameters():
            np.testing.assert_allclose(plan.grad(name), parameter.grad, atol=1e-5)


def test_a_run_of_a_script_is_not_trained_on_here(recorded) -> None:
    session, told = opened(recorded[0])
    for act in (session.run, session.set_rate, session.reset):
        act({session.run: m.Run(), session.set_rate: m.SetRate(0.5), session.reset: 0}[act])
        assert isinstance(told[-1], m.Failure)
        assert "script" in told[-1].message
    assert not session.running


def test_the_record_serves_scripts(recorded) -> None:
    path, _, states = recorded
    assert gc.landscape(path, resolution=3, plane="pca").loss.shape == (3, 3)
    x = data()[0][:6]
    net = Net()
    net.load_state_dict(states[-1])
    wanted = net.eval()(x).argmax(1).tolist()
    assert [int(a.answer) for a in gc.predict(path, x.numpy())] == wanted


def test_the_loop_is_the_same_without_being_watched(tmp_path: Path, capsys) -> None:
    torch.manual_seed(3)
    watched = train(Noisy(), 4, tmp_path / "run")
    torch.manual_seed(3)
    plain = train(Noisy(), 4, None)
    assert watched[0] == plain[0]
    assert all(watched[1][-1][k].equal(v) for k, v in plain[1][-1].items())
    assert {f.name for f in (tmp_path / "run").iterdir()} == {
        "run.gradrun", "graph.graph.json", "weights.safetensors", "data.json",
        "probe.safetensors", "metrics.csv",
    }  # fmt: skip
    gc.predict(tmp_path / "run", data()[0].numpy())
    assert main(["eval", str(tmp_path / "run"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["dataset"], told["test_samples"]) == ("probe", 6)
    with pytest.raises(FileError, match="is there already"):
        train(Net(), 1, tmp_path / "run")


def test_a_script_that_dies_leaves_what_was_written(tmp_path: Path) -> None:
    x, y = data()
    net = Net()
    watched = gc.watch(net, (x, y), loss=functional.nll_loss, out=tmp_path / "a.gradrun")
    assert read_runs(tmp_path / "a.gradrun")[1][0].steps == 0
    watched._sink._write_at = 0.0
    watched.step(1.5)
    idle(watched)
    assert read_runs(tmp_path / "a.gradrun")[1][0].curves.rows[:, 2].tolist() == [1.5]
    watched.close()
    assert watched.step(1.0) is None
    assert threading.active_count() < 20


def test_a_slow_disk_costs_states_and_no_time(tmp_path: Path, monkeypatch) -> None:
    x, y = data()
    net, gate = Net(), threading.Event()
    watched = gc.watch(net, (x, y), loss=functional.nll_loss, out=tmp_path / "a.gradrun")
    write = Moment.write
    monkeypatch.setattr(Moment, "write", lambda *a: gate.wait(9) and write(*a))
    store = watched._sink._runs.store
    store.memory_limit = store.memory  # of one state
    begun = time.monotonic()
    for step in range(50):
        with torch.no_grad():
            net.out.bias.fill_(step + 1)
        watched._look_at = 0.0
        watched.step(float(step))
    assert time.monotonic() - begun < 5
    assert watched._sink._busy
    gate.set()
    watched.close()
    run = read_runs(tmp_path / "a.gradrun")[1][0]
    assert run.timeline.steps == [0, 1, 50]
    assert run.curves.rows[:, 2].tolist() == list(range(50))
    biases = [m.tensors()["flat"].max() for m in run.timeline.moments[1:]]
    assert biases == [1, 50]


def test_a_disk_that_fails_is_told_once_and_stops_nothing(tmp_path: Path, capsys) -> None:
    x, y = data()
    watched = gc.watch(Net(), (x, y), loss=functional.nll_loss, out=tmp_path / "run" / "a.gradrun")
    store = watched._sink._runs.store
    shutil.rmtree(tmp_path / "run")
    shutil.rmtree(store.folder)
    store.folder.write_text("no folder any more")
    store.memory_limit = 0
    for _ in range(4):
        watched._sink._write_at = watched._look_at = 0.0
        watched.step(1.0)
        idle(watched)
    watched.close()
    said = capsys.readouterr().err
    assert said.count("a.gradrun cannot be written") == 1
    assert said.count("Earlier steps cannot be kept on disk") == 1
    assert watched.steps == 4


class Words(nn.Module):
    """Tied weights, whole numbers as input, and an answer per word."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 4)
        self.mix = nn.LSTM(4, 4, batch_first=True)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.words.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.mix(self.words(x))[0]).flatten(0, 1)


def each_word(answer: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(answer, target.flatten())


@pytest.mark.parametrize(("net", "x", "y", "loss"), [
    (Words(), torch.arange(10).reshape(2, 5) % 7, torch.arange(10).reshape(2, 5) % 5, each_word),
    (nn.Linear(4, 2), torch.randn(3, 4), torch.randn(3, 2), functional.smooth_l1_loss),
    (nn.Linear(4, 2), torch.randn(3, 4), torch.randn(3, 2), nn.MSELoss()),
    (nn.Linear(4, 2), torch.randn(3, 4), torch.randn(3, 2), lambda a, t: (a - t).abs().mean()),
])  # fmt: skip
def test_other_nets_and_losses(tmp_path: Path, net, x, y, loss) -> None:
    watched = gc.watch(net, (x, y), loss=loss, out=tmp_path / "a.gradrun")
    optimizer = torch.optim.Adam(net.parameters(), 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()
        watched._look_at = 0.0
        watched.step()
    watched.close()
    session, _ = opened(tmp_path / "a.gradrun")
    trainer = session.trainer
    trainer.look()
    found = float(trainer.recorded.value(trainer.binding.loss))
    assert found == pytest.approx(loss(net(x), y).item(), abs=1e-5)
    assert np.isnan(session.runs.current.curves.rows[:, 2]).all()


def test_modules_of_torch_around_a_module_and_half_numbers(tmp_path: Path) -> None:
    compiled = type("OptimizedModule", (nn.Module,), {})()
    compiled._orig_mod = nn.Linear(4, 2).bfloat16()
    batch = np.zeros((5, 4), np.float32), torch.arange(5) % 2
    watched = gc.watch(compiled, batch, out=tmp_path / "a.gradrun")
    assert watched._sink._source.precision == "bfloat16"
    assert "<svg" in watched._repr_svg_()
    watched.close()
    net = nn.Linear(4, 2)
    watched = gc.watch(net, batch, out=tmp_path / "b.gradrun")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        net(torch.zeros(1, 4))
    assert watched._sink._source.precision == "bfloat16"
    watched.close()


def test_a_module_that_becomes_another_is_let_go(tmp_path: Path, capsys) -> None:
    x, y = data()
    net = Net()
    watched = gc.watch(net, (x, y), loss=functional.nll_loss, out=tmp_path / "a.gradrun")
    watched._look_at = math.inf  # the weights of the one step are not kept
    watched.step(2.0)
    net.out = nn.Linear(4 * 6 * 6, 5)
    watched._look_at = 0.0
    watched.step(1.0)
    watched._look_at = 0.0
    watched.step(0.5)
    watched.close()
    said = capsys.readouterr().err
    assert said.count("no longer watched: out has other parameters than before") == 1
    assert read_runs(tmp_path / "a.gradrun")[1][0].timeline.steps == [0]


WAITS = [sys.executable, "-c", "import sys; sys.stdin.read()"]
"""Ends with its input, as a window that gets no net."""


class Branching(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


def test_what_cannot_be_watched_is_refused_with_the_reason(tmp_path: Path, monkeypatch) -> None:
    x, y = torch.randn(4, 3), torch.randint(0, 3, (4,))
    with pytest.raises(ExportError, match=r"Branching.*line \d+.*torch\.where"):
        gc.watch(Branching(), (x, y), out=tmp_path / "a.gradrun")
    with pytest.raises(ExportError, match=r"is a pair \(x, y\)"):
        gc.watch(nn.Linear(3, 3), x, out=tmp_path / "a.gradrun")
    with pytest.raises(ExportError, match=r"a loss of torch\.nn\.functional"):
        gc.watch(nn.Linear(3, 3), (x, y), loss=lambda a, t: a, out=tmp_path / "a")
    assert not os.listdir(tmp_path)
    begun: list = []  # a window comes up while the net is exported, and is let go
    monkeypatch.setattr(watch, "launch", lambda: begun.append(launch(WAITS)) or begun[0])
    with pytest.raises(ExportError, match=r"Branching.*line \d+"):
        gc.watch(Branching(), (x, y))
    assert os.waitpid(begun[0].pid, 0)[1] == 0
    monkeypatch.setenv("RANK", "1")
    quiet = gc.watch(Branching(), (x, y))
    quiet.step(1.0)
    quiet.close()
    assert quiet._repr_svg_() is None


def of_script() -> Session:
    """The session of a window that has the net of a script."""
    source = Source(Net(), data(), functional.nll_loss)
    session = Session(lambda _reply: None, "cpu")
    weights = {name: pack(np.asarray(value)) for name, value in source.weights().items()}
    batch = pack(source.probe.inputs), pack(source.probe.targets)
    session.script.begin(m.WatchBegin(files.dumps(source.graph), weights, *batch))
    return session


def test_the_window_is_launched_before_anything_is_imported() -> None:
    """Export and window come up beside each other; what the first needs takes a while."""
    code = "import sys, graphcore.watching.watch; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "graphcore.ops", "graphcore.graph.graph"} & set(done.stdout.split())


ANSWERS = """
import sys, time
from graphcore.session.messages import Steer
from graphcore.worker.protocol import encode
sys.stdin.buffer.read(4)
time.sleep(0.3)
open(sys.argv[1], "w")
sys.stdout.buffer.write(encode(Steer(taken=1)))
sys.stdout.flush()
sys.stdin.buffer.read()
"""
"""Takes a net as a window does, and says so."""


@pytest.mark.parametrize("told", [True, False])
def test_a_loop_begins_once_its_window_has_the_net(tmp_path: Path, monkeypatch, told) -> None:
    """It is shown from its first step; a window that says nothing is not waited for."""
    x = torch.randn(4, 3)
    command = [sys.executable, "-c", ANSWERS, str(tmp_path / "taken")] if told else WAITS
    monkeypatch.setattr(watch, "launch", lambda: launch(command))
    monkeypatch.setattr(Window.meet, "__defaults__", (20.0 if told else 0.1,))
    begun = time.monotonic()
    with gc.watch(nn.Linear(3, 3), (x, torch.tensor([0, 1, 2, 0]))) as w:
        assert (tmp_path / "taken").exists() is told
        assert time.monotonic() - begun < 15
        w.step(1.0)


def test_what_others_take_of_the_processor_is_no_reason_to_look_seldom(tmp_path: Path) -> None:
    """On a busy machine a copy of ResNet's weights was interrupted: the next was due after 3 s."""
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    with gc.watch(nn.Linear(3, 3), (x, y), out=tmp_path / "a.gradrun") as w:
        take = w._sink.take
        w._sink.take = lambda *given: time.sleep(0.3) or take(*given)
        w.step(1.0)
        assert w._look_at - time.perf_counter() < 2.0


def test_a_loop_that_nothing_holds_any_more_is_over(tmp_path: Path) -> None:
    """As in a notebook whose cell is run again: windows and engines would add up."""
    x, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    w = gc.watch(nn.Linear(3, 3), (x, y), out=tmp_path / "a.gradrun")
    w.step(1.0)
    w = gc.watch(nn.Linear(3, 3), (x, y), out=tmp_path / "b.gradrun")
    assert read_runs(tmp_path / "a.gradrun")[1][0].timeline.steps == [0, 1]
    w.close()


def test_a_script_that_ends_before_its_window_comes_up_leaves_its_run(tmp_path: Path) -> None:
    read = tmp_path / "read"
    late = (
        "import sys, time; time.sleep(0.5)\n"
        f"open({str(read)!r}, 'wb').write(sys.stdin.buffer.read())"
    )
    net = nn.Linear(3, 90_000)  # more than a pipe holds
    source = Source(net, (torch.randn(4, 3), torch.tensor([0, 1, 2, 0])), functional.cross_entropy)
    window.LAST, before = 0.1, window.LAST
    try:
        process = launch([sys.executable, "-c", late])
        w = Watch(source.graph, sink := Window(source, process))
        w.step(1.0)
        w.close()
        assert not sink._writer.is_alive()  # it would end with the script
    finally:
        window.LAST = before
    with contextlib.suppress(ChildProcessError):  # the reading thread was there first
        os.waitpid(process.pid, 0)
    bodies = FrameReader().feed(read.read_bytes())
    assert [type(decode_request(b)) for b in bodies] == [m.WatchBegin, m.WatchSteps]


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_the_first_grid_of_a_script_is_made_in_one_go(monkeypatch) -> None:
    monkeypatch.setattr(compute, "TRAINING_SLICE", 0.0)  # a point, or a row, at a time
    session, landscape, request = of_script(), Landscape(), LandscapeRequest()
    frame = landscape.work(session, request)
    assert frame is not None
    assert frame.level == 1
    assert landscape.work(session, request) is None  # then a slice at a time again


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_the_landscape_of_a_script_takes_more_of_the_engine_than_of_a_run_of_its_own() -> None:
    """The loop is another process's: what its surface takes is no loss of training here."""
    session, landscape = of_script(), Landscape()
    landscape._request = request = LandscapeRequest()
    landscape._shown = object()
    landscape._spent, landscape._last_work = 1.0, time.perf_counter() - 5.0
    assert landscape.due(session, request)
    session.script.run = None
    assert session.running
    assert not landscape.due(session, request)
