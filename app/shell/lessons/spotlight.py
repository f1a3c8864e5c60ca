"""What a lesson points at on the canvas: it stays as it is, everything else is dimmed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphcore.lessons.format import Look

DIM = 0.35


class Spotlight:
    """Dims the nodes and edges of a canvas that are not named."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas

    def show(self, looks: Iterable[Look]) -> None:
        """Point at nodes, ports, attributes and edges; without any, at nothing."""
        names: set[str] = set()
        for look in looks:
            if look.kind == "node":
                names.add(look.name)
            elif look.kind in ("port", "attribute"):
                names.add(look.name.rpartition(".")[0])
            elif look.kind == "edge":
                names |= {part.strip() for part in look.name.split("->")}
        scene = self._canvas.graph_scene
        known = names & scene.nodes.keys()
        for name, item in scene.nodes.items():
            item.setOpacity(1.0 if not known or name in known else DIM)
        for edge, item in scene.edges.items():
            lit = not known or {edge.source, edge.target} <= known
            item.setOpacity(1.0 if lit else DIM)

    def clear(self) -> None:
        """Point at nothing."""
        self.show(())
