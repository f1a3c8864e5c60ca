"""What a pixel deep in a net sees of the picture: its receptive field, back through the windows."""

from __future__ import annotations

from app.panels.sliding_window.pixel import Window
from graphcore.graph.graph import Graph

Area = tuple[int, int, int, int]
"""Top, left, bottom, right, the last two exclusive; it may reach outside, into the padding."""
PIXELWISE = ("activation", "elementwise")
"""Families that treat every pixel by itself; dropout and batch norm, of two modes, do so too."""


def receptive_field(graph: Graph, node: str, row: int, column: int) -> tuple[str, Area] | None:
    """Return the Input that an output pixel of a node depends on, and the pixels of it.

    None where the way back mixes all pixels, as a Linear does, or ends at no Input or at several.
    """
    areas: dict[str, Area] = {node: (row, column, row + 1, column + 1)}
    above = {node} | graph.ancestors([node])
    found: dict[str, Area] = {}
    for name in reversed([n for n in graph.topological_order() if n in above]):
        if name not in areas:
            continue
        area, at = areas[name], graph.node(name)
        if at.operator == "Input":
            found[name] = area
            continue
        if at.op.window:
            window = Window.of(at, 1)
            top, left, _, _ = window.seen_by(area[0], area[1])
            _, _, bottom, right = window.seen_by(area[2] - 1, area[3] - 1)
            area = top, left, bottom, right
        elif at.op.category not in PIXELWISE and not at.op.two_modes:
            return None
        for edge in graph.edges_into(at):
            if edge.input not in at.parameter_inputs:
                areas[edge.source] = _both(areas.get(edge.source, area), area)
    return next(iter(found.items())) if len(found) == 1 else None


def _both(a: Area, b: Area) -> Area:
    """The rectangle around two."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
