"""Names, notes, frames and marks, typed and set on the canvas itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from PySide6.QtCore import QPointF, QRect, QRectF

from app.canvas.editing import EditingView
from app.canvas.items import geometry as geo
from app.canvas.items.frame_item import COLORS, FrameItem, NoteItem
from app.canvas.items.text_edit import TextEdit
from graphcore.graph.elements import Frame, Note


class AnnotatingView(EditingView):
    """Adds what makes a graph readable."""

    def toggle_flag(self, flag: str) -> None:
        """Set "bypassed" or "pinned" of the selected nodes, or unset it if all have it."""
        names = self.selected()
        if names:
            on = not all(getattr(self.items_by_name[n].node, flag) for n in names)
            self.attempt(lambda: self.document.set_flag(names, flag, on))
            if flag == "bypassed" and on:
                self._explain_bypass(names)

    def _explain_bypass(self, names: list[str]) -> None:
        """A node that changes the shape cannot be passed by: say so at once."""
        for name in names:
            problem = self.document.shapes.problem(name)
            if problem is not None and problem.kind == "error":
                self.refuse(problem.message, None)
                return

    def rename_selected(self) -> None:
        """Type another name into the selected node's header."""
        names = self.selected()
        if len(names) == 1:
            name = names[0]
            header = geo.HEADER_RECT.translated(self.items_by_name[name].pos())
            edit = self._type(name, header, lines=False)
            edit.accepted.connect(lambda new: self.attempt(lambda: self.document.rename(name, new)))

    def add_note(self, at: QPointF | None = None) -> None:
        """Type a note at a point, else under the pointer, else in the middle of the view.

        The graph has it once there is text in it.
        """
        middle = self.seen_area().center()
        place = self.pointer_place() if self.viewport().underMouse() else middle
        place = place if at is None else at
        position = (round(place.x() / 10) * 10.0, round(place.y() / 10) * 10.0)
        edit = self._type("", QRectF(*position, *Note("", "").size), lines=True)
        edit.accepted.connect(
            lambda text: self.attempt(lambda: self.document.add_note(text, position))
        )

    def edit_note(self, name: str) -> TextEdit:
        """Type into a note; one whose text is deleted goes."""
        note = self.document.graph.notes[name]
        edit = self._type(note.text, self.graph_scene.frames.notes[name].place, lines=True)
        edit.accepted.connect(lambda text: self._keep_note(name, text))
        return edit

    def _keep_note(self, name: str, text: str) -> None:
        note = self.document.graph.notes.get(name)
        if note is not None:
            self.document.set_note(name, replace(note, text=text) if text else None)

    def frame_selection(self) -> None:
        """Put a frame round the selected nodes, and type its title."""
        names = self.selected()
        color = COLORS[len(self.document.graph.frames) % len(COLORS)]
        title = self.tr("Frame")
        made: list[str] = []
        if self.attempt(lambda: made.append(self.document.add_frame(names, title, color))):
            self.edit_title(made[0])

    def unframe_selection(self) -> None:
        """Remove the frames of the selected nodes; the nodes stay."""
        frames = {self.items_by_name[n].node.frame for n in self.selected()} - {""}
        with self.document.macro(self.tr("Remove frames")):
            for frame in sorted(frames & self.document.graph.frames.keys()):
                self.document.remove_frame(frame)

    def recolor_frames(self) -> None:
        """Give the frames of the selected nodes the next colour."""
        graph = self.document.graph
        owners = {self.items_by_name[n].node.frame for n in self.selected()} & graph.frames.keys()
        with self.document.macro(self.tr("Colour of frames")):
            for name in sorted(owners):
                frame = graph.frames[name]
                place = COLORS.index(frame.color) if frame.color in COLORS else -1
                color = COLORS[(place + 1) % len(COLORS)]
                self.document.set_frame(name, replace(frame, color=color))

    def frame_round(self, at: QPointF, but: Collection[str] = ()) -> str | None:
        """Name of the innermost frame round a point, as it is without some nodes."""
        areas = self.graph_scene.frames.areas(but)
        inside = [f for f, area in areas.items() if area.contains(at)]
        return min(inside, key=lambda f: areas[f].width() * areas[f].height(), default=None)

    def edit_title(self, name: str) -> TextEdit:
        """Type a frame's title."""
        item = self.graph_scene.frames.frames[name]
        edit = self._type(item.frame.title, item.title_area, lines=False)
        edit.accepted.connect(lambda title: self._keep_title(name, title))
        return edit

    def _keep_title(self, name: str, title: str) -> None:
        frame: Frame | None = self.document.graph.frames.get(name)
        if frame is not None and title:
            self.document.set_frame(name, replace(frame, title=title))

    def _type(self, text: str, area: QRectF, lines: bool) -> TextEdit:
        place: QRect = self.mapFromScene(area).boundingRect()
        place.setWidth(max(140, place.width()))
        return TextEdit(self.viewport(), text, place, lines)

    def frame_at(self, at: QPointF) -> str | None:
        """Name of the frame whose title is at a point."""
        for item in self.graph_scene.items(at):
            if isinstance(item, FrameItem) and item.title_area.contains(at):
                return item.frame.name
        return None

    def note_at(self, at: QPointF) -> str | None:
        """Name of the note at a point."""
        for item in self.graph_scene.items(at):
            if isinstance(item, NoteItem):
                return item.note.name
        return None
