"""A graph as a picture in SVG, drawn without Qt: for reports and notebooks."""

from __future__ import annotations

from html import escape

from graphcore.colors import CATEGORY_COLORS
from graphcore.graph.drawing.layers import NODE_SIZE, layout
from graphcore.graph.graph import Graph

FLATTER = 0.6
"""Nodes without pictures are lower than those on the canvas."""
_COLORS = "".join(f"svg.graph .{name}{{fill:{color}}}" for name, color in CATEGORY_COLORS.items())
_STYLE = (
    "svg.graph{font:13px Inter,system-ui,sans-serif}svg.graph text{fill:#57606a}"
    "svg.graph .name{fill:#1c2128;font-size:15px;font-weight:600}"
    "svg.graph .node{fill:#fff;stroke:#d0d6de}svg.graph .edge{fill:none;stroke:#7a8594}" + _COLORS
)


def drawing(graph: Graph) -> str:
    """Return a picture that stands on its own, for a light page; "" for an empty graph."""
    picture = graph_picture(graph)
    return picture.replace("<title>", f"<style>{_STYLE}</style><title>", 1).replace(
        "<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1
    )


def graph_picture(graph: Graph) -> str:
    """Nodes where they stand on the canvas, or where automatic layout puts them."""
    if not len(graph):
        return ""
    places = {n.name: n.position for n in graph if n.position is not None}
    if len(places) < len(graph):
        places = layout(graph, pinned=())
    width, height = NODE_SIZE[0], 56.0
    places = {name: (x, y * FLATTER) for name, (x, y) in places.items()}
    low_x, low_y = (min(p[i] for p in places.values()) - 20 for i in (0, 1))
    high_x = max(p[0] for p in places.values()) + width + 40
    high_y = max(p[1] for p in places.values()) + height + 20
    parts = [_edge(places[e.source], places[e.target], width, height) for e in graph.edges]
    for node in graph:
        x, y = places[node.name]
        kind = "composite" if node.subgraph is not None else node.op.category
        parts.append(
            f'<g transform="translate({x:.0f} {y:.0f})">'
            f'<rect class="node" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
            f'<rect class="{kind}" width="6" height="{height:.0f}" rx="3"/>'
            f'<text class="name" x="18" y="24">{escape(_short(node.name))}</text>'
            f'<text x="18" y="43">{escape(_short(node.operator))}</text></g>'
        )
    box = f"{low_x:.0f} {low_y:.0f} {high_x - low_x:.0f} {high_y - low_y:.0f}"
    wide = f'style="max-width: {high_x - low_x:.0f}px"'
    return (f'<svg class="graph" viewBox="{box}" role="img" {wide}>'
            f'<title>The graph</title>{"".join(parts)}</svg>')  # fmt: skip


def _short(text: str, most: int = 20) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _edge(
    source: tuple[float, float], target: tuple[float, float], width: float, height: float
) -> str:
    x1, y1 = source[0] + width, source[1] + height / 2
    x2, y2 = target[0], target[1] + height / 2
    if x2 > x1 - 1:
        bend = max(20.0, (x2 - x1) / 2)
        return (f'<path class="edge" d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} '
                f'{x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>')  # fmt: skip
    between = y1 + height / 2 + 15 if y2 > y1 else y1 - height / 2 - 15  # back to another row
    return (f'<path class="edge" d="M{x1:.0f} {y1:.0f}h14V{between:.0f}H{x2 - 14:.0f}'
            f'V{y2:.0f}h14"/>')  # fmt: skip
