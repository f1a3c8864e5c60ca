"""Operators that give numbers another shape or order."""

from __future__ import annotations

import math
from typing import Any

from graphcore.exchange.onnx.operators.table import OnnxNode, counted, operator
from graphcore.exchange.onnx.tracing import Many, Traced, Tracer, Untraced, product


@operator("Reshape")
def reshape(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    wanted = list(n.get("shape", [])) if n.version < 5 else n.input(1).ints()
    if not n.get("allowzero", 0):
        wanted = [x.dims[i] if d == 0 and i < x.rank else d for i, d in enumerate(wanted)]
    return reshaped(t, x, for_every_batch(t, x, wanted, n.batch))


def for_every_batch(t: Tracer, x: Traced, wanted: list[Any], batch: int) -> list[Any]:
    """A shape that was written for the example's batch, for any other.

    The axis that holds the samples is the one that begins where theirs does in x. Where several
    do, ``t.choice`` says which; the net is then tried on samples apart and together.
    """
    place = next((i for i, d in enumerate(x.dims) if isinstance(d, Many)), None)
    if not batch or place is None or any(isinstance(d, Many) or d == 0 for d in wanted):
        return wanted
    before = math.prod(int(d) for d in x.dims[:place] if not isinstance(d, Many))
    length = x.dims[place]
    assert isinstance(length, Many)
    whole = length.values[0] // t.batches[0] * batch
    found = _axes_of_samples(wanted, before, whole, batch)
    if len(wanted) < x.rank:
        found = found[::-1]
    if not found:
        return wanted
    axis = found[min(t.choice, len(found) - 1)]
    if wanted[axis] < 1 or wanted[axis] % batch:
        return wanted
    t.program.guessed = True
    each = wanted[axis] // batch
    return [*wanted[:axis], Many(tuple(each * n for n in t.batches)), *wanted[axis + 1 :]]


def _axes_of_samples(wanted: list[int], before: int, whole: int, batch: int) -> list[int]:
    """The axes that may hold the samples, the likelier first.

    Args:
        before: numbers of one step along the axes before theirs in the old shape.
        whole: length of their axis there for the example's batch.
    """
    so_far = 1
    became: list[int] = []
    left: list[int] = []
    for axis, d in enumerate(wanted):
        if d < 0:
            return became if became or so_far != before else []
        if so_far >= before * whole and became and not (d == batch == 1 < whole):
            break
        if so_far * d > before or (so_far == before and d == batch):
            if batch == 1 and so_far == before > 1 and not became:
                left.append(axis - 1)
            became.append(axis)
        so_far *= d
    same = [a for a in became if wanted[a] == batch]
    return same or became[:1] + left


def reshaped(t: Tracer, x: Traced, shape: list[Any]) -> Traced:
    """x under another shape; as it is where it has that shape already."""
    if shape == x.dims:
        return x
    found: Traced = t.call("reshape", self=x, shape=shape)
    return found


@operator("Flatten")
def flatten(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axis = int(n.get("axis", 1))
    axis = axis if axis == x.rank else counted(axis, x.rank)
    return reshaped(t, x, [product(x.dims[:axis]), product(x.dims[axis:])])


@operator("Transpose")
def transpose(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    order = [int(d) for d in n.get("perm") or range(x.rank)[::-1]]
    return permuted(t, x, order)


def permuted(t: Tracer, x: Traced, order: list[int]) -> Traced:
    """x with its axes in another order."""
    if order == list(range(x.rank)):
        return x
    moved = [i for i, d in enumerate(order) if i != d]
    found: Traced
    if len(moved) == 2 and len(order) == x.rank:
        found = t.call("transpose.int", self=x, dim0=moved[0], dim1=moved[1])
    else:
        found = t.call("permute", self=x, dims=order)
    return found


@operator("Squeeze")
def squeeze(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axes = n.listed("axes", 1, 13)
    if axes is None:
        axes = [i for i, d in enumerate(x.dims) if d == 1]
    axes = sorted(counted(a, x.rank) for a in axes)
    if any(x.dims[a] != 1 for a in axes):
        raise Untraced("it takes an axis away that is longer than 1")
    for a in reversed(axes):
        x = t.call("squeeze.dim", self=x, dim=a)
    return x


@operator("Unsqueeze")
def unsqueeze(t: Tracer, n: OnnxNode) -> Any:
    x = n.input(0)
    axes = n.listed("axes", 1, 13) or []
    for a in sorted(counted(a, x.rank + len(axes)) for a in axes):
        x = t.call("unsqueeze", self=x, dim=a)
    return x


@operator("Expand")
def expand(t: Tracer, n: OnnxNode) -> Any:
    """Both shapes are spread over each other."""
    x, wanted = n.input(0), n.input(1).ints()
    for axis in range(-1, -min(x.rank, len(wanted)) - 1, -1):
        if n.batch > 1 and x.dims[axis] == n.batch and isinstance(wanted[axis], Many):
            x = t.once(x, axis % x.rank)
    rank = max(x.rank, len(wanted))
    dims = [1] * (rank - x.rank) + x.dims
    wanted = [1] * (rank - len(wanted)) + wanted
    if n.batch > 1 and x.rank == rank > 1 and wanted[0] == n.batch and not _fixed_length(dims[0]):
        wanted[0], t.program.guessed = Many(t.batches), True
    shape = [d if w == 1 else w for d, w in zip(dims, wanted, strict=True)]
    return x if shape == x.dims else t.call("expand", self=x, size=shape)


def _fixed_length(length: int | Many) -> bool:
    """Whether an axis has a length of its own, neither the batch's nor 1."""
    return not isinstance(length, Many) and length != 1


@operator("Tile")
def tile(t: Tracer, n: OnnxNode) -> Any:
    x, repeats = n.input(0), n.input(1).ints()
    if n.version < 6:
        raise Untraced("its form in files of version 5 and older is not read")
    return x if all(r == 1 for r in repeats) else t.call("repeat", self=x, repeats=repeats)


@operator("Concat")
def concat(t: Tracer, n: OnnxNode) -> Any:
    parts = [p for p in n.inputs if p is not None]
    return joined(t, parts, n.axis(parts[0].rank, 1), n.batch)


def joined(t: Tracer, parts: list[Traced], axis: int, batch: int = 0) -> Traced:
    """Tensors one after the other; what is there for one sample is repeated for each."""
    if len(parts) == 1:
        return parts[0]
    follows = next((p.dims[0] for p in parts if p.rank and isinstance(p.dims[0], Many)), None)
    if axis and batch and follows is not None and any(p.dims[0] == batch for p in parts):
        t.program.guessed = True
        parts = [t.once(p, 0) if p.dims[0] == batch else p for p in parts]
        parts = [
            t.call("expand", self=p, size=[follows, *p.dims[1:]]) if p.dims[0] == 1 else p
            for p in parts
        ]
    found: Traced = t.call("cat", tensors=parts, dim=axis)
    return found


@operator("DepthToSpace")
def depth_to_space(t: Tracer, n: OnnxNode) -> Any:
    x, block = n.input(0), int(n.get("blocksize"))
    if x.rank == 4 and n.get("mode", "DCR") == "CRD":
        return t.call("pixel_shuffle", self=x, upscale_factor=block)
    first, channels, height, width = x.dims
    if isinstance(channels, Many) or block < 1 or channels % block**2:
        raise Untraced("its channels cannot be divided so")
    small = channels // block**2
    y = reshaped(t, x, [first, block, block, small, height, width])
    y = permuted(t, y, [0, 3, 4, 1, 5, 2])
    return reshaped(t, y, [first, small, x.dim(2) * block, x.dim(3) * block])


@operator("SpaceToDepth")
def space_to_depth(t: Tracer, n: OnnxNode) -> Any:
    x, block = n.input(0), int(n.get("blocksize"))
    first, channels = x.dims[:2]
    height, width = x.dim(2) // block, x.dim(3) // block
    y = reshaped(t, x, [first, channels, height, block, width, block])
    y = permuted(t, y, [0, 3, 5, 1, 2, 4])
    return reshaped(t, y, [first, x.dim(1) * block**2, height, width])
