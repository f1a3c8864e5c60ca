"""Where things lie on a node and along an edge: arithmetic for painting and hit tests alike."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainterPath

from graphcore.graph.drawing.rows import ROW_GAP
from graphcore.graph.elements import Node
from graphcore.graph.graph import Graph

WIDTH, HEADER, PICTURE, FOOTER = 180.0, 26.0, 72.0, 22.0
HEIGHT = HEADER + PICTURE + FOOTER
PORT = 5.0
SNAP = 20.0
FAR, MIDDLE = 0.5, 0.6
"""Below these zooms a crowded graph is drawn as boxes, and a node leaves its small print out."""
NEVER_CLOSER = 0.12
"""Below this zoom every graph is drawn as boxes."""
CROWDED, CROWDED_MIDDLE = 150, 0.9
"""With more nodes than that, corners are square, edges thin, and small print needs more zoom."""

HEADER_RECT = QRectF(0, 0, WIDTH, HEADER)
PICTURE_RECT = QRectF(12, HEADER + 4, WIDTH - 24, PICTURE - 6)
FOOTER_RECT = QRectF(12, HEIGHT - FOOTER, WIDTH - 24, FOOTER)
FLIP_RECT = QRectF(WIDTH - 26, 4, 20, 18)
BODY = QRectF(0, 0, WIDTH, HEIGHT)


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
    """Inputs down the left edge, parameters below them; outputs down the right."""
    data, parameters = graph.data_inputs(node), node.parameter_inputs
    heights = _data_heights(node, len(data))
    heights += _parameter_heights(heights[-1] if heights else HEADER, len(parameters))
    return Ports(
        {n: QPointF(0.0, y) for n, y in zip((*data, *parameters), heights, strict=True)},
        {
            n: QPointF(WIDTH, y)
            for n, y in zip(node.outputs, _spread(len(node.outputs)), strict=True)
        },
        frozenset(parameters),
    )


def _data_heights(node: Node, count: int) -> list[float]:
    """The first input of a loss is level with the net's output; labels come from above."""
    if node.op.category == "loss" and count == 2:
        return [HEIGHT / 2, HEADER + 12.0]
    return _spread(count)


def _spread(count: int) -> list[float]:
    """Heights of a number of ports, around the middle, so that chains run straight."""
    step = min(30.0, (HEIGHT - HEADER - 24.0) / max(1, count - 1))
    middle = HEIGHT / 2 if count <= 3 else (HEADER + HEIGHT) / 2
    return [middle + (i - (count - 1) / 2) * step for i in range(count)]


def _parameter_heights(above: float, count: int) -> list[float]:
    step = min(20.0, (HEIGHT - 10.0 - above) / max(1, count))
    return [above + step * (i + 1) for i in range(count)]


def curve(start: QPointF, end: QPointF) -> QPainterPath:
    """From an output to an input: leaves to the right, arrives from the left.

    An edge that has to run back takes the gap between the rows, with round corners.
    """
    across = end.x() - start.x()
    path = QPainterPath(start)
    if across >= 0 or abs(end.y() - start.y()) < 1.0:
        reach = max(min(40.0, max(across, 20.0)), across * 0.45)
        path.cubicTo(start + QPointF(reach, 0), end - QPointF(reach, 0), end)
        return path
    _run_back(path, start, end)
    return path


def _run_back(path: QPainterPath, start: QPointF, end: QPointF) -> None:
    out = 22.0
    down = end.y() - start.y()
    turn = min(18.0, abs(down) / 4) * (1 if down > 0 else -1)
    round_by, middle = abs(turn), (start.y() + end.y()) / 2
    if abs(down) > HEIGHT + ROW_GAP:
        middle = start.y() + (HEIGHT + ROW_GAP) / 2 * (1 if down > 0 else -1)
    right, left = start.x() + out, end.x() - out
    path.lineTo(right - round_by, start.y())
    path.quadTo(right, start.y(), right, start.y() + turn)
    path.lineTo(right, middle - turn)
    path.quadTo(right, middle, right - round_by, middle)
    path.lineTo(left + round_by, middle)
    path.quadTo(left, middle, left, middle + turn)
    path.lineTo(left, end.y() - turn)
    path.quadTo(left, end.y(), left + round_by, end.y())
    path.lineTo(end)


def compact_header(zoom: float) -> float:
    """Height of the header where a node is small: its name stays readable."""
    return min(50.0, max(HEADER, 12.0 / zoom))
