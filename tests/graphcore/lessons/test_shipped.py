"""The lessons that ship: read, told apart, covered; a few of them are played here."""

import math
import re

import msgspec
import pytest
import torch

from graphcore import files, presets
from graphcore.errors import LessonError
from graphcore.lessons import courses
from graphcore.lessons.checking import check_lesson
from graphcore.lessons.facts.experiments import curvature
from graphcore.lessons.handout import handout
from graphcore.lessons.languages import translated, translations
from graphcore.lessons.reader import read_lesson
from graphcore.lessons.state import State
from graphcore.session import messages as m
from graphcore.session.session import Session


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


def test_no_concept_is_left_without_a_lesson():
    text = (courses.shipped() / "coverage.md").read_text()
    table = [line for line in text.splitlines() if re.match(r"\| \d{3} ", line)]
    assert len(table) == len(list(rows(text)))
    assert len({tuple(line.split("|")[1:3]) for line in table}) == len(table)


def test_a_lesson_belongs_to_the_courses_whose_concepts_it_names(shipped):
    assert [c.id for c in shipped.courses] == ["000", "001", "002", "003", "004"]
    for course in shipped.courses:
        named = {x.id for x in shipped.lessons.values()
                 if any(c.startswith(f"{course.id}:") for c in x.header.concepts)}  # fmt: skip
        assert set(course.order) == named


def test_the_curvature_says_which_rates_diverge():
    """Of a line's squared error it is the largest eigenvalue of 2 [[mean x², mean x], [mean x, 1]].

    It stays so far from the lowest point, and training agrees on both sides of 2 / curvature.
    """
    session = Session(lambda reply: None, "cpu")
    graph = presets.load("linear-regression")
    graph.set_training(msgspec.structs.replace(graph.training, batch=1000, epochs=300))
    session.load(m.Load(files.dumps(graph)))
    trainer = session.trainer
    x = trainer.train_x.double()
    mean, square = float(x.mean()), float((x * x).mean())
    hessian = torch.tensor([[square, mean], [mean, 1.0]], dtype=torch.float64) * 2
    exact = float(torch.linalg.eigvalsh(hessian).max())
    for rate, low, high in ((0.97, 0, 1), (1.03, 1e6, math.inf)):
        trainer.reset()
        trainer.set_rate(rate * 2 / exact)
        list(trainer.steps())
        assert low < trainer.evaluate(trainer.data.train).loss < high
        assert curvature(State(session)) == pytest.approx(exact, rel=1e-3)


def test_the_new_student_is_in_no_row_of_the_table(shipped):
    lesson = shipped.lessons["will-i-pass"]
    rows_ = lesson.header.settings["dataset_options"]["points"].split(";")
    known = {tuple(map(float, row.split()[:2])) for row in rows_}
    text = (courses.shipped() / "will-i-pass.lesson.md").read_text()
    asked = {tuple(map(float, found)) for found in re.findall(r"probability\(\[(\d+), (\d+)", text)}
    assert len(known) == 20
    assert len(asked) == 3
    assert not asked & known


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


BY_HAND = {
    "inspector": {"attribute", "input", "swap", "initializer", "weight", "freeze"},
    "training": {"set", "option", "augment", "optimizer_option"},
}
"""Panel -> actions of solutions that are done by hand in it."""


def test_a_lesson_shows_the_panels_that_its_tasks_are_done_in(shipped):
    for lesson in shipped.lessons.values():
        done = {call.name for step in lesson.steps for call in step.solution}
        for panel, actions in BY_HAND.items():
            assert panel in lesson.header.panels or not done & actions, (lesson.id, panel)


def test_every_band_is_one_of_a_measure_and_of_ten_seeds(shipped):
    known = {f"{x.id}/{m}" for x in shipped.lessons.values() for m in x.measures}
    assert set(shipped.bands) <= known
    assert all(band.seeds >= 10 for band in shipped.bands.values())


@pytest.mark.parametrize(
    "name", ["perceptron", "activations", "graph-chain-rule", "pooling", "in-code"]
)
def test_a_lesson_keeps_its_word(shipped, name):
    assert check_lesson(shipped.lessons[name], shipped).faults == []


def test_a_handout_has_the_questions_and_what_came_of_them(shipped):
    page = handout(shipped.lessons["perceptron"])
    assert "<h2>2. Squash it</h2>" in page
    assert "☐ about -6" in page
    assert "{" not in re.sub(r"<style>.*?</style>|<svg.*?</svg>", "", page, flags=re.DOTALL)
    assert page.index("What came of it") < page.index("0.00247")


def test_a_figure_of_an_earlier_step_is_what_came_out_there(tmp_path):
    path = tmp_path / "twice.lesson.md"
    steps = [
        f"""## {name}
```solution
input("z", {z})
```
```reveal
{text}
```
```measure {name}
value("y")
```
"""
        for name, z, text in (("one", 1, "first"), ("two", 5, "{two:.0f} against {one:.0f}"))
    ]
    path.write_text('+++\ntitle = "Twice"\nformula = "y = 2*z"\n+++\n' + "".join(steps))
    assert "10 against 2" in handout(read_lesson(path))


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
