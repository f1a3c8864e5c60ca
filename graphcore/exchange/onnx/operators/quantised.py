"""Quantised nets: whole numbers of a few bits, computed here with the numbers they stand for.

A weight becomes what it stands for. Between layers the file rounds to whole numbers and cuts what
is out of range off; both are done here as well, so that the answers are the file's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators import products
from graphcore.exchange.onnx.operators.layers import convolution
from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced

RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767), "uint16": (0, 65535)}
NOTE = (
    "The file is of a quantised net: its whole numbers are here what they stand for, and rounding "
    "between layers is done as in the file. Where it rounds, no gradient passes."
)


@operator("DequantizeLinear")
def dequantize(t: Tracer, n: OnnxNode) -> Any:
    """(x - zero) · scale."""
    if n.get("block_size"):
        raise Untraced("it scales block by block")
    return meant(t, n, n.input(0), n.input(1), n.optional(2))


@operator("QuantizeLinear")
def quantize(t: Tracer, n: OnnxNode) -> Any:
    """round(x / scale) + zero, within the range of the type."""
    if n.get("block_size"):
        raise Untraced("it scales block by block")
    return rounded(t, n, n.input(0), n.input(1), n.optional(2))


@operator("QLinearMatMul")
def matmul(t: Tracer, n: OnnxNode) -> Any:
    a, b = (
        meant(t, n, n.input(i), n.input(i + 1), n.input(i + 2), n.input(i).rank - 1) for i in (0, 3)
    )
    y = products.matmul(t, replace(n, inputs=[a, b]))
    return rounded(t, n, y, n.input(6), n.input(7))


@operator("QLinearConv")
def conv(t: Tracer, n: OnnxNode) -> Any:
    x = meant(t, n, n.input(0), n.input(1), n.input(2))
    weight = meant(t, n, n.input(3), n.input(4), n.input(5), axis=0)
    bias = n.optional(8)
    if bias is not None:
        scale = t.call("mul.Tensor", self=n.input(1), other=n.input(4))
        bias = t.call("mul.Tensor", self=_float(t, bias), other=scale)
    y = convolution(t, replace(n, inputs=[x, weight, bias]))
    return rounded(t, n, y, n.input(6), n.input(7))


@operator("DynamicQuantizeLinear")
def dynamic(t: Tracer, n: OnnxNode) -> Any:
    """The range of the numbers themselves, 0 among them, in 256 steps."""
    x = n.input(0)
    high = t.call("clamp_min", self=t.call("max", self=x), min=0.0)
    low = t.call("clamp_max", self=t.call("min", self=x), max=0.0)
    scale = t.call("div.Scalar", self=t.call("sub.Tensor", self=high, other=low), other=255.0)
    start = t.call("neg", self=t.call("div.Tensor", self=low, other=scale))
    zero = t.call("clamp", self=t.call("round", self=start), min=0.0, max=255.0)
    zero.stored = "uint8"
    return [rounded(t, n, x, scale, zero), scale, zero]


@operator("MatMulInteger")
def matmul_integer(t: Tracer, n: OnnxNode) -> Any:
    a, b = (_less(t, n.input(i), n.optional(i + 2)) for i in (0, 1))
    return products.matmul(t, replace(n, inputs=[a, b]))


@operator("ConvInteger")
def conv_integer(t: Tracer, n: OnnxNode) -> Any:
    x, weight = (_less(t, n.input(i), n.optional(i + 2)) for i in (0, 1))
    return convolution(t, replace(n, inputs=[x, weight, None]))


# -- parts ----------------------------------------------------------------------------------------


def _float(t: Tracer, x: Traced) -> Traced:
    """Whole numbers as floating-point ones."""
    return t.known(x.array().astype(np.float64), x.origin) if x.number != "float" else x


def _less(t: Tracer, x: Traced, zero: Traced | None) -> Traced:
    """Numbers counted from their zero."""
    _note(t)
    x = _float(t, x)
    if zero is None or (zero.fixed and not zero.array().any()):
        return x
    found: Traced = t.call("sub.Tensor", self=x, other=_float(t, zero))
    return found


def _along(t: Tracer, table: Traced, rank: int, axis: int) -> Traced:
    """One number, or one for each place along an axis, in a shape that goes with x."""
    table = _float(t, table)
    if not table.rank:
        return table
    shape = [1] * rank
    if table.dims != [1]:
        shape[counted(axis, rank)] = -1
    found: Traced = t.call("reshape", self=table, shape=shape)
    return found


def meant(
    t: Tracer, n: OnnxNode, x: Traced, scale: Traced, zero: Traced | None = None,
    axis: int | None = None,
) -> Traced:  # fmt: skip
    """What whole numbers stand for."""
    place = int(n.get("axis", 1)) if axis is None else axis
    whole = _less(t, x, None if zero is None else _along(t, zero, x.rank, place))
    found: Traced = t.call("mul.Tensor", self=whole, other=_along(t, scale, x.rank, place))
    return found


def rounded(t: Tracer, n: OnnxNode, x: Traced, scale: Traced, zero: Traced | None) -> Traced:
    """The whole numbers nearest to numbers, as floating-point ones."""
    _note(t)
    stored = zero.stored if zero is not None else "uint8"
    if stored not in RANGES:
        raise Untraced(f"it rounds to {stored or 'numbers of an unknown type'}")
    low, high = RANGES[stored]
    place = int(n.get("axis", 1)) if x.rank else 0
    x = t.call("round", self=t.call("div.Tensor", self=x, other=_along(t, scale, x.rank, place)))
    if zero is not None and not (zero.fixed and not zero.array().any()):
        x = t.call("add.Tensor", self=x, other=_along(t, zero, x.rank, place))
    found: Traced = t.call("clamp", self=x, min=float(low), max=float(high))
    found.stored = stored
    return found


def _note(t: Tracer) -> None:
    if NOTE not in t.program.notes:
        t.program.notes.append(NOTE)
