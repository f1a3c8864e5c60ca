"""Drag an edge from a port: fitting ports light up, the nearest takes it, a refusal says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsPathItem

from app.canvas.interactions.moving import THRESHOLD, screen_length
from app.canvas.items import geometry as geo
from app.canvas.items.geometry import curve
from app.style import palette
from graphcore.graph import fit
from graphcore.graph.elements import Edge
from graphcore.graph.shapes import Problem

if TYPE_CHECKING:
    from app.canvas.interactions import Host

End = tuple[str, str]
"""A node and one of its ports."""


class DragEdge:
    """One end of an edge follows the pointer.

    Args:
        fixed: the node and port that stay; ``side`` says which side of the edge that is.
        old: the edge whose end was taken, when an edge is moved.
    """

    def __init__(self, host: Host, fixed: End, side: str, old: Edge | None = None) -> None:
        self._host, self._fixed, self._side, self._old = host, fixed, side, old
        self._line = QGraphicsPathItem()
        self._line.setPen(QPen(palette.current().color("accent"), 2.4, Qt.PenStyle.DashLine))
        self._line.setZValue(3)
        host.graph_scene.show_passing(self._line, True)
        self._anchor = host.graph_scene.port_position(fixed[0], side, fixed[1])
        self._fitting = self._find_fitting()
        self._light(True)
        self._start: QPointF | None = None
        self._moved = False

    def move(self, at: QPointF) -> None:
        self._start = self._start or at
        self._moved |= screen_length(self._host, at - self._start) >= THRESHOLD
        near = self._nearest(at)
        end = self._position(near) if near else at
        start, stop = (self._anchor, end) if self._side == "output" else (end, self._anchor)
        self._line.setPath(curve(start, stop))
        over = near or self._port_under(at)
        if over is not None:
            self._host.say(self._sentence(over))

    def release(self, at: QPointF) -> None:
        target = self._nearest(at) or self._port_under(at)
        self._finish()
        if not self._moved:
            self._click()
            return
        if target is None:
            if (name := self._host.graph_scene.node_at(at)) is not None:
                self._host.refuse(f"{name} has no port that this edge fits.", None)
            elif (old := self._old) is not None:
                self._host.attempt(lambda: self._host.document.disconnect_edges([old]))
            else:
                self._host.search_at(at, self._fixed, self._side)
            return
        edge = self._edge_to(target)
        if edge == self._old:
            return
        problem = self._problem(edge)
        if problem is not None:
            self._host.refuse(problem.message, problem.fix, edge)
            return
        self._host.attempt(lambda: self._connect(edge))

    def cancel(self) -> None:
        self._finish()

    def _click(self) -> None:
        """No drag: an edge is selected; at a free port the search box opens."""
        if self._old is not None:
            self._host.mark_edge(self._old)
        else:
            aside = QPointF(60 if self._side == "output" else -60, 0)
            self._host.search_at(self._anchor + aside, self._fixed, self._side)

    def _connect(self, edge: Edge) -> None:
        if self._old is not None:
            self._host.document.reconnect(self._old, edge)
        else:
            self._host.document.connect_nodes(edge.source, edge.target, edge.input, edge.output)

    def _finish(self) -> None:
        self._host.graph_scene.show_passing(self._line, False)
        self._light(False)

    # -- which ports --------------------------------------------------------------------------

    def _find_fitting(self) -> set[End]:
        """Ports that would take the edge and give a shape."""
        found = set()
        for name, item in self._host.graph_scene.nodes.items():
            ports = item.ports.inputs if self._side == "output" else item.ports.outputs
            for port in ports:
                if self._problem(self._edge_to((name, port))) is None:
                    found.add((name, port))
        return found

    def _edge_to(self, end: End) -> Edge:
        if self._side == "output":
            return Edge(*self._fixed, *end)
        return Edge(*end, *self._fixed)

    def _problem(self, edge: Edge) -> Problem | None:
        """Why the edge cannot be; one that is at the input already would give way."""
        document = self._host.document
        return fit.refusal(document.graph, document.shapes, edge, replacing=True)

    def _sentence(self, end: End) -> str:
        edge = self._edge_to(end)
        problem = self._problem(edge)
        return problem.message if problem else f"{edge.source} → {edge.target}.{edge.input}"

    def _nearest(self, at: QPointF) -> End | None:
        reach = geo.SNAP / self._host.zoom
        best, found = reach, None
        for end in self._fitting:
            distance = (self._position(end) - at).manhattanLength()
            if distance < best:
                best, found = distance, end
        if found is None:
            return self._body_port(at)
        meant = self._port_under(at)
        closer = meant is not None and (self._position(meant) - at).manhattanLength() < best
        return None if closer else found

    def _body_port(self, at: QPointF) -> End | None:
        """Dropped on a node's body: its first fitting free port."""
        name = self._host.graph_scene.node_at(at)
        if name is None:
            return None
        item = self._host.graph_scene.nodes[name]
        ports = item.ports.inputs if self._side == "output" else item.ports.outputs
        graph = self._host.document.graph
        return next(
            (
                (name, port)
                for port in ports
                if (name, port) in self._fitting
                and port not in item.ports.parameters
                and (self._side == "input" or graph.edge_into(name, port) is None)
            ),
            None,
        )

    def _port_under(self, at: QPointF) -> End | None:
        """Any port near the pointer, fitting or not; on a body, its first input."""
        name = self._host.graph_scene.node_at(at, geo.SNAP / self._host.zoom)
        if name is None or name == self._fixed[0]:
            return None
        item = self._host.graph_scene.nodes[name]
        wanted = "input" if self._side == "output" else "output"
        port = item.port_at(at - item.pos(), geo.SNAP / self._host.zoom)
        if port is not None and port[0] == wanted:
            return name, port[1]
        ports = item.ports.inputs if wanted == "input" else item.ports.outputs
        first = next((n for n in ports if n not in item.ports.parameters), None)
        return (name, first) if first else None

    def _position(self, end: End) -> QPointF:
        side = "input" if self._side == "output" else "output"
        return self._host.graph_scene.port_position(end[0], side, end[1])

    def _light(self, on: bool) -> None:
        side = "input" if self._side == "output" else "output"
        fitting: dict[str, list[str]] = {}
        for name, port in self._fitting:
            fitting.setdefault(name, []).append(port)
        for name, item in self._host.graph_scene.nodes.items():
            if not on:
                item.set_state(lit=None)
            elif name == self._fixed[0]:
                item.set_state(lit=frozenset({(self._side, self._fixed[1])}))
            else:
                item.set_state(lit=frozenset((side, p) for p in fitting.get(name, ())))
        for edge in self._host.graph_scene.edges.values():
            edge.set_state(faded=on)
