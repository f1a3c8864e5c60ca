"""Lessons in folders: a ``course.toml`` says which belong together and in which order."""

from __future__ import annotations

import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from graphcore.errors import LessonError, quote, short
from graphcore.files.atomic import write_atomically
from graphcore.lessons.format import Lesson, Measure
from graphcore.lessons.reader import ENDING, read_lesson
from graphcore.system import reading

COURSE, BANDS = "course.toml", "bands.json"
LARGEST_COURSE, LARGEST_ZIP, MOST_FILES = 64 << 10, 32 * reading.MIB, 400
LARGEST_ENTRY = 8 * reading.MIB
ENDINGS = (ENDING, ".graph.json", ".safetensors", ".gradrun", ".csv", ".tsv", COURSE, BANDS)
"""Of the files that may lie beside a lesson."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A section of a course text and the lessons that belong to it."""

    section: str
    lessons: tuple[str, ...]


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One course.

    Attributes:
        text: the course text that it follows.
        lessons: ids in order; with ``parts``, which say to which section each belongs, left out.
    """

    title: str
    id: str = ""
    text: str = ""
    lessons: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def order(self) -> tuple[str, ...]:
        """Ids of its lessons in order, each once."""
        named = self.lessons or tuple(n for p in self.parts for n in p.lessons)
        return tuple(dict.fromkeys(named))


class Band(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a measure fell over the seeds, and the band that was made of it."""

    low: float
    high: float
    values: tuple[float, ...]
    seeds: int
    date: str


@dataclass(frozen=True)
class Collection:
    """A folder of lessons.

    Attributes:
        lessons: id -> lesson, in the order of the files' names.
        bands: "lesson/measure" -> band.
    """

    folder: Path
    lessons: dict[str, Lesson]
    courses: tuple[Course, ...]
    bands: dict[str, Band]

    def band(self, lesson: Lesson, measure: Measure) -> tuple[float, float] | None:
        """The band of a measure: its own, or the one that was measured; None without either."""
        found = self.bands.get(f"{lesson.id}/{measure.id}")
        return measure.band or (None if found is None else (found.low, found.high))


def shipped() -> Path:
    """Folder of the courses that ship."""
    return Path(str(resources.files("resources") / "courses"))


def collect(path: str | Path) -> Collection:
    """Read a folder of lessons, a zip of one, or one lesson; raises LessonError."""
    path = Path(path)
    if path.name.endswith(ENDING):
        lesson = read_lesson(path)
        return Collection(path.parent, {lesson.id: lesson}, (), read_bands(path.parent))
    if path.suffix == ".zip":
        path = unpacked(path)
    if not path.is_dir():
        raise LessonError(
            f"There is no folder of lessons {short(path)}, no zip of one and no lesson."
        )
    files = sorted(p for p in path.glob(f"*{ENDING}") if "." not in p.name[: -len(ENDING)])
    if not files:
        raise LessonError(f"{short(path)} holds no lesson: their names end in {ENDING}.")
    if len(files) > MOST_FILES:
        raise LessonError(f"{short(path)} holds {len(files)} lessons; {MOST_FILES} are read.")
    lessons = {lesson.id: lesson for lesson in map(read_lesson, files)}
    return Collection(path, lessons, read_courses(path, lessons), read_bands(path))


def read_courses(folder: Path, lessons: dict[str, Lesson]) -> tuple[Course, ...]:
    """The courses of a folder; without ``course.toml`` all its lessons are one."""
    path = folder / COURSE
    if not path.exists():
        return (Course(title=folder.name, lessons=tuple(lessons)),)
    try:
        text = reading.read_bytes(path, LARGEST_COURSE, LessonError).decode()
        table: Any = tomllib.loads(text)
        rows = table.get("course", [table]) if isinstance(table, dict) else table
        courses = tuple(msgspec.convert(rows, list[Course]))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LessonError(f"{COURSE} is no TOML: {error}.") from None
    except (RecursionError, OverflowError, ValueError) as error:
        raise LessonError(f"{COURSE} does not describe courses: {error}.") from None
    for course in courses:
        for name in course.order:
            if name not in lessons:
                raise LessonError(f"{COURSE}: there is no lesson {quote(name)} in the folder.")
    return courses


def read_bands(folder: Path) -> dict[str, Band]:
    """The measured bands of a folder; none if there is no such file."""
    path = folder / BANDS
    if not path.exists():
        return {}
    try:
        data = reading.read_bytes(path, 4 * reading.MIB, LessonError)
        return msgspec.json.decode(data, type=dict[str, Band])
    except (msgspec.DecodeError, RecursionError) as error:
        raise LessonError(f"{BANDS} is damaged: {error}") from None


def encode(value: object) -> str:
    """A value as JSON on one line."""
    return msgspec.json.encode(value).decode()


def write_bands(folder: Path, bands: dict[str, Band]) -> None:
    """Write the measured bands of a folder."""
    rows = [f" {encode(k)}: {encode(b)}" for k, b in sorted(bands.items())]
    write_atomically(folder / BANDS, ("{\n" + ",\n".join(rows) + "\n}\n").encode())


def unpacked(path: Path, into: Path | None = None) -> Path:
    """The folder that the files of a zip were written to; raises LessonError.

    Only plain names that lessons use are taken, and no more than fits the limits.
    """
    folder = into or Path(tempfile.mkdtemp(prefix="gradscape-course-"))
    try:
        with (
            reading.opened(path, LARGEST_ZIP, LessonError) as file,
            zipfile.ZipFile(file) as packed,
        ):
            entries = [e for e in packed.infolist() if not e.is_dir()]
            if len(entries) > MOST_FILES:
                raise LessonError(f"{short(path.name)} holds more than {MOST_FILES} files.")
            for entry in entries:
                _unpack(packed, entry, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise LessonError(f"{short(path.name)} is no zip that can be read: {error}.") from None
    return folder


def _unpack(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    inner, _, name = entry.filename.rpartition("/")
    if name.startswith(".") or inner.startswith("__MACOSX"):
        return
    plain = (
        "/" not in inner
        and entry.filename[0] != "/"
        and inner not in (".", "..")
        and "\\" not in entry.filename
    )
    if not plain or not name.endswith(ENDINGS) or ":" in name:
        raise LessonError(f"A course has no room for {quote(entry.filename)}.")
    if entry.file_size > LARGEST_ENTRY:
        raise LessonError(f"{quote(entry.filename)} is larger than {LARGEST_ENTRY >> 20} MiB.")
    with packed.open(entry) as source:
        data = source.read(LARGEST_ENTRY + 1)
    if len(data) > LARGEST_ENTRY:
        raise LessonError(f"{quote(entry.filename)} is larger than {LARGEST_ENTRY >> 20} MiB.")
    write_atomically(folder / name, data)
