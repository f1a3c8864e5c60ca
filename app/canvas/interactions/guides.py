"""A node that is dragged snaps to the row and the column of others; lines show to which."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from app.canvas.items import geometry as geo
from app.style import palette

if TYPE_CHECKING:
    from app.canvas.interactions import Host

REACH = 8.0
"""Screen pixels within which a row or a column pulls."""
MOST = 2000


class Guides:
    """The rows and columns of the nodes in view that stay where they are."""

    def __init__(self, host: Host, moving: Collection[str]) -> None:
        self._host = host
        staying = [n for n in host.visible_nodes() if n not in moving][:MOST]
        places = [host.graph_scene.nodes[n].pos() for n in staying]
        self._xs = np.array([p.x() for p in places])
        self._ys = np.array([p.y() for p in places])
        self._item = QGraphicsPathItem()
        self._item.setPen(QPen(palette.current().color("accent"), 0))
        self._item.setZValue(4)
        host.graph_scene.show_passing(self._item, True)

    def pull(self, corner: QPointF) -> tuple[float | None, float | None]:
        """The column and the row that pull a node's corner; None where none is near."""
        reach = REACH / self._host.zoom
        found = []
        for at, lines in ((corner.x(), self._xs), (corner.y(), self._ys)):
            near = np.abs(lines - at)
            best = int(near.argmin()) if len(near) else -1
            found.append(float(lines[best]) if best >= 0 and near[best] <= reach else None)
        return found[0], found[1]

    def show(self, corner: QPointF, column: float | None, row: float | None) -> None:
        """Draw lines from the node to those that it is lined up with."""
        path = QPainterPath()
        if row is not None:
            xs = np.append(self._xs[self._ys == row], corner.x())
            path.moveTo(float(xs.min()), row)
            path.lineTo(float(xs.max()) + geo.WIDTH, row)
        if column is not None:
            ys = np.append(self._ys[self._xs == column], corner.y())
            path.moveTo(column, float(ys.min()))
            path.lineTo(column, float(ys.max()) + geo.HEIGHT)
        self._item.setPath(path)

    def hide(self) -> None:
        """Take the lines away."""
        self._host.graph_scene.show_passing(self._item, False)
