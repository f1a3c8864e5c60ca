"""Pooling and resizing."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.lowering.builder import Builder, NotOurs, Port, plain_dim
from graphcore.exchange.lowering.rules.table import rule


def _spread(value: Any, rank: int) -> tuple[int, ...]:
    listed = list(value) if isinstance(value, list) else [value]
    return tuple(int(v) for v in (listed * rank if len(listed) == 1 else listed))


def _one(value: tuple[int, ...]) -> Any:
    return value[0] if len(set(value)) == 1 else value


@rule("max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices")
def pool_with_places(b: Builder, a: dict[str, Any]) -> list[Port | None]:
    """The largest of each window; where they lie is asked of torch's own function."""
    return [_pooled(b, a, b.call.target.split(".")[1].removesuffix("_with_indices")), None]


@rule("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d")
def pool(b: Builder, a: dict[str, Any]) -> Port:
    return _pooled(b, a, b.call.target.split(".")[1])


def _pooled(b: Builder, a: dict[str, Any], operation: str) -> Port:
    rank = int(operation[-2])
    kernel = _spread(a["kernel_size"], rank)
    stride = _spread(a.get("stride") or list(kernel), rank)
    padding = _spread(a.get("padding", 0), rank)
    dilation = _spread(a.get("dilation", 1), rank)
    if a.get("divisor_override") is not None:
        raise NotOurs
    more: dict[str, Any] = {"ceil_mode": a.get("ceil_mode", False)}
    if operation.startswith("max"):
        more["dilation"] = _one(dilation)
    else:
        more["count_include_pad"] = a.get("count_include_pad", True)
    operator = ("MaxPool" if operation.startswith("max") else "AvgPool") + f"{rank}d"
    return b.add(
        operator, b.port(a["self"]), kernel_size=_one(kernel),
        stride=None if stride == kernel else _one(stride), padding=_one(padding), **more,
    )  # fmt: skip


@rule("adaptive_avg_pool2d", "adaptive_avg_pool1d")
def adaptive(b: Builder, a: dict[str, Any]) -> Port:
    x = b.port(a["self"])
    sizes = tuple(plain_dim(d) for d in a["output_size"])
    if len(sizes) == 2:
        return b.add("AdaptiveAvgPool2d", x, output_size=_one(sizes))
    image = b.add("Unsqueeze", x, dim=2)
    return b.add("Squeeze", b.add("AdaptiveAvgPool2d", image, output_size=(1, *sizes)), dim=2)


@rule("adaptive_avg_pool3d")
def adaptive_volume(b: Builder, a: dict[str, Any]) -> Port:
    return _divided(b, a, "AvgPool3d")


@rule("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_max(b: Builder, a: dict[str, Any]) -> list[Port | None]:
    rank = b.call.target.split(".")[1][-2:]
    return [_divided(b, a, f"MaxPool{rank}"), None]


def _divided(b: Builder, a: dict[str, Any], operator: str) -> Port:
    """Windows that are all of one size, without overlap."""
    x = b.port(a["self"])
    wanted = [plain_dim(d) for d in a["output_size"]]
    given = [plain_dim(d) for d in x.shape[len(x.shape) - len(wanted) :]]
    if any(length % parts for length, parts in zip(given, wanted, strict=True)):
        raise NotOurs
    kernel = tuple(length // parts for length, parts in zip(given, wanted, strict=True))
    return b.add(operator, x, kernel_size=_one(kernel))


@rule("upsample_nearest2d.vec", "upsample_bilinear2d.vec", "upsample_nearest2d",
      "upsample_bilinear2d")  # fmt: skip
def upsample(b: Builder, a: dict[str, Any]) -> Port:
    x, wanted = b.port(a.get("input", a.get("self"))), b.value_of().shape
    if a.get("align_corners") or len(x.shape) != 4:
        raise NotOurs
    factors = []
    for length, result in zip(x.shape[2:], wanted[2:], strict=True):
        if not isinstance(result, int) or result % plain_dim(length):
            raise NotOurs
        factors.append(result // plain_dim(length))
    mode = "nearest" if "nearest" in b.call.target else "bilinear"
    return b.add("Upsample", x, scale_factor=_one(tuple(factors)), mode=mode)
