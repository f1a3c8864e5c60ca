"""Graph files (``*.graph.json``): JSON that a person can read and compare.

Every file says its ``format_version``. A file of an earlier version passes through the
migrations, one version at a time; a file of a later version is refused by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from graphcore.errors import FileError, GradscapeError, quote, short
from graphcore.files.atomic import write_atomically
from graphcore.files.json_text import format_json
from graphcore.files.records import GraphRecord, graph_of, record_of, validation_sentence
from graphcore.graph.graph import Graph
from graphcore.system import reading

FORMAT_VERSION = 1
MAX_BYTES = 32 * reading.MIB
MOST_VALUES = 1_500_000
"""In lists and objects: some twenty to a node. Half a gigabyte would go to the brackets alone."""

Migration = Callable[[dict[str, Any]], dict[str, Any]]
MIGRATIONS: dict[int, Migration] = {}
"""Version -> function that turns a file's content of that version into the next version's."""


def save(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write the graph to a file, whole or not at all; raises FileError."""
    write_atomically(path, dumps(graph))


def load(path: str | os.PathLike[str]) -> Graph:
    """The graph in a file; raises FileError, which names the file and what is wrong with it."""
    file = Path(path)
    data = reading.read_bytes(file, MAX_BYTES)
    try:
        return loads(data)
    except FileError as error:
        raise FileError(f"{short(file.name)}: {error}") from error


def dumps(graph: Graph) -> bytes:
    """The graph as the content of a file; raises FileError."""
    return text_of(record_of(graph)).encode("utf-8", "replace")


def loads(data: bytes) -> Graph:
    """The graph in the content of a file; raises FileError."""
    try:
        return graph_of(read_record(data))
    except FileError:
        raise
    except GradscapeError as error:
        raise FileError(str(error)) from error
    except RecursionError:
        raise FileError("It is nested too deeply to be a graph.") from None


def text_of(record: GraphRecord) -> str:
    """The text of a file that holds these records."""
    try:
        return format_json({"format_version": FORMAT_VERSION, **msgspec.to_builtins(record)}) + "\n"
    except (TypeError, ValueError) as error:
        reason = str(error).lower()
        raise FileError(f"A setting cannot be written as JSON: {reason}.") from error


def read_record(data: bytes) -> GraphRecord:
    """The records in the content of a file of any known version; raises FileError."""
    content = _parse(data)
    version = content.pop("format_version")
    while version < FORMAT_VERSION:
        content = MIGRATIONS[version](content)
        version += 1
    try:
        return msgspec.convert(content, GraphRecord)
    except msgspec.ValidationError as error:
        raise FileError(validation_sentence(error)) from None


def _parse(data: bytes) -> dict[str, Any]:
    """The JSON object, whose ``format_version`` is one that can be read."""
    if sum(map(data.count, (b"{", b"[", b","))) > MOST_VALUES:
        raise FileError("It holds more values than any graph has.")
    try:
        data.decode("utf-8")
        content = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except UnicodeDecodeError:
        raise FileError("It is not a text file in UTF-8.") from None
    except msgspec.DecodeError as error:
        raise FileError(_json_sentence(data, str(error))) from None
    except RecursionError:
        raise FileError("It is nested too deeply to be a graph.") from None
    if not isinstance(content, dict) or "format_version" not in content:
        raise FileError("It is not a graph file: it has no format_version.")
    version = content["format_version"]
    if type(version) is not int or version < min(MIGRATIONS, default=FORMAT_VERSION):
        raise FileError(f"Its format_version is not one that exists: {quote(version)}.")
    if version > FORMAT_VERSION:
        raise FileError(
            f"It was written by a later version of Gradscape: its format is {version}, "
            f"this one reads up to {FORMAT_VERSION}."
        )
    return content


def _json_sentence(data: bytes, problem: str) -> str:
    """``It is not valid JSON: line 3, invalid character.``"""
    if not data.strip():
        return "It is empty."
    if "truncated" in problem:
        return "It ends too early: the rest of the file is missing."
    reason = re.sub(r" - at `.*`$", "", problem.removeprefix("JSON is malformed: "))
    place = re.search(r"\(byte (\d+)\)", problem)
    if place is None:
        return f"It is not valid JSON: {reason[:1].lower()}{reason[1:]}."
    line = data[: int(place[1])].count(b"\n") + 1
    return f"It is not valid JSON: line {line}, {reason[: reason.rindex('(')].strip()}."
