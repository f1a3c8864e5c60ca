"""``gradscape lesson``: what it says, what it leaves, and its exit codes."""

import importlib.util
import json
import zipfile
from pathlib import Path

import pytest

from graphcore import datasets
from graphcore.cli.main import main
from graphcore.lessons import answers, courses
from graphcore.lessons.answers import Answer

path = Path(__file__).parents[1] / "lessons" / "samples.py"
spec = importlib.util.spec_from_file_location("samples", path)
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "one.lesson.md").write_text(samples.GOOD)
    return tmp_path


def test_a_folder_of_lessons_is_played(folder, capsys):
    assert main(["lesson", "check", str(folder), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["faults"] == 0
    assert said["lessons"][0]["measured"]["y"] == pytest.approx(0.0024726, abs=1e-6)


def test_a_wrong_band_is_a_fault(folder, capsys):
    text = samples.changed("0.0024 .. 0.0025", "0.1 .. 0.2")
    (folder / "one.lesson.md").write_text(text)
    assert main(["lesson", "check", str(folder)]) == 1
    captured = capsys.readouterr()
    assert "outside of its band" in captured.err
    assert "1 lessons, 1 faults, 0 skipped" in captured.out


def test_bands_come_from_seeds_and_are_kept(folder, capsys):
    (folder / "one.lesson.md").write_text(samples.changed("\n0.0024 .. 0.0025", ""))
    assert main(["lesson", "check", str(folder)]) == 1
    assert main(["lesson", "check", str(folder), "--seeds", "2"]) == 0
    band = courses.read_bands(folder)["one/y"]
    assert (len(band.values), band.seeds) == (2, 2)
    assert main(["lesson", "check", str(folder)]) == 0
    capsys.readouterr()
    assert main(["lesson", "check", str(folder), "--seeds", "2"]) == 0
    assert capsys.readouterr().err == "", "what is measured already is not measured again"


def test_a_lesson_whose_data_are_not_there_is_skipped(folder, capsys, monkeypatch):
    text = samples.changed('graph = "perceptron"', 'graph = "perceptron"\nneeds = ["mnist"]')
    (folder / "one.lesson.md").write_text(text)
    monkeypatch.setattr(datasets, "find_mnist", lambda: None)
    assert main(["lesson", "check", str(folder)]) == 1
    assert "skipped  one: mnist is not here" in capsys.readouterr().err
    assert main(["lesson", "check", str(folder), "--allow-missing"]) == 0


def test_a_zip_is_a_folder_and_nothing_leaves_it(folder, tmp_path, capsys):
    packed = tmp_path / "course.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("course/one.lesson.md", samples.GOOD)
    assert main(["lesson", "check", str(packed)]) == 0
    for name in ("../evil.lesson.md", "/evil.lesson.md", "a/b/c.lesson.md", "run.py"):
        with zipfile.ZipFile(packed, "w") as file:
            file.writestr(name, samples.GOOD)
        assert main(["lesson", "check", str(packed)]) == 1, name
        assert "no room for" in capsys.readouterr().err
    packed.write_bytes(b"PK\x03\x04 no zip")
    assert main(["lesson", "check", str(packed)]) == 1


def test_answers_are_graded(folder, capsys):
    for student, guess in (("Ada", 1), ("Bo", 0)):
        answers.write_answer(
            folder / f"{student}.answer.json",
            Answer(lesson="one", lesson_hash="", student=student, seed=0, version="1",
                   predictions={"guess": guess, "number": 0.0025}),
        )  # fmt: skip
    table, page = folder / "t.csv", folder / "t.html"
    lesson = str(folder / "one.lesson.md")
    assert main(["lesson", "grade", str(folder), "--lesson", lesson, "--csv", str(table),
                 "--html", str(page)]) == 0  # fmt: skip
    assert table.read_text().splitlines()[1].startswith("Ada,nearly nothing,0.0025")
    assert 'class="wrong">a half' in page.read_text()
    found, told = folder / "found.json", folder / "told.json"
    assert main(["lesson", "grade", str(folder), "--json", str(found)]) == 0, "it lies beside them"
    assert [t["lesson"] for t in json.loads(found.read_text())["tables"]] == ["One neuron"]
    (folder / "one.lesson.md").rename(folder / "other.md")
    assert main(["lesson", "grade", str(folder), "--json", str(told)]) == 0
    assert "predictions are not judged" in told.read_text()
    (folder / "other.md").rename(folder / "one.lesson.md")
    (folder / "Bo.answer.json").write_text("{}")
    assert main(["lesson", "grade", str(folder), "--lesson", lesson]) == 1
    assert "Bo.answer.json is no answer file" in capsys.readouterr().err


def test_a_handout_and_the_help_are_written(folder, tmp_path, capsys):
    out = tmp_path / "one.html"
    lesson = str(folder / "one.lesson.md")
    assert main(["lesson", "export", lesson, "--html", "--out", str(out)]) == 0
    assert '<svg class="graph"' in out.read_text()
    assert main(["lesson", "help"]) == 0
    said = capsys.readouterr().out
    assert "accuracy(split='test')" in said
    assert "train(epochs=0, steps=0)" in said
