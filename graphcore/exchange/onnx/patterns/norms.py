"""Normalisation that files spell out, step by step: first its core, then scale and shift."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.patterns.calls import Calls, pattern
from graphcore.exchange.program import Call, Ref


@pattern("div.Tensor", "mul.Tensor")
def layer_norm(calls: Calls, call: Call) -> bool:
    """(x − mean) / √(variance + eps) over the last axes."""
    x, y = call.arguments["self"], call.arguments["other"]
    orders = [(x, y)] if call.target == "aten.div.Tensor" else [(x, y), (y, x)]
    for centred, below in orders:
        spread = _deviation(calls, below, inverse=call.target == "aten.mul.Tensor")
        found = _centred(calls, centred)
        if spread is None or found is None:
            continue
        variance, eps = spread
        source, dims = found
        if _variance_of(calls, variance, source, dims):
            shape = _last(calls, source, dims)
            if shape is not None:
                return calls.write(call, "layer_norm", input=source, normalized_shape=shape,
                                   weight=None, bias=None, eps=eps)  # fmt: skip
    return False


def _deviation(calls: Calls, below: Any, *, inverse: bool) -> tuple[Any, float] | None:
    """The variance and eps in √(variance + eps), or in its inverse."""
    if inverse:
        made = calls.maker(below, "reciprocal", "rsqrt")
        if made is None:
            return None
        if made.target == "aten.rsqrt.default":
            return _with_eps(calls, made.arguments["self"])
        below = made.arguments["self"]
    root = calls.maker(below, "sqrt", "pow.Tensor_Scalar")
    if root is None or root.arguments.get("exponent", 0.5) != 0.5:
        return None
    return _with_eps(calls, root.arguments["self"])


def _with_eps(calls: Calls, total: Any) -> tuple[Any, float] | None:
    made = calls.maker(total, "add.Tensor")
    for variance, eps in calls.pairs(made) if made is not None else ():
        number = calls.number(eps)
        if number is not None and 0 <= number < 0.1:
            return variance, number
    return None


def _centred(calls: Calls, argument: Any) -> tuple[Any, list[int]] | None:
    """x and the axes in x − mean(x)."""
    made = calls.maker(argument, "sub.Tensor")
    mean = calls.maker(made.arguments["other"], "mean.dim") if made is not None else None
    if made is None or mean is None or not mean.arguments.get("keepdim"):
        return None
    source = made.arguments["self"]
    return (source, mean.arguments["dim"]) if mean.arguments["self"] == source else None


def _variance_of(calls: Calls, argument: Any, source: Any, dims: list[int]) -> bool:
    mean = calls.maker(argument, "mean.dim")
    if mean is None or mean.arguments["dim"] != dims or not mean.arguments.get("keepdim"):
        return False
    squared = calls.maker(mean.arguments["self"], "mul.Tensor", "pow.Tensor_Scalar", "square")
    if squared is None or squared.arguments.get("exponent", 2.0) != 2.0:
        return False
    parts = [squared.arguments["self"], squared.arguments.get("other")]
    if parts[1] is not None and parts[0] != parts[1]:
        return False
    return _centred(calls, parts[0]) == (source, dims)


def _last(calls: Calls, source: Any, dims: list[int]) -> list[int] | None:
    """Lengths of the axes, if they are the last ones and follow no batch."""
    value = calls.value(source)
    if value is None:
        return None
    rank = len(value.shape)
    places = sorted(d % rank for d in dims)
    lengths = value.shape[places[0] :]
    if places != list(range(places[0], rank)) or not all(isinstance(n, int) for n in lengths):
        return None
    return [int(n) for n in lengths if isinstance(n, int)]


@pattern("reshape")
def group_norm(calls: Calls, call: Call) -> bool:
    """Groups laid out as channels, normalised, and laid back."""
    normed = calls.maker(call.arguments["self"], "instance_norm")
    laid = calls.maker(normed.arguments["input"], "reshape") if normed is not None else None
    if normed is None or laid is None:
        return False
    source = laid.arguments["self"]
    whole, now = calls.value(source), calls.value(Ref(call.outputs[0] or ""))
    groups = calls.value(normed.arguments["input"])
    plain = _all(calls, normed.arguments["weight"], 1) and _all(calls, normed.arguments["bias"], 0)
    if whole is None or now is None or groups is None or not plain or whole.shape != now.shape:
        return False
    count, channels = groups.shape[1], whole.shape[1]
    if whole.shape[0] != groups.shape[0] or not isinstance(count, int):
        return False
    if not isinstance(channels, int) or channels % count:
        return False
    return calls.write(call, "group_norm", input=source, num_groups=count, weight=None, bias=None,
                       eps=normed.arguments["eps"])  # fmt: skip


def _all(calls: Calls, argument: Any, number: float) -> bool:
    held = calls.tensor(argument)
    return held is not None and bool((np.asarray(held.array) == number).all())


@pattern("mul.Tensor")
def scale(calls: Calls, call: Call) -> bool:
    """What a normalisation is multiplied with is its weight."""
    return _affine(calls, call, "weight")


@pattern("add.Tensor")
def shift(calls: Calls, call: Call) -> bool:
    """What is added to a normalisation is its bias."""
    return _affine(calls, call, "bias")


def _affine(calls: Calls, call: Call, name: str) -> bool:
    for normed, given in calls.pairs(call):
        made = calls.maker(normed, "layer_norm", "group_norm")
        if made is None or made.arguments.get("bias") is not None or not calls.once(normed):
            continue
        if name == "weight" and made.arguments.get("weight") is not None:
            continue
        shape = _affine_shape(calls, made, given)
        kept = calls.as_weight(given, shape) if shape is not None else None
        if kept is not None:
            call.modules = made.modules or call.modules
            target = made.target.removeprefix("aten.")
            return calls.write(call, target, **{**made.arguments, name: kept})
    return False


def _affine_shape(calls: Calls, made: Call, given: Any) -> tuple[int, ...] | None:
    """The shape of weight and bias, if a tensor lies along the right axes."""
    held, value = calls.tensor(given), calls.value(Ref(made.outputs[0] or ""))
    if held is None or value is None:
        return None
    shape = held.array.shape
    if made.target == "aten.layer_norm.default":
        wanted = tuple(made.arguments["normalized_shape"])
        return (
            wanted
            if shape[-len(wanted) :] == wanted and set(shape[: -len(wanted)]) <= {1}
            else None
        )
    rank, channels = len(value.shape), value.shape[1]
    laid = (1,) * (rank - len(shape)) + shape
    right = laid[1] == channels and set(laid[:1] + laid[2:]) <= {1}
    return (int(laid[1]),) if right and len(shape) >= rank - 1 else None
