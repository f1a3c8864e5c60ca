"""What a net is tried with: shapes as they are typed, and numbers that fill them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphcore.errors import FileError, short

DTYPES = {
    "float32": np.float32, "float64": np.float64, "float": np.float32, "int64": np.int64,
    "int": np.int64, "long": np.int64, "bool": np.bool_,
}  # fmt: skip
LARGEST = 1 << 27
"""Numbers of one example."""
SAMPLES = 2
_SPEC = re.compile(r"(?:([A-Za-z_]\w*):)?(?:([A-Za-z_]\w*):)?(\d+(?:[x×,]\d+)*)?")


@dataclass(frozen=True)
class InputSpec:
    """One input: its name in ``forward`` ("" by place), kind of number, shape of one sample."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """As ``parse`` reads it."""
        kind = "" if self.dtype == "float32" else self.dtype
        shape = "x".join(map(str, self.shape))
        return ":".join(filter(None, (self.name, kind, shape))) or self.dtype


def parse(text: str) -> InputSpec:
    """Read ``[NAME:][DTYPE:]SHAPE`` such as ``1x28x28`` or ``tokens:int64:6``; raises FileError."""
    match = _SPEC.fullmatch(text.strip())
    if match is None or not (match[3] or match[1]):
        raise FileError(
            f"The input {short(text)} is not understood: write [NAME:][DTYPE:]SHAPE, such as "
            "1x28x28 or tokens:int64:6."
        )
    name, dtype, shape = match.groups()
    if name and not dtype and name in DTYPES:
        name, dtype = "", name
    if dtype and dtype not in DTYPES:
        raise FileError(f"The input {short(text)}: {dtype} is none of {', '.join(DTYPES)}.")
    sizes = tuple(int(n) for n in re.split("[x×,]", shape)) if shape else ()
    if any(not 0 < n <= LARGEST for n in sizes) or np.prod([float(n) for n in sizes]) > LARGEST:
        raise FileError(f"The input {short(text)}: a size is a number from 1, and not so large.")
    return InputSpec(name or "", dtype or "float32", sizes)


def filled(spec: InputSpec, place: int, rows: int = 10) -> np.ndarray[Any, Any]:
    """Numbers for an input: waves, or indices below ``rows``; the same ones every time."""
    shape = (SAMPLES, *spec.shape)
    k = np.arange(int(np.prod(shape)))
    kind = np.dtype(DTYPES[spec.dtype])
    if kind.kind == "f":
        waves: np.ndarray[Any, Any] = np.sin(0.37 * k) + place
        return waves.reshape(shape).astype(kind)
    whole: np.ndarray[Any, Any] = (3 * k + 1) % max(1, rows)
    return whole.reshape(shape) % 2 == 0 if kind.kind == "b" else whole.reshape(shape)
