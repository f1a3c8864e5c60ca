"""Own data by name on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from graphcore import files
from graphcore.cli import main as cli
from graphcore.graph.layer_list import parse_layers


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "own table.csv"
    path.write_text(
        "name;kind;a;b\n" + "".join(f"n{i};{'pq'[i % 2]};{i},5;{i * 3}\n" for i in range(20))
    )
    return path


def test_a_table_is_named_with_its_target_and_columns(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files.save(parse_layers("1-4-relu-2"), tmp_path / "net.graph.json")
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "run"
    arguments = ["--data", "own table.csv", "--target", "kind", "--ignore", "b",
                 "--normalize", "standardize", "--option", "train_share=0.5"]  # fmt: skip
    assert cli.main(["train", "net.graph.json", *arguments, "--epochs", "1", "--out", str(out),
                     "--json"]) == 0  # fmt: skip
    told = capsys.readouterr()
    result = json.loads(told.out.splitlines()[-1])
    assert (result["dataset"], result["train_samples"], result["test_samples"]) == ("csv", 10, 10)
    assert "20 rows, 1 input: a, target kind (2 classes: p, q), 2 columns left out" in told.err
    monkeypatch.chdir("/")
    assert cli.main(["eval", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["test_samples"] == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "nowhere.csv"), "no data set called 'nowhere.csv'"),
        (("--data", "{table}", "--target", "weight"), "has no column 'weight'"),
        (("--data", "{table}", "--option", "colour=1"), "has no option 'colour'"),
        (("--data", "{table}", "--option", "train_share=much"), "takes a number, not 'much'"),
        (("--data", "{table}", "--option", "much"), "takes KEY=VALUE"),
        (("--data", "{table}", "--option", "task=guess"), "is one of auto, classification"),
        (("--target", "a"), "has no option 'target'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    arguments: tuple[str, ...], said: str, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [a.format(table=table) for a in arguments]
    assert cli.main(["train", "circle", *given, "--epochs", "1"]) == 1
    err = capsys.readouterr().err.strip()
    assert said in err
    assert "\n" not in err
