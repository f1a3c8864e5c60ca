"""Which number of the stepper's node is written out as a sum, and what the engine said of it."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from app.document.document import Document
from app.engine.engine import Engine
from app.panels.stepper.position import Event, Walk
from app.panels.stepper.sum_words import written_out
from app.panels.stepper.words import formulas, level_of
from app.widgets.formula import typeset_ahead
from graphcore.views.stepper import ElementFrame, ElementRequest, WalkFrame

LATE_MS = 25
"""Between two formulas that are typeset while one may step on."""


class WrittenOut(QObject):
    """Follows the steps; the first number of a node, or the one that was clicked.

    Signals:
        told: ``element`` and ``lines`` have changed.

    Attributes:
        element: what the engine said of the current step, or None.
        lines: the same as LaTeX, once it is typeset.
    """

    told = Signal()

    def __init__(self, document: Document, engine: Engine, walk: Walk) -> None:
        super().__init__()
        self._document, self._engine, self._walk = document, engine, walk
        self._chosen: tuple[str, tuple[int, ...]] = ("", ())
        self._of: tuple[Event | None, WalkFrame | None] = (None, None)
        self.lines: tuple[str, ...] = ()
        self._unset: list[str] = []
        self._late = QTimer(self, singleShot=True, interval=LATE_MS)
        self._late.timeout.connect(self._typeset)
        self.element: ElementFrame | None = None
        engine.on(ElementFrame, self._on_element)

    def choose(self, index: tuple[int, ...]) -> None:
        """Write out this number of the current node from now on."""
        self._chosen = (self._walk.shown.node if self._walk.shown else "", index)
        self.ask()

    def ask(self) -> None:
        """Have a number of the current step written out, where its numbers are sums."""
        event, frame = self._walk.shown, self._walk.frame
        if event != self._of[0] or frame is not self._of[1]:
            self.element, self.lines, self._of = None, (), (event, frame)
        if event is None or event.phase == "update" or self._walk.frame is None:
            return
        if level_of(self._document.root, event.node) is None:
            return
        node, backward = self._document.root.at(event.node), event.phase == "backward"
        sums = node.op.sums or node.op.category == "loss"
        if node.op.sums == "row" if backward else sums:
            chosen, index = self._chosen
            self._engine.ask(
                ElementRequest(event.node, index if chosen == event.node else (), backward)
            )

    def _on_element(self, element: ElementFrame) -> None:
        event, phase = self._walk.shown, "backward" if element.backward else "forward"
        if event is not None and (event.phase, event.node) == (phase, element.node):
            self.element = element
            self._unset = list(self._written(event, element))
            self._late.start()

    def _written(self, event: Event, element: ElementFrame) -> tuple[str, ...]:
        """The sum, its number called as the node's rule calls its output."""
        assert self._walk.frame is not None
        rule = formulas(self._document.root, self._walk.frame, event)
        return written_out(element, rule[0].partition("=")[0].strip() if rule else "y")

    def _typeset(self) -> None:
        """A line at a time, so that the next step need not wait; then tell."""
        event, element = self._walk.shown, self.element
        if self._unset:
            typeset_ahead([self._unset.pop()])
            self._late.start()
        elif event is not None and element is not None:
            self.lines = self._written(event, element)
            self.told.emit()
