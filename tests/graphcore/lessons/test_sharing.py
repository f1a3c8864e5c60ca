"""One file holds a lesson and all that it needs, and plays as it does at home."""

import zipfile

import msgspec
import pytest

from graphcore.cli.main import main
from graphcore.errors import LessonError
from graphcore.files import graph_file
from graphcore.graph.layer_list import parse_layers
from graphcore.lessons import courses, sharing
from graphcore.lessons.checking import check_lesson
from graphcore.lessons.play import Play
from graphcore.lessons.reader import read_lesson
from graphcore.runs.run_file import write_runs

TABLE = "a,b,kind\n" + "".join(f"{i % 7},{i % 5},{'yes' if i % 2 else 'no'}\n" for i in range(60))
TEXT = """+++
title = "Our data"
graph = "ours.graph.json"
+++
## One
```do
Train.
```
```check
epoch() >= {}
```
```else
not yet
```
```solution
{}train(epochs=1)
```
"""


@pytest.fixture
def lesson(tmp_path):
    """A lesson on a table that lies in another folder than the lesson."""
    home, folder = tmp_path / "home", tmp_path / "lesson"
    home.mkdir()
    folder.mkdir()
    (home / "ours.csv").write_text(TABLE)
    graph = parse_layers("2-3-relu-2")
    settings = msgspec.structs.replace(
        graph.training, dataset="csv", batch=8,
        dataset_options={"path": str(home / "ours.csv"), "target": "kind"},
    )  # fmt: skip
    graph.set_training(settings)
    graph_file.save(sharing.with_data(graph, folder), folder / "ours.graph.json")
    (folder / "ours.lesson.md").write_text(TEXT.format(1, ""))
    return folder / "ours.lesson.md"


def test_graph_and_table_travel_with_the_lesson(lesson, tmp_path, capsys):
    out = tmp_path / "ours.zip"
    assert main(["lesson", "pack", str(lesson), "--out", str(out)]) == 0
    assert sorted(zipfile.ZipFile(out).namelist()) == ["ours.csv", "ours.graph.json",
                                                       "ours.lesson.md"]  # fmt: skip
    (tmp_path / "home" / "ours.csv").unlink()
    lesson.with_name("ours.csv").unlink()
    found = courses.collect(out)
    assert check_lesson(found.lessons["ours"], bands=False).faults == []


def test_what_a_lesson_names_and_lacks_is_told_before_it_is_shared(lesson, tmp_path):
    lesson.with_name("ours.csv").unlink()
    with pytest.raises(LessonError, match=r"ours.lesson.md needs ours.csv, which does not lie"):
        sharing.pack(lesson, tmp_path / "ours.zip")


def test_a_lesson_goes_on_from_a_recorded_run(lesson, tmp_path):
    play = Play(read_lesson(lesson))
    play.train(2, 0)
    write_runs(lesson.with_name("two.gradrun"), play.session.runs)
    lesson.write_text(TEXT.format(3, 'run("two.gradrun")\n'))
    assert check_lesson(read_lesson(lesson), bands=False).faults == []
    assert "two.gradrun" in sharing.pack(lesson, tmp_path / "ours.zip")


@pytest.mark.parametrize("name", ["../two.gradrun", "/tmp/two.gradrun", "two.pt"])
def test_a_run_from_elsewhere_is_refused(lesson, name):
    lesson.write_text(TEXT.format(3, f'run("{name}")\n'))
    faults = check_lesson(read_lesson(lesson), bands=False).faults
    assert len(faults) == 1
    assert "does not lie beside the lesson" in faults[0] or "takes a file" in faults[0]


@pytest.mark.parametrize("name", ["ours.csv", "ours.graph.json"])
def test_a_link_out_of_the_folder_is_not_followed(lesson, tmp_path, name):
    lesson.with_name(name).rename(tmp_path / name)
    lesson.with_name(name).symlink_to(tmp_path / name)
    faults = check_lesson(read_lesson(lesson), bands=False).faults
    assert len(faults) == 1
    assert "its folder" in faults[0] or "is a link" in faults[0]
