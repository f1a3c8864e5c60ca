"""Pooling."""

from __future__ import annotations

from typing import Any

from graphcore.exchange.onnx.operators.cutting import padded
from graphcore.exchange.onnx.operators.layers import ones, windows
from graphcore.exchange.onnx.operators.table import OnnxNode, operator
from graphcore.exchange.onnx.tracing import Traced, Tracer, Untraced

LOWEST = float("-inf")


def _kernel(n: OnnxNode, x: Traced) -> list[int]:
    kernel = [int(k) for k in n.get("kernel_shape")]
    if not 1 <= len(kernel) <= 3 or x.rank != len(kernel) + 2:
        raise Untraced(f"pooling over {len(kernel)} axes is not read")
    return kernel


def _fits(pairs: list[tuple[int, int]], kernel: list[int]) -> bool:
    """Whether torch's pooling pads so: alike on both sides, by half a window at most."""
    return all(a == b and 0 <= a <= k // 2 for (a, b), k in zip(pairs, kernel, strict=True))


@operator("MaxPool")
def max_pool(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    kernel = _kernel(n, x)
    stride, dilation, pairs = windows(n, x, kernel)
    if not _fits(pairs, kernel):
        x = padded(t, x, [(0, 0), (0, 0), *pairs], value=LOWEST)
        pairs = [(0, 0)] * len(kernel)
    return t.call(
        f"max_pool{len(kernel)}d", self=x, kernel_size=kernel, stride=stride,
        padding=[a for a, _ in pairs], dilation=dilation, ceil_mode=bool(n.get("ceil_mode", 0)),
    )  # fmt: skip


@operator("AveragePool")
def average_pool(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    kernel = _kernel(n, x)
    stride, dilation, pairs = windows(n, x, kernel)
    if set(dilation) != {1}:
        raise Untraced("averages with gaps between their places are not read")
    ceil, counted = bool(n.get("ceil_mode", 0)), bool(n.get("count_include_pad", 0))
    if _fits(pairs, kernel):
        return _average(t, x, kernel, stride, [a for a, _ in pairs], ceil, counted)
    sides = [(0, 0), (0, 0), *pairs]
    nothing = [0] * len(kernel)
    y = _average(t, padded(t, x, sides), kernel, stride, nothing, ceil, True)
    if counted:
        return y
    there = t.known(ones([1, 1, *(x.dim(i) for i in range(2, x.rank))]))
    share = _average(t, padded(t, there, sides), kernel, stride, nothing, ceil, True)
    return t.call("div.Tensor", self=y, other=share)


def _average(
    t: Tracer, x: Traced, kernel: list[int], stride: list[int], pads: list[int], ceil: bool,
    counted: bool,
) -> Traced:  # fmt: skip
    found: Traced = t.call(
        f"avg_pool{len(kernel)}d",
        self=x,
        kernel_size=kernel,
        stride=stride,
        padding=pads,
        ceil_mode=ceil,
        count_include_pad=counted,
    )
    return found


@operator("GlobalAveragePool")
def global_average(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    if x.rank in (3, 4):
        return t.call(f"adaptive_avg_pool{x.rank - 2}d", self=x, output_size=[1] * (x.rank - 2))
    return t.call("mean.dim", self=x, dim=list(range(2, x.rank)), keepdim=True)


@operator("GlobalMaxPool")
def global_max(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    return t.call("amax", self=x, dim=list(range(2, x.rank)), keepdim=True)
