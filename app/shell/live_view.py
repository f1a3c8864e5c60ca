"""Joins the engine's frames to the canvas: what to watch, which pictures, how bright the edges."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import QObject

from app.canvas import Canvas
from app.canvas.items.live import Picture
from app.engine.engine import Engine
from graphcore.graph.elements import Edge
from graphcore.records.arrays import unpack
from graphcore.records.pictures import Flow
from graphcore.records.pictures import Picture as SentPicture
from graphcore.session import messages as m

DECADES = 6.0
"""Orders of magnitude below the strongest edge at which an edge is dark."""


class LiveView(QObject):
    """Shows the running step on the canvas, and asks only for what can be seen there."""

    def __init__(self, canvas: Canvas, engine: Engine) -> None:
        super().__init__(canvas)
        self._canvas, self._engine = canvas, engine
        engine.frame.connect(self._on_frame)
        engine.state_changed.connect(self._on_state)
        engine.reset_done.connect(canvas.pictures.clear)
        engine.emptied.connect(canvas.pictures.clear)
        engine.shown.uncovered.connect(self._on_uncovered)
        canvas.pictures.wanted_changed.connect(self._tell_engine)
        canvas.pictures.running_wanted.connect(engine.shown.watch_again)

    def _tell_engine(self) -> None:
        values, gradients = self._canvas.pictures.shown()
        prefix = self._canvas.document.prefix
        self._engine.shown.watch(
            tuple(prefix + n for n in values), tuple(prefix + n for n in gradients), prefix[:-1]
        )

    def _on_frame(self, frame: m.Frame) -> None:
        if not (frame.flow or frame.values or frame.gradients) or self._canvas.pictures.stepping:
            return
        prefix = self._canvas.document.prefix
        covered, drawing = self._engine.shown.covered, self._engine.shown.drawing
        sent = frame.values.items()
        shown = {k: v for k, v in sent if k not in covered and ("." in k or not drawing)}
        self._canvas.pictures.show(
            shown_pictures(prefix, shown), shown_pictures(prefix, frame.gradients)
        )
        if not frame.flow:  # as bright as before
            return
        values = {_edge(f): f.value for f in frame.flow}
        gradients = {_edge(f): f.gradient for f in frame.flow}
        self._canvas.pictures.set_flow(brightness(values), brightness(gradients))

    def _on_uncovered(self, nodes: frozenset[str]) -> None:
        """What a view showed is gone with it; a frame brings the running step's values."""
        prefix = self._canvas.document.prefix
        for name in nodes:
            item = self._canvas.items_by_name.get(name.removeprefix(prefix))
            if item is not None and name.startswith(prefix):
                item.set_picture("value", None)

    def _on_state(self, state: str) -> None:
        self._canvas.pictures.set_pulsing(state == "running")


def shown_pictures(prefix: str, sent: Mapping[str, SentPicture]) -> dict[str, Picture]:
    """Pictures by the names that they have on the level that is shown."""
    cut = len(prefix)
    return {k[cut:]: to_picture(p) for k, p in sent.items() if k.startswith(prefix)}


def to_picture(sent: SentPicture) -> Picture:
    """A picture as it is painted, from one as it was sent."""
    return Picture(sent.kind, unpack(sent.array), sent.low, sent.high, sent.shape)


def brightness(sizes: dict[Edge, float]) -> dict[Edge, float]:
    """0 to 1 on a logarithmic scale under the largest; zero and NaN are dark."""
    largest = max((s for s in sizes.values() if math.isfinite(s)), default=0.0)
    if largest <= 0:
        return dict.fromkeys(sizes, 0.0)
    return {
        edge: max(0.0, 1 + math.log10(s / largest) / DECADES) if s > 0 and math.isfinite(s) else 0.0
        for edge, s in sizes.items()
    }


def _edge(flow: Flow) -> Edge:
    return Edge(flow.source, flow.output, flow.target, flow.input)
