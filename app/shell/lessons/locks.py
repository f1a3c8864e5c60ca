"""What a lesson keeps from being changed, and the commands that it does not offer."""

from __future__ import annotations

from typing import Any

from graphcore.lessons.format import Header

TRAINING = ("train", "one_step", "one_epoch")
"""Actions that train."""


class Locks:
    """Locks a window for a lesson, and unlocks it behind it."""

    def __init__(self, window: Any) -> None:
        self._window = window
        self._hidden: list[Any] = []

    def apply(self, header: Header) -> None:
        """Lock what a lesson locks, and hide what it hides."""
        self.clear()
        window = self._window
        window.document.lock(name for name in header.locked if name != "training")
        names = [*header.hidden, *(TRAINING if "training" in header.locked else ())]
        actions = window.actions_table.actions
        self._hidden = [actions[n] for n in names if n in actions and actions[n].isVisible()]
        for action in self._hidden:
            action.setVisible(False)
        self._show_transport(not set(TRAINING) & set(names))

    def clear(self) -> None:
        """Lock and hide nothing."""
        self._window.document.lock(())
        for action in self._hidden:
            action.setVisible(True)
        self._hidden.clear()
        self._show_transport(True)

    def _show_transport(self, shown: bool) -> None:
        bar = self._window.transport
        if bar is not None:
            for button in (bar.play, bar.step, bar.epoch):
                button.setVisible(shown)
