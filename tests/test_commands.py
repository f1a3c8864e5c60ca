"""The commands of ``gradscape`` at its entry point: every line of the README, and pipes."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from app.__main__ import main
from graphcore.cli import COMMANDS
from graphcore.cli import main as cli

ROOT = Path(__file__).parents[1]
MODULE = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x).relu()
"""
LONG = ("--nproc-per-node", "--nnodes", "bench")
"""Lines with one of these are only parsed."""


def lines() -> list[list[str]]:
    """Command lines in the README's code blocks: two on a line stand far apart."""
    blocks = [s for s in (ROOT / "README.md").read_text().splitlines() if s.startswith("    ")]
    parts = [part for s in blocks for part in re.split(r"\s{3,}", s.strip())]
    return [shlex.split(p)[1:] for p in parts if p.startswith("gradscape ")]


def shortened(line: list[str]) -> list[str]:
    """The same command in less time."""
    if line[0] == "train":
        line = [a for i, a in enumerate(line) if "--epochs" not in (a, line[i - 1])]
        return [*line, "--epochs", "1"]
    return [*line, "--no-landscape"] if line[0] == "report" else line


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a module, a graph file and a very small MNIST."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRADSCAPE_DATA", str(tmp_path))
    (tmp_path / "net.py").write_text(MODULE)
    graph = (ROOT / "resources" / "presets" / "xor.graph.json").read_bytes()
    (tmp_path / "my.graph.json").write_bytes(graph)
    saved = ROOT / "tests/graphcore/exchange/saved/attention_new.onnx"
    (tmp_path / "net.onnx").write_bytes(saved.read_bytes())
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    for split, count in (("train", 64), ("t10k", 32)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = np.arange(count, dtype=np.uint8) % 10
        for kind, values in (("images-idx3", images), ("labels-idx1", labels)):
            head = bytes((0, 0, 8, values.ndim)) + np.array(values.shape, ">i4").tobytes()
            (tmp_path / "mnist" / f"{split}-{kind}-ubyte").write_bytes(head + values.tobytes())
    return tmp_path


def test_every_command_line_of_the_readme_runs(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {line[0] for line in lines()} >= {"train", "landscape", "export", "import", "report"}
    for line in lines():
        if any(word in line for word in LONG):
            assert cli._parser().parse_args(line).command == line[0]
        else:
            assert main(shortened(line)) == 0, (line, capsys.readouterr().err)


def test_the_entry_point_and_the_parser_know_the_same_commands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert set(cli._COMMANDS) == set(COMMANDS)
    for name in COMMANDS:
        assert main([name, "--help"]) == 0
        assert f"gradscape {name}" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    for name, what in COMMANDS.items():
        assert re.search(rf"^ +{name} +{re.escape(what)}$", said, re.MULTILINE)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments], cwd=ROOT, env={**known, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="only there a display may be missing")
def test_without_a_display_one_sentence_says_so() -> None:
    done = run(QT_QPA_PLATFORM="xcb")
    assert done.returncode == 1
    assert done.stderr.startswith("gradscape: there is no display")
    assert len(done.stderr.splitlines()) == 1


def test_a_pipe_that_is_closed_early_ends_a_command_quietly() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "app", "presets"], cwd=ROOT, stdout=write, stderr=subprocess.PIPE,
        text=True, timeout=120, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == cli.PIPE_CLOSED
    assert done.stderr == ""
