"""Which nodes, edges and notes of the canvas are selected."""

from __future__ import annotations

from collections.abc import Sequence, Set

from PySide6.QtCore import QObject, Signal

from app.canvas.camera import Camera
from app.canvas.items.edge_item import EdgeItem
from app.canvas.scene import Scene
from graphcore.graph.elements import Edge


class Selection(QObject):
    """Reads and sets the selection of a scene.

    Signals:
        changed: names of the selected nodes.
    """

    changed = Signal(object)

    def __init__(self, parent: QObject, scene: Scene, camera: Camera) -> None:
        super().__init__(parent)
        self._scene, self._camera = scene, camera
        self._names: list[str] | None = None
        scene.selectionChanged.connect(self._on_change)
        scene.document.changed.connect(lambda _change: self._forget())

    def _forget(self) -> None:
        self._names = None

    def _on_change(self) -> None:
        self._forget()
        self.changed.emit(self.names())

    def names(self) -> list[str]:
        """Return the names of the selected nodes, in the order of the graph."""
        return list(self._known())

    def _known(self) -> list[str]:
        """The names, looked up once after each change; items may outlast their nodes a little."""
        if self._names is None:
            self._names = [n for n, item in self._scene.nodes.items() if item.isSelected()]
        return [n for n in self._names if n in self._scene.document.graph]

    @property
    def count(self) -> int:
        """How many nodes are selected."""
        return len(self._known())

    def edges(self) -> list[Edge]:
        """Return the selected edges."""
        return [e for e, item in self._scene.edges.items() if item.isSelected()]

    def notes(self) -> list[str]:
        """Return the names of the selected notes."""
        return [n for n, item in self._scene.frames.notes.items() if item.isSelected()]

    @property
    def empty(self) -> bool:
        """Whether neither a node nor an edge nor a note is selected."""
        return not self.count and not self._scene.selectedItems()

    def select(self, names: str | Sequence[str]) -> None:
        """Select these nodes alone and bring them into view."""
        wanted = {names} if isinstance(names, str) else set(names)
        self.mark(wanted)
        if there := wanted & self._scene.nodes.keys():
            self._camera.bring_into_view(there)

    def select_all(self) -> None:
        """Select every node."""
        self.select(list(self._scene.nodes))

    def mark(self, names: Set[str] = frozenset(), notes: Set[str] = frozenset()) -> None:
        """Select these nodes and notes alone; one signal, and none if nothing is new."""
        scene = self._scene
        scene.blockSignals(True)
        changed = False
        for items, wanted in ((scene.nodes, names), (scene.frames.notes, notes)):
            for name, item in items.items():
                if item.isSelected() != (name in wanted):
                    item.setSelected(name in wanted)
                    changed = True
        for edge in scene.selectedItems():
            if isinstance(edge, EdgeItem):
                edge.setSelected(False)
                changed = True
        scene.blockSignals(False)
        if changed:
            self._on_change()

    def mark_edge(self, edge: Edge, alone: bool = True) -> None:
        """Select an edge, alone or beside what is selected."""
        if alone:
            self.mark()
        self._scene.edges[edge].setSelected(True)
