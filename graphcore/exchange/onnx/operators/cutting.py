"""Operators that take parts, and that pad."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Many, Traced, Tracer, Untraced

END = 2**63 - 1
MOST_PLACES = 1 << 24
MOST_PARTS = 1 << 16


@operator("Slice")
def cut(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    if n.version < 10:
        starts, ends = list(n.get("starts")), list(n.get("ends"))
        axes, steps = n.get("axes"), None
    else:
        starts, ends = n.input(1).ints(), n.input(2).ints()
        axes, steps = ((None if g is None else g.ints()) for g in (n.optional(3), n.optional(4)))
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        x = cut_axis(t, x, counted(axis, x.rank), start, end, step)
    return x


def cut_axis(t: Tracer, x: Traced, axis: int, start: Any, end: Any, step: int) -> Traced:
    """A stretch of one axis, also backwards."""
    found: Traced
    if step < 0:
        length = x.dim(axis)
        if length > MOST_PLACES:
            raise Untraced("an axis that is gone through backwards is too long")
        last = None if end < -length else end
        chosen = list(range(length))[start:last:step]
        found = t.call("index_select", self=x, dim=axis, index=t.known(np.array(chosen, np.int64)))
        return found
    end = min(end, END) if isinstance(end, int) else end
    if start == 0 and step == 1 and isinstance(end, int):
        whole = x.dims[axis]
        if end > 1 << 30 or (not isinstance(whole, Many) and end >= whole):
            return x
    found = t.call("slice.Tensor", self=x, dim=axis, start=start, end=end, step=step)
    return found


@operator("Split")
def split(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axis = n.axis(x.rank)
    sizes = n.listed("split", 1, 13)
    if sizes is None:
        length, count = x.dim(axis), int(n.get("num_outputs", n.outputs))
        if not 0 < count <= MOST_PARTS:
            raise Untraced(f"it cannot give {count} parts")
        each = -(-length // count)
        sizes = [min(each, length - i * each) for i in range(count)]
    return list(t.call("split_with_sizes", self=x, split_sizes=sizes, dim=axis))


@operator("Pad")
def pad(t: Tracer, n: OnnxNode) -> Any:
    x, mode = n.input(0), n.get("mode", "constant")
    value: float = 0.0
    if n.version < 11:
        sizes, value = list(n.get("pads", n.get("paddings", []))), float(n.get("value", 0.0))
    else:
        sizes = n.input(1).ints()
        given = n.optional(2)
        value = 0.0 if given is None else given.scalar()
    axes = n.optional(3)
    places = range(x.rank) if axes is None else [counted(a, x.rank) for a in axes.ints()]
    pairs: list[tuple[int, int]] = [(0, 0)] * x.rank
    for i, axis in enumerate(places):
        pairs[axis] = sizes[i], sizes[i + len(places)]
    return padded(t, x, pairs, mode, value)


def padded(
    t: Tracer, x: Traced, pairs: list[tuple[int, int]], mode: str = "constant", value: float = 0.0
) -> Traced:
    """x padded before and after each axis."""
    if not any(any(p) for p in pairs):
        return x
    found: Traced
    if mode == "constant":
        listed = [s for p in reversed(pairs) for s in p]
        while len(listed) > 2 and listed[-2:] == [0, 0]:
            del listed[-2:]
        found = t.call("constant_pad_nd", self=x, pad=listed, value=value)
        return found
    inner = [p for p in reversed(pairs) if any(p)]
    names = {"reflect": "reflection_pad", "edge": "replication_pad"}
    rank = max(i + 1 for i, p in enumerate(reversed(pairs)) if any(p))
    if mode in names and rank <= 3 and x.rank == rank + 2 and len(inner) == rank:
        found = t.call(f"{names[mode]}{rank}d", self=x, padding=[s for p in inner for s in p])
        return found
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            x = _extended(t, x, axis, before, after, mode)
    return x


def _extended(t: Tracer, x: Traced, axis: int, before: int, after: int, mode: str) -> Traced:
    """One axis continued by its own numbers: each new place shows one of the old."""
    if mode not in ("reflect", "edge", "wrap") or max(before, after, x.dim(axis)) > MOST_PLACES:
        raise Untraced(f"its mode {mode!r} is not read")
    old = np.arange(x.dim(axis))
    old = old[max(0, -before) : len(old) - max(0, -after)]
    numpy_mode: Any = mode
    chosen = np.pad(old, (max(0, before), max(0, after)), mode=numpy_mode)
    found: Traced = t.call("index_select", self=x, dim=axis, index=t.known(chosen))
    return found


@operator("Trilu")
def triangle(t: Tracer, n: OnnxNode) -> Any:
    given = n.optional(1)
    diagonal = 0 if given is None else int(given.scalar())
    target = "triu" if n.get("upper", 1) else "tril"
    return t.call(target, self=n.input(0), diagonal=diagonal)
