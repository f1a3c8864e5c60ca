"""Arrays as they travel between the window and the engine process."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from graphcore.errors import WorkerError

_DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")


class Array(msgspec.Struct, frozen=True):
    """A numpy array as shape, type name and bytes in C order."""

    shape: tuple[int, ...]
    dtype: str
    data: bytes


def pack(array: np.ndarray) -> Array:
    """An array ready to be sent."""
    return Array(tuple(array.shape), array.dtype.name, np.ascontiguousarray(array).tobytes())


def unpack(array: Array) -> np.ndarray:
    """The numpy array, read-only; raises WorkerError if the parts do not fit together."""
    if array.dtype not in _DTYPES:
        raise WorkerError(f"An array of type {array.dtype!r} cannot be received.")
    dtype = np.dtype(array.dtype)
    if math.prod(array.shape) * dtype.itemsize != len(array.data):
        raise WorkerError(f"An array of shape {array.shape} came with {len(array.data)} bytes.")
    return np.frombuffer(array.data, dtype).reshape(array.shape)
