"""Frames and notes: titled areas round nodes, and text on the canvas."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items.node_painter import font
from app.style import painting, palette
from graphcore.graph.elements import Frame, Note

PADDING, TITLE = 24.0, 30.0
COLORS = ("blue", "orange", "green", "pink", "yellow", "purple")
"""Names that a frame's colour may have, in the order of the palette's series."""


def frame_color(name: str) -> QColor:
    """A frame's colour in the current theme; an unknown name is the first one."""
    place = COLORS.index(name) if name in COLORS else 0
    return QColor(palette.current().series[place])


class FrameItem(QGraphicsItem):
    """A frame; its area follows its nodes, and is taken by the title alone."""

    def __init__(self, frame: Frame) -> None:
        super().__init__()
        self.frame = frame
        self.area = QRectF()
        self.setZValue(-2)

    def set_frame(self, frame: Frame, area: QRectF, depth: int) -> None:
        """Show another title, colour or place; inner frames lie above outer ones."""
        self.prepareGeometryChange()
        self.frame, self.area = frame, area
        self.setZValue(-2 + depth * 0.01)
        self.setToolTip(frame.title)
        self.update()

    @property
    def title_area(self) -> QRectF:
        """Where one takes hold of the frame."""
        return QRectF(self.area.left(), self.area.top(), self.area.width(), TITLE)

    def boundingRect(self) -> QRectF:
        return self.area.adjusted(-2, -2, 2, 2)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(self.title_area)
        return path

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        if self.area.isEmpty():
            return
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = frame_color(self.frame.color)
        edge, fill = QColor(color), QColor(color)
        edge.setAlpha(130)
        fill.setAlpha(22)
        painter.setPen(QPen(edge, 1.4))
        painter.setBrush(fill)
        painter.drawRoundedRect(self.area, 12, 12)
        painter.setFont(font(round(min(90.0, max(14.0, 12.0 / zoom))), True))
        painter.setPen(color)
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        room = self.title_area.adjusted(14, 0, -14, 0)
        text = painter.fontMetrics().elidedText(
            self.frame.title, Qt.TextElideMode.ElideRight, int(room.width())
        )
        painter.drawText(room, flags | int(Qt.TextFlag.TextDontClip), text)


class NoteItem(QGraphicsItem):
    """Text on the canvas."""

    def __init__(self, note: Note) -> None:
        super().__init__()
        self.note = note
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setZValue(-1)
        self.set_note(note)

    def set_note(self, note: Note) -> None:
        """Show another text at another place."""
        self.prepareGeometryChange()
        self.note = note
        self.setPos(QPointF(*note.position))
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, *self.note.size).adjusted(-2, -2, 2, 2)

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        area = QRectF(0, 0, *self.note.size)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = p.color("accent") if self.isSelected() else p.color("warning", 120)
        painter.setPen(QPen(color, 1.4))
        painter.setBrush(p.color("warning", 18))
        painter.drawRoundedRect(area, 6, 6)
        painter.setFont(font(12))
        painter.setPen(p.color("text"))
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        painter.drawText(
            area.adjusted(10, 8, -10, -8), flags | int(Qt.TextFlag.TextWordWrap), self.note.text
        )
