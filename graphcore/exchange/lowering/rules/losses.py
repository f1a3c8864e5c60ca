"""Losses, for nets that are exported together with theirs."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port
from graphcore.exchange.lowering.rules.table import RULES, rule

_REDUCTIONS = {1: "mean", 2: "sum"}


def _reduction(a: dict[str, Any]) -> str:
    try:
        return _REDUCTIONS[a.get("reduction", 1)]
    except KeyError:
        raise NotOurs from None


def _pair(operator: str, b: Builder, a: dict[str, Any]) -> Port:
    if a.get("weight") is not None or a.get("pos_weight") is not None:
        raise NotOurs
    more: dict[str, Any] = {"delta": float(a.get("delta", 1.0))} if operator == "HuberLoss" else {}
    return b.add(operator, b.port(a["self"]), b.port(a["target"]), reduction=_reduction(a), **more)


for _name, _operator in {
    "mse_loss": "MSELoss", "l1_loss": "L1Loss", "huber_loss": "HuberLoss",
    "binary_cross_entropy": "BCELoss", "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
}.items():  # fmt: skip
    RULES[f"aten.{_name}.default"] = partial(_pair, _operator)


@rule("cross_entropy_loss")
def cross_entropy(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("weight") is not None or a.get("ignore_index", -100) != -100:
        raise NotOurs
    return b.add(
        "CrossEntropyLoss", b.port(a["self"]), b.port(a["target"]), reduction=_reduction(a),
        label_smoothing=float(a.get("label_smoothing", 0.0)),
    )  # fmt: skip


@rule("nll_loss_nd", "nll_loss")
def nll(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("weight") is not None or a.get("ignore_index", -100) != -100:
        raise NotOurs
    return b.add("NLLLoss", b.port(a["self"]), b.port(a["target"]), reduction=_reduction(a))
