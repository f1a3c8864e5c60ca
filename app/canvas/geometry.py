"""Where things lie on a node: plain arithmetic, for painting and for hit tests alike."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from graphcore.elements import Node
from graphcore.graph import Graph

WIDTH, HEADER, PICTURE, FOOTER = 180.0, 26.0, 72.0, 22.0
HEIGHT = HEADER + PICTURE + FOOTER
PORT = 5.0
SNAP = 20.0


@dataclass(frozen=True)
class Ports:
    """Ports of one node, in the node's own coordinates.

    Attributes:
        inputs: name -> centre; data inputs first. ``parameters`` says which are parameters.
    """

    inputs: dict[str, QPointF]
    outputs: dict[str, QPointF]
    parameters: frozenset[str]


def ports_of(graph: Graph, node: Node) -> Ports:
    """Inputs down the left edge, outputs down the right."""
    inputs = graph.inputs(node)
    return Ports(
        {name: QPointF(0.0, y) for name, y in zip(inputs, _spread(len(inputs)), strict=True)},
        {
            name: QPointF(WIDTH, y)
            for name, y in zip(node.outputs, _spread(len(node.outputs)), strict=True)
        },
        frozenset(node.parameter_inputs),
    )


def _spread(count: int) -> list[float]:
    """Heights of so many ports: the first in the middle of the header's lower edge, evenly on."""
    if count == 1:
        return [HEIGHT / 2]
    top, bottom = HEADER + 14.0, HEIGHT - 14.0
    return [top + (bottom - top) * i / max(1, count - 1) for i in range(count)]


HEADER_RECT = QRectF(0, 0, WIDTH, HEADER)
PICTURE_RECT = QRectF(12, HEADER + 4, WIDTH - 24, PICTURE - 6)
FOOTER_RECT = QRectF(12, HEIGHT - FOOTER, WIDTH - 24, FOOTER)
FLIP_RECT = QRectF(WIDTH - 26, 4, 20, 18)
BODY = QRectF(0, 0, WIDTH, HEIGHT)
