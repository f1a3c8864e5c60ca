"""The open graph and the composites that were entered: the level that is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from graphcore.dims import Shape
from graphcore.errors import GraphError
from graphcore.graph.drawing.layers import layout
from graphcore.graph.drawing.rows import fold
from graphcore.graph.elements import Change
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference

SCREEN_ASPECT = 1.8
"""Default width over height of the canvas."""


class Shapes(ShapeInference):
    """Collects the nodes whose shapes changed until they are announced."""

    def __init__(self, graph: Graph, feeds: Mapping[str, Shape | None]) -> None:
        self.untold: set[str] = set()
        super().__init__(graph, dict(feeds))
        self.untold.clear()

    def update(self) -> set[str]:
        changed = super().update()
        self.untold |= changed
        return changed


@dataclass(frozen=True)
class Level:
    """A graph that one can look at: the whole one, or the inside of a composite.

    Attributes:
        name: of the composite in the level above; "" for the whole graph.
    """

    name: str
    graph: Graph
    shapes: Shapes


class Levels(QObject):
    """The levels that one went through to what is shown: the first is the whole graph.

    Signals:
        changed: a ``graphcore.Change`` was made on the level that is shown.
        shapes_changed: set of node names whose shapes or problem are new; once per event loop.
        switched: another level is shown.
    """

    changed = Signal(object)
    shapes_changed = Signal(object)
    switched = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._levels: list[Level] = []
        self._listeners: list[Callable[[Change], None]] = []
        self._shapes_timer = QTimer(self, singleShot=True, interval=0)
        self._shapes_timer.timeout.connect(self._announce_shapes)
        self._add(level_of(Graph()))

    def __len__(self) -> int:
        return len(self._levels)

    def __getitem__(self, depth: int) -> Level:
        return self._levels[depth]

    def __iter__(self) -> Iterator[Level]:
        return iter(self._levels)

    @property
    def root(self) -> Graph:
        """The whole graph."""
        return self._levels[0].graph

    @property
    def graph(self) -> Graph:
        """What is shown: the whole graph, or the inside of a composite."""
        return self._levels[-1].graph

    @property
    def prefix(self) -> str:
        """What stands before the names of ``graph`` in the whole one, such as "block/"."""
        return "".join(f"{level.name}/" for level in self._levels[1:])

    def replace(self, level: Level) -> None:
        """Show another whole graph."""
        while self._levels:
            self._pop()
        self._add(level)

    def enter(self, name: str) -> None:
        """Show the inside of a composite; raises GraphError for any other node."""
        node = self.graph.node(name)
        if node.subgraph is None:
            raise GraphError(f"{name} is no composite: there is nothing inside.")
        self._push(name, node.subgraph)
        self.switched.emit()

    def leave(self, depth: int = -1) -> None:
        """Back out of a composite, or to the level of a depth: 0 is the whole graph."""
        keep = max(0, len(self._levels) - 2 if depth < 0 else depth)
        if keep + 1 < len(self._levels):
            while len(self._levels) > keep + 1:
                self._pop()
            self.switched.emit()

    def _push(self, name: str, graph: Graph) -> None:
        arriving = self._levels[-1].shapes.input_shapes(name)
        known = {k: v for k, v in arriving.items() if v is not None}
        self._add(level_of(graph, name, known))

    def _add(self, level: Level) -> None:
        depth = len(self._levels)

        def listener(change: Change) -> None:
            if depth == len(self._levels) - 1:
                self._on_change(change)
            elif change.kind == "training_changed":
                self.changed.emit(change)

        level.graph.listeners.append(listener)
        self._levels.append(level)
        self._listeners.append(listener)

    def _pop(self) -> None:
        level = self._levels.pop()
        level.shapes.close()
        level.graph.listeners.remove(self._listeners.pop())

    def show(self, graph: Graph) -> None:
        """Go to the level where a graph can be seen."""
        if graph is self.graph:
            return
        path = _path_to(self.root, graph)
        while self._levels[1:]:
            self._pop()
        for name in path:
            node = self.graph.node(name)
            assert node.subgraph is not None
            self._push(name, node.subgraph)
        self.switched.emit()

    def _on_change(self, change: Change) -> None:
        self.changed.emit(change)
        for above, level in zip(self._levels, self._levels[1:], strict=False):
            above.graph.inside_changed(level.name)
        self._shapes_timer.start()

    def _announce_shapes(self) -> None:
        shapes = self._levels[-1].shapes
        shapes.update()
        names, shapes.untold = shapes.untold, set()
        self.shapes_changed.emit(names)


def level_of(graph: Graph, name: str = "", feeds: Mapping[str, Shape] | None = None) -> Level:
    """Return a graph made ready to be looked at: every node has a place, shapes are known.

    Args:
        name: of the composite that the graph is the inside of.
        feeds: shapes that arrive at its inputs.
    """
    if any(node.position is None for node in graph):
        lay_out(graph)
    return Level(name, graph, Shapes(graph, feeds or {}))


def _path_to(root: Graph, wanted: Graph) -> tuple[str, ...]:
    """Names of the composites that lead to a sub-graph; raises GraphError if none does."""
    stack: list[tuple[tuple[str, ...], Graph]] = [((), root)]
    while stack:
        path, graph = stack.pop()
        if graph is wanted:
            return path
        stack += [((*path, n.name), n.subgraph) for n in graph if n.subgraph is not None]
    raise GraphError("That part of the graph is not there any more.")


def lay_out(graph: Graph, aspect: float = SCREEN_ASPECT) -> None:
    """Give every node a place, on a canvas of an aspect ratio."""
    for name, place in fold(graph, layout(graph), aspect).items():
        graph.update(name, position=place)
