"""Scaled dot-product attention, with and without a mask."""

from __future__ import annotations

import math
from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, plain_dim
from graphcore.exchange.lowering.rules.table import rule


@rule("scaled_dot_product_attention")
def attention(b: Builder, a: dict[str, Any]) -> Port:
    query, key, value = (b.port(a[k]) for k in ("query", "key", "value"))
    if a.get("enable_gqa"):
        raise NotOurs
    width = plain_dim(query.shape[-1])
    scale = a.get("scale")
    plain = scale is None or math.isclose(scale, 1 / math.sqrt(width))
    mask, causal, dropped = a.get("attn_mask"), a.get("is_causal", False), a.get("dropout_p", 0.0)
    if mask is None and plain and not dropped:
        return b.add("ScaledDotProductAttention", query, key, value, is_causal=causal)
    if causal:
        raise NotOurs
    factor = 1 / math.sqrt(width) if scale is None else float(scale)
    scores = b.add("MatMul", query, b.add("Transpose", key, dim0=-2, dim1=-1))
    scores = b.add("Mul", scores, b.constant(factor))
    if mask is not None:
        scores = _masked(b, scores, b.port(mask))
    weights = b.add("Softmax", scores, dim=-1)
    if dropped:
        weights = b.add("Dropout", weights, p=float(dropped))
    return b.add("MatMul", weights, value)


def _masked(b: Builder, scores: Port, mask: Port) -> Port:
    """Scores with a mask added, or with −∞ where a mask of yes and no says no."""
    if mask.number == "float":
        return b.add("Add", scores, mask)
    return b.add("Where", mask, scores, b.constant(-math.inf), number="float")
