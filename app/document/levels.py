"""The open graph with its file, its undo history and the level that is shown of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QUndoStack

from app.document import commands, edits
from app.document.commands import Edit, Reversible
from graphcore import files
from graphcore.dims import Shape
from graphcore.errors import GradscapeError, GraphError
from graphcore.graph.drawing.layers import layout
from graphcore.graph.drawing.rows import fold
from graphcore.graph.elements import Change
from graphcore.graph.graph import Graph
from graphcore.graph.shapes import ShapeInference

SCREEN_ASPECT = 1.8
"""Width over height of the canvas while nobody says otherwise."""


class Shapes(ShapeInference):
    """Remembers which shapes changed until that is told, whoever asked for an update."""

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


Progress = Callable[[float], None]
"""Told the share of some work that is done, 0 to 1; raises CancelledError to end it."""


class CancelledError(GradscapeError):
    """The user has had enough of waiting."""


def _tell_nobody(share: float) -> None:
    pass


class EditedGraph(QObject):
    """What an editor of graphs needs, whatever the edits are.

    Signals:
        changed: a ``graphcore.Change`` was made on the level that is shown.
        shapes_changed: set of node names whose shapes or problem are new; once per event loop.
        opened: ``root`` is another graph.
        level_changed: ``graph`` is another part of the same root.
        message: a sentence for the status bar.
        saving: the graph is about to be written; what belongs in the file is noted now.

    Attributes:
        preparers: called with a file's graph before it is opened, to do what takes long.
    """

    changed = Signal(object)
    shapes_changed = Signal(object)
    opened = Signal()
    level_changed = Signal()
    message = Signal(str)
    saving = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.levels: list[Level] = []
        self._listeners: list[Callable[[Change], None]] = []
        self.preparers: list[Callable[[Level, Progress], None]] = []
        self._open_macro: list[Reversible] | None = None
        self.undo_stack = QUndoStack(self)
        self.path: Path | None = None
        self._shapes_timer = QTimer(self, singleShot=True, interval=0)
        self._shapes_timer.timeout.connect(self._announce_shapes)
        self._push_level("", Graph())

    @property
    def root(self) -> Graph:
        """The whole graph: what is saved and run."""
        return self.levels[0].graph

    @property
    def graph(self) -> Graph:
        """What is shown and edited: the whole graph, or the inside of a composite."""
        return self.levels[-1].graph

    @property
    def shapes(self) -> ShapeInference:
        """Shapes of ``graph``."""
        return self.levels[-1].shapes

    @property
    def prefix(self) -> str:
        """What stands before the names of ``graph`` in the whole one, such as "block/"."""
        return "".join(f"{level.name}/" for level in self.levels[1:])

    @property
    def modified(self) -> bool:
        """Whether there are changes that are in no file."""
        return not self.undo_stack.isClean()

    # -- files --------------------------------------------------------------------------------

    def new(self) -> None:
        """Begin an empty graph."""
        self.open_graph(Graph())

    def open(self, path: str | Path, progress: Progress = _tell_nobody) -> None:
        """Open a graph file; raises FileError and leaves the document as it is.

        Args:
            progress: told what share is done; what it raises leaves the document as it is too.
        """
        graph = files.load(path)
        progress(0.2)
        level = self._level("", graph, {})
        progress(0.4)
        for prepare in self.preparers:
            prepare(level, lambda share: progress(0.4 + 0.6 * share))
        self._replace(level, Path(path))

    def open_graph(self, graph: Graph) -> None:
        """Take a graph that is in no file yet, such as a preset."""
        self._replace(self._level("", graph, {}), None)

    def become(self, graph: Graph, step: str) -> None:
        """Turn the whole graph into another one, as a single step that can be undone."""
        self.leave(0)
        self._push(step, edits.become(self.root, graph))

    def restore(self, graph: Graph, path: Path | None) -> None:
        """Take rescued work: it belongs to ``path`` but was not saved there."""
        self._replace(self._level("", graph, {}), path)
        self.undo_stack.resetClean()

    def save(self, path: str | Path | None = None) -> None:
        """Write to a file, the document's own if none is given; raises FileError."""
        target = Path(path) if path is not None else self.path
        if target is None:
            raise GraphError("The graph has no file yet: choose one.")
        self.saving.emit()
        files.save(self.root, target)
        self.path = target
        self.undo_stack.setClean()

    def _replace(self, level: Level, path: Path | None) -> None:
        while self.levels:
            self._pop_level()
        self._add(level)
        self.path = path
        self.undo_stack.clear()
        self.opened.emit()

    # -- levels -------------------------------------------------------------------------------

    def enter(self, name: str) -> None:
        """Show the inside of a composite; raises GraphError for any other node."""
        node = self.graph.node(name)
        if node.subgraph is None:
            raise GraphError(f"{name} is no composite: there is nothing inside.")
        self._push_level(name, node.subgraph)
        self.level_changed.emit()

    def leave(self, depth: int = -1) -> None:
        """Back out of a composite, or to the level of a depth: 0 is the whole graph."""
        keep = max(0, len(self.levels) - 2 if depth < 0 else depth)
        if keep + 1 < len(self.levels):
            while len(self.levels) > keep + 1:
                self._pop_level()
            self.level_changed.emit()

    def _push_level(self, name: str, graph: Graph) -> None:
        arriving = self.shapes.input_shapes(name) if name else {}
        self._add(self._level(name, graph, {k: v for k, v in arriving.items() if v is not None}))

    def _level(self, name: str, graph: Graph, feeds: Mapping[str, Shape]) -> Level:
        """A graph made ready to be looked at: every node has a place, shapes are known."""
        if any(node.position is None for node in graph):
            lay_out(graph)
        return Level(name, graph, Shapes(graph, feeds))

    def _add(self, level: Level) -> None:
        depth = len(self.levels)

        def listener(change: Change) -> None:
            if depth == len(self.levels) - 1:
                self._on_change(change)
            elif change.kind == "training_changed":
                self.changed.emit(change)

        level.graph.listeners.append(listener)
        self.levels.append(level)
        self._listeners.append(listener)

    def _pop_level(self) -> None:
        level = self.levels.pop()
        level.shapes.close()
        level.graph.listeners.remove(self._listeners.pop())

    def _show(self, graph: Graph) -> None:
        """Go to the level where a graph can be seen."""
        if graph is self.graph:
            return
        path = _path_to(self.root, graph)
        while self.levels[1:]:
            self._pop_level()
        for name in path:
            node = self.graph.node(name)
            assert node.subgraph is not None
            self._push_level(name, node.subgraph)
        self.level_changed.emit()

    # -- the history --------------------------------------------------------------------------

    @contextmanager
    def macro(self, text: str) -> Iterator[None]:
        """Several edits as one step, all or none: an error inside takes back what was made.

        A macro in a macro is part of the outer one.
        """
        outer, self._open_macro = self._open_macro, []
        try:
            yield
        except BaseException:
            commands.take_back(self.graph, self._open_macro)
            self._open_macro = outer
            raise
        made, self._open_macro = self._open_macro, outer
        self._record(text, made)

    def _push(self, text: str, changes: Sequence[Reversible], merge_key: str = "") -> None:
        """Make changes, all or none, and keep them as a step."""
        commands.make(self.graph, changes)
        self._record(text, changes, merge_key)

    def _record(self, text: str, made: Sequence[Reversible], merge_key: str = "") -> None:
        if self._open_macro is not None:
            self._open_macro += made
        elif made:
            self.undo_stack.push(Edit(text, self.graph, made, merge_key, self._show))

    # -- following ----------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        self.changed.emit(change)
        for above, level in zip(self.levels, self.levels[1:], strict=False):
            above.graph.inside_changed(level.name)
        self._shapes_timer.start()

    def _announce_shapes(self) -> None:
        shapes = self.levels[-1].shapes
        shapes.update()
        names, shapes.untold = shapes.untold, set()
        self.shapes_changed.emit(names)


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
    """Give every node a place, on a canvas so many times as wide as high."""
    for name, place in fold(graph, layout(graph), aspect).items():
        graph.update(name, position=place)
