"""What a student hands in: one file of predictions, checks with their values, and the graph."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from graphcore.errors import LessonError, short
from graphcore.files.atomic import write_atomically
from graphcore.lessons.format import Lesson, Predict
from graphcore.system import reading

ENDING = ".answer.json"
LARGEST = 8 * reading.MIB
LONGEST_NAME = 80


class Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A check that was asked for, and what it came to.

    Attributes:
        tries: how often it was asked.
        values: what its functions gave, as text, at the last try.
    """

    check: str
    passed: bool
    tries: int = 1
    values: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One student's answers to one lesson.

    Attributes:
        lesson, lesson_hash: id and content hash of the lesson.
        student: the name that was typed.
        predictions: question -> place of the choice, or the number.
        checks: "step.task", counted from 1 -> how it went.
        graph: the graph file's text at the end.
        hash: of everything else, so that an accidental change is noticed.
    """

    format: int = 1
    lesson: str
    lesson_hash: str
    student: str
    seed: int
    version: str
    predictions: dict[str, float] = {}
    checks: dict[str, Checked] = {}
    graph: str = ""
    hash: str = ""


def signed(answer: Answer) -> Answer:
    """The same answers with the hash of their content, in the types that a file gives."""
    answer = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
    return msgspec.structs.replace(answer, hash=_hash(answer))


def write_answer(path: str | Path, answer: Answer) -> None:
    """Write an answer file, its hash in it."""
    text = msgspec.json.format(msgspec.json.encode(signed(answer)), indent=1)
    write_atomically(Path(path), text + b"\n")


def read_answer(path: str | Path) -> Answer:
    """Return the answers in a file; raises LessonError if it is damaged or was changed."""
    name = short(Path(path).name)
    data = reading.read_bytes(path, LARGEST, LessonError)
    try:
        found = msgspec.json.decode(data, type=Answer)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise LessonError(f"{name} is no answer file: {error}") from None
    if found.format != 1:
        raise LessonError(f"{name} has the format {found.format}; this program reads 1.")
    if found.hash != _hash(found):
        raise LessonError(f"{name} was changed after it was handed in: its hash does not fit.")
    if len(found.student) > LONGEST_NAME:
        raise LessonError(f"{name} has a name of {len(found.student)} characters.")
    return found


def is_right(question: Predict, given: float, outcome: float | None) -> bool | None:
    """Whether a prediction came true; None while its outcome is not known.

    Args:
        outcome: what the app found, for a question for a number.
    """
    if question.choices:
        return given == question.right
    if outcome is None:
        return None
    room = question.tolerance
    room = -room * abs(outcome) if room < 0 else room
    return math.isfinite(given) and abs(given - outcome) <= room


def words(question: Predict, given: float) -> str:
    """A prediction as it is written in a table."""
    if question.choices:
        place = int(given) if 0 <= given < len(question.choices) else -1
        return question.choices[place] if place >= 0 else "?"
    return f"{given:g}"


def _hash(answer: Answer) -> str:
    plain: Mapping[str, Any] = msgspec.to_builtins(msgspec.structs.replace(answer, hash=""))
    return hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def outcomes(lesson: Lesson) -> list[str]:
    """Ids of the questions for a number."""
    return [p.id for p in lesson.predictions.values() if p.outcome is not None]
