"""The line to an engine on another machine: its files, how quick it is, and whether it is there."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine.process import EngineProcess
from graphcore import datasets
from graphcore.errors import FileError, short
from graphcore.files.atomic import write_atomically
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.requests import Request
from graphcore.session import messages as m
from graphcore.worker.line import BringFile, FileMade, NameFile, Ping, Pong

BUSY_MS, IDLE_MS = 50, 1000
"""How often is said what has arrived: while much arrives, and otherwise."""
BUSY_BYTES = 1 << 13
LOST_S = 20.0
"""A line that says nothing for so long, though it is asked every second, is lost."""
PIECE = 1 << 16
LARGEST = 1 << 30
"""Bytes of a file that can be sent."""
AVERAGED_S = 2.0


class Line(QObject):
    """Keeps an engine on another machine told of what arrives, and sends it files that it needs.

    Args:
        process: the command that leads to the engine.
        ready: what the engine has said of itself.

    Signals:
        changed: the figures are others, once a second.

    Attributes:
        latency_ms: from a question to its answer; None before the first.
    """

    changed = Signal()

    def __init__(self, process: EngineProcess, ready: m.Ready) -> None:
        super().__init__(process)
        self._process = process
        self._there, self._datasets = set(ready.brought), set(ready.datasets)
        self._named: dict[str, str] = {}
        self.latency_ms: float | None = None
        self._marks: deque[tuple[float, int]] = deque()
        self._told, self._answered = process.received, time.monotonic()
        self._noted_at = 0.0
        self._timer = QTimer(self, interval=BUSY_MS)
        self._timer.timeout.connect(self._on_time)
        self._timer.start()

    @property
    def bytes_per_second(self) -> float:
        """What has arrived in the last two seconds."""
        if len(self._marks) < 2:
            return 0.0
        (begun, before), (now, arrived) = self._marks[0], self._marks[-1]
        return (arrived - before) / max(now - begun, 1e-3)

    def answered(self, pong: Pong) -> None:
        """Take the answer to a question."""
        self._answered = time.monotonic()
        took = 1000 * (self._answered - pong.at)
        self.latency_ms = took if self.latency_ms is None else 0.7 * self.latency_ms + 0.3 * took

    def _on_time(self) -> None:
        if not self._process.runs:
            self._timer.stop()
            return
        now, received = time.monotonic(), self._process.received
        if received != self._told:
            self._answered = now
        due = now - self._noted_at >= IDLE_MS / 1000
        if due:
            self._noted_at = now
            self._marks.append((now, received))
            while now - self._marks[0][0] > AVERAGED_S + IDLE_MS / 1000:
                self._marks.popleft()
            self.changed.emit()
        if due or received - self._told >= BUSY_BYTES:
            self._told = received
            self._process.send(Ping(received, now))
        if now - self._answered > LOST_S:
            self._timer.stop()
            self._process.give_up(
                self.tr("nothing was received from it for {0:.0f} seconds").format(LOST_S)
            )

    # -- files --------------------------------------------------------------------------------

    def needed(self, request: Request, settings: TrainingSettings) -> Iterator[Request]:
        """Yield what has to be sent before a request: files that it names and are not there.

        Args:
            settings: of the graph that is loaded, whose data are needed with it.
        """
        if isinstance(request, m.Load):
            yield from self._data(settings)
        for field in type(request).reads:
            path = getattr(request, field)
            if path and Path(path).is_file():
                yield from self._bring(path, Path(path))

    def _data(self, settings: TrainingSettings) -> Iterator[Request]:
        name = settings.dataset
        if name in self._datasets:
            return
        found = datasets.files_of(name, settings.dataset_options)
        for path, place in found.items():
            if name == "mnist":
                yield from self._pieces(path, place, name)
            elif place.exists():
                yield from self._bring(path, place)
        if name == "mnist" and found:
            self._datasets.add(name)

    def _bring(self, path: str, place: Path) -> Iterator[Request]:
        """A file or a folder, unless it is there already as it is now."""
        inside = sorted(p for p in place.rglob("*") if p.is_file()) if place.is_dir() else [place]
        name = f"{_mark(inside)}/{place.name}"
        for file in inside:
            own = PurePosixPath(name, *file.relative_to(place).parts).as_posix()
            if own not in self._there:
                yield from self._pieces(own, file)
                self._there.add(own)
        if self._named.get(path) != name:
            self._named[path] = name
            yield NameFile(path, name)

    def _pieces(self, name: str, file: Path, dataset: str = "") -> Iterator[Request]:
        try:
            size = file.stat().st_size
            if size > LARGEST:
                raise FileError(f"{short(file.name)} is too large to be sent to the engine.")
            with open(file, "rb") as opened:
                offset = 0
                while offset < size or not offset:
                    data = opened.read(PIECE)
                    yield BringFile(name, data, offset, size, dataset)
                    offset += max(1, len(data))
        except OSError as error:
            raise FileError(f"{short(file.name)} cannot be read: {error.strerror}.") from None


def _mark(inside: list[Path]) -> str:
    """Return a name for files as they are now."""
    stats = [(str(p.absolute()), p.stat().st_size, p.stat().st_mtime_ns) for p in inside]
    return hashlib.sha256(repr(stats).encode()).hexdigest()[:24]


def write_made(made: FileMade) -> None:
    """Write what an engine on another machine has sent where it was asked for; raises FileError."""
    if made.problem:
        raise FileError(made.problem)
    for name, content in made.files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or PurePosixPath(name).is_absolute():
            raise FileError(f"The engine sent a file called {short(name)}, which is none of ours.")
        path = Path(made.path, *parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        except OSError as error:
            raise FileError(f"{short(path.name)} could not be written: {error.strerror}.") from None
