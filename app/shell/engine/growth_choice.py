"""What new units start from when a net grows while it learns: the actions of the Run menu."""

from __future__ import annotations

from typing import Any

KEY = "engine/growth"
ACTIONS = {"silent": "grow_silent", "copies": "grow_copies", "noisy": "grow_noisy"}


class GrowthChoice:
    """At most one of the actions is on; none of them: new units follow their initialisers.

    Args:
        window: has ``settings``, ``actions_table`` and ``engine``.
    """

    def __init__(self, window: Any) -> None:
        self._window = window

    def choose(self, growth: str, on: bool) -> None:
        """Let new units start in a way, or no longer in it."""
        settings = self._window.settings
        if on:
            settings.set(KEY, growth)
        elif settings.get(KEY) == growth:
            settings.set(KEY, "initial")

    def apply(self) -> None:
        """Tell the engine, and show on the actions which it is."""
        growth = self._window.settings.get(KEY)
        if self._window.engine is not None:
            self._window.engine.growth = growth
        for name, action in ACTIONS.items():
            self._window.actions_table.actions[action].setChecked(name == growth)
