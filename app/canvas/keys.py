"""The canvas by keys alone: walk along edges, nudge, search, open, give up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QKeyEvent

from app.canvas.editor import Editor
from app.canvas.items.node_item import NodeItem
from app.canvas.pointer import Pointer
from app.canvas.scene import Scene
from app.canvas.selection import Selection
from graphcore.graph.graph import Graph

Key: TypeAlias = Qt.Key
Modifier: TypeAlias = Qt.KeyboardModifier
_NUDGES = {
    Key.Key_Left: (-10.0, 0.0), Key.Key_Right: (10.0, 0.0),
    Key.Key_Up: (0.0, -10.0), Key.Key_Down: (0.0, 10.0),
}  # fmt: skip


class Keys:
    """Does by keys what a mouse can do; keys of actions are not among them."""

    def __init__(
        self, scene: Scene, selection: Selection, editor: Editor, pointer: Pointer
    ) -> None:
        self._scene, self._selection = scene, selection
        self._editor, self._pointer = editor, pointer

    def press(self, event: QKeyEvent) -> bool:
        """Serve a key that was pressed; return whether it means something here."""
        key, names = Key(event.key()), self._selection.names()
        if key == Key.Key_Escape:
            self._give_up()
        elif key == Key.Key_Space:
            if not event.isAutoRepeat():
                self._pointer.hold_space()
        elif key in _NUDGES:
            self._press_arrow(key, event.modifiers())
        elif key in (Key.Key_Return, Key.Key_Enter) and len(names) == 1:
            self._editor.open_node(names[0])
        else:
            return False
        return True

    def release(self, event: QKeyEvent) -> bool:
        """Serve a key that was let go: space alone searches; with a drag it moved the view."""
        ends = event.key() == Key.Key_Space and not event.isAutoRepeat()
        if not (ends and self._pointer.space_held):
            return False
        if not self._pointer.release_space():
            self._editor.search_to_add()
        return True

    def _give_up(self) -> None:
        if not self._pointer.cancel():
            self._editor.refusal.hide()
            self._selection.mark()

    def _press_arrow(self, key: Key, modifiers: Modifier) -> None:
        """Arrows nudge what is selected (Shift: by one); Ctrl with an arrow walks on."""
        names, graph = self._selection.names(), self._scene.document.graph
        if names and not modifiers & Modifier.ControlModifier:
            share = 0.1 if modifiers & Modifier.ShiftModifier else 1.0
            self._editor.nudge(*(d * share for d in _NUDGES[key]))
        elif names:
            found = next_node(graph, self._scene.nodes, names[-1], key)
            if found is not None:
                self._selection.select(found)
        elif self._scene.nodes:
            self._selection.select(graph.topological_order()[0])


def next_node(graph: Graph, items: Mapping[str, NodeItem], name: str, key: Key) -> str | None:
    """The node that an arrow key leads to, or None.

    Left goes to the first source, right to the first reader; up and down, and left and right
    where there is no edge, go to the nearest node in that direction.
    """
    if key == Key.Key_Left and (edges := graph.edges_into(name)):
        return edges[0].source
    if key == Key.Key_Right and (edges := graph.edges_from(name)):
        return edges[0].target
    here = items[name].pos()
    ahead = {n: _distance(i.pos() - here, key) for n, i in items.items() if n != name}
    reachable = {n: d for n, d in ahead.items() if d is not None}
    return min(reachable, key=lambda n: (reachable[n], n)) if reachable else None


def _distance(way: QPointF, key: Key) -> float | None:
    """How far a node is; aside counts double, behind does not count at all."""
    along = {
        Key.Key_Left: -way.x(), Key.Key_Right: way.x(),
        Key.Key_Up: -way.y(), Key.Key_Down: way.y(),
    }[key]  # fmt: skip
    aside = abs(way.y()) if key in (Key.Key_Left, Key.Key_Right) else abs(way.x())
    return along + 2 * aside if along > 0 and aside <= 2 * along else None
