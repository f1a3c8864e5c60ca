"""Several real processes: the same numbers as one, and a clear end when one of them dies.

Run as a script, this file is one of those processes.
"""

from __future__ import annotations

import json
import math
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import graphcore as gc
from graphcore import datasets, presets
from graphcore.cli import main as cli
from graphcore.errors import EngineError, GraphError
from graphcore.graph.layer_list import parse_layers
from graphcore.runs.checkpointing import Checkpoints, checkpoints, has_checkpoint, resume
from graphcore.training import distributed
from graphcore.training.trainer import Trainer

STEPS = 20
COMMAND = [sys.executable, "-m", "graphcore.cli.main"]
TWO = ["--nproc-per-node", "2"]
SMALL = ["circle", "--epochs", "2", "--batch", "32", "--seed", "1", "--json"]
ENDLESS = ["train", "circle", "--epochs", "1000000", "--batch", "16", "--threads", "1"]


# -- what the processes compute -------------------------------------------------------------------


def trainer(graph: gc.Graph, **training: Any) -> Trainer:
    """Batches of 7 out of 29 samples: shares of 4 and 3, and a last batch of 1 and none."""
    graph.set_training(gc.TrainingSettings(dataset="circle", epochs=9, **{"batch": 7, **training}))
    return Trainer(graph, datasets.load("circle", options={"samples": 58}), dtype="float64")


def reduced(*after: str) -> Trainer:
    """A net whose losses are taken sample by sample, and what is made of them."""
    graph = parse_layers("2-6-tanh-2")
    last = graph.node("loss")
    graph.set_attributes(last, reduction="none")
    for operator in after:
        node = graph.add(operator)
        graph.connect(last, node)
        last = node
    return trainer(graph, lr=0.01)


def augmented() -> Trainer:
    """Points taken for images of two pixels, moved at random."""
    graph = gc.Graph()
    graph.add("Input", name="x", shape=(1, 1, 2))
    graph.add("Flatten", name="flat")
    graph.add("Linear", name="h", out_features=2)
    graph.add("Target", name="t")
    graph.add("CrossEntropyLoss", name="loss")
    for source, target in (("x", "flat"), ("flat", "h"), ("h", "loss"), ("t", "loss")):
        graph.connect(source, target)
    return trainer(graph, lr=0.1, augmentation={"shift": 1.0, "noise": 0.5})


def random() -> Trainer:
    """A net that draws masks, and measures statistics of its batches."""
    return trainer(parse_layers("2-8-batchnorm-relu-dropout 0.3-2"), batch=8)


RUNS: dict[str, Callable[[], Trainer]] = {
    "mean": lambda: trainer(parse_layers("2-6-tanh-2"), l2=0.01, clip_norm=1.0, patience=50),
    "sum": lambda: reduced("Sum", "Neg"),
    "augmented": augmented,
}


def numbers(run: Trainer) -> list[float]:
    """Losses, then weights."""
    losses = [run.train_step().loss for _ in range(STEPS)]
    return [*losses, *run.plan.flat.tolist()]


def with_and_without_a_break(folder: Path) -> list[list[float]]:
    """The weights after a whole run, and after one that a second trainer took up."""
    whole, first, second = random(), random(), random()
    for run in (whole, first, second):
        distributed.join(run)
    numbers(whole)
    for _ in first.steps(8):
        pass
    keep = checkpoints(folder)
    if keep is not None:
        keep.after(first)
    resume(second, folder)
    for _ in second.steps(STEPS - 8):
        pass
    return [run.plan.flat.tolist() for run in (whole, second)]


def main(folder: Path) -> None:
    found: dict[str, Any] = {}
    for name, make in RUNS.items():
        run = make()
        distributed.join(run)
        found[name] = numbers(run)
    few = trainer(parse_layers("2-4-batchnorm-relu-2"), batch=3)
    distributed.join(few)
    found["few"] = numbers(few)
    found["break"] = with_and_without_a_break(folder)
    gan = Trainer(presets.resolve("gan-2d"), datasets.load("gauss", options={"samples": 58}))
    distributed.join(gan)
    found["gan"] = [step.losses for step in gan.steps(3)]
    if distributed.speaks():
        (folder / "found.json").write_text(json.dumps(found))
    distributed.leave()


# -- the same numbers as one process --------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes find."""
    folder = tmp_path_factory.mktemp("found")
    launch = (
        "import sys; from graphcore.training.distributed import launch; "
        "launch(sys.argv[1:], processes=2)"
    )
    done = run([sys.executable, "-c", launch, __file__, str(folder)])
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.mark.parametrize("name", RUNS)
def test_twenty_steps_in_two_processes_equal_those_in_one(name: str, found: dict[str, Any]) -> None:
    assert found[name] == pytest.approx(numbers(RUNS[name]()), rel=1e-9, abs=1e-11)


def test_a_share_of_one_sample_goes_to_another_process_where_one_is_too_few(
    found: dict[str, Any],
) -> None:
    assert [distributed.sharers(n, 4, 2) for n in (1, 2, 3, 5, 8, 9)] == [1, 1, 1, 2, 4, 4]
    assert distributed.sharers(1, 4, 1) == 4
    assert len(found["few"]) > STEPS
    assert all(map(math.isfinite, found["few"]))


def test_a_run_that_is_taken_up_equals_one_without_a_break(found: dict[str, Any]) -> None:
    whole, taken_up = found["break"]
    assert whole == taken_up


