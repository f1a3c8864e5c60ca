"""Gestures: one file each. A gesture begins with a press and lives until the release."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QPointF


class Gesture(Protocol):
    """What the view drives while a mouse button is held; points are scene coordinates."""

    def move(self, at: QPointF) -> None:
        """The pointer moved."""

    def release(self, at: QPointF) -> None:
        """The button was let go: make the change."""

    def cancel(self) -> None:
        """Escape was pressed: leave no trace."""
