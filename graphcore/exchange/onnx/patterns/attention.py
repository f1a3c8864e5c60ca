"""Scaled dot-product attention as files spell it out."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphcore.exchange.onnx.patterns.axes import order_of
from graphcore.exchange.onnx.patterns.calls import Calls, pattern
from graphcore.exchange.program import Call, Ref, Value


@pattern("matmul")
def attention(calls: Calls, call: Call) -> bool:
    """softmax(q kᵀ · scale + mask) v."""
    soft = calls.maker(call.arguments["self"], "softmax.int")
    shape = calls.value(call.arguments["self"])
    if soft is None or shape is None or len(shape.shape) != 4:
        return False
    if soft.arguments["dim"] not in (-1, 3) or not calls.once(call.arguments["self"]):
        return False
    scores, mask = _without_mask(calls, soft.arguments["self"])
    outer, parts = calls.factors(scores)
    product = calls.maker(parts[0], "matmul") if len(parts) == 1 else None
    if product is None:
        return False
    left, queries = calls.factors(product.arguments["self"])
    right, keys = calls.factors(product.arguments["other"])
    if len(queries) != 1 or len(keys) != 1:
        return False
    key, inner = _turned(calls, call, keys[0])
    if key is None:
        return False
    factor = outer * left * right * inner
    width = calls.value(queries[0])
    assert width is not None
    last = width.shape[-1]
    plain = isinstance(last, int) and bool(abs(factor * np.sqrt(last) - 1) < 1e-5)
    causal = mask is not None and _is_causal(calls, mask)
    return calls.write(
        call, "scaled_dot_product_attention", query=queries[0], key=key,
        value=call.arguments["other"], attn_mask=None if causal else mask, dropout_p=0.0,
        is_causal=causal and plain, scale=None if plain else factor,
    ) if plain or not causal else False  # fmt: skip


def _without_mask(calls: Calls, scores: Any) -> tuple[Any, Any]:
    """Scores and the mask that is added to them, or None."""
    total = calls.maker(scores, "add.Tensor")
    for product, mask in calls.pairs(total) if total is not None else ():
        _, parts = calls.factors(product)
        value = calls.value(mask)
        if len(parts) == 1 and calls.maker(parts[0], "matmul") is not None and value is not None:
            return product, mask if value.number == "float" else None
    return scores, None


def _turned(calls: Calls, call: Call, argument: Any) -> tuple[Any, float]:
    """Return transposed keys of a product as they were before, and their factor."""
    found, value = order_of(calls, argument), calls.value(argument)
    if value is None or len(value.shape) != 4:
        return None, 1.0
    if found is None:
        return _turned_flat(calls, call, argument, value), 1.0
    source, order = found
    order = [*order[:2], order[3], order[2]]
    factor, parts = calls.factors(source)
    if len(parts) == 1:
        source = parts[0]
    else:
        factor = 1.0
    if order == sorted(order):
        return source, factor
    shape = (*value.shape[:2], value.shape[3], value.shape[2])
    laid = Value(shape, value.number)
    return calls.insert(call, "permute.default", laid, **{"self": source}, dims=order), factor


def _turned_flat(calls: Calls, call: Call, argument: Any, value: Value) -> Any:
    """Return keys that were transposed with samples and heads as one axis."""
    outer = calls.maker(argument, "reshape")
    flat = calls.value(outer.arguments["self"]) if outer is not None else None
    found = order_of(calls, outer.arguments["self"]) if outer is not None else None
    if found is None or flat is None or len(flat.shape) != 3 or flat.shape[1:] != value.shape[2:]:
        return None
    source, order = found[0], [found[1][0], found[1][2], found[1][1]]
    swapped = (*value.shape[:2], value.shape[3], value.shape[2])
    inner = calls.maker(source, "reshape")
    if order == sorted(order) and inner is not None:
        whole = calls.value(inner.arguments["self"])
        if whole is not None and whole.shape == swapped:
            return inner.arguments["self"]
    if order != sorted(order):
        laid = Value((flat.shape[0], flat.shape[2], flat.shape[1]), value.number)
        source = calls.insert(call, "permute.default", laid, **{"self": source}, dims=order)
    laid = Value(swapped, value.number)
    return calls.insert(call, "reshape.default", laid, **{"self": source}, shape=list(swapped))


def _is_causal(calls: Calls, mask: Ref) -> bool:
    """Whether a mask is 0 up to each place and −∞ after it."""
    held = calls.tensor(mask)
    if held is None or held.array.ndim < 2 or held.array.shape[-1] != held.array.shape[-2]:
        return False
    table = held.array.reshape(-1, *held.array.shape[-2:])
    if len(table) != 1:
        return False
    later = np.triu(np.ones(table.shape[1:], bool), 1)
    lowest = table[0][later]
    return bool((table[0][~later] == 0).all() and (lowest < -1e30).all())
