"""The bar above the canvas: files, undo, training, appearance."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolBar, QToolButton, QWidget

from app.shell.transport import TransportBar

TOOLS = ("presets", "open", "save", "", "undo", "redo", "", "TRANSPORT", "", "palette", "light")
"""Names of actions in order; an empty one is a line between two."""


class ToolBar(QToolBar):
    """In a narrow window, what the menus have as well makes room for the buttons of training.

    Args:
        transport: the buttons of training; None in a window that only edits.
    """

    def __init__(
        self, parent: QWidget, actions: Mapping[str, QAction], transport: TransportBar | None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("tools")
        self.setMovable(False)
        self._transport = transport
        self._in_menus: list[QAction] = []
        for name in TOOLS:
            if not name:
                self._in_menus.append(self.addSeparator())
            elif name != "TRANSPORT":
                self._in_menus.append(self._add_button(actions[name]))
            else:
                self._add_transport()

    def _add_button(self, action: QAction) -> QAction:
        """Add a button of its own for an action: hidden here, the action stays in its menu."""
        button = QToolButton()
        button.setDefaultAction(action)
        button.setAutoRaise(True)
        button.setIconSize(self.iconSize())
        return self.addWidget(button)

    def _add_transport(self) -> None:
        if self._transport is not None:
            self.addWidget(self._transport)
        spring = QWidget()
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spring)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.fit(event.size().width())
        super().resizeEvent(event)

    def fit(self, width: int) -> None:
        """Show what fits into a width in pixels: the names of fields go first, then the menus'."""
        layout = self.layout()
        if self._transport is None or layout is None:
            return
        for narrow, spare in ((False, True), (True, True), (True, False)):
            self._transport.set_narrow(narrow)
            for action in self._in_menus:
                action.setVisible(spare)
            layout.invalidate()
            if self.sizeHint().width() <= width:
                return
