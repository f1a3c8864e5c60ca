"""A small picture of a graph: a box per node in its category's colour, a curve per edge."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPalette, QPen

from app.style import painting
from app.style import palette as style
from graphcore.graph.drawing.layers import layout
from graphcore.graph.graph import Graph

_WIDTH, _HEIGHT = 180.0, 90.0
_TURN = 24.0
"""How far beside the boxes an edge runs that goes back to the next row."""


def paint_graph(painter: QPainter, graph: Graph, place: QRectF, palette: QPalette) -> None:
    """Draw the graph, as large as fits, in the middle of ``place``."""
    boxes = _boxes(graph)
    if not boxes:
        return
    bounds = QRectF()
    for box in boxes.values():
        bounds = bounds.united(box)
    bounds.adjust(-_TURN, 0, _TURN, 0)
    scale = min(place.width() / bounds.width(), place.height() / bounds.height(), 0.5)
    with painting.saved(painter):
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.translate(place.center())
        painter.scale(scale, scale)
        painter.translate(-bounds.center())
        _paint_edges(painter, graph, boxes, palette)
        for node in graph:
            color = QColor(style.category_color(node.op.category))
            painter.setPen(QPen(color, 1.5 / scale))
            fill = QColor(color)
            fill.setAlpha(110)
            painter.setBrush(fill)
            radius = min(16.0, 3.0 / scale)
            painter.drawRoundedRect(boxes[node.name], radius, radius)


def _boxes(graph: Graph) -> dict[str, QRectF]:
    """Where every node is drawn; a graph that was never arranged is arranged here."""
    known = {n.name: n.position for n in graph if n.position is not None}
    if len(known) < len(graph):
        known = dict(layout(graph))
    return {name: QRectF(x, y, _WIDTH, _HEIGHT) for name, (x, y) in known.items()}


def _paint_edges(
    painter: QPainter, graph: Graph, boxes: dict[str, QRectF], palette: QPalette
) -> None:
    pen = QPen(palette.color(QPalette.ColorRole.PlaceholderText), 1.0)
    pen.setCosmetic(True)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for edge in graph.edges:
        start, end = boxes[edge.source], boxes[edge.target]
        a = QPointF(start.right(), start.center().y())
        b = QPointF(end.left(), end.center().y())
        painter.drawPath(_path(a, b))


def _path(a: QPointF, b: QPointF) -> QPainterPath:
    path = QPainterPath(a)
    if b.x() < a.x():
        right, left, between = a.x() + _TURN, b.x() - _TURN, (a.y() + b.y()) / 2
        for x, y in ((right, a.y()), (right, between), (left, between), (left, b.y())):
            path.lineTo(x, y)
        path.lineTo(b)
        return path
    bend = max(40.0, (b.x() - a.x()) / 2)
    path.cubicTo(a + QPointF(bend, 0), b - QPointF(bend, 0), b)
    return path
