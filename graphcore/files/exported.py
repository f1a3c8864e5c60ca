"""Files of an export: what knows by a digest the file that it was written beside."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from graphcore.errors import FileError
from graphcore.system import reading

LARGEST = 2**32
"""Bytes of a file of an export, at most."""


def digest_of(content: bytes) -> str:
    """Return the digest by which a file is known again."""
    return hashlib.sha256(content).hexdigest()


def pack_numbers(arrays: dict[str, Any], key: str, content: bytes) -> bytes:
    """Return the numbers of a self-test as a file, with the digest of what they belong to."""
    packed = io.BytesIO()
    np.savez(packed, **arrays | {key: np.array(digest_of(content))})
    return packed.getvalue()


def digest_in_numbers(numbers: Path, key: str) -> str:
    """Return the digest that ``pack_numbers`` has put into a file; raises OSError, KeyError."""
    with reading.opened(numbers, LARGEST) as file, np.load(file, allow_pickle=False) as kept:
        return str(kept[key])


def foreign_among(files: Iterable[Path], main: Path, digest: Callable[[], str]) -> Path | None:
    """Return the first file that an export would replace and did not write itself, or None.

    Args:
        main: the file whose digest the export has noted. digest: reads it.
    """
    there = [path for path in files if path.exists()]
    try:
        if digest() == digest_of(reading.read_bytes(main, LARGEST)):
            return None
    except (FileError, OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # a part of an export is missing or is no export: what is there is foreign
    return there[0] if there else None
