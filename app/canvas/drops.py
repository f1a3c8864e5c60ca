"""Operators dragged onto the canvas: onto an edge to stand on it, elsewhere to stand alone."""

from __future__ import annotations

from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

from app.canvas.camera import Camera
from app.canvas.editor import Editor
from app.canvas.items import geometry as geo
from app.canvas.scene import Scene
from graphcore import ops

MIME_OPERATOR = "application/x-gradscape-operator"


class Drops:
    """Takes what the library hands out."""

    def __init__(self, scene: Scene, camera: Camera, editor: Editor) -> None:
        self._scene, self._camera, self._editor = scene, camera, editor

    def enter(self, event: QDragEnterEvent) -> None:
        """Accept an operator, and nothing else."""
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
        else:
            event.ignore()

    def move(self, event: QDragMoveEvent) -> None:
        """Light up the edge that the operator would be put into."""
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
            at = self._camera.on_canvas(event.position().toPoint())
            self._editor.highlight_edge(self._scene.edge_at(at))

    def leave(self) -> None:
        """Show no more where it would go."""
        self._editor.highlight_edge(None)

    def drop(self, event: QDropEvent) -> None:
        """Put the operator into the edge at the pointer, or beside everything."""
        operator = bytes(event.mimeData().data(MIME_OPERATOR).data()).decode()
        at = self._camera.on_canvas(event.position().toPoint())
        edge = self._scene.edge_at(at)
        self.leave()
        event.acceptProposedAction()
        if operator not in ops.names():
            return
        op = ops.get(operator)
        if edge is not None and (op.inputs or op.variadic):
            document = self._scene.document
            self._editor.attempt_gliding(lambda: document.insert_on_edge(edge, operator))
        else:
            self._editor.add_operator(operator, at - geo.BODY.center())
