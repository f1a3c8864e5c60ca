"""Names, notes, frames and marks, typed and set on the canvas itself."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, QPointF, QRect, QRectF
from PySide6.QtWidgets import QGraphicsView

from app.canvas.camera import Camera
from app.canvas.editor import Editor
from app.canvas.items import geometry as geo
from app.canvas.items.frame_item import COLORS
from app.canvas.items.text_edit import TextEdit
from app.canvas.scene import Scene
from app.canvas.selection import Selection
from graphcore.graph.elements import Frame, Note


class Annotations(QObject):
    """Adds what makes a graph readable."""

    def __init__(
        self, view: QGraphicsView, scene: Scene, camera: Camera, selection: Selection,
        editor: Editor,
    ) -> None:  # fmt: skip
        super().__init__(view)
        self._view, self._scene, self._camera = view, scene, camera
        self._selection, self._editor = selection, editor
        self._document = scene.document

    def toggle_flag(self, flag: str) -> None:
        """Set "bypassed" or "pinned" of the selected nodes, or unset it if all have it."""
        names = self._selection.names()
        if names:
            on = not all(getattr(self._scene.nodes[n].node, flag) for n in names)
            self._editor.attempt(lambda: self._document.set_flag(names, flag, on))
            if flag == "bypassed" and on:
                self._explain_bypass(names)

    def _explain_bypass(self, names: list[str]) -> None:
        """A node that changes the shape cannot be passed by: say so at once."""
        for name in names:
            problem = self._document.shapes.problem(name)
            if problem is not None and problem.kind == "error":
                self._editor.refuse(problem.message, None)
                return

    def rename_selected(self) -> None:
        """Type another name into the selected node's header."""
        names = self._selection.names()
        if len(names) == 1:
            name = names[0]
            header = geo.HEADER_RECT.translated(self._scene.nodes[name].pos())
            edit = self._type(name, header, lines=False)
            edit.accepted.connect(
                lambda new: self._editor.attempt(lambda: self._document.rename(name, new))
            )

    def add_note(self, at: QPointF | None = None) -> None:
        """Type a note at a point, else under the pointer, else in the middle of the view.

        The graph has it once there is text in it.
        """
        if at is None and self._view.viewport().underMouse():
            at = self._camera.pointer_place()
        place = at if at is not None else self._camera.seen_area().center()
        position = (round(place.x() / 10) * 10.0, round(place.y() / 10) * 10.0)
        edit = self._type("", QRectF(*position, *Note("", "").size), lines=True)
        edit.accepted.connect(
            lambda text: self._editor.attempt(lambda: self._document.add_note(text, position))
        )

    def edit_note(self, name: str) -> TextEdit:
        """Type into a note; one whose text is deleted goes."""
        note = self._document.graph.notes[name]
        edit = self._type(note.text, self._scene.frames.notes[name].place, lines=True)
        edit.accepted.connect(lambda text: self._keep_note(name, text))
        return edit

    def _keep_note(self, name: str, text: str) -> None:
        note = self._document.graph.notes.get(name)
        if note is not None:
            self._document.set_note(name, replace(note, text=text) if text else None)

    def frame_selection(self) -> None:
        """Put a frame round the selected nodes, and type its title."""
        names = self._selection.names()
        color = COLORS[len(self._document.graph.frames) % len(COLORS)]
        title = self.tr("Frame")
        made: list[str] = []
        if self._editor.attempt(lambda: made.append(self._document.add_frame(names, title, color))):
            self.edit_title(made[0])

    def unframe_selection(self) -> None:
        """Remove the frames of the selected nodes; the nodes stay."""
        frames = {self._scene.nodes[n].node.frame for n in self._selection.names()} - {""}
        with self._document.macro(self.tr("Remove frames")):
            for frame in sorted(frames & self._document.graph.frames.keys()):
                self._document.remove_frame(frame)

    def recolor_frames(self) -> None:
        """Give the frames of the selected nodes the next colour."""
        graph = self._document.graph
        owners = {
            self._scene.nodes[n].node.frame for n in self._selection.names()
        } & graph.frames.keys()
        with self._document.macro(self.tr("Colour of frames")):
            for name in sorted(owners):
                frame = graph.frames[name]
                place = COLORS.index(frame.color) if frame.color in COLORS else -1
                color = COLORS[(place + 1) % len(COLORS)]
                self._document.set_frame(name, replace(frame, color=color))

    def edit_title(self, name: str) -> TextEdit:
        """Type a frame's title."""
        item = self._scene.frames.frames[name]
        edit = self._type(item.frame.title, item.title_area, lines=False)
        edit.accepted.connect(lambda title: self._keep_title(name, title))
        return edit

    def _keep_title(self, name: str, title: str) -> None:
        frame: Frame | None = self._document.graph.frames.get(name)
        if frame is not None and title:
            self._document.set_frame(name, replace(frame, title=title))

    def _type(self, text: str, area: QRectF, lines: bool) -> TextEdit:
        place: QRect = self._view.mapFromScene(area).boundingRect()
        place.setWidth(max(140, place.width()))
        return TextEdit(self._view.viewport(), text, place, lines)
