"""Operators that work element by element."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np

from graphcore.exchange.onnx.operators.table import NUMBERS, OPERATORS, OnnxNode, operator
from graphcore.exchange.onnx.tracing import Many, Traced, Tracer, Untraced
from graphcore.exchange.program import Kind

SAME = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Exp": "exp", "Log": "log", "Abs": "abs",
    "Neg": "neg", "Sqrt": "sqrt", "Reciprocal": "reciprocal", "Floor": "floor", "Ceil": "ceil",
    "Round": "round", "Sign": "sign", "Erf": "erf", "Sin": "sin", "Cos": "cos", "Tan": "tan",
    "Asin": "asin", "Acos": "acos", "Atan": "atan", "Sinh": "sinh", "Cosh": "cosh",
    "Asinh": "asinh", "Acosh": "acosh", "Atanh": "atanh", "Not": "logical_not", "IsNaN": "isnan",
    "Softplus": "softplus", "HardSwish": "hardswish", "Mish": "mish",
}  # fmt: skip
PAIRS = {
    "Add": "add.Tensor", "Sub": "sub.Tensor", "Mul": "mul.Tensor", "And": "logical_and",
    "Or": "logical_or", "Xor": "logical_xor", "Equal": "eq.Tensor", "Greater": "gt.Tensor",
    "GreaterOrEqual": "ge.Tensor", "Less": "lt.Tensor", "LessOrEqual": "le.Tensor",
    "BitwiseAnd": "bitwise_and.Tensor", "BitwiseOr": "bitwise_or.Tensor",
    "BitwiseXor": "bitwise_xor.Tensor",
}  # fmt: skip


def _same(target: str, t: Tracer, n: OnnxNode) -> Traced:
    found: Traced = t.call(target, self=n.input(0))
    return found


for _name, _target in SAME.items():
    OPERATORS[_name] = partial(_same, _target)


@operator("Identity")
def identity(t: Tracer, n: OnnxNode) -> Any:
    return n.input(0)


def pair(t: Tracer, n: OnnxNode) -> tuple[Traced, Traced]:
    """Both inputs, the second laid along an axis as files before version 7 say it."""
    x, y = n.input(0), n.input(1)
    if n.version < 7 and n.get("broadcast") and "axis" in n.attributes:
        missing = x.rank - n.axis(x.rank) - y.rank
        for _ in range(max(0, missing)):
            y = t.call("unsqueeze", self=y, dim=-1)
    return (_for_each(t, x, y, n.batch), _for_each(t, y, x, n.batch)) if n.batch > 1 else (x, y)


def _for_each(t: Tracer, x: Traced, other: Traced, batch: int) -> Traced:
    """x once, where the file has it for each sample of the example."""
    for axis in range(-1, -min(x.rank, other.rank) - 1, -1):
        if x.fixed and x.dims[axis] == batch and isinstance(other.dims[axis], Many):
            x, t.program.guessed = t.once(x, axis % x.rank), True
    return x


def _pair(target: str, t: Tracer, n: OnnxNode) -> Traced:
    x, y = pair(t, n)
    found: Traced = t.call(target, self=x, other=y)
    return found


for _name, _target in PAIRS.items():
    OPERATORS[_name] = partial(_pair, _target)


@operator("Div")
def divide(t: Tracer, n: OnnxNode) -> Any:
    x, y = pair(t, n)
    if x.number == "int" and y.number == "int":
        return t.call("div.Tensor_mode", self=x, other=y, rounding_mode="trunc")
    return t.call("div.Tensor", self=x, other=y)


@operator("Mod")
def modulo(t: Tracer, n: OnnxNode) -> Any:
    target = "fmod.Tensor" if n.get("fmod", 0) else "remainder.Tensor"
    return t.call(target, self=n.input(0), other=n.input(1))


@operator("Pow")
def power(t: Tracer, n: OnnxNode) -> Any:
    x, y = pair(t, n)
    if y.fixed and y.array().size == 1 and y.rank <= x.rank and x.number == "float":
        return t.call("pow.Tensor_Scalar", self=x, exponent=float(y.scalar()))
    result = t.call("pow.Tensor_Tensor", self=x, exponent=y)
    return cast_to(t, result, x.number)


def _folded(target: str, t: Tracer, n: OnnxNode) -> Any:
    """An operator of any number of inputs, one after the other."""
    total = n.input(0)
    for other in n.inputs[1:]:
        total = t.call(target, self=total, other=other)
    return total


for _name, _target in {"Sum": "add.Tensor", "Max": "maximum", "Min": "minimum"}.items():
    OPERATORS[_name] = partial(_folded, _target)


@operator("Mean")
def mean(t: Tracer, n: OnnxNode) -> Any:
    total = _folded("add.Tensor", t, n)
    return t.call("div.Tensor", self=total, other=t.known(float(len(n.inputs))))


@operator("Where")
def where(t: Tracer, n: OnnxNode) -> Any:
    return t.call("where.self", condition=n.input(0), **{"self": n.input(1)}, other=n.input(2))


def cast_to(t: Tracer, x: Traced, number: Any) -> Traced:
    """x as another kind of number."""
    if x.number == number:
        return x
    found: Traced = t.call("to.dtype", self=x, dtype=Kind(number))
    return found


@operator("Cast")
def cast(t: Tracer, n: OnnxNode) -> Any:
    kind = n.get("to")
    if kind not in NUMBERS:
        raise Untraced("it casts to a kind of number that nets here do not have")
    return cast_to(t, n.input(0), NUMBERS[kind])


@operator("CastLike")
def cast_like(t: Tracer, n: OnnxNode) -> Any:
    return cast_to(t, n.input(0), n.input(1).number)


@operator("IsInf")
def is_infinite(t: Tracer, n: OnnxNode) -> Any:
    up, down = n.get("detect_positive", 1), n.get("detect_negative", 1)
    target = "isinf" if up and down else "isposinf" if up else "isneginf"
    return t.call(target, self=n.input(0))


# -- activations ----------------------------------------------------------------------------------


def scaled(t: Tracer, x: Traced, factor: float, shift: float = 0.0) -> Traced:
    """factor · x + shift."""
    if factor != 1:
        x = t.call("mul.Tensor", self=x, other=t.known(factor))
    return t.call("add.Tensor", self=x, other=t.known(shift)) if shift else x


@operator("Clip")
def clip(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    if n.version < 11:
        low, high = n.get("min"), n.get("max")
    else:
        low, high = n.optional(1), n.optional(2)
        if any(b is not None and not b.fixed for b in (low, high)):
            for bound, target in ((low, "maximum"), (high, "minimum")):
                x = x if bound is None else t.call(target, self=x, other=bound)
            return x
        low, high = (None if b is None else b.scalar() for b in (low, high))
    return x if low is None and high is None else clamped(t, x, low, high)


def clamped(t: Tracer, x: Traced, low: float | None, high: float | None) -> Traced:
    """x kept within bounds; bounds that no number is beyond are none."""
    most = float(np.finfo(np.float32).max)
    low = None if low is not None and low <= -most else low
    high = None if high is not None and high >= most else high
    if low is None and high is None:
        return x
    if low == 0 and high is None:
        found: Traced = t.call("relu", self=x)
        return found
    bounds = [b if b is None or x.number == "int" else float(b) for b in (low, high)]
    if low == 0 and high == 6:
        found = t.call("relu6", self=x)
    else:
        found = t.call("clamp", self=x, min=bounds[0], max=bounds[1])
    return found


@operator("LeakyRelu")
def leaky_relu(t: Tracer, n: OnnxNode) -> Any:
    return t.call("leaky_relu", self=n.input(0), negative_slope=float(n.get("alpha", 0.01)))


@operator("Elu")
def elu(t: Tracer, n: OnnxNode) -> Any:
    return t.call("elu", self=n.input(0), alpha=float(n.get("alpha", 1.0)))


@operator("Celu")
def celu(t: Tracer, n: OnnxNode) -> Any:
    return t.call("celu", self=n.input(0), alpha=float(n.get("alpha", 1.0)))


@operator("Selu")
def selu(t: Tracer, n: OnnxNode) -> Any:
    x, alpha, gamma = n.input(0), n.get("alpha", 1.67326319), n.get("gamma", 1.05070102)
    if math.isclose(alpha, 1.67326319, rel_tol=1e-5) and math.isclose(
        gamma, 1.05070102, rel_tol=1e-5
    ):
        return t.call("selu", self=x)
    return scaled(t, t.call("elu", self=x, alpha=float(alpha)), float(gamma))


@operator("HardSigmoid")
def hard_sigmoid(t: Tracer, n: OnnxNode) -> Any:
    alpha, beta = n.get("alpha", 0.2), n.get("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-5) and beta == 0.5:
        return t.call("hardsigmoid", self=n.input(0))
    return t.call("clamp", self=scaled(t, n.input(0), alpha, beta), min=0.0, max=1.0)


@operator("Gelu")
def gelu(t: Tracer, n: OnnxNode) -> Any:
    return t.call("gelu", self=n.input(0), approximate=n.get("approximate", "none"))


@operator("Swish")
def swish(t: Tracer, n: OnnxNode) -> Any:
    x, alpha = n.input(0), float(n.get("alpha", 1.0))
    if alpha == 1:
        return t.call("silu", self=x)
    return t.call("mul.Tensor", self=x, other=t.call("sigmoid", self=scaled(t, x, alpha)))


@operator("Softsign")
def softsign(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    return t.call("div.Tensor", self=x, other=scaled(t, t.call("abs", self=x), 1.0, 1.0))


@operator("ThresholdedRelu")
def thresholded_relu(t: Tracer, n: OnnxNode) -> Any:
    return t.call("threshold", self=n.input(0), threshold=float(n.get("alpha", 1.0)), value=0.0)


@operator("Shrink")
def shrink(t: Tracer, n: OnnxNode) -> Any:
    """0 between −λ and λ; elsewhere moved towards 0 by the bias."""
    x, limit, bias = n.input(0), float(n.get("lambd", 0.5)), float(n.get("bias", 0.0))
    if limit == bias:
        return t.call("softshrink", self=x, lambd=limit)
    if not bias:
        return t.call("hardshrink", self=x, lambd=limit)
    above = t.call("gt.Scalar", self=x, other=limit)
    below = t.call("lt.Scalar", self=x, other=-limit)
    down, up = scaled(t, x, 1.0, -bias), scaled(t, x, 1.0, bias)
    inner = t.call("where.self", condition=below, **{"self": up}, other=t.known(0.0))
    return t.call("where.self", condition=above, **{"self": down}, other=inner)


@operator("PRelu")
def prelu(t: Tracer, n: OnnxNode) -> Any:
    """One slope for all or for each channel; any other shape of slopes as arithmetic."""
    x, slope = n.input(0), n.input(1)
    if slope.fixed and x.rank >= 2:
        shape = list(slope.array().shape)
        per_channel = shape[::-1] == [1] * (x.rank - 2) + shape[:1] and len(shape) == x.rank - 1
        old = n.version < 7 and len(shape) == 1
        if slope.array().size == 1 or ((per_channel or old) and shape[0] == x.dims[1]):
            weight = t.call("reshape", self=slope, shape=[-1])
            return t.call("prelu", self=x, weight=weight)
    down = t.call("mul.Tensor", self=slope, other=t.call("clamp", self=x, min=None, max=0.0))
    return t.call("add.Tensor", self=t.call("relu", self=x), other=down)


@operator("Dropout")
def dropout(t: Tracer, n: OnnxNode) -> Any:
    """In evaluation the input as it is; a mask cannot be read."""
    x = n.input(0)
    if n.version < 12:
        share = float(n.get("ratio", 0.5))
    else:
        given, training = n.optional(1), n.optional(2)
        share = 0.5 if given is None else float(given.scalar())
        if training is not None and training.scalar() and share:
            raise Untraced("it drops numbers as in training")
    if not 0 < share < 1 or x.known:
        return x
    return t.call("dropout", input=x, p=share, train=False)
