"""Both passes of a plan for one to look at, and sizes that are read from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphcore.engine.plan import Plan
from graphcore.graph.graph import Graph
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


def go_through(
    plan: Plan, feeds: Mapping[str, Any], end: str | None, training: bool = False
) -> None:
    """Run both passes of a plan in inspect mode, backward from ``end`` if it is given.

    What is drawn at random, such as a GAN's noise, is the same at every call.

    Args:
        training: as in training: dropout drops; batch norm takes the batch's own statistics.
    """
    plan.draw_alike()
    plan.forward(feeds, training=training)
    if end is not None:
        plan.backward(end, grad=torch.ones_like(plan.value(end)))


def calculate(plan: Plan, graph: Graph) -> str | None:
    """Run both passes of a graph that is fed by its inputs' own values.

    Returns:
        The node that the gradient started from: the only one that nothing reads, or None.
    """
    ends = [n.name for n in graph if graph.edges_into(n) and not graph.edges_from(n)]
    end = ends[0] if len(ends) == 1 else None
    go_through(plan, {}, end)
    return end


def size_of(tensor: Tensor) -> float:
    """Root mean square."""
    if not tensor.numel():
        return 0.0
    return float(torch.linalg.vector_norm(tensor.double())) / math.sqrt(tensor.numel())
