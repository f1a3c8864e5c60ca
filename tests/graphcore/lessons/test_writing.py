"""The text of a lesson while it is written."""

import pytest

from graphcore.lessons import writing
from graphcore.lessons.reader import parse_lesson
from graphcore.lessons.recording import Proposal

NEW = writing.begun('One "neuron"\\', "perceptron", ["inspector", "walk"], 3)


def read(text):
    return parse_lesson(text.encode(), "new.lesson.md")


def test_a_new_lesson_can_be_read_as_it_is():
    lesson = read(NEW)
    assert lesson.header.title == 'One "neuron"\\'
    assert (lesson.header.panels, lesson.header.seed) == (("inspector", "walk"), 3)
    assert [s.title for s in lesson.steps] == ["First step"]


@pytest.mark.parametrize("old", ['panels = ["inspector", "walk"]\n',
                                 'panels = [\n  "inspector",\n  "walk",\n]\n', ""])  # fmt: skip
def test_an_entry_is_set_wherever_and_however_it_stands(old):
    text = NEW.replace('panels = ["inspector", "walk"]\n', old)
    changed = writing.with_entry(text, "panels", writing.listed(["training"]))
    assert read(changed).header.panels == ("training",)
    assert changed.count("panels") == 1
    assert read(changed).header.seed == 3


def test_blocks_are_put_at_the_end_of_the_step_one_is_in():
    text = NEW + "\n" + writing.step("Second")
    first, second = writing.step_lines(text)
    assert writing.step_at(text, 0) == writing.step_at(text, first) == 0
    assert writing.step_at(text, second + 1) == 1
    lines = text.split("\n")
    end = writing.step_end(text, first)
    done = Proposal('edited("neuron.weight")', "not yet: y is {value('y'):.2f}")
    put = writing.task("Change it.", [done], ['weight("neuron.weight", 0, -4)'])
    put += writing.question(text) + writing.looks(["y"])
    whole = "\n".join([*lines[:end], put, *lines[end:]])
    lesson = read(whole)
    assert str(lesson.steps[0].tasks[0].check) == 'edited("neuron.weight")'
    assert lesson.steps[0].solution
    assert [look.name for look in lesson.steps[0].looks] == ["y"]
    assert lesson.steps[1].tasks == ()
    assert "question2" in writing.question(whole)


def test_a_heading_in_a_block_begins_no_step():
    text = NEW + "```note\n## no step\n```\n"
    assert len(writing.step_lines(text)) == 1
