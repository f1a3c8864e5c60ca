"""Where a graph comes from: what became of another program's net, and the weights it brought."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from graphcore.errors import FileError, short
from graphcore.exchange.report import ImportReport, beside
from graphcore.files.atomic import atomic_file
from graphcore.system import reading

LARGEST_REPORT = 64 * reading.MIB


@dataclass(frozen=True)
class Origin:
    """What an imported net brought besides its graph; empty for a graph that was built here.

    Attributes:
        weights: file of the numbers that the net starts with, by their names in it; or "".
        report: what became what; None where that is not known.
    """

    weights: str = ""
    report: ImportReport | None = None

    def in_the_way(self, graph: Path) -> list[Path]:
        """Return files of others that would be written over beside a graph file."""
        if self.report is None or not self.weights:
            return []
        weights, _ = beside(graph)
        return [weights] if weights.exists() and not _is_same(self.weights, weights) else []

    def copied(self, graph: Path) -> Origin:
        """Return the origin with its files beside a graph file; raises FileError."""
        if self.report is None:
            return self
        weights, report = beside(graph)
        _copy(self.weights, weights)
        with atomic_file(report) as file:
            file.write(self.report.as_json())
        return replace(self, weights=str(weights) if self.weights else "")


HERE = Origin()


def origin_of(graph: Path) -> Origin:
    """Return what an import has left beside a graph file."""
    weights, path = beside(graph)
    report = None
    with contextlib.suppress(FileError, msgspec.MsgspecError, ValueError):
        report = msgspec.json.decode(reading.read_bytes(path, LARGEST_REPORT), type=ImportReport)
    if report is None or not report.bytes or not weights.is_file():
        return Origin("", report)
    return Origin(str(weights), report)


def _copy(source: str, target: Path) -> None:
    if not source or _is_same(source, target):
        return
    try:
        with open(source, "rb") as given, atomic_file(target) as file:
            shutil.copyfileobj(given, file)
    except OSError as error:
        raise FileError(f"The weights cannot be kept in {short(target)}: {error}.") from None


def _is_same(one: str, other: Path) -> bool:
    return other.exists() and os.path.exists(one) and os.path.samefile(one, other)
