"""What a screen reader says: every step, every refusal, and which node has the keyboard.

Items of a graphics view cannot be seen by screen readers, so the canvas speaks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent


class Announcements(QObject):
    """Speaks for a canvas and its document.

    Signals:
        made: the sentence that was announced.
    """

    made = Signal(str)

    def __init__(self, document: Any, canvas: Any) -> None:
        super().__init__(canvas)
        self._document, self._canvas = document, canvas
        self._steps = 0
        document.message.connect(self.say)
        document.undo_stack.indexChanged.connect(self._on_step)
        canvas.selection.changed.connect(self._on_selection)

    def say(self, sentence: str) -> None:
        """Have a sentence spoken, by whatever reads the screen."""
        QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._canvas, sentence))
        self.made.emit(sentence)

    def _on_step(self, index: int) -> None:
        stack, before = self._document.undo_stack, self._steps
        self._steps = index
        if index > before:
            self.say(stack.text(index - 1))
        elif index < before and stack.count():
            self.say(self.tr("Undone: {0}").format(stack.text(index)))

    def _on_selection(self, names: Sequence[str]) -> None:
        if len(names) == 1:
            node, shape = self._document.graph.node(names[0]), self._document.shape_text(names[0])
            problem = self._document.shapes.problem(node.name)
            said = [node.name, node.operator, shape]
            self.say(", ".join(filter(None, [*said, problem.message if problem else ""])))
        elif names:
            self.say(self.tr("{0} nodes").format(len(names)))
