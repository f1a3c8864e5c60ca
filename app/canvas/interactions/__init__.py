"""Gestures: one file each. A gesture begins with a press and lives until the release."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import QPointF

if TYPE_CHECKING:
    from app.canvas.scene import Scene
    from app.document.document import Document
    from graphcore.errors import Fix
    from graphcore.graph.elements import Edge


class Gesture(Protocol):
    """What the view drives while a mouse button is held; points are scene coordinates."""

    def move(self, at: QPointF) -> None:
        """The pointer moved."""

    def release(self, at: QPointF) -> None:
        """The button was let go: make the change."""

    def cancel(self) -> None:
        """Escape was pressed: leave no trace."""


class Host(Protocol):
    """All that a gesture knows of where it takes place.

    Attributes:
        document: what a gesture changes, in its end.
        graph_scene: the items, and which of them is at a point.
    """

    document: Document
    graph_scene: Scene

    @property
    def zoom(self) -> float:
        """Screen pixels per canvas unit."""

    def visible_nodes(self) -> list[str]:
        """Return the names of the nodes in view."""

    def selected(self) -> list[str]:
        """Return the names of the selected nodes."""

    def selected_notes(self) -> list[str]:
        """Return the names of the selected notes."""

    def mark_selected(self, names: Set[str] = ..., notes: Set[str] = ...) -> None:
        """Select these nodes and notes alone."""

    def mark_edge(self, edge: Edge, alone: bool = ...) -> None:
        """Select an edge, alone or beside what is selected."""

    def attempt(self, change: Callable[[], Any]) -> bool:
        """Make a change; a refusal is shown as a sentence."""

    def attempt_gliding(self, change: Callable[[], Any]) -> bool:
        """Make a change; nodes that it moves glide to their places."""

    def refuse(self, sentence: str, fix: Fix | None, edge: Edge | None = ...) -> None:
        """Say why not, with a fix for an edge as a button."""

    def search_at(self, at: QPointF, port: tuple[str, str] | None = ..., side: str = ...) -> object:
        """Open the search box, with a port for operators that fit there."""

    def highlight_edge(self, edge: Edge | None) -> None:
        """Light up the edge into which a node would be put."""

    def say(self, sentence: str) -> None:
        """Show a sentence in the status bar."""
