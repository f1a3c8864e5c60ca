"""A product with weights and what is added to it."""

from __future__ import annotations

from graphcore.exchange.onnx.patterns.calls import Calls, pattern
from graphcore.exchange.program import Call


@pattern("add.Tensor")
def linear_bias(calls: Calls, call: Call) -> bool:
    """x W^T + b is a Linear with its bias."""
    for product, bias in calls.pairs(call):
        made = calls.maker(product, "linear")
        if made is None or made.arguments.get("bias") is not None or not calls.once(product):
            continue
        weight = calls.tensor(made.arguments["weight"])
        held = calls.tensor(bias)
        if weight is None or held is None or held.array.shape[-1:] != weight.array.shape[:1]:
            continue
        kept = calls.as_weight(bias, (weight.array.shape[0],))
        if kept is not None:
            call.modules = made.modules or call.modules
            return calls.write(call, "linear", **{**made.arguments, "bias": kept})
    return False
