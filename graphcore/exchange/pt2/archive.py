"""The zip file: which entries there are, their JSON, and raw numbers as arrays."""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from graphcore.errors import FileError, short
from graphcore.system import reading

LARGEST = 8192 * reading.MIB
LARGEST_JSON = 64 * reading.MIB
MOST_ENTRIES = 100_000
MOST_REPEATED = 1 << 20
"""Numbers of a tensor that may be more than there are in the file (an expanded one)."""
DTYPES = {
    1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 6: "<f2", 7: "<f4", 8: "<f8",
    12: "?", 13: "bfloat16",
}  # fmt: skip
AGAIN = "save it again with torch.export.save of torch 2.9 or newer"


class Archive:
    """An open file: its entries by their name inside the folder that torch puts around them."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        try:
            self._zip = zipfile.ZipFile(file)
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, EOFError):
            raise self.refusal("it is not a whole zip file, as torch.export.save writes") from None
        if len(entries) > MOST_ENTRIES:
            raise self.refusal(f"it has more than {MOST_ENTRIES:,} entries")
        if sum(e.file_size for e in entries) > LARGEST:
            raise self.refusal("its entries are larger than 8 GiB together")
        self._check_layout([e.filename for e in entries])
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            inner = entry.filename.partition("/")[2]
            if inner in self._entries:
                raise self.refusal(f"it holds {short(inner)} twice")
            self._entries[inner] = entry

    def refusal(self, why: str) -> FileError:
        """A FileError that names the file."""
        return FileError(f"{short(self._name)} cannot be read: {why}.")

    def _check_layout(self, names: list[str]) -> None:
        inner = {n.partition("/")[2] for n in names}
        if "data/weights/model.pt" in inner:  # a pickle, up to torch 2.8
            raise self.refusal(f"an older torch wrote it; {AGAIN}")
        if "models/model.json" in inner:
            return
        ends = {n.rpartition("/")[2] for n in names}
        if "serialized_exported_program.json" in ends:
            raise self.refusal(f"an older torch wrote it; {AGAIN}")
        if "data.pkl" in ends:
            raise self.refusal(
                "it is a pickle of torch.save or a TorchScript archive, not an exported net; "
                "export the module with torch.export.save"
            )
        raise self.refusal("it holds no models/model.json, so it is no exported net")

    def json(self, name: str) -> Any:
        """The content of a JSON entry; raises FileError."""
        data = self._read(name, LARGEST_JSON)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self.refusal(f"{short(name)} in it is no JSON") from None

    def note(self, key: str) -> bytes | None:
        """What lies beside the program under a name, or None; raises FileError."""
        name = f"extra/{key}"
        return self._read(name, LARGEST_JSON) if name in self._entries else None

    def _read(self, name: str, limit: int) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise self.refusal(f"{short(name)} is missing in it")
        if entry.file_size > limit:
            raise self.refusal(f"{short(name)} in it is larger than {limit >> 20:,} MiB")
        if entry.file_size > 100 * (entry.compress_size + 1000) or entry.flag_bits & 1:
            raise self.refusal(f"{short(name)} in it is packed in a way that torch does not use")
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except (
            zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError,
            ValueError,
        ):  # fmt: skip
            raise self.refusal(f"{short(name)} in it is damaged") from None
        if len(data) != entry.file_size:
            raise self.refusal(f"{short(name)} in it is shorter than it says")
        return data

    def tensor(self, folder: str, name: str, record: dict[str, Any]) -> np.ndarray[Any, Any]:
        """A tensor of data/weights or data/constants; raises FileError."""
        meta, path = record["tensor_meta"], record["path_name"]
        if record["use_pickle"]:
            raise self.refusal(f"{short(name)} in it is a pickle, which is never opened; {AGAIN}")
        if not isinstance(path, str):
            raise self.refusal(f"{short(name)} in it has no path")
        dtype = DTYPES.get(meta["dtype"])
        if dtype is None or meta["layout"] != 7:
            raise self.refusal(f"{short(name)} in it has numbers of a kind that is not read")
        raw = self._read(f"{folder}/{path}", LARGEST)
        try:
            stored = _numbers(raw, dtype)
        except ValueError:
            raise self.refusal(f"{short(name)} in it is cut off") from None
        sizes, strides = (tuple(fixed(d) for d in meta[k]) for k in ("sizes", "strides"))
        return self._laid_out(stored, name, sizes, strides, fixed(meta["storage_offset"]))

    def _laid_out(
        self, stored: np.ndarray[Any, Any], name: str, sizes: tuple[int, ...],
        strides: tuple[int, ...], offset: int,
    ) -> np.ndarray[Any, Any]:  # fmt: skip
        """The numbers in their shape; raises FileError unless all of them are there."""
        count = math.prod(sizes)
        wrong = len(sizes) != len(strides) or min((*sizes, *strides, offset, 0)) < 0
        if wrong or len(sizes) > 32 or count > max(len(stored), MOST_REPEATED):
            raise self.refusal(f"{short(name)} in it has the shape {sizes}, which cannot be")
        last = offset + sum((n - 1) * s for n, s in zip(sizes, strides, strict=True))
        if count and last >= len(stored):
            raise self.refusal(f"{short(name)} in it has fewer numbers than its shape {sizes}")
        if not count:
            return np.zeros(sizes, stored.dtype)
        bytes_each = tuple(s * stored.itemsize for s in strides)
        view = np.lib.stride_tricks.as_strided(stored[offset:], sizes, bytes_each)
        return np.ascontiguousarray(view).reshape(sizes)


def _numbers(raw: bytes, dtype: str) -> np.ndarray[Any, Any]:
    if dtype != "bfloat16":
        return np.frombuffer(raw, dtype)
    return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)


def fixed(size: Any) -> int:
    """A size that is a number; raises ValueError."""
    number = size["as_int"]
    if type(number) is not int or abs(number) > 2**53:
        raise ValueError(number)
    return number


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[Archive]:
    """Open a ``.pt2`` file; raises FileError."""
    with reading.opened(path, LARGEST) as file:
        yield Archive(file, os.path.basename(path))
