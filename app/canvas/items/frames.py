"""The frames and notes of the scene."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtWidgets import QGraphicsScene

from app.canvas.items import geometry as geo
from app.canvas.items.frame_item import PADDING, TITLE, FrameItem, NoteItem
from app.canvas.items.node_item import NodeItem
from app.document.document import Document


class Frames:
    """Keeps an item for every frame and note of the graph.

    A frame is as large as the nodes in it need; a frame without nodes cannot be seen.
    """

    def __init__(
        self, scene: QGraphicsScene, document: Document, nodes: Mapping[str, NodeItem]
    ) -> None:
        self._scene, self._document, self._nodes = scene, document, nodes
        self.frames: dict[str, FrameItem] = {}
        self.notes: dict[str, NoteItem] = {}

    def clear(self) -> None:
        """Remove every item."""
        for item in [*self.frames.values(), *self.notes.values()]:
            self._scene.removeItem(item)
        self.frames, self.notes = {}, {}

    def refresh(self) -> None:
        """Put every frame where its nodes are, and every note where it belongs."""
        graph = self._document.graph
        for name in self.frames.keys() - graph.frames.keys():
            self._scene.removeItem(self.frames.pop(name))
        for name, frame in graph.frames.items():
            if name not in self.frames:
                self.frames[name] = FrameItem(frame)
                self._scene.addItem(self.frames[name])
        areas = self.areas()
        for name, item in self.frames.items():
            item.set_frame(graph.frames[name], areas.get(name, QRectF()), len(self._chain(name)))
        for name in {*self.notes, *graph.notes}:
            self.refresh_note(name)

    def refresh_note(self, name: str) -> None:
        """Make, change or remove the item of a note."""
        note = self._document.graph.notes.get(name)
        if note is None:
            if name in self.notes:
                self._scene.removeItem(self.notes.pop(name))
        elif name in self.notes:
            self.notes[name].set_note(note)
        else:
            self.notes[name] = NoteItem(note)
            self._scene.addItem(self.notes[name])

    def members(self, name: str) -> list[str]:
        """Names of the nodes in a frame, those of inner frames included."""
        graph = self._document.graph
        return [n.name for n in graph if n.frame and name in self._chain(n.frame)]

    def area(self) -> QRectF:
        """All that frames and notes cover."""
        area = QRectF()
        for item in [*self.frames.values(), *self.notes.values()]:
            area = area.united(item.mapRectToScene(item.boundingRect()))
        return area

    def round(self, at: QPointF, but: Collection[str] = ()) -> str | None:
        """Return the innermost frame round a point, as it is without some nodes."""
        areas = self.areas(but)
        inside = [f for f, area in areas.items() if area.contains(at)]
        return min(inside, key=lambda f: areas[f].width() * areas[f].height(), default=None)

    def areas(self, but: Collection[str] = ()) -> dict[str, QRectF]:
        """Where each frame is: round its nodes, with room for inner frames and titles.

        Args:
            but: nodes that do not count.
        """
        areas: dict[str, QRectF] = {}
        for node_name, item in self._nodes.items():
            if node_name in but:
                continue
            owner = self._document.graph.node(node_name).frame
            for depth, name in enumerate(self._chain(owner)):
                pad = PADDING + depth * 14
                box = geo.BODY.translated(item.pos()).adjusted(
                    -pad, -pad - TITLE * (depth + 1), pad, pad
                )
                areas[name] = areas.get(name, QRectF()).united(box)
        return areas

    def _chain(self, name: str) -> list[str]:
        """A frame and the frames round it, from the inside out."""
        frames = self._document.graph.frames
        chain: list[str] = []
        while name in frames and name not in chain:
            chain.append(name)
            name = frames[name].parent
        return chain
