"""Operators that take and put by index, sort and choose."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.table import OnnxNode, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced, product
from graphcore.late import torch


@operator("Gather")
def gather(t: Tracer, n: OnnxNode) -> Any:
    x, index = n.input(0), n.input(1)
    axis = n.axis(x.rank)
    if index.fixed:
        return _gather_known(t, x, index, axis)
    if axis == 0 and x.fixed and x.rank == 2 and x.number == "float":
        return t.call("embedding", weight=x, indices=index)
    flat = t.call("reshape", self=index, shape=[-1]) if index.rank != 1 else index
    return _unflattened(t, t.call("index_select", self=x, dim=axis, index=flat), x, index, axis)


def _gather_known(t: Tracer, x: Traced, index: Traced, axis: int) -> Any:
    places = index.array()
    if not places.ndim:
        return t.call("select.int", self=x, dim=axis, index=int(places))
    wrapped = np.where(places < 0, places + x.dim(axis), places) if (places < 0).any() else places
    flat = t.known(wrapped.reshape(-1))
    return _unflattened(t, t.call("index_select", self=x, dim=axis, index=flat), x, index, axis)


def _unflattened(t: Tracer, y: Traced, x: Traced, index: Traced, axis: int) -> Any:
    if index.rank == 1:
        return y
    return t.call("reshape", self=y, shape=[*x.dims[:axis], *index.dims, *x.dims[axis + 1 :]])


def _forward(t: Tracer, index: Traced, length: int) -> Traced:
    """Indices that may count from the end, counted from the front."""
    if index.fixed and (index.array() >= 0).all():
        return index
    found: Traced = t.call("remainder.Tensor", self=index, other=t.known(length))
    return found


@operator("GatherElements")
def gather_elements(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axis = n.axis(x.rank)
    return t.call("gather", self=x, dim=axis, index=_forward(t, n.input(1), x.dim(axis)))


@operator("GatherND")
def gather_nd(t: Tracer, n: OnnxNode) -> Any:
    if n.get("batch_dims", 0):
        raise Untraced("its batch_dims are not read")
    x = n.input(0)
    return t.call("index.Tensor", self=x, indices=_columns(t, n.input(1), x.rank))


def _columns(t: Tracer, index: Traced, rank: int) -> list[Traced]:
    """Places that stand in rows, as one table for each axis."""
    count = index.dim(index.rank - 1) if index.rank else 0
    if not 0 < count <= rank:
        raise Untraced("its indices have more places than there are axes")
    return [t.call("select.int", self=index, dim=-1, index=i) for i in range(count)]


@operator("ScatterElements", "Scatter")
def scatter(t: Tracer, n: OnnxNode) -> Any:
    x, index, source = (n.input(i) for i in range(3))
    axis, how = n.axis(x.rank), n.get("reduction", "none")
    index = _forward(t, index, x.dim(axis))
    if how == "none":
        return t.call("scatter.src", self=x, dim=axis, index=index, src=source)
    words = {"add": "sum", "mul": "prod", "max": "amax", "min": "amin"}
    if how not in words:
        raise Untraced(f"its reduction {how!r} is not read")
    return t.call("scatter_reduce.two", self=x, dim=axis, index=index, src=source,
                  reduce=words[how])  # fmt: skip


@operator("ScatterND")
def scatter_nd(t: Tracer, n: OnnxNode) -> Any:
    x, index, source = (n.input(i) for i in range(3))
    how = n.get("reduction", "none")
    if how not in ("none", "add"):
        raise Untraced(f"its reduction {how!r} is not read")
    columns = _columns(t, index, x.rank)
    t.program.guessed = True  # shapes that do not fit here are seen only when it runs
    return t.call("index_put", self=x, indices=columns, values=source, accumulate=how == "add")


@operator("NonZero")
def nonzero(t: Tracer, n: OnnxNode) -> Any:
    return t.worked_out(lambda x: torch.nonzero(x).t().contiguous(), n.input(0))


@operator("TopK")
def top(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    count = int(n.get("k")) if n.version < 10 else int(n.input(1).scalar())
    axis = n.axis(x.rank, -1)
    sorted_ = t.call("sort.stable", self=x, stable=True, dim=axis,
                     descending=bool(n.get("largest", 1)))  # fmt: skip
    return [
        t.call("slice.Tensor", self=y, dim=axis, start=0, end=count, step=1) for y in sorted_
    ]  # topk itself leaves the order of equal numbers open


@operator("CumSum")
def cumulated(t: Tracer, n: OnnxNode) -> Any:
    x, axis = n.input(0), int(n.input(1).scalar())
    back = bool(n.get("reverse", 0))
    flipped = t.call("flip", self=x, dims=[axis]) if back else x
    y = t.call("cumsum", self=flipped, dim=axis)
    y = t.call("sub.Tensor", self=y, other=flipped) if n.get("exclusive", 0) else y
    return t.call("flip", self=y, dims=[axis]) if back else y


@operator("Compress")
def compress(t: Tracer, n: OnnxNode) -> Any:
    x, kept = n.input(0), n.input(1).array()
    places = t.known(np.flatnonzero(kept))
    if n.get("axis") is None:
        x, axis = t.call("reshape", self=x, shape=[product(x.dims)]), 0
    else:
        axis = n.axis(x.rank)
    return t.call("index_select", self=x, dim=axis, index=places)
