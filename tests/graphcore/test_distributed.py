"""Several real processes: the same numbers as one, and a clear end when one of them dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

SCRIPT = """
    import sys
    import msgspec
    from graphcore import datasets, distributed
    from graphcore.layer_list import parse_layers
    from graphcore.settings import TrainingSettings
    from graphcore.training import Trainer

    graph = parse_layers("2-6-tanh-2")
    graph.set_training(TrainingSettings(dataset="circle", batch=7, epochs=9, l2=0.01))
    trainer = Trainer(graph, datasets.load("circle", options={"samples": 61}), dtype="float64")
    distributed.join(trainer)
    losses = [trainer.train_step().loss for _ in range(20)]
    if distributed.speaks():
        print(*losses, *trainer.plan.flat.tolist())
    distributed.leave()
"""
LAUNCH = "import sys; from graphcore.distributed import launch; launch(sys.argv[2:], processes=int(sys.argv[1]))"  # noqa: E501
CLI = [sys.executable, "-m", "graphcore.cli"]
SMALL = ["circle", "--epochs", "2", "--batch", "32", "--seed", "1", "--json"]


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, **options
    )


def numbers(processes: int, script: Path) -> list[float]:
    alone = [sys.executable, str(script)]
    several = [sys.executable, "-c", LAUNCH, str(processes), str(script)]
    done = run(several if processes > 1 else alone)
    assert done.returncode == 0, done.stderr
    return [float(x) for x in done.stdout.split()]


def test_twenty_steps_in_two_processes_equal_those_in_one(tmp_path: Path) -> None:
    """Batches of 7 over 30 samples: unequal shares, and a last batch of two."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(SCRIPT))
    one, two = numbers(1, script), numbers(2, script)
    assert len(one) == len(two) > 20
    assert two == pytest.approx(one, rel=1e-9, abs=1e-12)


def test_the_command_line_gives_one_result_and_one_file(tmp_path: Path) -> None:
    alone = run([*CLI, "train", *SMALL, "--out", str(tmp_path / "one")])
    shared = run([*CLI, "train", *SMALL, "--out", str(tmp_path / "two"), "--nproc-per-node", "2"])
    assert shared.returncode == 0, shared.stderr
    first, second = (json.loads(r.stdout.splitlines()[-1]) for r in (alone, shared))
    assert len(shared.stdout.splitlines()) == 1
    assert second["test_loss"] == pytest.approx(first["test_loss"], rel=1e-3)
    assert (tmp_path / "two" / "weights.safetensors").exists()
    again = run([*CLI, "train", *SMALL, "--resume", str(tmp_path / "two" / "checkpoint")])
    assert json.loads(again.stdout)["steps"] == first["steps"]


def test_a_process_that_dies_ends_the_run_with_a_sentence_and_a_checkpoint(tmp_path: Path) -> None:
    endless = [*CLI, "train", "circle", "--epochs", "100000", "--batch", "16", "--json",
               "--out", str(tmp_path), "--nproc-per-node", "2"]  # fmt: skip
    process = subprocess.Popen(endless, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    state = tmp_path / "checkpoint" / "state.json"
    end = time.monotonic() + 60
    while not state.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    children = run(["ps", "-o", "pid=", "--ppid", str(process.pid)]).stdout.split()
    os.kill(int(children[-1]), signal.SIGKILL)
    _out, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    said = [line for line in errors.splitlines() if line.startswith("gradscape:")]
    assert len(said) == 1
    assert "signal 9" in said[0]
    assert "--resume" in said[0]
    assert "Traceback" not in errors
    step = json.loads(state.read_text())["step"]
    epochs = str(step // 16 + 2)
    back = run([*CLI, "train", "circle", "--epochs", epochs, "--batch", "16", "--json",
                "--resume", str(tmp_path / "checkpoint")])  # fmt: skip
    assert back.returncode == 0, back.stderr


def test_a_fault_of_the_input_is_said_once() -> None:
    done = run([*CLI, "train", "mlp", "--data", "digits", "--lr", "1e30", "--optimizer", "SGD",
                "--nproc-per-node", "2"])  # fmt: skip
    assert done.returncode == 1
    assert len([x for x in done.stderr.splitlines() if "NaN or infinite" in x]) == 1
    assert "Traceback" not in done.stderr


def test_a_landscape_is_shared_out(tmp_path: Path) -> None:
    asked = [*CLI, "landscape", *SMALL, "--resolution", "9", "--samples", "50"]
    one, two = (json.loads(run([*asked, *more]).stdout.splitlines()[-1])
                for more in ([], ["--nproc-per-node", "2"]))  # fmt: skip
    for mine, theirs in zip(one["loss"], two["loss"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-3)
