"""Colour and form of a port by what runs through it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPolygonF

from app.style import palette
from graphcore.dims import Batch, Shape

Kind = Literal["images", "sequence", "vectors", "number", "unknown"]
_SERIES: dict[Kind, int] = {"images": 0, "sequence": 5, "vectors": 2, "number": 1}


def kind_of(shape: Shape | None) -> Kind:
    """From a shape; the batch axis does not count."""
    if shape is None:
        return "unknown"
    axes = len([d for d in shape if not isinstance(d, Batch)])
    kinds: tuple[Kind, ...] = ("number", "vectors", "sequence")
    return kinds[axes] if axes < len(kinds) else "images"


def color_of(kind: Kind) -> QColor:
    """In the current theme."""
    p = palette.current()
    return QColor(p.series[_SERIES[kind]]) if kind in _SERIES else p.color("edge")


def paint(painter: QPainter, kind: Kind, centre: QPointF, radius: float) -> None:
    """Square for images, diamond for sequences, circle for vectors, triangle for numbers."""
    x, y, r = centre.x(), centre.y(), radius
    if kind == "images":
        painter.drawRoundedRect(QRectF(x - r, y - r, 2 * r, 2 * r), 2, 2)
    elif kind == "sequence":
        s = r * 1.25
        corners = [QPointF(x - s, y), QPointF(x, y - s), QPointF(x + s, y), QPointF(x, y + s)]
        painter.drawPolygon(QPolygonF(corners))
    elif kind == "number":
        s = r * 1.15
        corners = [QPointF(x - s * 0.8, y - s), QPointF(x + s, y), QPointF(x - s * 0.8, y + s)]
        painter.drawPolygon(QPolygonF(corners))
    else:
        painter.drawEllipse(centre, r, r)
