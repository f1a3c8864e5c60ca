"""The command line refuses what cannot be trained: one line, before anything is computed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from graphcore import cli, files
from graphcore.compiler import compile
from graphcore.errors import EngineError
from graphcore.layer_list import parse_layers
from graphcore.settings import TrainingSettings


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--lr", "nan"), "--lr"), (("--lr", "-1"), "--lr"), (("--lr", "inf"), "--lr"),
        (("--threads", "0"), "--threads"), (("--epochs", "0"), "--epochs"),
        (("--batch", "0"), "--batch"), (("--device", "nonsense"), "nonsense"),
        (("--seed", "-5"), "-5"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense(
    arguments: tuple[str, ...], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["train", "circle", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert word in said
    assert "\n" not in said


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "circle", "--device", "cuda"]) == 1
    assert "'cuda'" in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cli.main(["train", "circle", "--out", str(tmp_path / "file" / "out")]) == 1
    said = capsys.readouterr().err
    assert "cannot be made" in said
    assert "epoch" not in said


def test_a_run_that_fails_says_so_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["train", "linear-regression", "--lr", "1e30", "--optimizer", "SGD"]) == 1
    last = capsys.readouterr().err.strip().split("\n")[-1]
    assert last.startswith("gradscape: ")
    assert "NaN or infinite" in last


def test_a_net_larger_than_memory() -> None:
    with pytest.raises(EngineError, match="more memory"):
        compile(parse_layers("784-999999999-10"))


def test_a_batch_that_is_joined_is_said_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = parse_layers("2-6-batchnorm-tanh-2")
    options = {"samples": 66, "train_share": 0.5}
    graph.set_training(
        TrainingSettings(dataset="circle", dataset_options=options, batch=8, epochs=2)
    )
    path = tmp_path / "net.graph.json"
    files.save(graph, path)
    assert cli.main(["train", str(path)]) == 0
    said = capsys.readouterr().err
    assert "of 33 in batches of 8: it is joined to the batch before it" in said
    assert said.index("joined") < said.index("epoch 1/2")
