"""Arrays that one process hands to another in a file that both map: two slots, filled in turn.

The writer clears the number of the slot that it filled longest ago, copies the arrays into it and
then gives it the next sequence number. A reader that finds the number it looks for before it has
copied the arrays, and again afterwards, has them whole; otherwise they were overwritten meanwhile.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Mapping

import msgspec
import numpy as np

HEADER, ALIGNED = 64, 64
"""Bytes before the slots, which hold their numbers; arrays begin at multiples of the second."""
LARGEST = 1 << 28
"""Bytes of one slot at most."""


class Filled(msgspec.Struct, frozen=True):
    """Where a reader finds arrays.

    Attributes:
        number: sequence number; the slot is this modulo 2.
        room: bytes of one slot.
        arrays: dtype and shape by name, in the order in which they lie.
    """

    number: int
    room: int
    arrays: dict[str, tuple[str, tuple[int, ...]]]


class Slots:
    """Both slots, as the writer or the reader sees them.

    Args:
        descriptor: of the file that a writer has made; left out, a new one is.

    Raises:
        OSError: there is no room for a file.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._owns = descriptor is None
        self.descriptor = _new_file() if descriptor is None else descriptor
        self._number = self._room = 0
        self._map: mmap.mmap | None = None

    def write(self, arrays: Mapping[str, np.ndarray]) -> Filled:
        """Fill a slot and return where it is; raises OSError where there is no room for it."""
        size = sum(_up(a.nbytes) for a in arrays.values())
        if size > LARGEST:
            raise OSError(f"The arrays take {size:,} bytes, and a slot has {LARGEST:,} at most.")
        if size > self._room or self._map is None:
            self._grow(max(size, mmap.PAGESIZE))
        self._number += 1
        number, numbers = self._number, self._numbers()
        numbers[number % 2] = 0
        place = self._place(number)
        for array in arrays.values():
            self._at(place, array.dtype, array.shape)[...] = array
            place += _up(array.nbytes)
        numbers[number % 2] = number
        described = {name: (a.dtype.str, a.shape) for name, a in arrays.items()}
        return Filled(number, self._room, described)

    def read(self, filled: Filled) -> dict[str, np.ndarray] | None:
        """Return copies of the arrays of a slot; None if newer ones have taken their place."""
        if filled.room != self._room:
            self._room = filled.room
            self._map = mmap.mmap(self.descriptor, HEADER + 2 * self._room)
        numbers, slot = self._numbers(), filled.number % 2
        if numbers[slot] != filled.number:
            return None
        found, place = {}, self._place(filled.number)
        for name, (kind, shape) in filled.arrays.items():
            found[name] = self._at(place, np.dtype(kind), shape).copy()
            place += _up(found[name].nbytes)
        return found if numbers[slot] == filled.number else None

    def close(self) -> None:
        """Give the file back, if it was made here."""
        self._map = None
        if self._owns:
            os.close(self.descriptor)

    def _grow(self, room: int) -> None:
        """Reserve space for larger slots; what is read just now is out of date from now on."""
        if self._map is not None:
            self._numbers()[:] = 0
        size = HEADER + 2 * room
        if hasattr(os, "posix_fallocate"):  # not to find out by a signal that a disk is full
            os.posix_fallocate(self.descriptor, 0, size)
        else:
            os.ftruncate(self.descriptor, size)
        self._map, self._room = mmap.mmap(self.descriptor, size), room

    def _numbers(self) -> np.ndarray:
        return self._at(0, np.dtype(np.int64), (2,))

    def _place(self, number: int) -> int:
        return HEADER + number % 2 * self._room

    def _at(self, place: int, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
        assert self._map is not None
        return np.ndarray(shape, kind, self._map, place)


def _up(size: int) -> int:
    return -(-size // ALIGNED) * ALIGNED


def _new_file() -> int:
    """Return the descriptor of a file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("slots")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
