"""One table of a class's answers: who predicted what, who passed what, and what misled most."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from graphcore.lessons.answers import Answer, is_right, words
from graphcore.lessons.format import Lesson, Predict


@dataclass(frozen=True)
class Cell:
    """One entry: its words, and whether it is right (None: neither)."""

    text: str
    right: bool | None = None


@dataclass(frozen=True)
class Grades:
    """The answers to one lesson.

    Attributes:
        columns: titles behind the student's name.
        rows: student -> cells.
        misled: question -> commonest wrong prediction, and how many gave it.
        notes: sentences about files that do not fit the others.
    """

    lesson: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    misled: dict[str, tuple[str, int]]
    notes: tuple[str, ...] = ()
    passed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Graded:
    """Tables of several lessons.

    Attributes:
        refused: why answer files were not read.
    """

    tables: tuple[Grades, ...]
    refused: tuple[str, ...] = ()


def grade(
    answers: Sequence[Answer],
    lesson: Lesson | None = None,
    found: Mapping[str, float] | None = None,
) -> Grades:
    """Return the table of answers to one lesson.

    Args:
        lesson: without it predictions are not judged.
        found: outcome of each question for a number, as the app computes it.
    """
    questions = lesson.predictions if lesson else {}
    asked = list(questions) or list(dict.fromkeys(q for a in answers for q in a.predictions))
    checks = sorted({c for a in answers for c in a.checks}, key=_natural)
    if lesson:
        checks = [f"{i}.{j}" for i, s in enumerate(lesson.steps, 1)
                  for j in range(1, len(s.tasks) + 1)]  # fmt: skip
    rows, wrong, passed = [], {q: Counter[str]() for q in asked}, dict.fromkeys(checks, 0)
    for answer in sorted(answers, key=lambda a: a.student.casefold()):
        cells = [_prediction(answer, q, questions.get(q), found or {}) for q in asked]
        for q, cell in zip(asked, cells, strict=True):
            if cell.right is False and cell.text:
                wrong[q][cell.text] += 1
        for c in checks:
            done = answer.checks.get(c)
            passed[c] += bool(done and done.passed)
            cells.append(Cell(_done(done.passed, done.tries), done.passed) if done else Cell(""))
        rows.append((answer.student, tuple(cells)))
    misled = {q: counts.most_common(1)[0] for q, counts in wrong.items() if counts}
    titles = (*(f"predicts {q}" for q in asked), *(f"task {c}" for c in checks))
    name = lesson.header.title if lesson else (answers[0].lesson if answers else "")
    return Grades(name, titles, tuple(rows), misled, _notes(answers, lesson), passed)


def _natural(name: str) -> tuple[int, ...]:
    return tuple(int(p) if p.isdecimal() else 0 for p in name.split("."))


def _done(passed: bool, tries: int) -> str:
    return f"{'done' if passed else 'not done'}, {tries} tr{'y' if tries == 1 else 'ies'}"


def _prediction(
    answer: Answer, name: str, question: Predict | None, found: Mapping[str, float]
) -> Cell:
    if name not in answer.predictions:
        return Cell("")
    given = answer.predictions[name]
    if question is None:
        return Cell(f"{given:g}")
    return Cell(words(question, given), is_right(question, given, found.get(name)))


def _notes(answers: Sequence[Answer], lesson: Lesson | None) -> tuple[str, ...]:
    notes = []
    names = Counter(a.student for a in answers)
    notes += [f"{n} files bear the name {name}." for name, n in names.items() if n > 1]
    if lesson:
        others = [a.student for a in answers if a.lesson_hash != lesson.hash]
        if others:
            notes.append(f"Done with another version of the lesson: {', '.join(others)}.")
    return tuple(notes)


def as_csv(grades: Grades) -> str:
    """The table as comma-separated text; no cell begins a formula of a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["student", *grades.columns])
    for student, cells in grades.rows:
        writer.writerow([_harmless(student), *(_harmless(c.text) for c in cells)])
    return out.getvalue()


def _harmless(text: str) -> str:
    try:
        float(text)
    except ValueError:
        return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
    return text


def as_html(grades: Grades) -> str:
    """The table as one HTML page."""
    head = "".join(f"<th>{escape(c)}</th>" for c in ("student", *grades.columns))
    body = "".join(
        f"<tr><th>{escape(student)}</th>{''.join(map(_cell, cells))}</tr>"
        for student, cells in grades.rows
    )
    count = len(grades.rows)
    misled = "".join(
        f"<li>{escape(q)}: {escape(text)} ({n} of {count})</li>"
        for q, (text, n) in grades.misled.items()
    )
    notes = "".join(f"<p>{escape(n)}</p>" for n in grades.notes)
    wrong = f"<h2>Commonest wrong predictions</h2><ul>{misled}</ul>" if misled else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(grades.lesson)}'
        f"</title><style>{_STYLE}</style><h1>{escape(grades.lesson)}</h1>{notes}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{wrong}</html>\n"
    )


_STYLE = """
body{font:16px/1.5 sans-serif;margin:2em;color:#1c1c1e;background:#fff}
table{border-collapse:collapse}th,td{border:1px solid #c8c8cc;padding:.3em .6em;text-align:left}
.right::before{content:"✓ "}.wrong::before{content:"✗ "}.wrong{background:#fbe9e7}
"""


def _cell(cell: Cell) -> str:
    kind = {True: ' class="right"', False: ' class="wrong"', None: ""}[cell.right]
    return f"<td{kind}>{escape(cell.text)}</td>"
