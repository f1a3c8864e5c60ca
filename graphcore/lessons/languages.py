"""A lesson in other languages: ``NAME.de.lesson.md`` beside ``NAME.lesson.md``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from graphcore.errors import LessonError
from graphcore.lessons.format import Lesson, Step
from graphcore.lessons.reader import ENDING, read_lesson

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?")


def translations(path: str | Path) -> dict[str, Path]:
    """Return the files of a lesson's other languages, by language."""
    path = Path(path)
    stem = path.name.removesuffix(ENDING)
    found = {}
    for other in sorted(path.parent.glob(f"{glob_escaped(stem)}.*{ENDING}")):
        language = other.name[len(stem) + 1 : -len(ENDING)]
        if _LANGUAGE.fullmatch(language) and other.is_file():
            found[language] = other
    return found


def glob_escaped(text: str) -> str:
    """A name in which a pattern of files finds nothing but itself."""
    return re.sub(r"([*?[])", r"[\1]", text)


def translated(lesson: Lesson, path: str | Path) -> Lesson:
    """Return a lesson in the language of a file; its answers stay comparable.

    Raises:
        LessonError: the file is damaged, or asks for other things than the lesson.
    """
    other = read_lesson(path)
    if why := difference(lesson, other):
        raise LessonError(f"{Path(path).name}: {why}")
    header = replace(
        lesson.header, title=other.header.title, idea=other.header.idea,
        language=other.header.language,
    )  # fmt: skip
    return replace(lesson, header=header, steps=other.steps, intro=other.intro)


def difference(lesson: Lesson, other: Lesson) -> str:
    """Say where a translation does other things than its lesson; "" if it does not."""
    if len(lesson.steps) != len(other.steps):
        return f"it has {len(other.steps)} steps, the lesson has {len(lesson.steps)}."
    for i, (one, two) in enumerate(zip(lesson.steps, other.steps, strict=True), 1):
        if _deeds(one) != _deeds(two):
            return f"step {i} asks, does or shows something else than in the lesson."
    return ""


def _deeds(step: Step) -> tuple[object, ...]:
    """All of a step but its words."""
    questions = tuple(
        (p.id, len(p.choices), p.right, str(p.outcome), p.tolerance) for p in step.predictions
    )
    tasks = tuple((str(t.check), tuple(str(r.when) for r in t.replies)) for t in step.tasks)
    measures = tuple((m.id, str(m.expression), m.band) for m in step.measures)
    looks = tuple((k.kind, k.name) for k in step.looks)
    actions = (tuple(map(str, step.setup)), tuple(map(str, step.solution)))
    return questions, tasks, measures, looks, actions, len(step.hints), len(step.parts)
