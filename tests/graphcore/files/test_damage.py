"""Checkpoints and temporary files that a killed process or a bad disk left behind."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from graphcore import datasets, presets
from graphcore.errors import GradscapeError
from graphcore.files.atomic import write_atomically
from graphcore.runs.checkpoint import newest_step, read_checkpoint, write_checkpoint
from graphcore.training.trainer import Trainer


@pytest.fixture(scope="module")
def run() -> Trainer:
    """A net with momentum and running statistics that has kept its best weights."""
    graph = presets.load("circle")
    hidden = next(n for n in graph if n.operator == "Tanh")
    edge = next(e for e in graph.edges if e.target == hidden.name)
    graph.disconnect(edge)
    norm = graph.add("BatchNorm1d", name="norm")
    graph.connect(edge.source, norm)
    graph.connect(norm, hidden)
    graph.set_training(msgspec.structs.replace(graph.training, optimizer="Adam", patience=3))
    settings = graph.training
    trainer = Trainer(graph, datasets.load("circle", options=settings.dataset_options))
    for _ in trainer.steps(trainer.steps_per_epoch + 3):
        pass
    return trainer


def damage(draw: random.Random, folder: Path) -> str:
    """Damage a checkpoint as disks, tools and people do."""
    state, tensors = folder / "state.json", next(folder.glob("tensors-*"))
    kind = draw.choice(("bytes", "cut", "field", "tensor", "tensor", "shape", "type", "random"))
    file = draw.choice((state, tensors))
    data = bytearray(file.read_bytes())
    if kind == "bytes":
        for _ in range(draw.choice((1, 5, 50))):
            data[draw.randrange(min(len(data), 2000))] = draw.randrange(256)
        file.write_bytes(data)
    elif kind == "cut":
        file.write_bytes(data[: draw.randrange(len(data))])
    elif kind == "field":
        record = json.loads(state.read_bytes())
        value = draw.choice((None, -1, 2**70, "\0", "x\0y", "../x", "", [], {}, 1e308, "a" * 5000))
        record[draw.choice(list(record))] = value
        state.write_text(json.dumps(record))
    else:
        found = load(bytes(data if file is tensors else tensors.read_bytes()))
        name = draw.choice(list(found))
        if kind == "tensor":
            del found[name]
        elif kind == "shape":
            found[name] = found[name].flatten()[: draw.randrange(3)].clone()
        elif kind == "type":
            found[name] = found[name].to(draw.choice((torch.bool, torch.int64, torch.float16)))
        else:
            found[name] = torch.full_like(found[name], draw.choice((0, 1, 255)))
        tensors.write_bytes(save(found))
    return kind


@pytest.mark.parametrize("seed", range(80))
def test_a_damaged_checkpoint_is_a_sentence_or_is_taken_whole(
    run: Trainer, tmp_path: Path, seed: int
) -> None:
    write_checkpoint(tmp_path, run.state(), step=run.step, lr=run.lr, graph="{}")
    damage(random.Random(seed), tmp_path)
    other = Trainer(run.graph, run.data)
    before = {k: v.clone() for k, v in other.state().items()}
    try:
        state, tensors = read_checkpoint(tmp_path)
        other.load_state(tensors, state.step, state.lr)
    except GradscapeError as error:
        assert "\n" not in str(error)
        assert other.step == 0
        for name, tensor in other.state().items():
            np.testing.assert_array_equal(tensor.numpy(), before[name].numpy())
    else:
        next(other.steps(1), None)
    newest_step(tmp_path)


def test_a_whole_checkpoint_is_taken(run: Trainer, tmp_path: Path) -> None:
    write_checkpoint(tmp_path, run.state(), step=run.step, lr=run.lr, graph="{}")
    state, tensors = read_checkpoint(tmp_path)
    other = Trainer(run.graph, run.data)
    other.load_state(tensors, state.step, state.lr)
    assert newest_step(tmp_path) == other.step == run.step
    assert newest_step(tmp_path / "nothing") is None


KILLED = """
import os, signal, sys
from graphcore.files.atomic import atomic_file
with atomic_file(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_what_a_killed_process_had_half_written_goes_with_the_next_save(tmp_path: Path) -> None:
    file = tmp_path / "my run.gradrun"
    write_atomically(file, b"old")
    other = tmp_path / f".{file.name}.notes.tmp"
    other.write_text("the user's own")
    done = subprocess.run([sys.executable, "-c", KILLED, file], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path)) == 3
    assert file.read_bytes() == b"old"
    write_atomically(file, b"new")
    assert sorted(os.listdir(tmp_path)) == sorted([file.name, other.name])
    assert file.read_bytes() == b"new"


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    from graphcore.files.atomic import atomic_file

    file = tmp_path / "run.gradrun"
    with atomic_file(file) as first:
        first.write(b"first")
        write_atomically(file, b"second")
        assert len(os.listdir(tmp_path)) == 2
    assert os.listdir(tmp_path) == [file.name]
    assert file.read_bytes() == b"first"


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
def test_so_do_tensors_of_a_checkpoint(run: Trainer, tmp_path: Path) -> None:
    left = tmp_path / ".tensors-7.safetensors.0123abcd.tmp"
    left.write_bytes(b"half")
    write_checkpoint(tmp_path, run.state(), step=9, lr=0.1, graph="{}")
    assert sorted(os.listdir(tmp_path)) == ["state.json", "tensors-9.safetensors"]
