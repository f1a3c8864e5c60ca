"""Tensors that are made of nothing: worked out here, or one number spread over the batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, known, shape_of
from graphcore.exchange.lowering.rules.table import rule
from graphcore.exchange.program import Lin, Number, Value, count_numbers

MOST_NUMBERS = 20_000
"""Numbers of a table that is worked out while the file is read."""
_TYPES: dict[Number, Any] = {"float": np.float64, "int": np.int64, "bool": np.bool_}


def spread(b: Builder, number: float, value: Value) -> Port:
    """One number in every place of a shape, which may follow the batch."""
    from graphcore.exchange.lowering.lower import _batched, aten

    one = b.constant(np.asarray(number, _TYPES[value.number]))
    if not value.shape:
        return one
    if not any(isinstance(d, Lin) for d in value.shape):
        return b.add("Expand", one, shape=tuple(known(d) for d in value.shape))
    size = [str(d) if isinstance(d, Lin) else d for d in value.shape]
    made: Port = aten(
        b, "aten.expand.default", {"self": "x0", "size": size}, [one, _batched(b)],
        (shape_of(value),), (value.number,),
    )  # fmt: skip
    return made


@rule("zeros", "zeros_like", "zero", "new_zeros", "empty_like", "new_empty", "empty.memory_format")
def zeros(b: Builder, a: dict[str, Any]) -> Port:
    return spread(b, 0, b.value_of())


@rule("ones", "ones_like", "new_ones")
def ones(b: Builder, a: dict[str, Any]) -> Port:
    return spread(b, 1, b.value_of())


@rule("full", "full_like", "new_full", "scalar_tensor")
def full(b: Builder, a: dict[str, Any]) -> Port:
    return spread(b, _number(a.get("fill_value", a.get("s"))), b.value_of())


@rule("fill.Scalar", "fill.Tensor")
def fill(b: Builder, a: dict[str, Any]) -> Port:
    if isinstance(a["value"], int | float):
        return spread(b, a["value"], b.value_of())
    number = b.port(a["value"])
    if number.shape != ():
        raise NotOurs
    return spread(b, _known_table(number).item(), b.value_of())


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if isinstance(value, bool):
            return value
        raise NotOurs
    return value


@rule("arange", "arange.start", "arange.start_step")
def arange(b: Builder, a: dict[str, Any]) -> Port:
    start, step = (_number(a.get(k, d)) for k, d in (("start", 0), ("step", 1)))
    value = b.value_of()
    if isinstance(a["end"], Lin) and value.number == "int":
        return _counted(b, start, step, value)
    return _table(b, lambda: np.arange(start, _number(a["end"]), step))


def _counted(b: Builder, start: float, step: float, value: Value) -> Port:
    """As many numbers as follow from the batch: the step summed up from the start."""
    from graphcore.exchange.lowering.lower import aten

    summed: Port = aten(
        b, "aten.cumsum.default", {"self": "x0", "dim": 0}, [spread(b, step, value)],
        (shape_of(value),), ("int",),
    )  # fmt: skip
    moved: Port = aten(
        b, "aten.add.Scalar", {"self": "x0", "other": start - step}, [summed],
        (shape_of(value),), ("int",),
    )  # fmt: skip
    return moved


@rule("linspace")
def linspace(b: Builder, a: dict[str, Any]) -> Port:
    return _table(b, lambda: np.linspace(_number(a["start"]), _number(a["end"]), known(a["steps"])))


@rule("eye", "eye.m")
def eye(b: Builder, a: dict[str, Any]) -> Port:
    return _table(b, lambda: np.eye(known(a["n"]), known(a.get("m", a["n"]))))


def _table(b: Builder, make: Any) -> Port:
    value = b.value_of()
    if any(isinstance(d, Lin) for d in value.shape):
        raise NotOurs
    if count_numbers(value.shape, 1) > MOST_NUMBERS:
        raise NotOurs
    return b.constant(make().astype(_TYPES[value.number]))


@rule("tril", "triu")
def triangle(b: Builder, a: dict[str, Any]) -> Port:
    """A triangle of a table that is known already."""
    keep = np.tril if ".tril" in b.call.target else np.triu
    return b.constant(keep(_known_table(b.port(a["self"])), known(a.get("diagonal", 0))))


_FOLDED = {
    "logical_not": np.logical_not, "bitwise_not": np.logical_not, "eq": np.equal,
    "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
    "ge": np.greater_equal,
}  # fmt: skip


@rule("logical_not", "bitwise_not", *(f"{n}.Scalar" for n in list(_FOLDED)[2:]),
      *(f"{n}.Tensor" for n in list(_FOLDED)[2:]))  # fmt: skip
def compare(b: Builder, a: dict[str, Any]) -> Port:
    """A comparison of tables that are known already."""
    given = [_known_table(b.port(a["self"]))]
    if "other" in a:
        other = a["other"]
        given.append(
            np.asarray(other) if isinstance(other, int | float) else _known_table(b.port(other))
        )
    if b.call.target.startswith("aten.bitwise") and given[0].dtype != np.bool_:
        raise NotOurs
    return b.constant(_FOLDED[b.call.target.split(".")[1]](*given))


_HELD = ("Constant", "Buffer")


def _known_table(port: Port) -> np.ndarray[Any, Any]:
    """The numbers of a Constant, or of one that Expand repeats; raises NotOurs."""
    made = port.made
    shape: Any = port.shape
    if made.operator == "Expand":
        made = made.inputs["x"].made
    held = made.attributes.get("start" if made.operator == "Buffer" else "value")
    if made.operator not in _HELD or held is None or count_numbers(shape, 1) > MOST_NUMBERS:
        raise NotOurs
    table = np.asarray(held, _TYPES[made.numbers[0]])
    return np.broadcast_to(table, shape)
