"""Whether a lesson holds what it says: played once, solution, checks, highlights and figures."""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from graphcore.errors import GradscapeError, LessonError
from graphcore.errors import sentence as one_sentence
from graphcore.lessons.courses import Band, Collection
from graphcore.lessons.format import Lesson, Measure, Reveal, Step, Task, Text
from graphcore.lessons.language import Expression, Value
from graphcore.lessons.play import Play

NO_BAND = "has no band: lesson check --seeds 10 makes one."
MARGIN, LEAST = 0.75, 1e-3
"""A band is wider than what was measured by so much of its width and of its largest number. Ten
normally distributed figures and a margin of 0.75 leave out one further seed in two hundred; with
0.25 it would be one in seventeen, and one band in four would not hold for 19 of 20 seeds."""


@dataclass
class Report:
    """What playing a lesson came to.

    Attributes:
        faults: sentences, each with the line that it is about.
        measured: measure -> figure.
        missing: a data set that the lesson needs and that is not there; "" if none.
    """

    lesson: Lesson
    seed: int
    faults: list[str] = field(default_factory=list)
    measured: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    missing: str = ""

    def fault(self, line: int, sentence: str) -> None:
        """Note a fault at a line."""
        self.faults.append(one_sentence(f"{self.lesson.id}, line {line}: {sentence}"))


def check_lesson(lesson: Lesson, collection: Collection | None = None, seed: int | None = None,
                 *, bands: bool = True) -> Report:  # fmt: skip
    """Play a lesson and return what is wrong with it.

    Args:
        collection: where its bands stand.
        seed: in place of the lesson's own; bands are those of any seed.
        bands: whether a measure without a band, or outside of it, is a fault.
    """
    report = Report(lesson, lesson.header.seed if seed is None else seed)
    begun = time.monotonic()
    try:
        play = Play(lesson, seed)
        for step in lesson.steps:
            _check_step(play, step, report, collection if bands else None, bands)
    except LessonError as error:
        report.faults.append(f"{lesson.id}, {error}")
    except GradscapeError as error:
        report.faults.append(f"{lesson.id}: {error}")
    report.seconds = time.monotonic() - begun
    return report


def _check_step(
    play: Play, step: Step, report: Report, collection: Collection | None, bands: bool
) -> None:
    play.enter(step)
    for look in step.looks:
        if why := play.missing(look):
            report.fault(look.line, f"{why}.")
    for task in step.tasks:
        if holds(play, task):
            report.fault(task.line, f"the check {task.check} holds before anything was done.")
    play.solve(step)
    for task in step.tasks:
        if why := failure(play, task):
            report.fault(task.line, why)
    _check_numbers(play, step, report)
    for measure in step.measures:
        figure = _evaluated(play, measure.expression, measure.line, report)
        if figure is not None:
            report.measured[measure.id] = float(figure)
            if bands:
                _hold_to_band(report, measure, collection)


def _check_numbers(play: Play, step: Step, report: Report) -> None:
    """Every number in a text, and the outcome of every question, has a value."""
    for text in texts(step):
        for live in text.lives.values():
            _evaluated(play, live.expression, text.line, report)
    for question in step.predictions:
        if question.outcome is not None:
            _evaluated(play, question.outcome, question.line, report)


def _hold_to_band(report: Report, measure: Measure, collection: Collection | None) -> None:
    band = measure.band
    if collection is not None:
        band = collection.band(report.lesson, measure)
    figure = report.measured[measure.id]
    if band is None:
        report.fault(measure.line, f"{measure.id} {NO_BAND}")
    elif not band[0] <= figure <= band[1]:
        report.fault(measure.line, f"{measure.id} is {figure:.6g}, outside of its band "
                     f"{band[0]:.6g} .. {band[1]:.6g}.")  # fmt: skip


def holds(play: Play, task: Task) -> bool:
    """Whether a task's check holds now; one that cannot be evaluated yet does not."""
    assert task.check is not None
    try:
        return bool(play.state.value(task.check))
    except GradscapeError:
        return False


def failure(play: Play, task: Task) -> str:
    """Why a task's check does not hold after the solution; "" if it does."""
    assert task.check is not None
    try:
        if play.state.value(task.check):
            return ""
        found = ", ".join(f"{c} is {_shown(play.state.ask(c))}" for c in task.check.calls)
        return f"after the solution the check {task.check} does not hold: {found}."
    except GradscapeError as error:
        return f"after the solution the check {task.check} cannot be evaluated: {error}"


def _shown(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)


def _evaluated(play: Play, expression: Expression, line: int, report: Report) -> Value | None:
    try:
        return play.state.value(expression)
    except GradscapeError as error:
        report.fault(line, f"{expression} has no value: {error}")
        return None


def texts(step: Step) -> Iterator[Text]:
    """All texts of a step that are shown once it is done."""
    for part in step.parts:
        if isinstance(part, Text):
            yield part
        elif isinstance(part, Reveal | Task):
            yield part.text
    yield from step.hints
    yield from step.notes


def band_of(values: list[float]) -> Band:
    """The band that figures of several seeds make."""
    low, high = min(values), max(values)
    apart = sorted(set(values))
    step = min((b - a for a, b in pairwise(apart)), default=0.0)  # such as one sample of a share
    room = max(MARGIN * (high - low), step, LEAST * max(abs(low), abs(high)), 1e-9)
    today = datetime.date.today().isoformat()
    places = [float(f"{v:.6g}") for v in values]
    skewed = low > 0 and high > 5 * low  # such as losses, which then spread in factors
    top = max(high + room, high * (high / low) ** MARGIN if skewed else high)
    return Band(_rounded(low - room, math.floor), _rounded(top, math.ceil),
                tuple(places), len(values), today)  # fmt: skip


def _rounded(value: float, way: Callable[[float], int]) -> float:
    """A number to four significant digits, away from the band's middle."""
    if value == 0 or not math.isfinite(value):
        return value
    unit = 10.0 ** (math.floor(math.log10(abs(value))) - 3)
    return float(f"{way(value / unit) * unit:.4g}")
