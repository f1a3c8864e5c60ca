"""Drag over empty canvas: select what lies in the band."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPen
from PySide6.QtWidgets import QGraphicsRectItem

from app.canvas.items import geometry as geo
from app.style import palette

if TYPE_CHECKING:
    from app.canvas.interactions import Host

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


class RubberBand:
    """Shift adds to the selection, Ctrl toggles, both together take away."""

    def __init__(self, host: Host, start: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._host, self._start = host, start
        self._add, self._toggle = bool(modifiers & SHIFT), bool(modifiers & CONTROL)
        self._before = set(host.selected()) if self._add or self._toggle else set()
        p = palette.current()
        self._item = QGraphicsRectItem()
        self._item.setPen(QPen(p.color("accent"), 0))
        self._item.setBrush(p.color("accent", 40))
        self._item.setZValue(4)
        host.graph_scene.show_passing(self._item, True)

    def move(self, at: QPointF) -> None:
        band = QRectF(self._start, at).normalized()
        self._item.setRect(band)
        hit = {
            name
            for name, item in self._host.graph_scene.nodes.items()
            if band.intersects(geo.BODY.translated(item.pos()))
        }
        self._host.mark_selected(self._combined(hit))

    def _combined(self, hit: set[str]) -> set[str]:
        if self._add and self._toggle:
            return self._before - hit
        return self._before ^ hit if self._toggle else self._before | hit

    def release(self, at: QPointF) -> None:
        self._host.graph_scene.show_passing(self._item, False)

    def cancel(self) -> None:
        self._host.mark_selected(self._before)
        self.release(self._start)
