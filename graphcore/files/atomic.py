"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graphcore.errors import FileError

if sys.platform != "win32":
    import fcntl


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write ``data`` to ``path``; a failure at any point leaves the old file as it was.

    Raises:
        FileError: the folder is missing or read-only, the disk is full, ``path`` is a folder.
    """
    with atomic_file(path) as file:
        file.write(data)


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to be written that takes the place of ``path`` when all went well.

    The data goes to a temporary file in the same folder, reaches the disk, and is then renamed
    into place. A symbolic link is followed and the permissions of an existing file are kept.

    Raises:
        FileError: the folder is missing or read-only, the disk is full, ``path`` is a folder.
    """
    try:
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".{target.name[:60]}.{secrets.token_hex(4)}.tmp")
        mode = _check_target(target, Path(path).name)
        _remove_leftovers(target)
        try:
            with _opened(temporary) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, target)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise FileError(f"{Path(path).name} cannot be written: {reason}.") from error
    _sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if they are not there; raises FileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder} cannot be made: {error.strerror}.") from None


def _check_target(target: Path, name: str) -> int | None:
    """Permissions of the file that is there, or None if there is none."""
    if target.is_dir():
        raise FileError(f"{name or target} is a folder, not a file.")
    if not target.parent.is_dir():
        raise FileError(f"{name} cannot be written: there is no folder {target.parent}.")
    if not target.exists():
        return None
    if not target.is_file():
        raise FileError(f"{name} is not an ordinary file.")
    if not os.access(target, os.W_OK):
        raise FileError(f"{name} is read-only.")
    return stat.S_IMODE(target.stat().st_mode)


def _remove_leftovers(target: Path) -> None:
    """Remove temporary files of ``target`` whose writer was killed: their lock is free."""
    if sys.platform == "win32":
        return
    ours = re.compile(rf"\.{re.escape(target.name[:60])}\.[0-9a-f]{{8}}\.tmp")
    for entry in os.scandir(target.parent):
        if ours.fullmatch(entry.name):
            with contextlib.suppress(OSError), open(entry.path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(entry.path)


def _opened(path: Path) -> BinaryIO:
    # os.open, not tempfile: a new file gets the permissions that the user's umask gives it.
    descriptor = os.open(
        path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666
    )
    if sys.platform != "win32":
        with contextlib.suppress(OSError):  # not every file system has locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
    return open(descriptor, "w+b")


def _sync_folder(folder: Path) -> None:
    """Make the renaming survive a power cut, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
