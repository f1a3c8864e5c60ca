"""Frames and notes: titled areas round nodes, and text on the canvas."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items.node_painter import font
from app.style import painting, palette
from graphcore.graph.elements import Frame, Note

PADDING, TITLE = 24.0, 30.0
NOTE_X, NOTE_Y, NOTE_TEXT, MOST_NOTE_TEXT = 10.0, 8.0, 12, 30
"""Margins and size of a note's text."""
NOTE_FLAGS = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)
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
    """Text on the canvas, at least as high as its lines need."""

    def __init__(self, note: Note) -> None:
        super().__init__()
        self.note, self.area = note, QRectF()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setZValue(-1)
        self.set_note(note)

    def set_note(self, note: Note) -> None:
        """Show another text at another place."""
        self.prepareGeometryChange()
        self.note, (width, height) = note, note.size
        lines = QRectF(0, 0, max(1.0, width - 2 * NOTE_X), 1e6)
        text = QFontMetricsF(font(NOTE_TEXT)).boundingRect(lines, NOTE_FLAGS, note.text)
        self.area = QRectF(0, 0, width, max(height, text.height() + 2 * NOTE_Y))
        self.setPos(QPointF(*note.position))
        self.update()

    @property
    def place(self) -> QRectF:
        """What it covers of the canvas."""
        return self.mapRectToScene(self.area)

    def boundingRect(self) -> QRectF:
        return self.area.adjusted(-2, -2, 2, 2)

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = p.color("accent") if self.isSelected() else p.color("warning", 120)
        painter.setPen(QPen(color, 1.4))
        painter.setBrush(p.color("warning", 18))
        painter.drawRoundedRect(self.area, 6, 6)
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        room = self.area.adjusted(NOTE_X, NOTE_Y, -NOTE_X, -NOTE_Y)
        painter.setFont(font(self.text_size(zoom)))
        painter.setPen(p.color("text"))
        painter.drawText(room, NOTE_FLAGS, self.note.text)

    def text_size(self, zoom: float) -> int:
        """Return the letters' size: what can be read at this zoom, as far as it fits the area."""
        room = self.area.adjusted(NOTE_X, NOTE_Y, -NOTE_X, -NOTE_Y)
        wanted = round(min(MOST_NOTE_TEXT, max(NOTE_TEXT, NOTE_TEXT / zoom)))
        for size in range(wanted, NOTE_TEXT, -1):
            text = QFontMetricsF(font(size)).boundingRect(room, NOTE_FLAGS, self.note.text)
            if text.height() <= room.height() and text.width() <= room.width():
                return size
        return NOTE_TEXT
