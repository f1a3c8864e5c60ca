"""The history of edits: what can be undone, step by step.

Changes are made first, all or none, and pushed as an ``Edit`` then, so that what reaches the
undo stack cannot fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import QObject
from PySide6.QtGui import QUndoCommand, QUndoStack

from app.document import commands
from app.document.commands import Reversible
from app.document.levels import Levels
from graphcore.errors import GraphError
from graphcore.graph.elements import Change
from graphcore.graph.graph import Graph

MERGE_WITHIN_S = 3.0
"""Edits of one thing that come within this time of each other are one step of the history."""


SENTENCES = {
    "nodes": "This lesson keeps its nodes and edges as they are.",
    "attributes": "This lesson keeps the attributes of its nodes as they are.",
    "settings": "This lesson keeps its training settings as they are.",
    "weights": "This lesson keeps its weights from being changed by hand.",
}
"""Why a change is refused where something is locked."""
_FIELDS = ("attributes", "initializers", "frozen", "bypassed")


class LockedError(GraphError):
    """A change of what a lesson keeps as it is."""


def lock_of(change: Change) -> str:
    """Return what has to be unlocked for a change; "" for one that is always allowed."""
    if change.kind == "training_changed":
        return "settings"
    if change.kind == "node_changed":
        return "attributes" if change.what in _FIELDS else ""
    return "nodes" if change.kind.startswith(("node_", "edge_")) else ""


class Edit(QUndoCommand):
    """One named step of the history. Its changes are made already when it is pushed.

    Args:
        merge_key: edits in a row with the same key, each within ``MERGE_WITHIN_S`` of the one
            before, become one step; "" never merges.
        show: brings a graph into view, before it is changed back or again.
    """

    def __init__(
        self, text: str, graph: Graph, changes: Sequence[Reversible], merge_key: str,
        show: Callable[[Graph], None],
    ) -> None:  # fmt: skip
        super().__init__(text)
        self._graph, self._changes, self._key = graph, list(changes), merge_key
        self._show, self._made = show, True
        self._last = time.monotonic()

    def redo(self) -> None:
        if not self._made:
            self._show(self._graph)
            commands.make(self._graph, self._changes)
        self._made = True

    def undo(self) -> None:
        self._show(self._graph)
        commands.take_back(self._graph, self._changes)
        self._made = False

    def id(self) -> int:
        return hash(self._key) & 0x7FFFFFFF if self._key else -1

    def mergeWith(self, other: QUndoCommand) -> bool:
        if not isinstance(other, Edit) or (other._key, other._graph) != (self._key, self._graph):
            return False
        if other._last - self._last > MERGE_WITHIN_S:
            return False
        self._changes += other._changes
        self._last = other._last
        return True


class History:
    """Makes changes to the graph that is shown, and keeps them as steps of ``stack``.

    Attributes:
        locked: keys of ``SENTENCES``: what may not be changed.
    """

    def __init__(self, levels: Levels, parent: QObject) -> None:
        self.locked: frozenset[str] = frozenset()
        self._levels = levels
        self._open: list[Reversible] | None = None
        self.stack = QUndoStack(parent)
        self.made = 0  # edits so far

    @contextmanager
    def macro(self, text: str) -> Iterator[None]:
        """Several edits as one step, all or none: an error inside takes back what was made.

        A macro in a macro is part of the outer one.
        """
        outer, self._open = self._open, []
        try:
            yield
        except BaseException:
            commands.take_back(self._levels.graph, self._open)
            self._open = outer
            raise
        made, self._open = self._open, outer
        self._record(text, made)

    def push(self, text: str, changes: Sequence[Reversible], merge_key: str = "") -> None:
        """Make changes, all or none, and keep them as a step.

        Raises:
            GradscapeError: a change was refused; those before it are taken back.
        """
        self._make(changes)
        self._record(text, changes, merge_key)

    def _make(self, changes: Sequence[Reversible]) -> None:
        """Make changes; those of what is locked are taken back and refused."""
        if not self.locked:
            commands.make(self._levels.graph, changes)
            return
        seen: list[str] = []
        watched = {id(g): g for g in (self._levels.graph, self._levels.root)}.values()

        def listen(change: Change) -> None:
            seen.append(lock_of(change))

        for graph in watched:
            graph.listeners.append(listen)
        try:
            commands.make(self._levels.graph, changes)
        finally:
            for graph in watched:
                graph.listeners.remove(listen)
        if found := next((lock for lock in seen if lock in self.locked), ""):
            commands.take_back(self._levels.graph, changes)
            raise LockedError(SENTENCES[found])

    def _record(self, text: str, made: Sequence[Reversible], merge_key: str = "") -> None:
        if self._open is not None:
            self._open += made
        elif made:
            graph, show = self._levels.graph, self._levels.show
            self.made += 1
            self.stack.push(Edit(text, graph, made, merge_key, show))
