"""The buffered form of an operator: the same rule, written into tensors that live across steps.

An operator's ``lower`` gets what ``forward`` gets, once, when a net is first run with a batch of
some size. It allocates its output, and returns closures that fill it again at every step
without allocating anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.ops.registry import Context, OperatorClass

Closure = Callable[[], object]
SMALL = 4096
"""Up to this many numbers are copied to a fixed buffer, so that views of it last."""


def _nothing(first: int | None) -> list[Tensor]:
    return []


@dataclass(frozen=True)
class Kernels:
    """What ``lower`` returns.

    Attributes:
        output: the tensor that ``forward`` fills; it may be a view of an input.
        forward: fills the output from the inputs; None where a view needs nothing done.
        backward: called once with the buffer g that ∂L/∂output will lie in and, for each input,
            the buffer its gradient is to be written to (None where it is not wanted); returns
            the closure that does so. Views of g must be made when the closure runs.
        moves: whether ``forward`` puts the output elsewhere at every step (``Tensor.set_``),
            so that views of it must be made again.
        inner_values: for several operators run as one: what the others than the last put out
            in the last pass; of a number of samples.
    """

    output: Tensor
    forward: Closure | None
    backward: Callable[..., Closure]
    moves: bool = False
    inner_values: Callable[[int | None], list[Tensor]] = _nothing


def elementwise(
    x: Tensor, forward: Callable[[Tensor], Closure], backward: Callable[..., Closure]
) -> Kernels:
    """Kernels of y = f(x), element by element, in x's memory layout.

    Args:
        forward: output buffer -> closure that fills it.
        backward: (g, gx, y) -> closure that fills gx.
    """
    y = torch.empty_like(x)
    return Kernels(y, forward(y), lambda g, gx: backward(g, gx, y))


def from_output(
    x: Tensor, function: Callable[..., Tensor], gradient: Callable[..., Tensor]
) -> Kernels:
    """Kernels of y = f(x) whose gradient follows from g and y alone.

    Args:
        function: torch's, with ``out``.
        gradient: aten's kernel of (g, y), with ``grad_input``.
    """

    def backward(g: Tensor, gx: Tensor, y: Tensor) -> Closure:
        return lambda: gradient(g, y, grad_input=gx)

    return elementwise(x, lambda y: lambda: function(x, out=y), backward)


def repeated(
    op: OperatorClass, ctx: Context, inputs: Sequence[Tensor], attributes: Mapping[str, Any]
) -> Kernels:
    """Kernels of an operator that makes the same calls whatever the numbers are.

    They are its ordinary ``forward`` and ``vjp``; what these allocate, a traced step allocates
    without Python.
    """
    first = op.run_forward(ctx, inputs, attributes)
    y, moves = torch.empty_like(first), first.numel() > SMALL
    put = move if moves else torch.Tensor.copy_

    def forward() -> None:
        put(y, op.run_forward(ctx, inputs, attributes))

    def backward(g: Tensor, *targets: Tensor | None) -> Closure:
        def run() -> None:
            found = op.run_vjp(ctx, g, y, inputs, attributes)
            for target, gx in zip(targets, found, strict=True):
                if target is not None:
                    target.zero_() if gx is None else target.copy_(unbroadcast(gx, target.shape))

        return run

    return Kernels(y, forward, backward, moves)


def unbroadcast(g: Tensor, shape: Sequence[int]) -> Tensor:
    """Sum a gradient over the axes along which its input was repeated."""
    if g.shape == tuple(shape):
        return g
    extra = g.dim() - len(shape)
    repeated = [i for i, n in enumerate(shape, extra) if n == 1 and g.shape[i] != 1]
    summed = g.sum([*range(extra), *repeated], keepdim=True) if extra or repeated else g
    return summed.reshape(tuple(shape))


def reshaped(x: Tensor, shape: tuple[int, ...], moves: bool) -> Kernels:
    """Kernels of x in another shape; without copying, where its memory layout allows it.

    Args:
        moves: whether x does.
    """
    try:
        y, shares = x.view(shape), True
    except RuntimeError:
        y, shares = x.reshape(shape), False

    def place() -> object:
        return move(y, x.view(shape))

    def copy() -> object:
        return y.copy_(x.reshape(shape))

    def backward(g: Tensor, gx: Tensor) -> Closure:
        return lambda: gx.copy_(g.reshape(gx.shape))

    forward = (place if moves else None) if shares else copy
    return Kernels(y, forward, backward, moves and shares)


def move(buffer: Tensor, result: Tensor) -> object:
    """Let a buffer be what a kernel has just allocated, without copying it."""
    return buffer.set_(result)  # type: ignore[call-overload]


def filler(target: Tensor) -> Callable[[Tensor], object]:
    """How a fresh tensor gets into a buffer: in its place, or copied where it is part of one.

    A buffer that is lent to several operators keeps its memory layout: sums go along it, so in
    another one they would differ in the last digit.
    """
    whole = target.untyped_storage().nbytes() == target.numel() * target.element_size()
    strides = target.stride()

    def fill(fresh: Tensor) -> object:
        return move(target, fresh) if fresh.stride() == strides else target.copy_(fresh)

    return fill if whole else target.copy_


def run_all(*closures: Closure) -> Closure:
    """One closure that runs several."""

    def run() -> None:
        for closure in closures:
            closure()

    return closures[0] if len(closures) == 1 else run
