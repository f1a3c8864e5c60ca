"""The metrics of a run: the table, its files, and what the command line leaves of a run."""

import csv
import itertools
import json

import pytest

from graphcore.cli import main as cli
from graphcore.errors import FileError
from graphcore.runs import log as run_log
from graphcore.runs.log import COLUMNS, RunLog, read_csv
from tests.graphcore.runs.test_tensorboard import fields, read


def table(path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """Curves of an event file."""
    (path,) = folder.glob("events.out.tfevents.*")
    events = read(path.read_bytes())
    next(events)
    found: dict[str, list[tuple[int, float]]] = {}
    for event in events:
        value = fields(fields(event[5])[1])
        found.setdefault(value[1].decode(), []).append((event[2], value[2]))
    return found


def test_training_leaves_its_metrics(tmp_path, capsys) -> None:
    asked = ["train", "circle", "--epochs", "2", "--out", str(tmp_path), "--tensorboard", "--json"]
    assert cli.main(asked) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    rows = table(tmp_path / "metrics.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["step"]) for row in rows] == list(range(1, result["steps"] + 1))
    assert float(rows[-1]["test_loss"]) == pytest.approx(result["test_loss"], rel=1e-6)
    assert float(rows[-1]["test_accuracy"]) == pytest.approx(result["test_accuracy"])
    assert sum(bool(row["test_loss"]) for row in rows) == 2
    train, test = scalars(tmp_path / "train"), scalars(tmp_path / "test")
    assert [step for step, _ in train["loss"]] == [int(row["step"]) for row in rows]
    assert train["loss"][5][1] == pytest.approx(float(rows[5]["train_loss"]), rel=1e-6)
    assert test["accuracy"][-1][1] == pytest.approx(result["test_accuracy"], rel=1e-6)
    assert train["learning rate"][0][1] == pytest.approx(float(rows[0]["lr"]))


def test_every_loss_of_a_gan_is_noted(tmp_path) -> None:
    out = tmp_path / "gan"
    asked = ["train", "gan-2d", "--epochs", "1", "--batch", "500", "--out", str(out)]
    assert cli.main([*asked, "--tensorboard"]) == 0
    rows = table(out / "metrics.csv")
    (extra,) = set(rows[0]) - set(COLUMNS)
    assert extra.startswith("train_loss:")
    name = extra.removeprefix("train_loss:")
    curve = scalars(out / "train")[f"loss/{name}"]
    assert [value for _, value in curve] == pytest.approx([float(row[extra]) for row in rows])
    again = read_csv(out / "metrics.csv")
    assert again.further == [name]
    assert again.csv() == (out / "metrics.csv").read_text()


def test_a_run_that_is_taken_up_again_has_one_table(tmp_path) -> None:
    log = RunLog()
    for step in range(1, 11):
        log.note(step, epoch=0, train_loss=1.0 / step, seconds=step / 10)
    log.write_csv(tmp_path / "metrics.csv")
    again = read_csv(tmp_path / "metrics.csv")
    again.forget_after(6)
    assert [row.step for row in again.rows] == [1, 2, 3, 4, 5, 6]
    assert again.rows[3].train_loss == pytest.approx(0.25)
    assert again.rows[3].train_accuracy is None


def test_a_long_run_is_thinned_and_keeps_its_scores(monkeypatch) -> None:
    monkeypatch.setattr(run_log, "MOST_ROWS", 64)
    log = RunLog()
    for step in range(1, 1001):
        log.note(step, train_loss=float(step))
        if step % 250 == 1:
            log.note(step, test_loss=float(step))
    rows = log.rows
    assert len(rows) <= 65
    assert {1, 251, 501, 751} <= {row.step for row in rows if row.scored}
    plain = [row.step for row in rows if not row.scored]
    assert {b - a for a, b in itertools.pairwise(plain)} <= {16, 32}


def test_refusals_are_one_sentence(tmp_path, capsys) -> None:
    assert cli.main(["train", "circle", "--tensorboard"]) == 1
    assert "--out" in capsys.readouterr().err
    (tmp_path / "metrics.csv").write_text("step,epoch\nten,1\n")
    with pytest.raises(FileError, match=r"metrics\.csv cannot be read"):
        read_csv(tmp_path / "metrics.csv")
    (tmp_path / "train").write_text("a file where a folder is wanted")
    log = RunLog()
    log.note(1, train_loss=1.0)
    with pytest.raises(FileError, match="cannot be made"):
        log.write_events(tmp_path)
