"""Fetching published files from mirrors: whole, checked and unpacked, or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from graphcore.datasets.idx import open_packed
from graphcore.datasets.registry import Progress
from graphcore.errors import DataError

LARGEST = 64 << 20  # a mirror that sends more, packed or unpacked, sends something else
_CHUNK = 1 << 16
_TIMEOUT_S = (5, 30)  # to connect, and between two pieces of data


class FetchError(DataError):
    """No mirror gave the file; the message says why for each.

    Attributes:
        reason: in a few words: "no network" if no mirror could be reached at all.
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class _MirrorError(Exception):
    """One mirror failed; ``down`` says that asking it for the next file is useless."""

    def __init__(self, reason: str, down: bool = False) -> None:
        super().__init__(reason)
        self.down = down


def fetch(
    files: Mapping[str, str], mirrors: Sequence[str], folder: Path, progress: Progress | None = None
) -> None:
    """Have every file in ``folder``, unpacked and with the right content.

    A file that is there with the right content stays. Others are fetched as MIRROR/NAME.gz to
    a temporary folder, unpacked, checked, and renamed into place.

    Args:
        files: name of each file and the SHA-256 of its content.
        progress: called with a file name, bytes done and bytes in all (0 if unknown).

    Raises:
        FetchError: no mirror has a file with the right content.
        DataError: the folder cannot be written to, or the disk is full.
    """
    left = list(mirrors)
    with _named_disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in files.items():
            if not has_content(folder / name, digest):
                with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder) as scratch:
                    content = _from_any(name, digest, left, Path(scratch), progress)
                    os.replace(content, folder / name)


def has_content(path: Path, digest: str) -> bool:
    """Whether the content of a file, unpacked if need be, has this SHA-256."""
    try:
        with open_packed(path) as file:
            return _digest(file, None) == digest
    except DataError:
        return False


@contextlib.contextmanager
def _named_disk_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(f"Files cannot be written to {folder}: {reason}.") from error


def _from_any(
    name: str, digest: str, mirrors: list[str], scratch: Path, progress: Progress | None
) -> Path:
    """The checked file from the first mirror that has it; takes dead mirrors off the list."""
    failures: list[str] = []
    reached = not mirrors
    for mirror in tuple(mirrors):
        url = f"{mirror.rstrip('/')}/{name}.gz"
        try:
            _download(url, scratch, _Bar(name, progress))
            return _unpack(scratch / "packed", scratch / name, digest)
        except _MirrorError as error:
            failures.append(f"{url}: {error}")
            reached = reached or not error.down
            if error.down:
                mirrors.remove(mirror)
        finally:
            (scratch / "packed").unlink(missing_ok=True)
    message = f"{name} could not be fetched ({'; '.join(failures) or 'no mirror is left'})."
    raise FetchError(message, "no mirror had the right files" if reached else "no network")


def _download(url: str, scratch: Path, bar: _Bar) -> None:
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=_TIMEOUT_S)
    try:
        # The hash published is that of the content, so pooch has none to check.
        pooch.retrieve(url, None, "packed", scratch, downloader=downloader)
    except (requests.ConnectionError, requests.Timeout) as error:
        cut_off = bar.done > 0
        reason = "the transfer was cut off" if cut_off else "no connection"
        raise _MirrorError(reason, down=not cut_off) from error
    except requests.HTTPError as error:
        status = "an error" if error.response is None else error.response.status_code
        raise _MirrorError(f"the server answered {status}") from error
    except requests.RequestException as error:
        raise _MirrorError("the transfer was cut off") from error


def _unpack(packed: Path, content: Path, digest: str) -> Path:
    try:
        with open_packed(packed) as source, open(content, "wb") as target:
            found = _digest(source, target)
            target.flush()
            os.fsync(target.fileno())
    except DataError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno is not None:
            raise cause from None  # the disk is at fault, not the mirror
        raise _MirrorError("the file is damaged") from error
    if found != digest:
        raise _MirrorError("the file has other content than the published one")
    return content


def _digest(source: BinaryIO, target: BinaryIO | None) -> str:
    """SHA-256 of everything in ``source``, which is copied to ``target``."""
    sha, done = hashlib.sha256(), 0
    while chunk := source.read(1 << 20):
        done += len(chunk)
        if done > LARGEST:
            return ""
        sha.update(chunk)
        if target is not None:
            target.write(chunk)
    return sha.hexdigest()


class _Bar:
    """What pooch takes for a progress bar: it reports, and it stops a transfer without end."""

    def __init__(self, name: str, progress: Progress | None) -> None:
        self.name, self.progress = name, progress
        self.total, self.done = 0, 0

    def update(self, count: int) -> None:
        self.done += count
        if self.done > LARGEST + _CHUNK:
            raise _MirrorError("the file does not end")
        if self.progress is not None and count:
            self.progress(self.name, min(self.done, self.total or self.done), self.total)

    def reset(self) -> None:
        self.done = 0

    def close(self) -> None:
        pass
