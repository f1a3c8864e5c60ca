"""The buffered form of cross-entropy against class indices.

With fewer classes than a vector register has lanes torch's kernels along the last axis go number
by number. Turned, so that the samples lie side by side, the same kernels take whole registers:
13 us where they take 37 (both passes, 128 samples of 10 classes, one thread).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphcore.late import torch
from graphcore.ops.kernels.buffered import Closure, Kernels

if TYPE_CHECKING:
    from torch import Tensor

LANES = 16
"""Numbers of float32 in the widest register; with more classes nothing is gained."""
NO_CLASS = -(2**31)
"""torch's ignore_index: a class that is left out; here none is."""


def lower_cross_entropy(x: Tensor, target: Tensor, weight: Tensor | None, mode: int) -> Kernels:
    """−log softmax(x)[target].

    Args:
        x: scores, shape (N, C).
        target: class indices, shape (N,).
        weight: one per class, shape (C,), or None.
        mode: 0 keeps one loss per sample, 1 averages, 2 adds up (ATen/core/Reduction.h).
    """
    transposed = x.shape[1] < LANES <= len(x)
    shape = _laid(x, transposed).shape
    copied = transposed and not x.t().is_contiguous()
    scores = x.new_empty(shape) if copied else None
    log_p, g_log_p = (x.new_empty(shape) for _ in range(2))
    y, total = x.new_empty(len(x) if mode == 0 else ()), x.new_empty(())
    pick, unpick = _picking("nll_loss2d" if transposed else "nll_loss")
    unlog, axis = torch.ops.aten._log_softmax_backward_data.out, 0 if transposed else 1
    seen = _as_image if transposed else _as_it_is
    log_p_seen, g_log_p_seen = seen(log_p), seen(g_log_p)
    each = seen if mode == 0 else _as_it_is

    def forward() -> None:
        laid = _laid(x, transposed)
        torch.log_softmax(laid if scores is None else scores.copy_(laid), axis, out=log_p)
        pick(log_p_seen, seen(target), weight, mode, NO_CLASS, output=each(y), total_weight=total)

    def backward(g: Tensor, gx: Tensor, _: Tensor | None) -> Closure:
        own = x.new_empty(shape) if copied else None

        def run() -> None:
            there = _laid(gx, transposed) if own is None else own
            unpick(each(g), log_p_seen, seen(target), weight, mode, NO_CLASS, total,
                   grad_input=g_log_p_seen)  # fmt: skip
            unlog(g_log_p, log_p, axis, x.dtype, out=there)
            if own is not None:
                gx.copy_(own.t())

        return run

    return Kernels(y, forward, backward)


def _picking(kind: str) -> tuple[Any, Any]:
    """The kernels that take one log probability per sample, and that go back from it."""
    aten = torch.ops.aten
    return getattr(aten, f"{kind}_forward").output, getattr(aten, f"{kind}_backward").grad_input


def _laid(a: Tensor, transposed: bool) -> Tensor:
    return a.t() if transposed else a


def _as_image(a: Tensor) -> Tensor:
    """One image of N pixels and C channels, where the samples lie side by side."""
    return a.view(1, *a.shape[:-1], 1, a.shape[-1])


def _as_it_is(a: Tensor) -> Tensor:
    return a
