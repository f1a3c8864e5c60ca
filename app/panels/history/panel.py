"""The history: every undo step by name; a click goes back or forth to it."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QUndoView

from app.panels.panel import Panel
from app.style import icons
from app.widgets.layouts import in_column


class HistoryPanel(Panel):
    """The document's undo stack as a list."""

    def __init__(self, document: Any, engine: Any = None) -> None:
        super().__init__(document, engine)
        self.view = QUndoView(document.undo_stack)
        self.view.setEmptyLabel(self.tr("As opened"))
        self.view.setCleanIcon(icons.icon("save"))
        self.view.setAccessibleName(self.tr("Undo steps"))
        self.view.setToolTip(self.tr("Click a step to go back or forth to it."))
        self.view.setFrameShape(QUndoView.Shape.NoFrame)
        self.view.setSpacing(1)
        in_column(self.view, on=self, margins=(8, 8, 8, 0))
