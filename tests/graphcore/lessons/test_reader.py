"""A lesson file is read whole, or refused in one sentence with its file and line."""

import importlib.util
from pathlib import Path

import pytest

from graphcore.errors import LessonError
from graphcore.lessons.format import Predict, Reveal, Text
from graphcore.lessons.reader import parse_lesson, read_lesson

spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
GOOD, lesson, changed = samples.GOOD, samples.lesson, samples.changed


def test_a_lesson_is_read_with_its_parts():
    found = lesson()
    assert (found.id, found.header.title) == ("one", "One neuron")
    assert [s.title for s in found.steps] == ["Look", "Change"]
    look, change = found.steps
    kinds = [type(p) for p in look.parts]
    assert kinds[:3] == [Text, Predict, Predict]
    assert Reveal in kinds
    guess, number = look.predictions
    assert (guess.choices, guess.right) == (("a half", "nearly nothing"), 1)
    assert number.tolerance == -0.1
    assert str(number.outcome) == 'value("y")'
    assert look.measures[0].band == (0.0024, 0.0025)
    assert [(x.kind, x.name) for x in look.looks][2] == ("edge", "x -> neuron")
    task = change.tasks[0]
    assert str(task.check) == 'value("y") > 0.5'
    assert [r.when is None for r in task.replies] == [False, True]
    assert change.solution[0].arguments == ("neuron.weight", 0.0, -4.0)
    assert change.hints[0].markdown == "A negative weight."
    assert change.notes[0].markdown == "Ask for z."


def test_live_numbers_are_those_outside_formulas():
    text = lesson().steps[0].parts[0]
    assert set(text.lives) == {'value("y"):.4f', "y"}
    assert text.lives['value("y"):.4f'].format == ".4f"
    assert str(text.lives["y"].expression) == 'value("y")'


FAULTS = [
    ("+++\ntitle", "title", 1, "front matter"),
    ('graph = "perceptron"', 'grph = "perceptron"', 3, "no entry 'grph'"),
    ('graph = "perceptron"', 'graph = "../secret.json"', 1, "beside the lesson"),
    ('graph = "perceptron"', 'graph = "perceptron', 3, "no TOML"),
    ('graph = "perceptron"', "minutes = 5", 1, "names one net"),
    ("```look", "```looks", 18, "there is no block 'looks'"),
    ("```predict guess", "```predict", 10, "has a name"),
    ("```predict number", "```predict guess", 15, "taken"),
    ("(x) nearly", "( ) nearly", 11, "(x)"),
    ("= value", "= valeu", 17, "did you mean value"),
    ("+- 10%", "", 17, "an outcome is"),
    ("node neuron", "nodes neuron", 20, "a line of look"),
    ("0.0024 .. 0.0025", "0.0025 .. 0.0024", 29, "begins above"),
    ("```check\nvalue", "```check\nvlaue", 39, "no check function"),
    ('value("y") > 0.5', "1 < 2", 39, "asks nothing"),
    ("```do\nMake y larger than a half.\n```\n", "", 35, "right behind the block"),
    ("```check\nvalue(\"y\") > 0.5\n```\n```else", "```else", 39, "else stands right behind"),
    ('weight("neuron.weight", 0, -4)', 'weigth("neuron.weight", 0, -4)', 51, "no action"),
    ('weight("neuron.weight", 0, -4)', 'weight("neuron.weight", "a", -4)', 51, "whole number"),
    ("Nearly nothing.", "<script>alert(1)</script>", 26, "HTML"),
    ("Nearly nothing.", "[here](http://x.y)", 26, "links"),
    ("Nearly nothing.", "![x](file:///etc/passwd)", 26, "links"),
    ("Nearly nothing.", "{open('x')}", 26, "no check function"),
    ("## Change", "## " + "x" * 90, 34, "1 to 80 characters"),
    ("Ask for z.\n```", "Ask for z.", 53, "has no end"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line", "says"), FAULTS, ids=[f[3] for f in FAULTS])
def test_a_fault_names_file_line_and_what_would_fit(old, new, line, says):
    with pytest.raises(LessonError) as refused:
        lesson(changed(old, new))
    said = str(refused.value)
    assert says in said
    named = int(said.split("line ", 1)[1].split(":", 1)[0])
    assert said.startswith("one.lesson.md, line ")
    assert abs(named - line) <= 2, said


def test_a_lesson_without_steps_or_with_too_many_is_refused():
    with pytest.raises(LessonError, match="no step"):
        lesson('+++\ntitle = "x"\ngraph = "perceptron"\n+++\ntext\n')
    head = '+++\ntitle = "x"\ngraph = "perceptron"\n+++\n'
    with pytest.raises(LessonError, match="at most 8 steps"):
        lesson(head + "".join(f"## Step {i}\ntext\n" for i in range(9)))


def test_bytes_that_are_no_text_are_refused():
    for data, says in ((b"\xff\xfe\x00", "UTF-8"), (b"+++\x00", "control"), (b"", "front matter")):
        with pytest.raises(LessonError, match=says):
            parse_lesson(data, "x.lesson.md")


def test_a_file_of_another_name_is_no_lesson(tmp_path):
    (tmp_path / "x.md").write_text(GOOD)
    with pytest.raises(LessonError, match=r"ends in \.lesson\.md"):
        read_lesson(tmp_path / "x.md")
    with pytest.raises(LessonError, match="no file"):
        read_lesson(tmp_path / "x.lesson.md")
