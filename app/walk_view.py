"""Joins the stepper to the canvas: pictures of what is done, chips with the numbers."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF

from app.canvas import Canvas
from app.canvas import geometry as geo
from app.canvas.walk_overlay import Chip, WalkOverlay
from app.live_view import to_picture
from app.plots.tiles import format_number
from app.walk import Walk
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
        current = walk.current
        canvas.set_step_state(walk.valued, current.node if current and current.node else None)
        canvas.clear_pictures()
        canvas.set_pictures(
            {k: to_picture(p) for k, p in walk.frame.values.items() if _of(k) in walk.valued},
            {k: to_picture(p) for k, p in walk.frame.gradients.items() if _of(k) in walk.sloped},
        )
        for name, item in canvas.items_by_name.items():
            item.set_state(show_gradient=name in walk.sloped and name not in walk.frame.slopes)
        self.overlay.set_chips((*self._node_chips(), *self._edge_chips()))

    def _node_chips(self) -> list[Chip]:
        """∂J/∂x under every node that has its gradient."""
        walk, frame = self._walk, self._walk.frame
        assert frame is not None
        found = []
        for name in walk.sloped:
            item = self._canvas.items_by_name.get(name)
            if item is None:
                continue
            slope = frame.slopes.get(name)
            text = f"∂{frame.end}/∂{name} = {format_number(slope)}" if slope is not None else "∇"
            if slope is None:
                sizes = [t.size for t in walk.arrived(name)]
                text = f"∇ {format_number(max(sizes), 3)}" if sizes else "∇ 1"
            strong = walk.current is not None and walk.current.node == name
            found.append(Chip(text, _below(item.pos()), "warning", strong))
        return found

    def _edge_chips(self) -> list[Chip]:
        """upstream × local = downstream on every edge that has handed a gradient back."""
        walk = self._walk
        found = []
        for edge, item in self._canvas.graph_scene.edges.items():
            if edge.target not in walk.sloped:
                continue
            for term in walk.handed_on(edge.target):
                if (term.source, term.input) == (edge.source, edge.input):
                    strong = walk.current is not None and walk.current.node == edge.target
                    if term.local is None and not strong:
                        continue  # the node's own chip says the same of many numbers
                    middle = item.path.pointAtPercent(0.5) - QPointF(0, 16)
                    found.append(Chip(term_text(term), middle, "accent", strong))
        return found


def term_text(term: Term) -> str:
    """A term as one writes it: "3 × 2 = 6", or the size of a gradient of many numbers."""
    if term.upstream is not None and term.local is not None and term.downstream is not None:
        numbers = (term.upstream, term.local, term.downstream)
        return "{} × {} = {}".format(*(format_number(x) for x in numbers))
    return f"∇ {format_number(term.size, 3)}"


def _below(corner: QPointF) -> QPointF:
    return corner + QPointF(geo.WIDTH / 2, geo.HEIGHT + 14)


def _of(key: str) -> str:
    """The node that a picture belongs to: "conv1.weight" is conv1's."""
    return key.split(".", maxsplit=1)[0]
