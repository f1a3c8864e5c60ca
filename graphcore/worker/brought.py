"""Files that cross the line between an engine and a window on another machine.

The window sends each file once; it is kept in the user's cache on this machine. Files that are
written for the window are sent back.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from graphcore.datasets import mnist
from graphcore.errors import FileError, short
from graphcore.records.requests import Reply, Request
from graphcore.session import messages as m
from graphcore.system import reading, user_folders
from graphcore.worker.line import BringFile, FileMade, NameFile

KEPT_DAYS = 30
"""Files of windows that are older than this are removed."""
LARGEST_FILE = 1 << 29
"""Bytes of one file that is sent back."""


class Files:
    """Files of the window's on this machine, and its paths in requests and replies."""

    def __init__(self) -> None:
        self.folder = user_folders.cache_folder() / "brought"
        self._named: dict[str, Path] = {}
        self._own: dict[str, str] = {}  # our path -> the window's
        self._made: set[str] = set()
        self._scratch = self.folder / "made"

    @property
    def named(self) -> dict[str, Path]:
        """The window's paths, and the files that they mean here."""
        return self._named

    def there(self) -> tuple[str, ...]:
        """Return the names of files that windows have brought; those of long ago are removed."""
        oldest, found = time.time() - KEPT_DAYS * 86400, []
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
            elif path.is_file() and path.suffix != ".part":
                found.append(path.relative_to(self.folder).as_posix())
        return tuple(found)

    def take(self, piece: BringFile) -> m.Progress:
        """Write a piece of a file; raises FileError."""
        path = self._place(piece)
        part = path.with_name(f"{path.name}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "r+b" if piece.offset else "wb") as file:
                file.seek(piece.offset)
                file.write(piece.data)
            done = piece.offset + len(piece.data)
            if done >= piece.size:
                part.replace(path)
        except OSError as error:
            raise FileError(
                f"{short(path.name)} could not be kept on the engine's machine: {error.strerror}."
            ) from None
        return m.Progress(path.name, done, piece.size)

    def _place(self, piece: BringFile) -> Path:
        name = PurePosixPath(piece.name)
        if not name.parts or name.is_absolute() or ".." in name.parts:
            raise FileError(f"{short(piece.name)} names no file below the folder of brought files.")
        if piece.dataset == "mnist":
            return mnist.cache_folder() / name.name
        return self.folder / name

    def name(self, request: NameFile) -> None:
        """Let a path of the window's mean a file that was brought."""
        if request.name:
            path = self.folder / request.name
            self._named[request.path] = path
            self._own[str(path)] = request.path
        else:
            self._named.pop(request.path, None)

    # -- paths in messages --------------------------------------------------------------------

    def inward(self, request: Request) -> Request:
        """Return a request with paths of this machine in place of the window's."""
        changes = {}
        for field in type(request).reads:
            path = str(getattr(request, field))
            if path in self._named:
                changes[field] = str(self._named[path])
        for field in type(request).writes:
            path = str(getattr(request, field))
            if path:
                changes[field] = self._out(path)
        if isinstance(request, m.Load):
            changes |= {f: self._kept(getattr(request, f)) for f in ("checkpoints", "resume")}
        return msgspec.structs.replace(request, **changes) if changes else request

    def _out(self, path: str) -> str:
        """Where a file is written that goes to the window's path."""
        own = self._scratch / hashlib.sha256(path.encode()).hexdigest()[:16] / Path(path).name
        shutil.rmtree(own.parent, ignore_errors=True)
        own.parent.mkdir(parents=True, exist_ok=True)
        self._own[str(own)] = path
        self._made.add(str(own))
        return str(own)

    def _kept(self, path: str) -> str:
        """Where this machine keeps what the window would keep in a folder of its own."""
        name = hashlib.sha256(path.encode()).hexdigest()[:16]
        return str(self.folder.parent / "runs" / f"window-{name}") if path else ""

    def outward(self, reply: Reply) -> Iterator[Reply]:
        """Yield a reply with the window's paths, after the files that it tells of."""
        for field in ("path", "folder"):
            own = getattr(reply, field, None)
            if isinstance(own, str) and own in self._own:
                path = self._own[own]
                if own in self._made:
                    self._made.discard(own)
                    yield self._sent_back(Path(own), path)
                reply = msgspec.structs.replace(reply, **{field: path})
        yield reply

    def _sent_back(self, own: Path, path: str) -> FileMade:
        """Return a file or a folder that was made for the window, and remove it here."""
        found = [own] if own.is_file() else sorted(p for p in own.rglob("*") if p.is_file())
        try:
            files = {
                "" if p == own else p.relative_to(own).as_posix(): reading.read_bytes(
                    p, LARGEST_FILE
                )
                for p in found
            }
        except FileError as error:
            return FileMade(path, problem=str(error))
        finally:
            shutil.rmtree(own.parent, ignore_errors=True)
        return FileMade(path, files)
