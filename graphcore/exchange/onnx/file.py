"""The file: parsed by the package onnx, its tensors as arrays, each checked before it is made."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.errors import FileError, short
from graphcore.files.onnx.writer import need_onnx
from graphcore.system import reading

if TYPE_CHECKING:
    import onnx

LARGEST = 2048 * reading.MIB
"""Bytes of one protobuf message."""
LARGEST_BESIDE = 16384 * reading.MIB
MOST_NODES = 200_000
MOST_AXES = 16
OLDEST, NEWEST = 6, 24
_RAW = {
    1: "<f4", 2: "<u1", 3: "<i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 9: "?", 10: "<f2",
    11: "<f8", 12: "<u4", 13: "<u8", 16: "<u2",
}  # fmt: skip
_FIELDS = {
    1: "float_data", 7: "int64_data", 11: "double_data", 12: "uint64_data", 13: "uint64_data",
}  # fmt: skip
_BFLOAT16 = 16


class OnnxFile:
    """A parsed file.

    Attributes:
        name: of the file, for messages.
        model: the message, its local functions written out.
        opset: version of the standard operators.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        onnx = need_onnx()
        self.name = Path(path).name
        self._folder = Path(path).parent
        self._beside: dict[str, bytes] = {}
        with reading.opened(path, LARGEST) as file:
            data = file.read()
        try:
            model = onnx.load_model_from_string(data)
        except Exception:  # protobuf raises what its build raises
            raise self.refusal("it is no ONNX file, or a part of it is missing") from None
        self.model = self._without_functions(model)
        self.opset = self._version()
        if len(self.model.graph.node) > MOST_NODES:
            raise self.refusal(f"it has more than {MOST_NODES:,} nodes")

    def refusal(self, why: str) -> FileError:
        """A FileError that names the file."""
        return FileError(f"{short(self.name)} cannot be read: {why}.")

    def _without_functions(self, model: onnx.ModelProto) -> onnx.ModelProto:
        if not model.functions:
            return model
        from onnx import inliner

        try:
            return inliner.inline_local_functions(model)
        except Exception as error:
            raise self.refusal(f"its functions cannot be written out ({short(error)})") from None

    def _version(self) -> int:
        versions = [o.version for o in self.model.opset_import if o.domain in ("", "ai.onnx")]
        if not versions or not self.model.graph.node:
            raise self.refusal("it holds no net of ONNX's operators")
        if not OLDEST <= versions[0] <= NEWEST:
            raise self.refusal(
                f"its operators are of version {versions[0]}; {OLDEST} to {NEWEST} are read"
            )
        return int(versions[0])

    def note(self, key: str) -> str | None:
        """What the file's metadata say under a key, or None."""
        return next((str(p.value) for p in self.model.metadata_props if p.key == key), None)

    def numbers(self, name: str) -> np.ndarray[Any, Any] | None:
        """The numbers of a weight, or None where there is none of that name."""
        found = (t for t in self.model.graph.initializer if t.name == name)
        tensor = next(found, None)
        return None if tensor is None else self.array(tensor)

    # -- tensors ----------------------------------------------------------------------------------

    def array(self, tensor: onnx.TensorProto) -> np.ndarray[Any, Any]:
        """The numbers of a tensor; raises FileError unless all of them are there."""
        kind, shape = tensor.data_type, tuple(int(d) for d in tensor.dims)
        name = short(tensor.name) or "a constant"
        if kind not in _RAW:
            raise self.refusal(f"{name} in it has numbers of a kind that is not read")
        count = math.prod(shape)
        if min(shape, default=0) < 0 or len(shape) > MOST_AXES or count > LARGEST_BESIDE:
            raise self.refusal(f"{name} in it has the shape {short(shape)}, which cannot be")
        size = count * np.dtype(_RAW[kind]).itemsize
        raw = self._outside(tensor, name, size) if tensor.data_location == 1 else tensor.raw_data
        found = np.frombuffer(raw, _RAW[kind]) if raw else self._listed(tensor, kind)
        if found.size != count:
            raise self.refusal(
                f"{name} in it has {found.size:,} numbers, not those of its shape {short(shape)}"
            )
        if kind == _BFLOAT16:
            found = (found.astype(np.uint32) << 16).view(np.float32)
        return found.reshape(shape)

    def _listed(self, tensor: onnx.TensorProto, kind: int) -> np.ndarray[Any, Any]:
        """Numbers that stand one by one; small ones are kept as int32, halves as their bits."""
        field = _FIELDS.get(kind, "int32_data")
        values = getattr(tensor, field)
        if field != "int32_data":
            return np.array(values, _RAW[kind])
        whole = np.array(values, np.int64)
        if kind == 10:
            return whole.astype(np.uint16).view(np.float16)
        return whole.astype(_RAW[kind])

    def _outside(self, tensor: onnx.TensorProto, name: str, size: int) -> bytes:
        """Bytes of a tensor in a file beside this one, in the same folder and no other."""
        place = {e.key: e.value for e in tensor.external_data}
        location = place.get("location", "")
        try:
            start, length = int(place.get("offset", 0)), int(place.get("length", size))
        except ValueError:
            raise self.refusal(f"{name} in it lies at no place") from None
        if length != size or start < 0:
            raise self.refusal(f"{name} in it has {length:,} bytes, not those of its shape")
        path = self._beside_path(location)
        with reading.opened(path, LARGEST_BESIDE) as file:
            file.seek(start)
            data = file.read(length)
        if len(data) != length:
            raise self.refusal(f"{name} is cut off in {short(location)}")
        return data

    def _beside_path(self, location: str) -> Path:
        parts = Path(location.replace("\\", "/")).parts
        path = self._folder / location
        own = self._folder.resolve()
        if not parts or ".." in parts or Path(location).is_absolute() or ":" in location:
            raise self.refusal(f"it names the file {short(location)} outside its folder")
        if own not in path.resolve().parents:
            raise self.refusal(f"{short(location)} leads out of its folder")
        return path
