"""A menu of the edges that a node could get; the canvas and the outline offer the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QMenu

from app.document.document import Document
from graphcore.graph import fit
from graphcore.graph.elements import Edge


def fill(
    menu: QMenu, document: Document, name: str, attempt: Callable[[Callable[[], Any]], Any]
) -> bool:
    """Offer every port that a node fits, the first one marked; return whether there is any.

    Args:
        attempt: makes the edge that is chosen, and says why not if it cannot be.
    """
    for edge in fit.edges_of(document.graph, document.shapes, name):
        action = menu.addAction(seen_from(edge, name))
        action.triggered.connect(
            lambda _on=False, e=edge: attempt(
                lambda: document.connect_nodes(e.source, e.target, e.input, e.output)
            )
        )
    if menu.isEmpty():
        return False
    menu.setActiveAction(menu.actions()[0])
    return True


def seen_from(edge: Edge, name: str) -> str:
    """Return an edge as text, as seen from one of its nodes."""
    if edge.source == name:
        return f"{edge.output} → {edge.target}.{edge.input}"
    return f"{edge.input} ← {edge.source}.{edge.output}"
