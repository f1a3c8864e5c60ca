"""Joins the stepper to the canvas: pictures of what is done, chips with the numbers."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, QPointF

from app.canvas import Canvas
from app.canvas import geometry as geo
from app.canvas.walk_overlay import Chip, WalkOverlay
from app.live_view import shown_pictures
from app.plots.tiles import format_number
from app.walk import Walk
from graphcore.worker.pictures import Picture
from graphcore.worker.walk_messages import Term


class WalkView(QObject):
    """Shows on the canvas where a ``Walk`` stands, while it is looked at."""

    def __init__(self, canvas: Canvas, walk: Walk) -> None:
        super().__init__(canvas)
        self._canvas, self._walk = canvas, walk
        self.overlay = WalkOverlay()
        canvas.graph_scene.addItem(self.overlay)
        canvas.walk_overlay = self.overlay  # type: ignore[attr-defined]
        self._shown = False
        walk.moved.connect(self._show)
        walk.marked.connect(self._show)

    def set_visible(self, visible: bool) -> None:
        """Whether the stepper is looked at; else the canvas shows no trace of it."""
        self._shown = visible
        if visible:
            self._show()
        else:
            self.overlay.set_chips(())
            self._canvas.set_step_state(set(), None)
            self._canvas.set_show("value")

    def _show(self) -> None:
        walk, canvas = self._walk, self._canvas
        if not self._shown or walk.frame is None:
            self.overlay.set_chips(())
            return
        prefix, shown = canvas.document.prefix, walk.shown
        valued, sloped = walk.valued, walk.sloped
        current = _below(shown.node, prefix) if shown and shown.node else None
        canvas.set_step_state({_below(n, prefix) for n in valued}, current)
        canvas.clear_pictures()
        canvas.set_pictures(
            shown_pictures(prefix, _only(walk.frame.values, valued)),
            shown_pictures(prefix, _only(walk.frame.gradients, sloped)),
        )
        for name, item in canvas.items_by_name.items():
            path = prefix + name
            item.set_state(show_gradient=path in sloped and path not in walk.frame.slopes)
        self.overlay.set_chips(
            (*self._node_chips(sloped), *self._edge_chips(sloped), *self._marks())
        )

    def _node_chips(self, sloped: set[str]) -> list[Chip]:
        """∂J/∂x under every node that has its gradient."""
        walk, frame, prefix = self._walk, self._walk.frame, self._canvas.document.prefix
        assert frame is not None
        found = []
        for name, item in self._canvas.items_by_name.items():
            path = prefix + name
            if path not in sloped:
                continue
            slope = frame.slopes.get(path)
            text = f"∂{frame.end}/∂{name} = {format_number(slope)}" if slope is not None else "∇"
            if slope is None:
                sizes = [t.size for t in walk.arrived(path)]
                text = f"∇ {format_number(max(sizes), 3)}" if sizes else "∇ 1"
            strong = walk.shown is not None and walk.shown.node == path
            found.append(Chip(text, _under(item.pos()), "warning", strong))
        return found

    def _edge_chips(self, sloped: set[str]) -> list[Chip]:
        """upstream × local = downstream on every edge that has handed a gradient back."""
        walk, prefix = self._walk, self._canvas.document.prefix
        found = []
        for edge, item in self._canvas.graph_scene.edges.items():
            source, target = prefix + edge.source, prefix + edge.target
            if target not in sloped:
                continue
            for term in walk.handed_on(target):
                if (term.source, term.input) == (source, edge.input):
                    strong = walk.shown is not None and walk.shown.node == target
                    if term.local is None and not strong:
                        continue  # the node's own chip says the same of many numbers
                    middle = item.path.pointAtPercent(0.5) - QPointF(0, 16)
                    found.append(Chip(term_text(term), middle, "accent", strong))
        return found

    def _marks(self) -> list[Chip]:
        """How far one is inside a composite, where one stops, and how far gradients are off."""
        walk, prefix, found = self._walk, self._canvas.document.prefix, []
        for name, item in self._canvas.items_by_name.items():
            path, corner = prefix + name, item.pos()
            done, steps = walk.inside(path) if item.node.subgraph is not None else (0, 0)
            if 0 < done < steps:
                found.append(Chip(f"{done} / {steps}", _under(corner), "accent", strong=True))
            if path in walk.breakpoints:
                found.append(Chip("⏸", corner, "error", strong=True))
            if path in walk.errors:
                error, right = walk.errors[path]
                above = corner + QPointF(geo.WIDTH / 2, -12)
                text = f"✓ {format_number(error, 2)}" if right else f"✗ {format_number(error, 2)}"
                found.append(Chip(text, above, "good" if right else "error", strong=not right))
        return found


def term_text(term: Term) -> str:
    """A term as one writes it: "3 × 2 = 6", or the size of a gradient of many numbers."""
    if term.upstream is not None and term.local is not None and term.downstream is not None:
        numbers = (term.upstream, term.local, term.downstream)
        return "{} × {} = {}".format(*(format_number(x) for x in numbers))
    return f"∇ {format_number(term.size, 3)}"


def _under(corner: QPointF) -> QPointF:
    return corner + QPointF(geo.WIDTH / 2, geo.HEIGHT + 14)


def _below(path: str, prefix: str) -> str:
    """A node's name on a level; "" for one that is not on it."""
    return path.removeprefix(prefix) if path.startswith(prefix) else ""


def _only(pictures: Mapping[str, Picture], nodes: set[str]) -> dict[str, Picture]:
    """Pictures of these nodes and of their parameters: "conv1.weight" is conv1's."""
    return {k: p for k, p in pictures.items() if k.partition(".")[0] in nodes}
