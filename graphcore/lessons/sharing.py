"""One file that holds a lesson, or a course, and all that it needs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from graphcore import datasets
from graphcore.errors import GradscapeError, LessonError, short
from graphcore.files import graph_file
from graphcore.files.atomic import write_atomically
from graphcore.graph.graph import Graph
from graphcore.lessons.courses import BANDS, ENDINGS, LARGEST_ENTRY, LARGEST_ZIP
from graphcore.lessons.format import Lesson
from graphcore.lessons.languages import translations
from graphcore.lessons.reader import ENDING, read_lesson
from graphcore.system import reading

_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in it: the same lesson makes the same file."""


def pack(path: str | Path, out: str | Path) -> tuple[str, ...]:
    """Write a lesson, or a folder of lessons, as one file. Return the names of what is in it.

    Raises:
        LessonError: a lesson is damaged, lacks a file that it names, or is too large.
    """
    path = Path(path)
    files = _of_folder(path) if path.is_dir() else _of_lesson(path)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for each in files:
            entry = zipfile.ZipInfo(each.name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, reading.read_bytes(each, LARGEST_ENTRY, LessonError))
    data = packed.getvalue()
    if len(data) > LARGEST_ZIP:
        raise LessonError(f"The lesson takes {len(data) >> 20} MiB; {LARGEST_ZIP >> 20} are read.")
    write_atomically(Path(out), data)
    return tuple(each.name for each in files)


def _of_folder(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.iterdir() if p.is_file() and p.name.endswith(ENDINGS))
    lessons = [p for p in found if p.name.endswith(ENDING)]
    if not lessons:
        raise LessonError(f"{short(folder)} holds no lesson: their names end in {ENDING}.")
    for each in lessons:
        _check(each)
    return found


def _of_lesson(path: Path) -> list[Path]:
    lesson = _check(path)
    beside = [path.parent / name for name in files_of(lesson)]
    bands = [path.parent / BANDS] if (path.parent / BANDS).is_file() and any(
        m.band is None for m in lesson.measures.values()) else []  # fmt: skip
    return [path, *translations(path).values(), *dict.fromkeys(beside), *bands]


def _check(path: Path) -> Lesson:
    """Read a lesson, and see that what it names lies beside it."""
    lesson = read_lesson(path)
    for name in files_of(lesson):
        found = path.parent / name
        if found.is_symlink() or not found.is_file():
            raise LessonError(f"{path.name} needs {short(name)}, which does not lie beside it.")
    return lesson


def files_of(lesson: Lesson) -> Iterator[str]:
    """Names of the files beside a lesson that it uses."""
    if lesson.header.graph.endswith(".json"):
        yield lesson.header.graph
        yield from _data_of(lesson)
    options = lesson.header.settings.get("dataset_options")
    calls = [call for step in lesson.steps for call in (*step.setup, *step.solution)]
    if isinstance(options, dict):
        yield from (str(v) for v in options.values() if _is_file(v))
    for call in calls:
        yield from (str(v) for v in call.arguments if _is_file(v))


def _data_of(lesson: Lesson) -> Iterator[str]:
    """Tables that the graph of a lesson is trained on."""
    assert lesson.folder is not None
    try:
        options = graph_file.load(lesson.folder / lesson.header.graph).training.dataset_options
    except GradscapeError as error:
        raise LessonError(str(error)) from None
    yield from (str(v) for v in options.values() if _is_file(v))


def with_data(graph: Graph, folder: Path) -> Graph:
    """Return a copy of a graph whose table lies in a folder and is named there.

    Raises:
        LessonError: what its data set reads is too large, or no table.
    """
    copy, training = graph.copy(), graph.training
    if training.dataset not in datasets.names():
        return copy
    names = [o.name for o in datasets.describe(training.dataset).options if o.path]
    options = dict(training.dataset_options)
    for name in names:
        if value := options.get(name):
            path = Path(str(value))
            if not path.name.endswith((".csv", ".tsv")):
                raise LessonError(f"A lesson can take a table along, not {short(path.name)}.")
            data = reading.read_bytes(path, LARGEST_ENTRY, LessonError)
            if path.parent.resolve() != folder.resolve():
                write_atomically(folder / path.name, data)
            options[name] = path.name
    copy.set_training(msgspec.structs.replace(training, dataset_options=options))
    return copy


def _is_file(value: object) -> bool:
    return isinstance(value, str) and value.endswith(ENDINGS) and "/" not in value
