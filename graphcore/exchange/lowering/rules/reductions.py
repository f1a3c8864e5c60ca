"""Sums, means, extremes, and softmax."""

from __future__ import annotations

from functools import partial
from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port
from graphcore.exchange.lowering.rules.table import RULES, rule


def _reduce(operator: str, b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    if x.number != "float":
        raise NotOurs
    dim = a.get("dim")
    dims = None if dim is None or dim == [] else tuple(dim) if isinstance(dim, list) else dim
    if isinstance(dims, tuple) and len(dims) == 1:
        dims = dims[0]
    return b.add(operator, x, dim=dims, keepdim=a.get("keepdim", False))


for _overload, _operator in {
    "sum.default": "Sum", "sum.dim_IntList": "Sum", "mean.default": "Mean", "mean.dim": "Mean",
    "amax.default": "Max", "amin.default": "Min", "max.default": "Max", "min.default": "Min",
}.items():  # fmt: skip
    RULES[f"aten.{_overload}"] = partial(_reduce, _operator)


@rule("var.correction", "var.dim", "var")
def variance(b: Builder, a: dict[str, Any]) -> Port:
    correction = a.get("correction", 1)
    if "unbiased" in a:
        correction = int(a["unbiased"])
    if correction is None:
        correction = 1
    dim = a.get("dim")
    dims = None if not dim and dim != 0 else tuple(dim) if isinstance(dim, list) else dim
    return b.add("Var", b.port(a["self"]), dim=dims, keepdim=a.get("keepdim", False),
                 correction=int(correction))  # fmt: skip


@rule("argmax")
def argmax(b: Builder, a: dict[str, Any]) -> Port:
    if a.get("dim") is None:
        raise NotOurs
    x = b.port(a["self"])
    return b.add("ArgMax", x, number="int", dim=a["dim"], keepdim=a.get("keepdim", False))


@rule("softmax.int", "_softmax")
def softmax(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("Softmax", _float(b, a["self"]), dim=a["dim"])


@rule("log_softmax.int", "_log_softmax")
def log_softmax(b: Builder, a: dict[str, Any]) -> Port:
    return b.add("LogSoftmax", _float(b, a["self"]), dim=a["dim"])


def _float(b: Builder, argument: Any) -> Port:
    x = b.port(argument)
    if x.number != "float":
        raise NotOurs
    return x
