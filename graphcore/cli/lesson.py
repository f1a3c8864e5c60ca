"""``gradscape lesson``: play lessons, grade answers, write a handout or one file to share."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from graphcore import datasets, files
from graphcore.cli import train as train_cli
from graphcore.engine import processor
from graphcore.errors import GradscapeError, LessonError
from graphcore.graph.drawing.picture import graph_picture
from graphcore.lessons import answers, courses, grading, sharing
from graphcore.lessons.checking import NO_BAND, Report, band_of, check_lesson
from graphcore.lessons.courses import Collection
from graphcore.lessons.format import Lesson
from graphcore.lessons.functions import help_text
from graphcore.lessons.handout import handout
from graphcore.lessons.languages import translated, translations
from graphcore.lessons.play import Play, first_graph
from graphcore.lessons.reader import ENDING, read_lesson

AT_FAULT = 1


def add_options(parser: argparse.ArgumentParser) -> None:
    """Options of ``lesson``."""
    what = parser.add_subparsers(dest="what", required=True)
    check = what.add_parser("check", help="play every lesson once and hold it to what it says")
    check.add_argument("path", help="folder or zip of lessons, or one lesson")
    check.add_argument("--seeds", type=int, default=0, metavar="N",
                       help="play with N seeds and write the bands into bands.json")  # fmt: skip
    check.add_argument("--only", default="", metavar="ID", help="this lesson alone, also again")
    check.add_argument("--allow-missing", action="store_true",
                       help="lessons whose data are not there are no fault")  # fmt: skip
    check.add_argument("--json", action="store_true", help="print one JSON object at the end")
    check.add_argument("--draft", action="store_true",
                       help="a measure without a band is no fault yet")  # fmt: skip
    grade = what.add_parser("grade", help="make one table of answer files")
    grade.add_argument("answers", nargs="+", type=Path, help="answer files, or folders of them")
    grade.add_argument("--lesson", type=Path, help="the lesson file, if it does not ship")
    grade.add_argument("--csv", type=Path, metavar="FILE", help="write the table as CSV")
    grade.add_argument("--json", type=Path, metavar="FILE", help="write tables and refusals")
    grade.add_argument("--html", type=Path, metavar="FILE", help="write the table as a page")
    export = what.add_parser("export", help="write a static handout of a lesson")
    export.add_argument("file", help="lesson file, or the name of one that ships")
    export.add_argument("--html", action="store_true", help="as HTML (the only form so far)")
    export.add_argument("--out", type=Path, metavar="FILE", help="left out, LESSON.html")
    pack = what.add_parser("pack", help="write a lesson, or a folder of them, as one file")
    pack.add_argument("path", help="name of a shipped lesson, a file, or a folder of lessons")
    pack.add_argument("--out", type=Path, metavar="FILE", help="left out, NAME.zip")
    what.add_parser("help", help="list what checks may ask and solutions may do")


def run(options: argparse.Namespace) -> int:
    """Run ``lesson check``, ``grade``, ``export``, ``pack`` or ``help``."""
    commands = {"check": _check, "grade": _grade, "export": _export, "pack": _pack,
                "help": _help}  # fmt: skip
    return commands[options.what](options)


def _help(options: argparse.Namespace) -> int:
    print(help_text())
    return train_cli.DONE


# -- check ----------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    processor.set_up()
    collection = courses.collect(options.path)
    chosen = [n for n in collection.lessons if not options.only or n == options.only]
    if not chosen:
        raise LessonError(f"There is no lesson {options.only} in {options.path}.")
    if options.seeds:
        return _measure(options, collection, chosen)
    reports = []
    for name in chosen:
        reports.append(_checked(collection.lessons[name], collection, not options.draft))
        _say(reports[-1])
    faults = [fault for r in reports for fault in r.faults]
    missing = [r.lesson.id for r in reports if r.missing]
    if options.json:
        print(json.dumps(_summary(reports)))
    else:
        seconds = sum(r.seconds for r in reports)
        print(f"{len(reports)} lessons, {len(faults)} faults, {len(missing)} skipped, "
              f"{seconds:.0f} s.")  # fmt: skip
    bad = bool(faults) or (bool(missing) and not options.allow_missing)
    return AT_FAULT if bad else train_cli.DONE


def _checked(lesson: Lesson, collection: Collection, bands: bool = True) -> Report:
    if missing := _missing(lesson):
        return Report(lesson, lesson.header.seed, missing=missing)
    report = check_lesson(lesson, collection)
    if not bands:
        report.faults = [fault for fault in report.faults if NO_BAND not in fault]
    for path in translations(collection.folder / f"{lesson.id}{ENDING}").values():
        try:
            translated(lesson, path)
        except LessonError as error:
            report.faults.append(str(error))
    return report


def _missing(lesson: Lesson) -> str:
    """A data set that a lesson needs and that is not on this machine; "" if none."""
    if "mnist" in lesson.header.needs and datasets.find_mnist() is None:
        return "mnist"
    return ""


def _say(found: Report) -> None:
    if found.missing:
        print(f"skipped  {found.lesson.id}: {found.missing} is not here", file=sys.stderr)
        return
    state = "faulty " if found.faults else "holds  "
    print(f"{state}  {found.lesson.id:24} {found.seconds:6.1f} s", file=sys.stderr, flush=True)
    for fault in found.faults:
        print(f"         {fault}", file=sys.stderr, flush=True)


def _summary(reports: Sequence[Report]) -> dict[str, object]:
    return {
        "lessons": [
            {"lesson": r.lesson.id, "seconds": round(r.seconds, 3), "faults": r.faults,
             "measured": r.measured, "missing": r.missing or None} for r in reports
        ],
        "faults": sum(len(r.faults) for r in reports),
        "skipped": [r.lesson.id for r in reports if r.missing],
    }  # fmt: skip


def _measure(options: argparse.Namespace, collection: Collection, chosen: list[str]) -> int:
    """Play with several seeds and write the bands after each lesson; those done are left out."""
    faulty = False
    for name in chosen:
        lesson = collection.lessons[name]
        keys = {f"{name}/{m}" for m in lesson.measures}
        known = [b for k, b in collection.bands.items() if k in keys and b.seeds >= options.seeds]
        if (len(known) == len(keys) and not options.only) or _missing(lesson):
            continue
        values: dict[str, list[float]] = {}
        for seed in range(options.seeds):
            played = check_lesson(lesson, collection, seed, bands=False)
            _say(played)
            faulty |= bool(played.faults)
            for measure, value in played.measured.items():
                values.setdefault(f"{name}/{measure}", []).append(value)
        others = courses.read_bands(collection.folder)  # as another process may have left them
        kept = {k: b for k, b in others.items() if not k.startswith(f"{name}/")}
        found = {k: band_of(v) for k, v in values.items()}
        courses.write_bands(collection.folder, {**kept, **found})
    return AT_FAULT if faulty else train_cli.DONE


# -- grade and export -----------------------------------------------------------------------------


def _grade(options: argparse.Namespace) -> int:
    paths = [p for given in options.answers for p in _answer_files(given)]
    if not paths:
        raise LessonError(f"There is no answer file: their names end in {answers.ENDING}.")
    read, refused = [], []
    for path in paths:
        try:
            read.append(answers.read_answer(path))
        except GradscapeError as error:
            refused.append(str(error))
    for sentence in refused:
        print(f"gradscape: {sentence}", file=sys.stderr)
    folders = list(dict.fromkeys(p.parent for p in paths))
    tables = [_table(name, [a for a in read if a.lesson == name], options.lesson, folders)
              for name in dict.fromkeys(a.lesson for a in read)]  # fmt: skip
    if options.json:
        graded = grading.Graded(tuple(tables), tuple(refused))
        files.write_atomically(options.json, msgspec.json.encode(graded))
    for table in tables:
        print(grading.as_csv(table))
        for question, (text, count) in table.misled.items():
            print(f"commonest wrong prediction of {question}: {text} ({count})")
    if options.csv:
        text = "\n".join(map(grading.as_csv, tables))
        files.write_atomically(options.csv, text.encode())
    if options.html:
        files.write_atomically(options.html, "\n".join(map(grading.as_html, tables)).encode())
    return AT_FAULT if refused else train_cli.DONE


def _answer_files(given: Path) -> list[Path]:
    return sorted(given.glob(f"*{answers.ENDING}")) if given.is_dir() else [given]


def _table(
    name: str, given: list[answers.Answer], file: Path | None, folders: Sequence[Path]
) -> grading.Grades:
    """The table of the answers to a lesson: one that is named, lies beside them, or ships."""
    lesson = None
    for path in (file, *(f / f"{name}{ENDING}" for f in (*folders, courses.shipped()))):
        if path is not None and path.exists() and lesson is None:
            found = read_lesson(path)
            lesson = found if found.id == name else None
    if lesson is None:
        table = grading.grade(given)
        missing = f"{name}{ENDING} does not lie beside the answers: predictions are not judged."
        return replace(table, notes=(*table.notes, missing))
    return grading.grade(given, lesson, _outcomes(lesson))


def _outcomes(lesson: Lesson) -> dict[str, float]:
    """What the app finds for each question for a number, the lesson played once."""
    if not answers.outcomes(lesson) or _missing(lesson):
        return {}
    found: dict[str, float] = {}
    play = Play(lesson)
    for step in lesson.steps:
        play.enter(step)
        play.solve(step)
        for question in step.predictions:
            if question.outcome is not None:
                found[question.id] = float(play.state.value(question.outcome))
    return found


def _found(given: str) -> Path:
    """Return the file that is given, or that of the shipped lesson of this name."""
    path = Path(given)
    if not path.exists() and "/" not in given and "." not in given:
        path = courses.shipped() / f"{given}{ENDING}"
    return path


def _export(options: argparse.Namespace) -> int:
    lesson = read_lesson(_found(options.file))
    page = handout(lesson, graph_picture(first_graph(lesson)))
    out: Path = options.out or Path(f"{lesson.id}.html")
    files.write_atomically(out, page.encode())
    print(out)
    return train_cli.DONE


def _pack(options: argparse.Namespace) -> int:
    path = _found(options.path)
    out: Path = options.out or Path(f"{path.name.removesuffix(ENDING)}.zip")
    sharing.pack(path, out)
    print(out)
    return train_cli.DONE
