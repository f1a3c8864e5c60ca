"""Operators that make numbers: constants, shapes, ranges."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.table import NUMBERS, OnnxNode, operator
from graphcore.exchange.onnx.tracing import LARGEST, Many, Tracer, Untraced, product
from graphcore.exchange.program import Kind
from graphcore.late import torch


@operator("Constant")
def constant(t: Tracer, n: OnnxNode) -> Any:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if n.get(key) is not None:
            return t.known(n.get(key))
    raise Untraced("it holds no numbers")


@operator("Shape")
def shape(t: Tracer, n: OnnxNode) -> Any:
    start, end = int(n.get("start", 0)), n.get("end")
    return t.known_at([
        torch.tensor(list(x.shape)[start:end], dtype=torch.int64) for x in n.input(0).at
    ])  # fmt: skip


@operator("Size")
def size(t: Tracer, n: OnnxNode) -> Any:
    return t.known_at([torch.tensor(x.numel()) for x in n.input(0).at])


@operator("ConstantOfShape")
def constant_of_shape(t: Tracer, n: OnnxNode) -> Any:
    """One number in every place, which is kept once."""
    value = n.get("value")
    number = t.known(np.float32(0) if value is None else value)
    if number.array().size != 1:
        raise Untraced("it repeats more than one number")
    dims = n.input(0).ints()
    if any((max(d.values) if isinstance(d, Many) else d) < 0 for d in dims):
        raise Untraced("a size is below 0")
    whole = product(dims)
    if (max(whole.values) if isinstance(whole, Many) else whole) > LARGEST:
        raise Untraced("its result would be too large")
    single = t.call("reshape", self=number, shape=[])
    return t.call("expand", self=single, size=dims)


@operator("Range")
def make_range(t: Tracer, n: OnnxNode) -> Any:
    given = [n.input(i) for i in range(3)]

    def make(start: Any, limit: Any, step: Any) -> Any:
        a, b, c = (v.reshape(()).item() for v in (start, limit, step))
        if c == 0 or (b - a) / c > 1 << 24:
            raise ValueError("its step or its length cannot be")
        return torch.arange(a, b, c, dtype=start.dtype)

    return t.worked_out(make, *given)


@operator("EyeLike")
def eye(t: Tracer, n: OnnxNode) -> Any:
    rows, columns = (n.input(0).dim(i) for i in (0, 1))
    if rows * columns > 1 << 24:
        raise Untraced("its result would be too large")
    kind = NUMBERS.get(n.get("dtype"), n.input(0).number)
    types = {"float": np.float32, "int": np.int64, "bool": np.bool_}
    return t.known(np.eye(rows, columns, int(n.get("k", 0)), types[kind]))


@operator("RandomNormalLike")
def noise(t: Tracer, n: OnnxNode) -> Any:
    x = t.call("randn_like", self=n.input(0))
    scale, mean = float(n.get("scale", 1.0)), float(n.get("mean", 0.0))
    if scale != 1:
        x = t.call("mul.Tensor", self=x, other=t.known(scale))
    return t.call("add.Tensor", self=x, other=t.known(mean)) if mean else x


@operator("OneHot")
def one_hot(t: Tracer, n: OnnxNode) -> Any:
    """Compared with the numbers of all classes; a negative index counts from the end."""
    indices, depth, values = n.input(0), int(n.input(1).scalar()), n.input(2)
    axis = int(n.get("axis", -1))
    axis = axis % (indices.rank + 1)
    if not 0 < depth <= 1 << 20:
        raise Untraced("it has too many classes")
    off, on = (t.call("select.int", self=values, dim=0, index=i) for i in (0, 1))
    whole = t.call("to.dtype", self=indices, dtype=Kind("int"))
    wrapped = t.call("remainder.Tensor", self=whole, other=t.known(depth))
    classes = np.arange(depth).reshape(-1, *([1] * (indices.rank - axis)))
    same = t.call("eq.Tensor", self=t.call("unsqueeze", self=wrapped, dim=axis),
                  other=t.known(classes))  # fmt: skip
    return t.call("where.self", condition=same, **{"self": on}, other=off)
