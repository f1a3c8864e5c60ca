"""The landscape subcommand, as a script runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from graphcore.cli import main as cli


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "landscape", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_surface_of_a_trained_net(tmp_path: Path) -> None:
    done = run("circle", "--epochs", "3", "--resolution", "9", "--out", str(tmp_path), "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["plane"] == "random"
    assert report["step"] > 0
    assert [len(row) for row in report["loss"]] == [9] * 9
    middle = report["loss"][4][4]
    assert report["loss_min"] <= middle <= report["loss_max"]
    assert json.loads((tmp_path / "landscape.json").read_text()) == report


def test_the_plane_of_the_path_says_how_much_of_it_it_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["circle", "--epochs", "3", "--resolution", "5", "--plane", "pca", "--json"]
    assert cli.main(["landscape", *asked, "--threads", "1"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    first, second = report["shares"]
    assert 0.5 < first + second <= 1.0 + 1e-6
    assert first >= second
    assert report["path"][-1] == pytest.approx([0.0, 0.0], abs=1e-5)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--resolution", "1"), "resolution"),
        (("--samples", "0"), "samples"),
        (("--span", "0"), "span"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(
    arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["landscape", "circle", "--epochs", "1", *arguments, "--threads", "1"]) == 1
    said = capsys.readouterr().err
    assert word in said
    assert len(said.strip().splitlines()) == 1
