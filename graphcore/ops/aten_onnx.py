"""Operators of torch's own library that ONNX has a word for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphcore.dims import Batch
from graphcore.errors import ExportError
from graphcore.ops import aten_schema
from graphcore.ops.onnx_code import FLOAT, OnnxCall

Arguments = dict[str, Any]
_COMPARED = {"gt": "Greater", "lt": "Less", "ge": "GreaterOrEqual", "le": "LessOrEqual",
             "eq": "Equal"}  # fmt: skip


def onnx_form(call: OnnxCall) -> str | None:
    """Write a call; None where ONNX has no form of it here."""
    name = call.attributes["overload"].split(".")[1]
    function = _FORMS.get(name)
    arguments = aten_schema.parsed(call.attributes["arguments"])
    return None if function is None else function(call, arguments, name)


def _input(call: OnnxCall, argument: Any) -> str:
    """The name of a tensor argument; a number becomes a tensor."""
    if isinstance(argument, str) and argument.startswith("x"):
        return call.inputs[int(argument[1:])]
    return call.tensor(aten_schema.plain_float(argument))


def _expand(call: OnnxCall, a: Arguments, _: str) -> str:
    """Lengths of 1 are repeated; the number of samples is read off an input."""
    parts = []
    for size in a["size"]:
        if isinstance(size, str):
            if size != "N":
                raise ExportError(f"{call.name}: its size {size} has no form in ONNX.")
            parts.append(_samples(call))
        else:
            parts.append(call.ints(1 if size == -1 else size))
    return call.node("Expand", _input(call, a["self"]), call.node("Concat", *parts, axis=0))


def _samples(call: OnnxCall) -> str:
    """The number of samples, as a list of one."""
    for name, shape in zip(call.inputs, call.shapes, strict=True):
        if Batch() in shape:
            place = shape.index(Batch())
            return call.node("Gather", call.node("Shape", name), call.ints(place))
    raise ExportError(f"{call.name}: nothing that it reads says how many samples there are.")


def _compare(call: OnnxCall, a: Arguments, name: str) -> str:
    found = call.node(_COMPARED[name], _input(call, a["self"]), _input(call, a["other"]))
    return call.node("Cast", found, to=FLOAT)


def _index_select(call: OnnxCall, a: Arguments, _: str) -> str:
    places = call.node("Cast", _input(call, a["index"]), to=_INT64)
    return call.node("Gather", _input(call, a["self"]), places, axis=a["dim"])


def _cumsum(call: OnnxCall, a: Arguments, _: str) -> str:
    return call.node("CumSum", _input(call, a["self"]), call.tensor(a["dim"], np.int64))


_INT64 = 7
_FORMS: dict[str, Callable[[OnnxCall, Arguments, str], str]] = {
    "expand": _expand, "index_select": _index_select, "cumsum": _cumsum,
    **dict.fromkeys(_COMPARED, _compare),
}  # fmt: skip
