"""What an empty canvas says: how to begin."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app.canvas.items import geometry as geo
from app.canvas.items.node_painter import font
from app.style import painting, palette

_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_LINES = int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


def paint(painter: QPainter, view: QRectF) -> None:
    """Draw into the middle of the view, in screen pixels."""
    with painting.saved(painter):
        painter.resetTransform()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        p, middle = palette.current(), view.center()
        _paint_sketch(painter, p, middle + QPointF(0, -70))
        painter.setFont(font(19, True))
        painter.setPen(p.color("text"))
        painter.drawText(QRectF(view.left(), middle.y() - 10, view.width(), 30), _CENTRE,
                         _tr("Build a network"))  # fmt: skip
        painter.setFont(font(13))
        painter.setPen(p.color("muted"))
        lines = (
            _tr("Double-click or press Tab to add a node"),
            _tr("Type 784-128-relu-10 or J = 3*(a + b*c) there to build a whole graph"),
            _tr("Drag an operator from the library, or open an example from the welcome page"),
            _tr("Open your own table (CSV) with Ctrl+O: a net is made for it"),
        )
        top = middle.y() + 28
        for line in lines:
            place = QRectF(view.left() + 12, top, view.width() - 24, view.bottom() - top)
            top = painter.drawText(place, _LINES, line).bottom() + 6


def _paint_sketch(painter: QPainter, p: palette.Palette, middle: QPointF) -> None:
    """Three cards and their edges, in outline."""
    width, height, gap = 70.0, 46.0, 40.0
    left = middle.x() - 1.5 * width - gap
    for i, category in enumerate(("source", "linear", "loss")):
        card = QRectF(left + i * (width + gap), middle.y() - height / 2, width, height)
        color = palette.category_color(category)
        painter.setPen(QPen(color, 1.6, Qt.PenStyle.DashLine))
        color.setAlpha(24)
        painter.setBrush(color)
        painter.drawRoundedRect(card, 7, 7)
        if i < 2:
            start = QPointF(card.right(), middle.y())
            painter.setPen(QPen(p.color("edge"), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawPath(geo.curve(start, start + QPointF(gap, 0)))


def _tr(text: str) -> str:
    return QCoreApplication.translate("EmptyCanvas", text)