def test_a_run_with_two_losses_is_shared_out(found: dict[str, Any]) -> None:
    assert [len(losses) for losses in found["gan"]] == [2, 2, 2]


def test_a_loss_that_cannot_be_put_together_from_parts_is_refused() -> None:
    assert distributed.adds_up(reduced("Sum"), "sum")
    assert not distributed.adds_up(reduced("Mean"), "mean")
    with pytest.raises(GraphError, match="neither the mean nor the sum"):
        distributed.adds_up(reduced("Max"), "max")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process writes, from the command line; nothing of the launcher is loaded."""
    folder = tmp_path_factory.mktemp("trained")
    script = (
        "import sys, graphcore.cli.main; code = graphcore.cli.main.main(sys.argv[1:]);"
        "assert 'torch.distributed.launcher' not in sys.modules;"
        "assert 'torch.distributed.elastic' not in sys.modules; sys.exit(code)"
    )
    done = run([sys.executable, "-c", script, "train", *SMALL, "--out", str(folder)])
    assert done.returncode == 0, done.stderr
    assert has_checkpoint(folder)
    return folder


def test_the_command_line_gives_one_result_and_one_file(trained: Path, tmp_path: Path) -> None:
    done = run([*COMMAND, "train", *SMALL, "--out", str(tmp_path), *TWO])
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    one, two = json.loads((trained / "result.json").read_text()), json.loads(done.stdout)
    assert one.keys() == two.keys()
    assert two["test_loss"] == pytest.approx(one["test_loss"], rel=1e-4)
    assert two["steps"] == one["steps"]
    assert (tmp_path / "weights.safetensors").exists()


def test_a_landscape_is_shared_out(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["landscape", str(trained), "--resolution", "9", "--samples", "50", "--json"]
    assert cli.main([*asked, "--threads", "1"]) == 0
    one = json.loads(capsys.readouterr().out)
    done = run([*COMMAND, *asked, *TWO])
    two = json.loads(done.stdout)
    assert two["loss"] == one["loss"]
    assert two["path"] == one["path"]


# -- the end of a run -----------------------------------------------------------------------------


def begun(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.05)


def sentence(errors: str) -> str:
    """The only one that is on standard error, beside the line of progress."""
    assert "Traceback" not in errors
    assert "terminate" not in errors
    lines = [line for line in errors.splitlines() if line.startswith("gradscape:")]
    assert len(lines) == 1, errors
    return lines[0]


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that do not outlive the test."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.terminate()
        process.communicate(timeout=60)


def test_a_process_that_is_killed_ends_the_run_with_a_sentence_and_a_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], processes: list[subprocess.Popen[str]]
) -> None:
    process = begun(*ENDLESS, "--out", str(tmp_path), *TWO)
    processes.append(process)
    state = tmp_path / "checkpoint" / "state.json"
    wait_for(state)
    ranks = run(["ps", "-o", "pid=", "--ppid", str(process.pid)]).stdout.split()
    os.kill(int(ranks[-1]), signal.SIGKILL)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    said = sentence(errors)
    assert "signal 9" in said
    assert f"--resume {tmp_path}" in said
    step = json.loads(state.read_text())["step"]
    epochs = step * 16 // 200 + 2
    again = ["train", "circle", "--epochs", str(epochs), "--batch", "16", "--json"]
    assert cli.main([*again, "--resume", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] > step


def test_machines_that_meet_end_together(
    tmp_path: Path, processes: list[subprocess.Popen[str]]
) -> None:
    """Two launchers stand for two machines; the one that is interrupted says so."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    meet = ["--nnodes", "2", "--rdzv-endpoint", f"localhost:{port}", "--rdzv-id", "test"]
    processes += [begun(*ENDLESS, "--out", str(tmp_path / "out"), *meet) for _ in range(2)]
    wait_for(tmp_path / "out" / "checkpoint" / "state.json")
    here, there = processes
    here.send_signal(signal.SIGINT)
    assert "interrupted" in sentence(here.communicate(timeout=60)[1])
    assert "on another machine is gone" in sentence(there.communicate(timeout=60)[1])
    assert (here.returncode, there.returncode) == (130, 1)


def test_a_fault_of_the_input_is_said_once() -> None:
    wild = ["--lr", "1e30", "--optimizer", "SGD"]
    done = run([*COMMAND, "train", "linear-regression", *wild, *TWO])
    assert done.returncode == 1
    assert "NaN or infinite" in sentence(done.stderr)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(("--nproc-per-node", "0"), "--nproc-per-node"), (("--nnodes", "2"), "--rdzv-endpoint")],
)
def test_what_cannot_be_started_is_said(
    arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", "circle", *arguments]) == 1
    assert word in sentence(capsys.readouterr().err)


def test_a_checkpoint_of_another_optimiser_is_refused() -> None:
    plain, adam = (trainer(parse_layers("2-3-2"), optimizer=name) for name in ("SGD", "Adam"))
    with pytest.raises(EngineError, match="exp_avg"):
        adam.load_state(plain.state(), 0, 0.1)


def test_a_disk_that_is_full_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "checkpoint").write_text("in the way")
    keep, run_ = Checkpoints(tmp_path), trainer(parse_layers("2-3-2"))
    for _ in run_.steps(10):
        keep.after(run_)
    assert capsys.readouterr().err.count("Training goes on.") == 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
