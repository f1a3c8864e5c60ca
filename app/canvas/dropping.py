"""Operators dragged onto the canvas: onto an edge to stand on it, elsewhere to stand alone."""

from __future__ import annotations

from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent

from app.canvas.annotating import AnnotatingView
from app.canvas.items import geometry as geo
from graphcore import ops

MIME_OPERATOR = "application/x-gradscape-operator"


class DroppingView(AnnotatingView):
    """Takes what the library hands out."""

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
        else:
            event.ignore()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if event.mimeData().hasFormat(MIME_OPERATOR):
            event.acceptProposedAction()
            self.highlight_edge(self.edge_at(self.mapToScene(event.position().toPoint())))

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.highlight_edge(None)

    def dropEvent(self, event: QDropEvent) -> None:
        operator = bytes(event.mimeData().data(MIME_OPERATOR).data()).decode()
        at = self.mapToScene(event.position().toPoint())
        edge = self.edge_at(at)
        self.highlight_edge(None)
        event.acceptProposedAction()
        self.setFocus()
        if operator not in ops.names():
            return
        op = ops.get(operator)
        if edge is not None and (op.inputs or op.variadic):
            self.attempt_gliding(lambda: self.document.insert_on_edge(edge, operator))
        else:
            self.add_operator(operator, at - geo.BODY.center())
