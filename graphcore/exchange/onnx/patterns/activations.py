"""Activations that files spell out."""

from __future__ import annotations

import math
from typing import Any

from graphcore.exchange.onnx.patterns.calls import Calls, pattern
from graphcore.exchange.program import Call, Ref

GATES = {"sigmoid": "silu", "hardsigmoid": "hardswish"}
CUBE = 0.044715


@pattern("mul.Tensor")
def gated(calls: Calls, call: Call) -> bool:
    """x · sigmoid(x) is SiLU; likewise Hardswish and Mish."""
    for x, gate in calls.pairs(call):
        made = calls.maker(gate, *GATES)
        if made is not None and made.arguments["self"] == x:
            return calls.write(call, GATES[made.target.split(".")[1]], **{"self": x})
        made = calls.maker(gate, "tanh")
        inner = calls.maker(made.arguments["self"], "softplus") if made is not None else None
        if inner is not None and inner.arguments["self"] == x:
            return calls.write(call, "mish", **{"self": x})
    return False


@pattern("mul.Tensor", "div.Tensor")
def gelu(calls: Calls, call: Call) -> bool:
    """x/2 · (1 + erf(x/√2)) is GELU; with tanh its approximation."""
    factor, parts = calls.factors(Ref(call.outputs[0] or ""))
    if not math.isclose(factor, 0.5, rel_tol=1e-6) or len(parts) != 2:
        return False
    for x, share in (parts, parts[::-1]):
        kind = _share(calls, x, share)
        if kind:
            return calls.write(call, "gelu", **{"self": x}, approximate=kind)
    return False


def _share(calls: Calls, x: Any, share: Any) -> str:
    """Which GELU has this share of x; "" for none."""
    total = calls.maker(share, "add.Tensor")
    for inner, one in calls.pairs(total) if total is not None else ():
        made = calls.maker(inner, "erf", "tanh")
        if made is None or not calls.is_number(one, 1.0):
            continue
        factor, parts = calls.factors(made.arguments["self"])
        if made.target == "aten.erf.default":
            if parts == [x] and math.isclose(factor, 1 / math.sqrt(2), rel_tol=1e-5):
                return "none"
        elif len(parts) == 1 and math.isclose(factor, math.sqrt(2 / math.pi), rel_tol=1e-4):
            return "tanh" if _has_cube(calls, x, parts[0]) else ""
    return ""


def _has_cube(calls: Calls, x: Any, argument: Any) -> bool:
    """Whether a tensor is x + 0.044715 x³."""
    total = calls.maker(argument, "add.Tensor")
    for plain, cube in calls.pairs(total) if total is not None else ():
        factor, parts = calls.factors(cube)
        if plain != x or not math.isclose(factor, CUBE, rel_tol=1e-4):
            continue
        if parts == [x] * 3:
            return True
        power = calls.maker(parts[0], "pow.Tensor_Scalar") if len(parts) == 1 else None
        if power is not None and power.arguments == {"self": x, "exponent": 3.0}:
            return True
    return False
