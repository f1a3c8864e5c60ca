"""Base of the panels around the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QBoxLayout, QWidget

from app.document.document import Document
from app.engine.engine import Engine
from graphcore.records.requests import Look


class Panel(QWidget):
    """A panel: made when first shown, notified of its visibility, emptied with the graph.

    What ``looks_at`` names is kept up to date while the panel is looked at; the replies come to
    what has subscribed to their type with ``engine.on``.

    Signals:
        node_chosen: names to select on the canvas.
        ailing: names of nodes that get a mark on the canvas.
        pictures: pictures of nodes, by name, as the engine sends them, for the canvas.
        operator_chosen: an operator to add. preset_chosen: a preset to open.
        add_wanted: a node is to be added after the selected one.
        looked_at: whether the passes of ``walk`` are gone through on the canvas.

    Attributes:
        first_field: the widget that gets the keys when the panel is called by keys; it may lack.
        walk: passes to be gone through on the canvas, if the panel has them.
        folds: rows whose parts stand below each other where the panel is narrower than
            ``unfolded``, in pixels.
    """

    node_chosen = Signal(object)
    ailing = Signal(object)
    pictures = Signal(object)
    operator_chosen = Signal(str)
    preset_chosen = Signal(str)
    add_wanted = Signal()
    looked_at = Signal(bool)
    walk: Any = None
    unfolded = 430

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self._seen = False
        self.folds: list[QBoxLayout] = []
        document.opened.connect(self.forget)
        if engine is not None:
            engine.emptied.connect(self.clear)

    def looks_at(self) -> Look | None:
        """Return what is to be kept up to date while the panel is looked at."""
        return None

    def look(self) -> None:
        """Ask for what is looked at now, or for nothing while the panel cannot be seen."""
        request = self.looks_at()
        if request is not None:
            seen = self._seen and request.visible
            self._engine.look(msgspec.structs.replace(request, visible=seen))

    def set_seen(self, seen: bool) -> None:
        """Told whether the panel is looked at, that is not closed, nor behind a tab."""
        self._seen = seen
        self.look()

    def set_room(self, room: QSize) -> None:
        """Told how much can be seen without scrolling; a panel arranges itself by it."""
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        for row in self.folds:
            row.setDirection(across if room.width() >= self.unfolded else down)

    def show_selection(self, names: Sequence[str]) -> None:
        """Told which nodes are selected on the canvas."""

    def clear(self) -> None:
        """Show that there is no net."""

    def forget(self) -> None:
        """Another graph was opened."""
        self.clear()
