"""What the inspector states of a node and of the whole graph: counts, and counts as text."""

from __future__ import annotations

from collections.abc import Iterable

from graphcore.dims import Batch, Dim, Shape, size
from graphcore.errors import GradscapeError
from graphcore.graph.elements import Node
from graphcore.graph.shapes import ShapeInference

BYTES_PER_NUMBER = 4


def multiply_adds(shapes: ShapeInference, node: Node) -> Dim:
    """Multiply-adds of one forward pass; a ``Batch`` counts them per sample."""
    if node.subgraph is not None:
        inside = ShapeInference(node.subgraph, shapes.input_shapes(node))
        inside.close()
        return Batch(total(multiply_adds(inside, n) for n in node.subgraph))
    arriving = list(shapes.input_shapes(node).values())
    output = shapes.shape(node)
    if output is None or any(s is None for s in arriving):
        return 0
    known: list[Shape] = [s for s in arriving if s is not None]
    try:
        found: Dim = node.op.multiply_adds(known, output, node.attributes)
    except GradscapeError:
        return 0
    return found


def total(counts: Iterable[Dim]) -> int:
    """Sum for one sample."""
    return sum(c.count if isinstance(c, Batch) else c for c in counts)


def count_text(count: Dim) -> str:
    """``12,544``, or ``12,544 per sample``."""
    if isinstance(count, Batch):
        return f"{count.count:,} per sample"
    return f"{count:,}"


def bytes_text(count: int) -> str:
    """``37.5 KiB``."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return (
        f"{amount:.0f} {units[0]}"
        if amount >= 100 or units[0] == "B"
        else f"{amount:.1f} {units[0]}"
    )


def elements(shape: Shape) -> str:
    """Number of elements of a shape, as text."""
    return count_text(size(shape))
