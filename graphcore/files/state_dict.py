"""Tensors by name, from files of other programs: safetensors, and what ``torch.save`` writes."""

from __future__ import annotations

import contextlib
import os
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from graphcore.errors import FileError, short
from graphcore.late import torch
from graphcore.system import reading

if TYPE_CHECKING:
    from torch import Tensor

ENDINGS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
LARGEST = 8192 * reading.MIB
LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the safetensors library."""
MOST_DEEP = 8
"""Tables inside each other."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a file of either kind; raises FileError.

    A file of ``torch.save`` is read as tensors and plain values: what else is in it is refused
    and never run. Tables inside tables give names with dots.
    """
    if not is_of_torch(path):
        return read_tensors(path)
    with reading.opened(path, LARGEST) as file:
        return _of_torch(file, path)


def is_of_torch(path: Path) -> bool:
    """Whether the name of a file says that ``torch.save`` wrote it: its order is the module's."""
    return path.suffix.lower() in ENDINGS[1:]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return all tensors of a safetensors file; raises FileError."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    with reading.opened(path, LARGEST) as file:
        try:
            _check_header(file)
            tensors: dict[str, Tensor] = load(file.read())
        except (SafetensorError, KeyError, ValueError, TypeError, RuntimeError) as error:
            raise FileError(
                f"{short(path)} cannot be read as safetensors: {short(error).rstrip('.')}."
            ) from None
    return tensors


def _check_header(file: BinaryIO) -> None:
    """Raise ValueError unless the file begins as one of this kind, before it is read whole."""
    length, begin = int.from_bytes(file.read(8), "little"), file.read(1)
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if begin != b"{" or length > min(LONGEST_HEADER, size - 8):
        raise ValueError("it does not begin with a header")


def _of_torch(file: BinaryIO, path: Path) -> dict[str, Tensor]:
    from pickle import UnpicklingError

    name = short(path.name)
    _check_zip(file, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(file, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise FileError(
            f"{name} holds more than tensors, or is damaged. Nothing of it was run: save the "
            "state dict alone, with torch.save(model.state_dict(), path)."
        ) from None
    except (MemoryError, OSError):
        raise
    except Exception as error:  # torch raises all kinds at a damaged file
        raise FileError(f"{name} cannot be read: {short(error, 120).rstrip('.')}.") from None
    tensors = dict(_named(found, "", MOST_DEEP))
    if not tensors:
        raise FileError(f"{name} has no tensors in it.")
    return tensors


def _check_zip(file: BinaryIO, name: str) -> None:
    """Refuse a zip that would take more room than it says; raises FileError."""
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        stored = all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)
        if not stored or sum(entry.file_size for entry in entries) > LARGEST:
            raise FileError(f"{name} is packed as torch.save packs no file.")
    file.seek(0)


def _named(value: Any, prefix: str, deep: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, torch.Tensor):
        if value.layout is torch.strided and not value.is_quantized:
            yield prefix.rstrip(".") or "value", value.detach()
    elif isinstance(value, Mapping) and deep:
        for key, inner in value.items():
            yield from _named(inner, f"{prefix}{key}.", deep - 1)
