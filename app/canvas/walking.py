"""From node to node by key: along the edges, or to the neighbour above or below."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPointF, Qt

from app.canvas.items.node_item import NodeItem
from graphcore.graph.graph import Graph

Key = Qt.Key


def next_node(graph: Graph, items: Mapping[str, NodeItem], name: str, key: Key) -> str | None:
    """The node that an arrow key leads to, or None.

    Left goes to the first source, right to the first reader; up and down, and left and right
    where there is no edge, go to the nearest node in that direction.
    """
    if key == Key.Key_Left and (edges := graph.edges_into(name)):
        return edges[0].source
    if key == Key.Key_Right and (edges := graph.edges_from(name)):
        return edges[0].target
    here = items[name].pos()
    ahead = {n: _distance(i.pos() - here, key) for n, i in items.items() if n != name}
    reachable = {n: d for n, d in ahead.items() if d is not None}
    return min(reachable, key=lambda n: (reachable[n], n)) if reachable else None


def _distance(way: QPointF, key: Key) -> float | None:
    """How far a node is; aside counts double, behind does not count at all."""
    along = {
        Key.Key_Left: -way.x(), Key.Key_Right: way.x(),
        Key.Key_Up: -way.y(), Key.Key_Down: way.y(),
    }[key]  # fmt: skip
    aside = abs(way.y()) if key in (Key.Key_Left, Key.Key_Right) else abs(way.x())
    return along + 2 * aside if along > 0 and aside <= 2 * along else None
