"""Ctrl-drag from an output: all its edges move to another output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from app.canvas.items import geometry as geo
from app.style import palette
from graphcore.graph import fit

if TYPE_CHECKING:
    from app.canvas.interactions import Host

End = tuple[str, str]


class MoveOutput:
    """The far ends of the edges stay; their beginning follows the pointer."""

    def __init__(self, host: Host, source: End) -> None:
        self._host, self._source = host, source
        graph = host.document.graph
        self._edges = [e for e in graph.edges_from(source[0]) if e.output == source[1]]
        self._line = QGraphicsPathItem()
        self._line.setPen(QPen(palette.current().color("accent"), 2.0, Qt.PenStyle.DashLine))
        self._line.setZValue(3)
        host.graph_scene.show_passing(self._line, True)
        self._light(True)

    def move(self, at: QPointF) -> None:
        found = self._output_at(at)
        scene = self._host.graph_scene
        start = scene.port_position(found[0], "output", found[1]) if found else at
        path = QPainterPath()
        for edge in self._edges:
            path.addPath(geo.curve(start, scene.port_position(edge.target, "input", edge.input)))
        self._line.setPath(path)
        if found:
            self._host.say(f"{found[0]} → {self._targets()}")

    def release(self, at: QPointF) -> None:
        self.cancel()
        found = self._output_at(at)
        if found is not None and found != self._source and self._edges:
            self._host.attempt(lambda: self._host.document.move_output(self._edges, *found))

    def cancel(self) -> None:
        self._host.graph_scene.show_passing(self._line, False)
        self._light(False)

    def _targets(self) -> str:
        return ", ".join(f"{e.target}.{e.input}" for e in self._edges)

    def _output_at(self, at: QPointF) -> End | None:
        """The output at the pointer; on a node's body, its first."""
        name = self._host.graph_scene.node_at(at, geo.SNAP / self._host.zoom)
        if name is None:
            return None
        item = self._host.graph_scene.nodes[name]
        port = item.port_at(at - item.pos(), geo.SNAP / self._host.zoom)
        if port is not None and port[0] == "output":
            return name, port[1]
        first = next(iter(item.ports.outputs), None)
        return (name, first) if first else None

    def _light(self, on: bool) -> None:
        """Light up the outputs at which the edges may begin, and no other port."""
        taking = fit.sources_for(self._host.document.graph, self._edges)
        for name, item in self._host.graph_scene.nodes.items():
            ports = item.ports.outputs if name in taking else ()
            item.set_state(lit=frozenset(("output", p) for p in ports) if on else None)
