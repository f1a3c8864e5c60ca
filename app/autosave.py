"""A copy of unsaved work beside the settings, so that a crash costs nothing.

Each window owns one slot: ``N.graph.json`` with ``N.name`` (the document's path) under a
``N.lock``. A slot with a copy whose lock nobody holds was left by a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import platformdirs
from PySide6.QtCore import QLockFile, QObject, QTimer

from graphcore import files
from graphcore.errors import FileError
from graphcore.graph import Graph

THROTTLE_MS = 2000
_SLOTS = 32


@dataclass(frozen=True)
class Rescued:
    """Work that a crash left behind.

    Attributes:
        graph: as it was at the last edit but two seconds.
        path: the file it belongs to, or None if it never had one.
        copy: where it lies until ``Autosave.discard``.
    """

    graph: Graph
    path: Path | None
    copy: Path


def default_folder() -> Path:
    """Where copies are kept."""
    return Path(platformdirs.user_data_dir("gradscape", appauthor=False)) / "autosave"


class Autosave(QObject):
    """Watches a document and keeps a copy of what is not saved yet.

    Args:
        folder: where the slots lie.
    """

    def __init__(self, document: Any, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._folder = document, folder
        self._lock: QLockFile | None = None
        self._slot: Path | None = None
        self._enabled = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(THROTTLE_MS)
        self._timer.timeout.connect(self.write)
        document.changed.connect(self._on_change)
        document.undo_stack.cleanChanged.connect(self._on_clean)
        document.opened.connect(self.clear)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the copies on or off; off removes the copy."""
        self._enabled = enabled
        if not enabled:
            self.clear()

    def _on_change(self, _change: Any) -> None:
        if self._enabled and not self._timer.isActive():
            self._timer.start()

    def _on_clean(self, clean: bool) -> None:
        if clean:
            self.clear()

    def write(self) -> None:
        """Write the copy now, if there is anything unsaved; a full disk stops nothing."""
        if not self._document.modified or not self._own_slot():
            return
        assert self._slot is not None
        path = self._document.path
        try:
            files.save(self._document.root, self._slot)
            name = msgspec.json.encode(str(path) if path else "")
            files.write_atomically(self._slot.with_suffix(".name"), name)
        except FileError as error:
            self._document.message.emit(
                self.tr("The recovery copy could not be written: {0}").format(error)
            )

    def clear(self) -> None:
        """Remove the copy: everything is saved."""
        self._timer.stop()
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
        for copy in sorted(self._folder.glob("*.json")):
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
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return False
        for i in range(_SLOTS):
            slot = self._folder / f"{i}.json"
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
    except (FileError, OSError, msgspec.MsgspecError):
        return None
    return Rescued(graph, Path(path) if path else None, copy)


def _remove(copy: Path) -> None:
    for file in (copy, copy.with_suffix(".name")):
        file.unlink(missing_ok=True)
