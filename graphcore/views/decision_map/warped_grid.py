"""How a layer bends the plane of a net of two inputs, and the weights between its units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphcore.engine.plan import Plan
from graphcore.engine.principal_axes import oriented, principal_axes
from graphcore.errors import GradscapeError
from graphcore.graph.graph import Graph
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.views.decision_map import Link, Warp

if TYPE_CHECKING:
    from torch import Tensor


def links(graph: Graph, plan: Plan, shown: set[str], source: str, most: int) -> tuple[Link, ...]:
    """Weights between layers whose units are shown, or between the input and such a layer.

    Args:
        shown: nodes whose units are shown; each is a Linear, or what follows one.
        source: the node of the inputs.
        most: units of each layer that are shown.
    """
    found = []
    for name in graph.topological_order():
        linear = _linear_before(graph, name) if name in shown else ""
        weight = plan.parameters.get(f"{linear}.weight")
        edge = graph.edge_into(linear, "x") if linear else None
        if weight is None or edge is None or edge.source not in shown | {source}:
            continue
        small = weight[:most, :most].detach().to("cpu", torch.float32)
        found.append(Link(edge.source, name, pack(small.contiguous().numpy())))
    return tuple(found)


def _linear_before(graph: Graph, name: str) -> str:
    """The Linear that a node is, or that it takes its value from; "" if there is none."""
    if graph.node(name).op.sums == "row":
        return name
    edge = graph.edge_into(name, "x")
    return edge.source if edge and graph.node(edge.source).op.sums == "row" else ""


def warp(plan: Plan, node: str, grid: Tensor, side: int) -> Warp | None:
    """Where a layer puts the points of a grid and the samples that follow them in the same pass.

    Args:
        grid: values of the node at the grid's points, rows from below, shape (side², units).
    """
    try:
        values = plan.value(node)
    except GradscapeError:
        return None
    if values.dim() != 2 or len(grid) != side**2:
        return None
    both = torch.cat([grid, values]).to("cpu", torch.float64)
    if not bool(torch.isfinite(both).all()):
        return None
    placed, share = _in_plane(both, len(grid))
    here, there = placed[: len(grid)], placed[len(grid) :]
    return Warp(
        node, pack(here.reshape(side, side, 2).float().contiguous().numpy()),
        pack(there.float().contiguous().numpy()), values.shape[1], share,
    )  # fmt: skip


def _in_plane(values: Tensor, count: int) -> tuple[Tensor, float]:
    """Two units as they are; more in the plane of the principal components of the first rows."""
    units = values.shape[1]
    if units <= 2:
        return torch.nn.functional.pad(values, (0, 2 - units)), 1.0
    found = principal_axes(values[:count])
    largest = found.axes.abs().argmax(0)
    axes = oriented(found.axes, found.axes[largest, torch.arange(2)])
    return (values - found.middle) @ axes, sum(found.shares)
