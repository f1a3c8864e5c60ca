"""The command line refuses what cannot be trained: one line, before anything is computed."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from graphcore import files
from graphcore.cli import main as cli
from graphcore.cli import metrics as metrics_cli
from graphcore.engine.compiler import compile
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.graph.layer_list import parse_layers
from graphcore.graph.training_settings import TrainingSettings
from graphcore.runs import log as run_log
from graphcore.training.trainer import StepRecord, Trainer


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


def test_a_device_that_torch_has_no_words_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "xor", "--device", "ipu"]) == 1
    said = capsys.readouterr().err.strip()
    assert "'ipu'" in said
    assert "cpu" in said.split("only")[1]
    assert len(said) < 300


def test_a_graph_that_cannot_be_trained_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = Graph()
    graph.add("Input", name="x", shape=(2,))
    graph.add("Linear", name="fc", out_features=1)
    graph.connect("x", "fc")
    files.save(graph, tmp_path / "net.graph.json")
    assert cli.main(["train", str(tmp_path / "net.graph.json"), "--data", "circle"]) == 1
    said = capsys.readouterr().err
    assert "a Target for the wanted answers and a loss" in said
    assert "\n" not in said.strip()


# -- what a run leaves behind, and what it leaves alone -------------------------------------------


def weights(folder: Path) -> bytes:
    return (folder / "weights.safetensors").read_bytes()


def test_a_run_stopped_by_ctrl_c_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = parse_layers("2-8-batchnorm-relu-dropout 0.3-2")
    files.save(graph, tmp_path / "net.graph.json")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    asked = ["train", str(tmp_path / "net.graph.json"), "--data", "circle", "--epochs", "4",
             "--optimizer", "Adam", "--seed", "3"]  # fmt: skip
    assert cli.main([*asked, "--out", str(whole)]) == 0
    capsys.readouterr()
    after = metrics_cli.RunMetrics.after

    def interrupt(self: metrics_cli.RunMetrics, trainer: Trainer, record: StepRecord) -> None:
        after(self, trainer, record)
        if record.step == 7:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(metrics_cli.RunMetrics, "after", interrupt)
    assert cli.main([*asked, "--out", str(broken)]) == cli.INTERRUPTED
    assert f"--resume {broken} goes on" in capsys.readouterr().err
    assert cli.main([*asked, "--out", str(broken)]) == 1
    assert "another run" in capsys.readouterr().err
    monkeypatch.undo()
    assert cli.main([*asked, "--out", str(broken), "--resume", str(broken)]) == 0
    assert weights(broken) == weights(whole)
    logs = [run_log.read_csv(folder / "metrics.csv").rows for folder in (whole, broken)]
    losses = [[(row.step, row.train_loss) for row in rows] for rows in logs]
    assert losses[0] == losses[1]


def test_a_run_that_is_nowhere_cannot_be_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        assert cli.main(["train", "xor", "--resume", str(place)]) == 1
        said = capsys.readouterr().err
        assert f"no checkpoint in {place}" in said
        assert "Errno" not in said


def test_nothing_foreign_is_written_over_without_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run, own, page = Path("run"), Path("circle.py"), Path("page.html")
    own.write_text("mine")
    page.write_text("mine")
    train = ["train", "circle", "--epochs", "1", "--out", "run"]
    export = ["export", "circle", "--out", "."]
    report = ["report", "run", "--no-landscape", "--out", "page.html"]
    read = ["import", "circle.py"]
    assert cli.main(train) == 0
    learned = weights(run)
    for refused in (train, export, report):
        assert cli.main(refused) == 1
        assert "--force" in capsys.readouterr().err
    assert (own.read_text(), page.read_text(), weights(run)) == ("mine", "mine", learned)
    for command in (export, report, train):
        assert cli.main([*command, "--force"]) == 0
    for again in (export, report):
        assert cli.main(again) == 0, "its own files may be replaced"
    own.write_text(own.read_text() + "# changed\n")
    assert cli.main(export) == 1
    assert cli.main(read) == 0
    assert cli.main(read) == 1
    assert "--force" in capsys.readouterr().err


def test_a_net_larger_than_memory() -> None:
    with pytest.raises(GradscapeError, match="the largest value has"):
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
