"""The canvas by keys alone: walk along edges, nudge, search, open, connect."""

from __future__ import annotations

from typing import TypeAlias

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QMenu

from app.canvas.dropping import DroppingView
from app.canvas.interactions import Gesture
from app.canvas.walking import next_node
from app.document.connection_menu import fill
from app.document.document import Document

Key: TypeAlias = Qt.Key
Modifier: TypeAlias = Qt.KeyboardModifier
_NUDGES = {
    Key.Key_Left: (-10.0, 0.0), Key.Key_Right: (10.0, 0.0),
    Key.Key_Up: (0.0, -10.0), Key.Key_Down: (0.0, 10.0),
}  # fmt: skip


class KeyedView(DroppingView):
    """Does by keys what a mouse can do.

    Signals:
        node_activated: a node was double-clicked, or opened by Enter.
    """

    node_activated = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._gesture: Gesture | None = None
        self._space_held = self._space_used = False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Key(event.key())
        if key == Key.Key_Escape and self._gesture is not None:
            gesture, self._gesture = self._gesture, None
            gesture.cancel()
            self.hover_message.emit("")
        elif key == Key.Key_Escape:
            self.refusal.hide()
            self.mark_selected(set())
        elif key == Key.Key_Space:
            if not event.isAutoRepeat():
                self._space_held, self._space_used = True, False
                self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif key in _NUDGES:
            self._press_arrow(key, event.modifiers())
        elif key in (Key.Key_Return, Key.Key_Enter) and len(self.selected()) == 1:
            self.open_node(self.selected()[0])
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Space alone searches; with a drag it moved the view."""
        if event.key() == Key.Key_Space and self._space_held and not event.isAutoRepeat():
            self._space_held = False
            self.viewport().unsetCursor()
            if not self._space_used:
                self.search_to_add()
        else:
            super().keyReleaseEvent(event)

    def _press_arrow(self, key: Key, modifiers: Modifier) -> None:
        """Arrows nudge what is selected (Shift: by one); Ctrl with an arrow walks on."""
        names = self.selected()
        if names and not modifiers & Modifier.ControlModifier:
            share = 0.1 if modifiers & Modifier.ShiftModifier else 1.0
            self.nudge(*(d * share for d in _NUDGES[key]))
        elif names:
            found = next_node(self.document.graph, self.items_by_name, names[-1], key)
            if found is not None:
                self.select(found)
        elif self.items_by_name:
            self.select(self.document.graph.topological_order()[0])

    def open_node(self, name: str) -> None:
        """Go inside a composite; have any other node's attributes edited."""
        if self.document.graph.node(name).subgraph is not None:
            self.document.enter(name)
        else:
            self.node_activated.emit(name)

    def connect_selected(self) -> QMenu | None:
        """Offer every port that the selected node fits, to be chosen by keys."""
        name = self.selected()[0]
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not fill(menu, self.document, name, self.attempt):
            menu.deleteLater()
            self.refuse(self.tr("There is no free port that {0} fits.").format(name), None)
            return None
        corner = self.items_by_name[name].sceneBoundingRect().bottomLeft()
        menu.popup(self.viewport().mapToGlobal(self.mapFromScene(corner)))
        return menu
