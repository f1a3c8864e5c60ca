"""Sums, means and extremes along axes, and softmax."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphcore.exchange.onnx.operators.shapes import reshaped
from graphcore.exchange.onnx.operators.table import OPERATORS, OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, product

PLAIN = {
    "ReduceSum": "sum.dim_IntList", "ReduceMean": "mean.dim", "ReduceMax": "amax",
    "ReduceMin": "amin", "ReduceLogSumExp": "logsumexp",
}  # fmt: skip
AROUND = {
    "ReduceL1": ("abs", ""), "ReduceL2": ("square", "sqrt"), "ReduceSumSquare": ("square", ""),
    "ReduceLogSum": ("", "log"),
}  # fmt: skip
"""What is done to each number before the sum, and to the sum."""


def _axes(n: OnnxNode, rank: int) -> list[int] | None:
    """The axes that are reduced; None for no reduction at all."""
    since = 13 if n.operator == "ReduceSum" else 18
    axes = n.listed("axes", 1, since)
    if not axes:
        return None if n.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted(counted(a, rank) for a in axes)


def reduced(t: Tracer, target: str, x: Traced, axes: list[int], keep: bool) -> Traced:
    """A call that takes several axes at once."""
    if not x.rank:
        return x
    found: Traced = t.call(target, self=x, dim=axes, keepdim=keep)
    return found


def _plain(target: str, t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axes = _axes(n, x.rank)
    return x if axes is None else reduced(t, target, x, axes, bool(n.get("keepdims", 1)))


def _around(before: str, after: str, t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axes = _axes(n, x.rank)
    y = t.call(before, self=x) if before else x
    if axes is not None:
        y = reduced(t, "sum.dim_IntList", y, axes, bool(n.get("keepdims", 1)))
    return t.call(after, self=y) if after else y


for _name, _target in PLAIN.items():
    OPERATORS[_name] = partial(_plain, _target)
for _name, _pair in AROUND.items():
    OPERATORS[_name] = partial(_around, *_pair)


@operator("ReduceProd")
def multiplied(t: Tracer, n: OnnxNode) -> Any:
    x, keep = n.input(0), bool(n.get("keepdims", 1))
    for axis in reversed(_axes(n, x.rank) or []):
        x = t.call("prod.dim_int", self=x, dim=axis, keepdim=keep)
    return x


@operator("ArgMax", "ArgMin")
def place_of_extreme(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axis, keep = n.axis(x.rank), bool(n.get("keepdims", 1))
    target = n.operator.lower()
    if not n.get("select_last_index", 0):
        return t.call(target, self=x, dim=axis, keepdim=keep)
    flipped = t.call("flip", self=x, dims=[axis])
    found = t.call(target, self=flipped, dim=axis, keepdim=keep)
    return t.call("rsub.Scalar", self=found, other=x.dim(axis) - 1)


@operator("Softmax", "LogSoftmax")
def softmax(t: Tracer, n: OnnxNode) -> Any:
    """Before version 13 over all axes from ``axis`` on together."""
    x = n.input(0)
    target = "softmax.int" if n.operator == "Softmax" else "log_softmax.int"
    axis = n.axis(x.rank, 1 if n.version < 13 else -1)
    if n.version >= 13 or all(d == 1 for d in x.dims[axis + 1 :]):
        return t.call(target, self=x, dim=axis)
    flat = reshaped(t, x, [*x.dims[:axis], product(x.dims[axis:])])
    return reshaped(t, t.call(target, self=flat, dim=axis), x.dims)


@operator("Hardmax")
def hardmax(t: Tracer, n: OnnxNode) -> Any:
    """1 at the first largest number, 0 elsewhere."""
    x = n.input(0)
    axis = n.axis(x.rank, 1 if n.version < 13 else -1)
    y = reshaped(t, x, [*x.dims[:axis], product(x.dims[axis:])]) if n.version < 13 else x
    places = t.call("argmax", self=y, dim=axis, keepdim=True)
    zeros = t.call("mul.Tensor", self=y, other=t.known(0.0))
    return reshaped(t, t.call("scatter.value", self=zeros, dim=axis, index=places, value=1.0),
                    x.dims)  # fmt: skip
