"""Hostile and damaged lessons: one sentence each, at once; hundreds in tests/bench."""

import importlib.util
import itertools
from pathlib import Path

import pytest

from graphcore.lessons.reader import parse_lesson

path = Path(__file__).parents[2] / "bench" / "hostile_lessons.py"
spec = importlib.util.spec_from_file_location("hostile_lessons", path)
bench = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

FILES = [*itertools.islice(bench.written(), 0, None, 8), *itertools.islice(bench.damaged(1), 12)]


@pytest.mark.parametrize("data", FILES, ids=range(len(FILES)))
def test_a_hostile_lesson_is_read_or_refused_in_a_sentence(data):
    said = bench.refusal(data, play=False)
    assert "\n" not in said
    assert len(said) <= 300
    if said:
        assert said.startswith("hostile.lesson.md")


@pytest.mark.parametrize(
    "line",
    [
        'settings = {dataset = "csv", dataset_options = {path = "/etc/passwd"}}',
        'settings = {dataset = "image-folder", dataset_options = {path = "/"}}',
    ],
)
def test_a_lesson_reads_no_file_outside_its_folder(line):
    head = f'+++\ntitle = "x"\ngraph = "circle"\n{line}\n+++\n## One\ntext\n'
    assert "outside its folder" in bench.refusal(head.encode())


@pytest.mark.parametrize(
    "action",
    ['option("path", "/etc/passwd")', 'open("link.graph.json")', 'open("..%2fx.graph.json")'],
)
def test_no_action_reads_a_file_outside_the_folder(action, tmp_path):
    (tmp_path / "link.graph.json").symlink_to("/etc/passwd")
    setup = f"```setup\nset('dataset', 'csv')\n{action}\n```\n"
    head = f'+++\ntitle = "x"\ngraph = "circle"\n+++\n## One\n{setup}'
    lesson = parse_lesson(head.encode(), "x.lesson.md", tmp_path)
    faults = bench.check_lesson(lesson).faults
    assert len(faults) == 1
    assert "root:" not in faults[0]
