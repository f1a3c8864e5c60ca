"""Drag selected nodes and notes about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPointF
from PySide6.QtWidgets import QGraphicsItem

from app.canvas.interactions.guides import Guides
from app.canvas.items import geometry as geo
from graphcore.graph.elements import Edge

if TYPE_CHECKING:
    from app.canvas.interactions import Host

GRID = 10.0
THRESHOLD = 6
"""Screen pixels below which a drag is a click."""
SLIP = 12
"""The same for who lets go at once."""


def screen_length(host: Host, delta: QPointF) -> float:
    """Return the length of a distance on the canvas in screen pixels."""
    return float(delta.manhattanLength() * host.zoom)


class Move:
    """Items follow the pointer; the document hears of it once, at the release.

    A lone node that is let go on an edge is put into it; nodes that would be covered are pushed
    aside.

    Args:
        alone: the node or note that is selected alone if nothing is moved.
    """

    def __init__(
        self, host: Host, start: QPointF, nodes: Sequence[str], notes: Sequence[str] = (),
        alone: str = "",
    ) -> None:  # fmt: skip
        self._host, self._start, self._alone = host, start, alone
        self._nodes: Mapping[str, QGraphicsItem] = {n: host.graph_scene.nodes[n] for n in nodes}
        self._notes = {n: host.graph_scene.frames.notes[n] for n in notes}
        self._from = {i: i.pos() for i in (*self._nodes.values(), *self._notes.values())}
        self._moved = False
        self._guides: Guides | None = None

    def move(self, at: QPointF) -> None:
        delta = at - self._start
        if not self._moved and screen_length(self._host, delta) < THRESHOLD:
            return
        self._moved = True
        delta = self._snapped(delta)
        for item, origin in self._from.items():
            item.setPos(origin + delta)
        self._host.graph_scene.moved(self._nodes)
        self._host.highlight_edge(self._edge_under())

    def _snapped(self, delta: QPointF) -> QPointF:
        """The way that brings the first item onto the grid, or in line with other nodes."""
        origin = next(iter(self._from.values()))
        place = origin + delta
        x, y = round(place.x() / GRID) * GRID, round(place.y() / GRID) * GRID
        if self._nodes:
            if self._guides is None:
                self._guides = Guides(self._host, self._nodes.keys())
            column, row = self._guides.pull(place)
            x, y = x if column is None else column, y if row is None else row
            self._guides.show(QPointF(x, y), column, row)
        return QPointF(x, y) - origin

    def release(self, at: QPointF) -> None:
        if not self._moved:
            self._select_alone()
            return
        edge, frame = self._edge_under(), self._frame_joined(at)
        places = {n: (i.x(), i.y()) for n, i in self._nodes.items()}
        notes = {n: (i.x(), i.y()) for n, i in self._notes.items()}
        self.cancel()
        document = self._host.document
        if edge is not None:
            ((name, place),) = places.items()
            self._host.attempt_gliding(lambda: document.insert_node_on_edge(edge, name, place))
            return
        pushed = document.covered_by(places)
        if not notes and frame is None:
            self._host.attempt_gliding(lambda: document.move({**places, **pushed}))
            return
        with document.macro(QCoreApplication.translate("Move", "Move")):
            document.move({**places, **pushed})
            if frame is not None:
                loose = [n for n in places if not document.graph.node(n).frame]
                document.put_in_frame(loose, frame)
            for name, place in notes.items():
                document.set_note(name, replace(document.graph.notes[name], position=place))

    def release_at_once(self, at: QPointF) -> None:
        """Let go so soon that a short way was no drag."""
        if screen_length(self._host, at - self._start) < SLIP:
            self.cancel()
            self._select_alone()
        else:
            self.release(at)

    def _select_alone(self) -> None:
        """A click on one of several that are selected is about that one."""
        if self._alone in self._notes:
            self._host.mark_selected(set(), {self._alone})
        elif self._alone:
            self._host.mark_selected({self._alone})

    def cancel(self) -> None:
        self._host.highlight_edge(None)
        if self._guides is not None:
            self._guides.hide()
            self._guides = None
        for item, origin in self._from.items():
            item.setPos(origin)
        self._host.graph_scene.moved(self._nodes)

    def _frame_joined(self, at: QPointF) -> str | None:
        """The frame into which nodes that were in none are let go."""
        graph = self._host.document.graph
        loose = any(not graph.node(n).frame for n in self._nodes)
        return self._host.graph_scene.frames.round(at, self._nodes.keys()) if loose else None

    def _edge_under(self) -> Edge | None:
        """The edge under a lone unconnected node's middle, or None."""
        graph = self._host.document.graph
        if len(self._nodes) != 1 or self._notes:
            return None
        ((name, item),) = self._nodes.items()
        node = graph.node(name)
        joined = graph.edges_into(name) or graph.edges_from(name)
        if joined or not graph.data_inputs(name) or not node.outputs:
            return None
        return self._host.graph_scene.edge_at(item.pos() + geo.BODY.center())
