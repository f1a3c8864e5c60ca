"""Shapes with a symbolic batch axis, and the rules that several operators share.

A shape is a tuple of dimensions; a dimension is an ``int`` or a ``Batch`` (a multiple of the
batch size N, known only when the net runs). None of this needs torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphcore.errors import ShapeError


@dataclass(frozen=True)
class Batch:
    """``count · N``, where N is the number of samples in a batch."""

    count: int = 1

    def __mul__(self, factor: Dim) -> Batch:
        if isinstance(factor, Batch):
            raise ShapeError("Two batch axes cannot be multiplied into one.")
        return Batch(self.count * factor)

    __rmul__ = __mul__

    def __add__(self, other: Dim) -> Batch:
        if isinstance(other, Batch):
            return Batch(self.count + other.count)
        raise ShapeError(f"The batch axis N and {other} cannot be added: N is not known yet.")

    __radd__ = __add__

    def __repr__(self) -> str:
        return "N" if self.count == 1 else f"{self.count}N"


Dim = int | Batch
Shape = tuple[Dim, ...]
N = Batch()


def format_shape(shape: Shape | None) -> str:
    """``(N, 1, 28, 28)``; an unknown shape is ``?``."""
    if shape is None:
        return "?"
    inside = ", ".join(map(str, shape))
    return f"({inside},)" if len(shape) == 1 else f"({inside})"


def size(shape: Iterable[Dim]) -> Dim:
    """Product of the dimensions: the number of elements."""
    total: Dim = 1
    for d in shape:
        total = d * total
    return total


def at_batch(shape: Shape, batch: int) -> tuple[int, ...]:
    """The shape with N replaced by a number."""
    return tuple(d.count * batch if isinstance(d, Batch) else d for d in shape)


def broadcast(a: Shape, b: Shape, what: str = "Broadcast") -> Shape:
    """Numpy's rule: align from the right; axes are equal or one of them is 1."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    padded: Shape = (1,) * (len(longer) - len(shorter)) + tuple(shorter)
    result: list[Dim] = []
    for p, q in zip(longer, padded, strict=True):
        if p != q and 1 not in (p, q):
            raise ShapeError(
                f"{what}: {format_shape(a)} and {format_shape(b)} do not broadcast; "
                f"{p} meets {q}, and one of them would have to be 1 or both equal."
            )
        result.append(q if p == 1 else p)
    return tuple(result)


def axis(dim: int, shape: Shape, what: str) -> int:
    """``dim`` as a non-negative axis of ``shape``; raises ShapeError if there is none."""
    rank = len(shape)
    if not -rank <= dim < rank:
        raise ShapeError(f"{what}: dim={dim} does not exist in x of shape {format_shape(shape)}.")
    return dim % rank


def axes(dim: int | Sequence[int] | None, shape: Shape, what: str) -> tuple[int, ...]:
    """``dim`` as sorted non-negative axes; None means every axis."""
    if dim is None:
        return tuple(range(len(shape)))
    given = (dim,) if isinstance(dim, int) else dim
    found = sorted(axis(d, shape, what) for d in given)
    if len(set(found)) < len(found):
        raise ShapeError(f"{what}: dim={tuple(given)} names an axis twice.")
    return tuple(found)


def reduced(shape: Shape, dim: int | Sequence[int] | None, keepdim: bool, what: str) -> Shape:
    """Shape after summing over ``dim``."""
    gone = axes(dim, shape, what)
    if keepdim:
        return tuple(1 if i in gone else d for i, d in enumerate(shape))
    return tuple(d for i, d in enumerate(shape) if i not in gone)


def pair(value: int | Sequence[int], what: str = "size") -> tuple[int, int]:
    """``3`` and ``(3, 3)`` alike, for height and width."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ShapeError(f"{what} takes one number or two, got {tuple(value)}.")
    return value[0], value[1]


def triple(value: int | Sequence[int], what: str) -> tuple[int, int, int]:
    """``3`` and ``(3, 3, 3)`` alike, for depth, height and width; raises ShapeError."""
    if isinstance(value, int):
        return value, value, value
    if len(value) != 3:
        raise ShapeError(f"{what} takes one number or three, got {tuple(value)}.")
    return value[0], value[1], value[2]


def window(length: Dim, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """Positions of a sliding window: ⌊(L + 2p − d·(k−1) − 1) / s⌋ + 1 (torch.nn.Conv2d)."""
    if isinstance(length, Batch):
        raise ShapeError("A window cannot slide over the batch axis.")
    return (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


def overhang(length: Dim, kernel: int, stride: int, padding: int, dilation: int = 1) -> int:
    """How far the last window, which begins inside, stands out over the end."""
    if isinstance(length, Batch):
        raise ShapeError("A window cannot slide over the batch axis.")
    rest = length + 2 * padding - dilation * (kernel - 1) - 1
    last = -(-rest // stride) * stride
    return max(0, last - rest) if last < length + padding else 0
