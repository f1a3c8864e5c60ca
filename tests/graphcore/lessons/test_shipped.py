"""The lessons that ship: read, told apart, covered; a few of them are played here."""

import re

import pytest

from graphcore.errors import LessonError
from graphcore.lessons import courses
from graphcore.lessons.checking import check_lesson
from graphcore.lessons.handout import handout
from graphcore.lessons.languages import translated, translations
from graphcore.lessons.reader import read_lesson


@pytest.fixture(scope="module")
def shipped():
    return courses.collect(courses.shipped())


def rows(text):
    for line in text.splitlines():
        if found := re.fullmatch(r"\| (\d{3}) \| (.+) \| ([a-z0-9, -]+) \|", line):
            yield found[1], found[2], tuple(found[3].split(", "))


def test_the_table_of_concepts_is_what_the_lessons_say(shipped):
    table = {(text, what): names for text, what, names in
             rows((courses.shipped() / "coverage.md").read_text())}  # fmt: skip
    said = {}
    for lesson in shipped.lessons.values():
        for concept in lesson.header.concepts:
            text, _, what = concept.partition(": ")
            said.setdefault((text, what), []).append(lesson.id)
    assert table == {key: tuple(sorted(names)) for key, names in said.items()}


def test_what_has_no_lesson_is_listed_once_and_has_none(shipped):
    text = (courses.shipped() / "coverage.md").read_text()
    without = re.findall(r"^\| (\d{3}) \| ([^|]+) \|$", text, re.MULTILINE)
    named = {c for x in shipped.lessons.values() for c in x.header.concepts}
    assert without
    assert len(set(without)) == len(without)
    assert not {f"{course}: {what}" for course, what in without} & named


def test_a_lesson_belongs_to_the_courses_whose_concepts_it_names(shipped):
    assert [c.id for c in shipped.courses] == ["000", "001", "002", "003", "004"]
    for course in shipped.courses:
        named = {x.id for x in shipped.lessons.values()
                 if any(c.startswith(f"{course.id}:") for c in x.header.concepts)}  # fmt: skip
        assert set(course.order) == named


def test_every_lesson_asks_before_it_shows_and_helps_where_one_is_stuck(shipped):
    for lesson in shipped.lessons.values():
        assert lesson.predictions, lesson.id
        assert lesson.measures, lesson.id
        assert 2 <= len(lesson.steps) <= 8, lesson.id
        assert any(s.tasks for s in lesson.steps), lesson.id
        assert any(s.hints for s in lesson.steps), lesson.id
        assert any(s.notes for s in lesson.steps), lesson.id
        assert any(s.looks for s in lesson.steps), lesson.id
        assert all(after in shipped.lessons for after in lesson.header.after), lesson.id
        for step in lesson.steps:
            assert all(t.replies for t in step.tasks), (lesson.id, step.title)


def test_every_band_is_one_of_a_measure_and_of_ten_seeds(shipped):
    known = {f"{x.id}/{m}" for x in shipped.lessons.values() for m in x.measures}
    assert set(shipped.bands) <= known
    assert all(band.seeds >= 10 for band in shipped.bands.values())


@pytest.mark.parametrize("name", ["perceptron", "activations", "graph-chain-rule", "pooling"])
def test_a_lesson_keeps_its_word(shipped, name):
    assert check_lesson(shipped.lessons[name], shipped).faults == []


def test_a_handout_has_the_questions_and_what_came_of_them(shipped):
    page = handout(shipped.lessons["perceptron"])
    assert "<h2>2. Squash it</h2>" in page
    assert "☐ about -6" in page
    assert "{" not in re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert page.index("What came of it") < page.index("0.00247")


TRANSLATED = ("perceptron", "activations", "linear-only", "approximation", "forward-by-hand")


@pytest.mark.parametrize("name", TRANSLATED)
def test_a_translation_asks_and_does_what_its_lesson_does(shipped, name):
    lesson = shipped.lessons[name]
    found = translations(shipped.folder / f"{name}.lesson.md")
    assert set(found) == {"de", "fr"}
    for language, path in found.items():
        other, own = translated(lesson, path), read_lesson(path)
        assert own.header.language == language
        assert (other.hash, other.header.graph) == (lesson.hash, lesson.header.graph)
        assert own.header.title != lesson.header.title
        assert all(s.title != t.title for s, t in zip(own.steps, lesson.steps, strict=True))


def test_a_translation_that_does_something_else_is_refused(tmp_path, shipped):
    text = (shipped.folder / "perceptron.de.lesson.md").read_text()
    path = tmp_path / "perceptron.de.lesson.md"
    path.write_text(text.replace('"neuron.weight", 0, -4', '"neuron.weight", 0, -5'))
    with pytest.raises(LessonError, match="step 3 asks, does or shows something else"):
        translated(shipped.lessons["perceptron"], path)
