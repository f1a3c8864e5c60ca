"""A copy of unsaved work beside the settings, so that a crash costs less than a second of it.

Each window owns one slot: ``N.graph.json`` with ``N.name`` (the document's path) under a
``N.lock``. A slot with a copy and without a held lock was left by a crash.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec
from PySide6.QtCore import QElapsedTimer, QLockFile, QObject, QTimer, Signal

from app.document.origin import HERE, Origin
from graphcore import files
from graphcore.errors import FileError
from graphcore.graph.graph import Graph
from graphcore.system import user_folders

SOONEST_MS, LATEST_MS = 200, 800
"""Between a change and its copy; a graph that takes long to put into words waits longer."""
SHARE = 20
"""Copies take at most one part in this many of the time."""
_SLOTS = 1024


@dataclass(frozen=True)
class Rescued:
    """Work that a crash left behind.

    Attributes:
        graph: as it was at most a second before the end.
        path: the file it belongs to, or None if it never had one.
        copy: where it lies until ``Autosave.discard``.
        origin: what an imported net brought, as far as it is still there.
    """

    graph: Graph
    path: Path | None
    copy: Path
    origin: Origin = HERE


def default_folder() -> Path:
    """Where copies are kept."""
    return user_folders.data_folder() / "autosave"


def unwritable(folders: Iterable[Path]) -> list[Path]:
    """Return those of the folders that nothing can be written to; a missing one is made."""
    found = []
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            found.append(folder)
    return found


class Autosave(QObject):
    """Watches a document and keeps a copy of what is not saved yet.

    The graph is put into words in the window's thread and written in another one.

    Args:
        folder: where the slots lie.
    """

    _refused = Signal(str)

    def __init__(self, document: Any, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self.folder = document, folder
        self._lock: QLockFile | None = None
        self._slot: Path | None = None
        self._enabled = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SOONEST_MS)
        self._timer.timeout.connect(self._write_behind)
        self._writer: Thread | None = None
        self._named: str | None = None
        self._refused.connect(self._tell)
        document.changed.connect(self.soon)
        document.undo_stack.cleanChanged.connect(self._on_clean)
        document.opened.connect(self._on_opened)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the copies on or off; off removes the copy."""
        self._enabled = enabled
        if not enabled:
            self.clear()

    def soon(self, _change: Any = None) -> None:
        """Write the copy in a moment."""
        if self._enabled and not self._timer.isActive():
            self._timer.start()

    def _on_clean(self, clean: bool) -> None:
        if clean and not self._kept_aside:
            self.clear()

    def _on_opened(self) -> None:
        if not self._kept_aside:
            self.clear()

    @property
    def _kept_aside(self) -> bool:
        """Whether the copy is of a document that a lesson has put aside."""
        aside = self._document.aside
        return aside is not None and aside.modified

    def write(self) -> None:
        """Write the copy now, if there is anything unsaved; a full disk stops nothing."""
        self._wait()
        self._write_behind()
        self._wait()

    def _write_behind(self) -> None:
        if self._writer is not None and self._writer.is_alive():
            self._timer.start()
            return
        if self._document.aside is not None:  # a lesson's graph is not the user's work
            return
        if not self._document.modified or not self._own_slot():
            return
        assert self._slot is not None
        spent = QElapsedTimer()
        spent.start()
        path = self._document.path
        parts = {}
        if (name := str(path) if path else "") != self._named:
            parts[self._slot.with_suffix(".name")] = msgspec.json.encode(name)
            parts[self._slot.with_suffix(".origin")] = msgspec.json.encode(self._document.origin)
        try:
            parts[self._slot] = files.dumps(self._document.root)
        except FileError as error:
            self._tell(str(error))
            return
        self._named = name
        self._timer.setInterval(min(LATEST_MS, max(SOONEST_MS, SHARE * spent.elapsed())))
        self._writer = Thread(target=self._put, args=(parts,), daemon=True)
        self._writer.start()

    def _put(self, parts: dict[Path, bytes]) -> None:
        try:
            for file, data in parts.items():
                files.write_atomically(file, data)
        except FileError as error:
            self._named = None
            self._refused.emit(str(error))

    def _wait(self) -> None:
        """Let the copy that is being written be done."""
        if self._writer is not None:
            self._writer.join()
            self._writer = None

    def _tell(self, why: str) -> None:
        text = self.tr("The recovery copy could not be written: {0}").format(why)
        self._document.message.emit(text)

    def clear(self) -> None:
        """Remove the copy: everything is saved."""
        self._timer.stop()
        self._wait()
        self._named = None
        if self._slot is not None:
            _remove(self._slot)

    def close(self) -> None:
        """Remove the copy and give the slot up; for a window that closes in good order."""
        self.clear()
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None
            self._slot = None

    def abandoned(self) -> list[Rescued]:
        """Work that crashes left behind; it stays until ``discard``. Damaged copies go."""
        found: list[Rescued] = []
        if not os.path.isdir(self.folder):
            return found
        for copy in sorted(self.folder.glob("*.json")):
            lock = QLockFile(str(copy.with_suffix(".lock")))
            lock.setStaleLockTime(0)
            if copy == self._slot or not lock.tryLock(0):
                continue
            if rescued := _read(copy):
                found.append(rescued)
            else:
                _remove(copy)
            lock.unlock()
        return found

    def discard(self, rescued: Rescued) -> None:
        """Remove what a crash left behind."""
        _remove(rescued.copy)

    def _own_slot(self) -> bool:
        """Take the first slot that no other window holds."""
        if self._slot is not None:
            return True
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return False
        for i in range(_SLOTS):
            slot = self.folder / f"{i}.json"
            lock = QLockFile(str(slot.with_suffix(".lock")))
            lock.setStaleLockTime(0)
            if not slot.exists() and lock.tryLock(0):
                self._slot, self._lock = slot, lock
                return True
        return False


def _read(copy: Path) -> Rescued | None:
    """The work in a slot; None if the copy is damaged."""
    try:
        graph = files.load(copy)
        name = copy.with_suffix(".name")
        path = msgspec.json.decode(name.read_bytes(), type=str) if name.exists() else ""
        brought = copy.with_suffix(".origin")
        origin = (
            msgspec.json.decode(brought.read_bytes(), type=Origin) if brought.exists() else HERE
        )
    except (FileError, OSError, msgspec.MsgspecError):
        return None
    if not os.path.exists(origin.weights):
        origin = Origin("", origin.report)
    return Rescued(graph, Path(path) if path else None, copy, origin)


def _remove(copy: Path) -> None:
    for file in (copy, copy.with_suffix(".name"), copy.with_suffix(".origin")):
        file.unlink(missing_ok=True)
