"""Checkpoints and files of runs that another version wrote, in which numbers lie otherwise."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import torch

from graphcore.errors import FileError
from graphcore.runs.checkpoint import read_checkpoint, write_checkpoint
from graphcore.runs.run_file import read_runs

SAID = "written by another version of Gradscape: its format is {}, this one reads 2"


@pytest.mark.parametrize("version", [1, 3])
def test_a_checkpoint_of_another_version_is_refused(tmp_path: Path, version: int) -> None:
    write_checkpoint(tmp_path, {"flat": torch.ones(3)}, step=4, lr=0.1, graph="{}")
    state, tensors = read_checkpoint(tmp_path)
    assert (state.step, tensors["flat"].tolist()) == (4, [1.0, 1.0, 1.0])
    file = tmp_path / "state.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format_version": version}))
    with pytest.raises(FileError, match=SAID.format(version)):
        read_checkpoint(tmp_path)


@pytest.mark.parametrize("version", [1, 3])
def test_so_is_a_file_of_runs(tmp_path: Path, version: int) -> None:
    file = tmp_path / "old.gradrun"
    with zipfile.ZipFile(file, "w") as archive:
        content = {"format_version": version, "current": 1, "runs": [], "moments": []}
        archive.writestr("run.json", json.dumps(content))
    with pytest.raises(FileError, match=SAID.format(version)):
        read_runs(file)
