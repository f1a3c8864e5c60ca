"""Drag selected nodes about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

from app.canvas import geometry as geo

if TYPE_CHECKING:
    from app.canvas.view import Canvas

GRID = 10.0


class MoveNodes:
    """Items follow the pointer; the document hears of it once, at the release.

    A lone node let go on an edge is put into it.
    """

    def __init__(self, canvas: Canvas, start: QPointF, names: list[str]) -> None:
        self._canvas, self._start, self._names = canvas, start, names
        self._from = {n: canvas.items_by_name[n].pos() for n in names}
        self._moved = False

    def move(self, at: QPointF) -> None:
        delta = at - self._start
        if not self._moved and self._canvas.screen_length(delta) < 6:
            return
        self._moved = True
        for name, origin in self._from.items():
            place = origin + delta
            item = self._canvas.items_by_name[name]
            item.setPos(round(place.x() / GRID) * GRID, round(place.y() / GRID) * GRID)
        self._canvas.graph_scene.moved(self._from)
        self._canvas.highlight_edge(self._edge_under())

    def release(self, at: QPointF) -> None:
        if not self._moved:
            return
        edge = self._edge_under()
        self._canvas.highlight_edge(None)
        places = {n: self._canvas.items_by_name[n].pos() for n in self._names}
        self._put_back()
        positions = {n: (p.x(), p.y()) for n, p in places.items()}
        if edge is not None:
            self._canvas.put_into_edge(self._names[0], edge, positions)
        else:
            self._canvas.document.move(positions)

    def cancel(self) -> None:
        self._canvas.highlight_edge(None)
        self._put_back()

    def _put_back(self) -> None:
        for name, origin in self._from.items():
            self._canvas.items_by_name[name].setPos(origin)
        self._canvas.graph_scene.moved(self._from)

    def _edge_under(self) -> object:
        """The edge under a lone unconnected node's middle, or None."""
        graph = self._canvas.document.graph
        if len(self._names) != 1:
            return None
        name = self._names[0]
        if graph.edges_into(name) or graph.edges_from(name) or not graph.data_inputs(name):
            return None
        middle = self._canvas.items_by_name[name].pos() + geo.BODY.center()
        return self._canvas.edge_at(middle)
