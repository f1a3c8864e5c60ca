"""Which number of the stepper's node is written out as a sum, and what the engine said of it."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.document import Document
from app.engine import Engine
from app.walk import Walk
from app.walk_words import level_of
from graphcore.worker.walk_messages import SUMS, ElementFrame


class WrittenOut(QObject):
    """Follows the steps; the first number of a node, or the one that was clicked.

    Signals:
        told: ``element`` is another.

    Attributes:
        element: what the engine said of the current step, or None.
    """

    told = Signal()

    def __init__(self, document: Document, engine: Engine, walk: Walk) -> None:
        super().__init__()
        self._document, self._engine, self._walk = document, engine, walk
        self._chosen: tuple[str, tuple[int, ...]] = ("", ())
        self.element: ElementFrame | None = None
        engine.element.connect(self._on_element)

    def choose(self, index: tuple[int, ...]) -> None:
        """Write out this number of the current node from now on."""
        self._chosen = (self._walk.shown.node if self._walk.shown else "", index)
        self.ask()

    def ask(self) -> None:
        """Have a number of the current step written out, where its numbers are sums."""
        event, self.element = self._walk.shown, None
        if event is None or event.phase == "update" or self._walk.frame is None:
            return
        if level_of(self._document.root, event.node) is None:
            return
        node, backward = self._document.root.at(event.node), event.phase == "backward"
        sums = node.operator in SUMS or node.op.category == "loss"
        if node.operator == "Linear" if backward else sums:
            chosen, index = self._chosen
            self._engine.ask_element(event.node, index if chosen == event.node else (), backward)

    def _on_element(self, element: ElementFrame) -> None:
        event, phase = self._walk.shown, "backward" if element.backward else "forward"
        if event is not None and (event.phase, event.node) == (phase, element.node):
            self.element = element
            self.told.emit()
