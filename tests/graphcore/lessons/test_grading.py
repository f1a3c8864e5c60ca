"""Answer files of a class become one table; a file that was changed is refused."""

import importlib.util
import json
from pathlib import Path

import pytest

from graphcore.errors import LessonError
from graphcore.lessons import answers, grading
from graphcore.lessons.answers import Answer, Checked

spec = importlib.util.spec_from_file_location("samples", Path(__file__).with_name("samples.py"))
samples = importlib.util.module_from_spec(spec)
spec.loader.exec_module(samples)
lesson = samples.lesson()


def answer(student, guess, number, passed=True):
    return Answer(
        lesson="one", lesson_hash=lesson.hash, student=student, seed=0, version="1",
        predictions={"guess": guess, "number": number},
        checks={"2.1": Checked('value("y") > 0.5', passed, 2)},
    )  # fmt: skip


CLASS = [answer("Bo", 0, 0.5), answer("Ada", 1, 0.0025), answer("Cy", 0, 0.002, passed=False)]


def test_the_table_says_who_predicted_and_passed_what():
    table = grading.grade(CLASS, lesson, {"number": 0.0024726})
    assert table.columns == ("predicts guess", "predicts number", "task 2.1")
    assert [student for student, _ in table.rows] == ["Ada", "Bo", "Cy"]
    ada, bo, cy = (cells for _, cells in table.rows)
    assert [c.right for c in ada] == [True, True, True]
    assert [c.right for c in bo] == [False, False, True]
    assert [c.right for c in cy] == [False, False, False], "0.002 is more than 10 % off"
    assert table.misled["guess"] == ("a half", 2)
    assert table.passed == {"2.1": 2}
    assert table.notes == ()


def test_what_does_not_fit_is_said():
    twice = [*CLASS, answer("Bo", 1, 0.1)]
    assert "2 files bear the name Bo." in grading.grade(twice, lesson).notes
    other = samples.lesson(samples.GOOD + "\nmore\n")
    assert "another version" in grading.grade(CLASS, other).notes[0]


def test_a_table_does_no_harm_in_a_spreadsheet_or_a_page():
    table = grading.grade([answer("=HYPERLINK(1)<b>", 0, -0.5)], lesson, {"number": 0.0024726})
    csv = grading.as_csv(table)
    assert "'=HYPERLINK" in csv
    assert ",-0.5," in csv
    page = grading.as_html(table)
    assert "<b>" not in page.split("</style>")[1].replace("<body>", "")
    assert "Commonest wrong predictions" in page


def test_an_answer_file_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "ada.answer.json"
    answers.write_answer(path, CLASS[1])
    found = answers.read_answer(path)
    assert found.predictions == CLASS[1].predictions
    assert found.hash


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(student="Eve"), "hash does not fit"),
        (lambda d: d["predictions"].update(guess=1.5), "hash does not fit"),
        (lambda d: d.update(format=9), "format 9"),
        (lambda d: d.update(more=1), "no answer file"),
        (lambda d: d.pop("student"), "no answer file"),
    ],
)
def test_a_changed_file_is_refused(tmp_path, change, says):
    path = tmp_path / "ada.answer.json"
    answers.write_answer(path, CLASS[0])
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(LessonError, match=says):
        answers.read_answer(path)


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"{}", b"\xff", b"null"])
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, data):
    path = tmp_path / "x.answer.json"
    path.write_bytes(data)
    with pytest.raises(LessonError) as refused:
        answers.read_answer(path)
    assert len(str(refused.value)) <= 300
