"""Operators of the domain com.microsoft that onnxruntime's own quantiser writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphcore.exchange.onnx.operators.quantised import dequantize, meant, quantize, rounded
from graphcore.exchange.onnx.operators.table import OPERATORS, OnnxNode, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced

DOMAIN = "com.microsoft"


def contributed(*names: str) -> Callable[[Any], Any]:
    """Decorator: the function of these operators of the domain."""
    return operator(*(f"{DOMAIN}.{name}" for name in names))


operator(f"{DOMAIN}.DequantizeLinear")(dequantize)
operator(f"{DOMAIN}.QuantizeLinear")(quantize)


def _standard(t: Tracer, n: OnnxNode, name: str, inputs: list[Any]) -> Traced:
    """What the standard operator makes of what whole numbers stand for."""
    found = OPERATORS[name](t, replace(n, operator=name, inputs=inputs, outputs=1))
    first: Traced = found[0] if isinstance(found, list) else found
    return first


def _stood_for(t: Tracer, n: OnnxNode, place: int) -> Traced:
    """What the input at a place stands for; scale and zero come behind it."""
    return meant(t, n, n.input(place), n.input(place + 1), n.optional(place + 2), 0)


@contributed("QLinearAdd", "QLinearMul")
def two(t: Tracer, n: OnnxNode) -> Any:
    name = n.operator.removeprefix("QLinear")
    y = _standard(t, n, name, [_stood_for(t, n, 0), _stood_for(t, n, 3)])
    return rounded(t, n, y, n.input(6), n.optional(7))


@contributed(
    "QLinearSigmoid", "QLinearLeakyRelu", "QLinearSoftmax", "QLinearAveragePool",
    "QLinearGlobalAveragePool", "QLinearReduceMean",
)  # fmt: skip
def one(t: Tracer, n: OnnxNode) -> Any:
    if n.get("channels_last", 0):
        raise Untraced("channels that come last are not read")
    name, more = n.operator.removeprefix("QLinear"), n
    if name == "Softmax":
        more = replace(n, version=int(n.get("opset", 13)))
    y = _standard(t, more, name, [_stood_for(t, n, 0)])
    return rounded(t, n, y, n.input(3), n.optional(4))


@contributed("QLinearConcat")
def concat(t: Tracer, n: OnnxNode) -> Any:
    parts = [_stood_for(t, n, place) for place in range(2, len(n.inputs), 3)]
    y = _standard(t, n, "Concat", parts)
    return rounded(t, n, y, n.input(0), n.optional(1))


@contributed("QGemm")
def gemm(t: Tracer, n: OnnxNode) -> Any:
    a, alpha = _stood_for(t, n, 0), float(n.get("alpha", 1.0))
    axis = 0 if n.get("transB", 0) else 1
    b = meant(t, n, n.input(3), n.input(4), n.optional(5), axis)
    bias = n.optional(6)
    if bias is not None:
        scale = t.call("mul.Tensor", self=n.input(1), other=n.input(4))
        bias = meant(t, n, bias, t.call("mul.Scalar", self=scale, other=alpha), None, -1)
    y = _standard(t, n, "Gemm", [a, b, bias])
    return y if n.optional(7) is None else rounded(t, n, y, n.input(7), n.optional(8))
