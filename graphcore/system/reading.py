"""Reading what a user named: an ordinary file of bounded size, or a sentence that says why not.

Every reader of the package opens its file here. A pipe, a device, a folder, a loop of links, a
name too long and a file larger than its reader takes are refused before a byte is read, and no
more bytes are read than the file had when it was opened.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from graphcore.errors import FileError, GradscapeError, short

MIB = 1 << 20


@contextlib.contextmanager
def opened(
    path: str | os.PathLike[str], limit: int, error: type[GradscapeError] = FileError
) -> Iterator[BinaryIO]:
    """Open an ordinary file of at most ``limit`` bytes for reading.

    Args:
        error: class of what is raised, here and for what the system refuses in the body.

    Raises:
        GradscapeError: of class ``error``; names the file and what is wrong with it.
    """
    name = short(os.path.basename(path) or path)
    if "\0" in os.fspath(path):
        raise error(f"There is no file {short(path)}.")
    try:
        _check(os.stat(path), name, path, limit, error)
        # Between the check and the opening a pipe may take its place: do not wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            _check(found, name, path, limit, error)
            if _is_hollow(file, found):
                raise error(f"{name} takes no room on the disk: nothing was written to it.")
            # A file of the kernel's says 0 bytes and may have no end: its size is believed.
            yield file if found.st_size else io.BytesIO()
    except FileNotFoundError:
        raise error(f"There is no file {short(path)}.") from None
    except (OSError, ValueError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise error(f"{name} cannot be read: {reason.lower()}.") from problem


_BINARY = getattr(os, "O_BINARY", 0)


def _check(
    found: os.stat_result,
    name: str,
    path: str | os.PathLike[str],
    limit: int,
    error: type[GradscapeError],
) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise error(f"{name} is a folder, not a file.")
    if not stat.S_ISREG(found.st_mode):
        raise error(f"{name} is not an ordinary file.")
    if found.st_size > limit:
        raise error(f"{name} is larger than {_size(limit)}, the most that is read.")


def _is_hollow(file: BinaryIO, found: os.stat_result) -> bool:
    """Whether a large file has a size but next to no content (a sparse file)."""
    blocks = getattr(found, "st_blocks", None)
    if blocks is None or found.st_size < 64 * MIB or blocks * 512 * 100 > found.st_size:
        return False
    file.seek(found.st_size // 2)  # some file systems tell no blocks
    zeros = not any(file.read(4096))
    file.seek(0)
    return zeros


def _size(count: int) -> str:
    return f"{count >> 10} KiB" if count < MIB else f"{count >> 20:,} MiB"


def read_bytes(
    path: str | os.PathLike[str], limit: int, error: type[GradscapeError] = FileError
) -> bytes:
    """Return the content of an ordinary file of at most ``limit`` bytes; raises ``error``."""
    with opened(path, limit, error) as file:
        return file.read(limit)


def expanded(text: str, error: type[GradscapeError] = FileError) -> Path:
    """Return a typed path with ``~`` replaced by the home folder; raises ``error``."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise error(f"{short(text)} names a home folder that does not exist.") from None
