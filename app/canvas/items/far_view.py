"""A crowded graph from afar: every node a box, every edge a line, drawn in a few array calls.

Painting 10,000 Python items takes longer than a frame; QPainter draws arrays of rectangles and
lines straight from NumPy's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import shiboken6
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem

from app.canvas.items import geometry as geo
from app.canvas.items.edge_item import EdgeItem, glow
from app.canvas.items.node_item import NodeItem
from app.canvas.items.node_painter import elided, font
from app.style import painting, palette
from graphcore.graph.elements import Edge

NAMED, MOST_NAMES = 0.2, 500
"""From this zoom on boxes have names, unless there are too many."""
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_LEVELS = 6
"""Number of brightness levels of edges."""


class FarView:
    """Arrays of all boxes and lines; they are rebuilt when marked as out of date.

    Attributes:
        version: counts how often something moved, came or went.
    """

    def __init__(
        self,
        nodes: Mapping[str, NodeItem],
        edges: Mapping[Edge, EdgeItem],
        selected: Callable[[], list[QGraphicsItem]],
    ) -> None:
        self._nodes, self._edges, self._selected = nodes, edges, selected
        self.version, self._collected = 0, -1
        self._names: list[str] = []
        self._corners = np.empty((0, 2))
        self._boxes: dict[str, np.ndarray] = {}
        self._lines: dict[tuple[str, int], np.ndarray] = {}

    def mark_stale(self) -> None:
        """Something moved, came or went."""
        self.version += 1

    @painting.guarded
    def paint(self, painter: QPainter, zoom: float) -> None:
        """Draw everything; lines are one screen pixel wide."""
        if self._collected != self.version:
            self._collect()
        p = palette.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, zoom > 0.1)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for (direction, level), lines in self._lines.items():
            painter.setPen(QPen(_line_color(p, direction, level), 0))
            draw_array(painter, lines, QLineF)
        painter.setPen(Qt.PenStyle.NoPen)
        for category, boxes in self._boxes.items():
            painter.setBrush(palette.category_color(category))
            draw_array(painter, boxes, QRectF)
        self._paint_marks(painter, p, zoom)
        if zoom >= NAMED:
            self._paint_names(painter, p, zoom)

    def _paint_names(self, painter: QPainter, p: palette.Palette, zoom: float) -> None:
        """Names of the nodes in view, on a dark strip across their boxes."""
        view = painter.worldTransform().inverted()[0].mapRect(QRectF(painter.viewport()))
        low = view.left() - geo.WIDTH, view.top() - geo.HEIGHT
        seen = ((self._corners > low) & (self._corners < (view.right(), view.bottom()))).all(1)
        places = np.flatnonzero(seen)
        if len(places) > MOST_NAMES:
            return
        strip = QRectF(0, geo.HEIGHT / 2 - 20, geo.WIDTH, 40)
        painter.setFont(font(28))
        painter.setPen(QColor("white"))
        for i in places.tolist():
            x, y = self._corners[i]
            name = elided(self._names[i], 28, False, int(geo.WIDTH) - 12)[0]
            painter.fillRect(strip.translated(x, y), QColor(0, 0, 0, 110))
            painter.drawText(strip.translated(x, y), _CENTRE, name)

    def _paint_marks(self, painter: QPainter, p: palette.Palette, zoom: float) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        selected = self._selected()
        chosen = [i for i in selected if isinstance(i, NodeItem)]
        wrong = [i for i in self._nodes.values() if i.problem is not None and i.at_fault]
        for items, color in ((wrong, p.color("error")), (chosen, p.color("text"))):
            painter.setPen(QPen(color, 2.5 / zoom))
            draw_array(painter, _boxes_of(items), QRectF)
        painter.setPen(QPen(p.color("accent"), 3 / zoom))
        lit = [i for i in selected if isinstance(i, EdgeItem)]
        for edge in (*lit, *(e for e in self._edges.values() if e.highlighted)):
            painter.drawLine(edge.start, edge.end)

    def _collect(self) -> None:
        self._names = list(self._nodes)
        self._corners = _boxes_of(self._nodes.values())[:, :2]
        groups: dict[str, list[NodeItem]] = {}
        for item in self._nodes.values():
            groups.setdefault(item.node.op.category, []).append(item)
        self._boxes = {category: _boxes_of(items) for category, items in groups.items()}
        lines: dict[tuple[str, int], list[float]] = {}
        for edge in self._edges.values():
            a, b = edge.start, edge.end
            lines.setdefault(_level(edge), []).extend((a.x(), a.y(), b.x(), b.y()))
        self._lines = {k: np.array(v).reshape(-1, 4) for k, v in sorted(lines.items())}
        self._collected = self.version


def _boxes_of(items: Iterable[NodeItem]) -> np.ndarray:
    corners = [(i.x(), i.y()) for i in items]
    boxes = np.empty((len(corners), 4))
    boxes[:, 2:] = geo.WIDTH, geo.HEIGHT
    if corners:
        boxes[:, :2] = corners
    return boxes


def _level(edge: EdgeItem) -> tuple[str, int]:
    """Which of an edge's two flows is the brighter, in steps; ("", 0) while nothing runs."""
    if edge.value is None:
        return "", 0
    if edge.gradient is not None and edge.gradient > edge.value:
        return "backward", round(edge.gradient * (_LEVELS - 1))
    return "forward", round(edge.value * (_LEVELS - 1))


def _line_color(p: palette.Palette, direction: str, level: int) -> QColor:
    return glow(p, direction, level / (_LEVELS - 1)) if direction else p.color("edge")


def draw_array(painter: QPainter, array: np.ndarray, kind: type[Any]) -> None:
    """Draw rows of four float64 as QRectF or QLineF.

    Both types are four C doubles, so the array's memory is an array of them; where the binding
    takes no such pointer, a list is made.
    """
    if not len(array):
        return
    draw: Any = painter.drawRects if kind is QRectF else painter.drawLines
    data = np.ascontiguousarray(array, np.float64)
    try:
        draw(shiboken6.wrapInstance(data.ctypes.data, kind), len(data))
    except TypeError:
        draw([kind(*row) for row in data.tolist()])
