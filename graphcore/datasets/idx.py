"""Reading IDX files, the format of MNIST and its relatives, packed with gzip or not.

A file starts with 0, 0, a type and a number of axes, then the length of each axis as a
big-endian 32-bit number, then the numbers themselves: see http://yann.lecun.com/exdb/mnist/.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from graphcore.datasets.dataset import Array
from graphcore.errors import DataError
from graphcore.system import reading

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 1 << 30
_MOST_AXES = 8
_CHUNK, _PIECE = 1 << 20, 1 << 17
_HEADER = 4 + 4 * _MOST_AXES
# Images pack to a tenth, and drawings to a hundredth: what packs better is nothing but a weight on
# memory. Deflate itself would take a thousand.
_BEST_PACKING = 100
_SMALL = 32 << 20


def read(path: Path) -> Array:
    """The array of an IDX file in the byte order of this machine.

    Raises:
        DataError: the file cannot be read, is damaged, or holds less or more than it says.
    """
    with open_packed(path) as file:
        dtype, shape = _read_header(file, path)
        size = math.prod(shape) * dtype.itemsize
        # An axis of length 0 does not excuse lengths that no array could have.
        claimed = math.prod(max(n, 1) for n in shape) * dtype.itemsize
        on_disk = path.stat().st_size
        packed = isinstance(file, gzip.GzipFile)
        most = max(_SMALL, on_disk * _BEST_PACKING) if packed else on_disk
        if claimed > LARGEST or size > most:
            raise DataError(
                f"{path.name} is damaged: its header announces {_shown(shape)} numbers, "
                f"but the file has {on_disk:,} bytes."
            )
        data = _read_exactly(file, size, path)
        if file.read(1):
            raise DataError(f"{path.name} is damaged: it goes on after {_shown(shape)} numbers.")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


@contextlib.contextmanager
def open_packed(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacking it if it starts like a gzip file, whatever its name.

    Raises:
        DataError: here and in the body, for everything that goes wrong while reading.
    """
    with reading.opened(path, LARGEST + _HEADER, DataError) as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not packed:
            yield file
            return
        try:
            with gzip.GzipFile(fileobj=cast(BinaryIO, _InLargePieces(file))) as unpacked:
                yield cast(BinaryIO, unpacked)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(f"{path.name} is damaged: it cannot be unpacked ({error}).") from error


class _InLargePieces:
    """Has ``gzip`` read more at once: between small pieces it waits for other threads."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(_PIECE if size == io.DEFAULT_BUFFER_SIZE else size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _read_header(file: BinaryIO, path: Path) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise DataError(
            f"{path.name} is not an IDX file: it starts with {magic.hex(' ') or 'nothing'} "
            "where 00 00 08 and the number of axes would be expected."
        )
    axes = magic[3]
    if not 1 <= axes <= _MOST_AXES:
        raise DataError(f"{path.name} is damaged: it claims {axes} axes; 1 to 8 make sense.")
    lengths = _read_exactly(file, 4 * axes, path)
    shape = tuple(int(n) for n in np.frombuffer(lengths, ">u4"))
    return np.dtype(TYPES[magic[2]]), shape


def _read_exactly(file: BinaryIO, size: int, path: Path) -> bytearray:
    # In chunks: what is allocated follows what the file holds, not what its header says.
    data = bytearray()
    while len(data) < size:
        chunk = file.read(min(_CHUNK, size - len(data)))
        if not chunk:
            raise DataError(
                f"{path.name} is damaged: it ends after {len(data):,} of {size:,} bytes."
            )
        data += chunk
    return data


def _digest(array: Array) -> str:
    """Return the SHA-256 of the file that holds this array."""
    code = {np.dtype(name): number for number, name in TYPES.items()}
    stored = array.astype(array.dtype.newbyteorder(">"), copy=False)
    content = hashlib.sha256(bytes([0, 0, code[stored.dtype], array.ndim]))
    content.update(np.array(array.shape, ">u4").tobytes())
    content.update(np.ascontiguousarray(stored).data)
    return content.hexdigest()


def _shown(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)


def read_pair(images: Path, labels: Path, digests: list[str] | None = None) -> tuple[Array, Array]:
    """Inputs (n, ...) as float32 and class indices (n,) as int64 from two files.

    Args:
        digests: the SHA-256 of both contents are added to it.

    Raises:
        DataError: a file is damaged, or they do not belong together.
    """
    x, t = read(images), read(labels)
    if digests is not None:
        digests += map(_digest, (x, t))
    if t.ndim != 1 or not np.issubdtype(t.dtype, np.integer):
        raise DataError(
            f"{labels.name} has the shape {t.shape}; class numbers are a row of whole numbers."
        )
    if len(x) != len(t):
        raise DataError(
            f"{images.name} has {len(x):,} samples, but {labels.name} {len(t):,} labels."
        )
    if x.ndim < 2 or not x[:1].size:
        raise DataError(f"{images.name} has the shape {x.shape}, which holds no samples.")
    if t.min(initial=0) < 0 or t.max(initial=0) > 65_535:
        odd = t.min() if t.min() < 0 else t.max()
        raise DataError(f"{labels.name} has the class number {odd}; they run from 0 to 65,535.")
    x = x[:, None] if x.ndim == 3 else x
    return _as_float32(x, images), t.astype(np.int64)


def _as_float32(x: Array, path: Path) -> Array:
    if x.dtype == np.uint8:
        return np.divide(x, np.float32(255), dtype=np.float32)
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    if not np.isfinite(x).all():
        raise DataError(f"{path.name} has numbers that are infinite or not a number.")
    return x
