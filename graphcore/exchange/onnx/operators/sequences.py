"""Lists of tensors: they are gone once the file is read, where their places are known."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.onnx.operators.cutting import MOST_PARTS
from graphcore.exchange.onnx.operators.shapes import joined
from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Tracer, Untraced


class Sequence(tuple[Any, ...]):
    """Tensors one after the other."""


def _sequence(n: OnnxNode) -> Sequence:
    found = n.input(0)
    if not isinstance(found, Sequence):
        raise Untraced("it takes a list of tensors")
    return found


def _place(n: OnnxNode, place: int, length: int, default: int) -> int:
    """An index into a list of a length, counted from the front."""
    given = n.optional(place)
    if given is None:
        return default
    index = int(given.scalar())
    if not -length <= index <= default:
        raise Untraced(f"the list has no place {index}")
    return index + length if index < 0 else index


@operator("SequenceEmpty")
def empty(t: Tracer, n: OnnxNode) -> Any:
    return [Sequence()]


@operator("SequenceConstruct")
def construct(t: Tracer, n: OnnxNode) -> Any:
    return [Sequence(n.inputs)]


@operator("SequenceInsert")
def insert(t: Tracer, n: OnnxNode) -> Any:
    held = list(_sequence(n))
    held.insert(_place(n, 2, len(held), len(held)), n.input(1))
    return [Sequence(held)]


@operator("SequenceErase")
def erase(t: Tracer, n: OnnxNode) -> Any:
    held = list(_sequence(n))
    del held[_place(n, 1, len(held), len(held) - 1)]
    return [Sequence(held)]


@operator("SequenceAt")
def at(t: Tracer, n: OnnxNode) -> Any:
    held = _sequence(n)
    return held[_place(n, 1, len(held), len(held) - 1)]


@operator("SequenceLength")
def length(t: Tracer, n: OnnxNode) -> Any:
    return t.known(len(_sequence(n)))


@operator("ConcatFromSequence")
def concat(t: Tracer, n: OnnxNode) -> Any:
    parts = list(_sequence(n))
    axis = int(n.get("axis"))
    if n.get("new_axis", 0):
        return t.call("stack", tensors=parts, dim=axis)
    return joined(t, parts, counted(axis, parts[0].rank))


@operator("SplitToSequence")
def split(t: Tracer, n: OnnxNode) -> Any:
    x, given = n.input(0), n.optional(1)
    axis = n.axis(x.rank)
    whole = x.dim(axis)
    if whole > MOST_PARTS:
        raise Untraced("it would give too many parts")
    if given is None:
        sizes = [1] * whole
    elif given.rank == 0:
        each = int(given.scalar())
        sizes = [min(each, whole - i) for i in range(0, whole, max(1, each))]
    else:
        sizes = given.ints()
    parts = list(t.call("split_with_sizes", self=x, split_sizes=sizes, dim=axis))
    if given is None and not n.get("keepdims", 1):
        parts = [t.call("squeeze.dim", self=p, dim=axis) for p in parts]
    return [Sequence(parts)]
