"""A node on the canvas: a card with its picture, its ports and its shape."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas import geometry as geo
from app.canvas.live import Picture
from app.plots import tiles
from app.style import palette
from graphcore.dims import format_shape
from graphcore.elements import Node
from graphcore.shapes import Problem

FAR, MIDDLE = 0.2, 0.6
"""Below these zooms only the box is drawn, or the box and its name."""


class NodeItem(QGraphicsItem):
    """Draws one node; told everything by the scene.

    Attributes:
        paints: how often it was painted (tests count).
        show_gradient: whether the gradient is shown instead of the value.
    """

    def __init__(self, node: Node, ports: geo.Ports) -> None:
        super().__init__()
        self.node, self.ports = node, ports
        self.shape_text, self.problem = "", None  # type: tuple[str, Problem | None]
        self.value: Picture | None = None
        self.gradient: Picture | None = None
        self.weights: Picture | None = None
        self.weights_gradient: Picture | None = None
        self.show_gradient = False
        self.lit: frozenset[str] | None = None
        self.step_state = ""
        self.paints = 0
        self._images: dict[int, QImage] = {}
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemIsSelectable)
        self.setZValue(1)
        self.sync_position()

    def sync_position(self) -> None:
        """Go where the node is."""
        self.setPos(*(self.node.position or (0.0, 0.0)))

    def set_shape(self, shape: Any, problem: Problem | None) -> None:
        """Show the output's shape and what is wrong, if anything."""
        self.shape_text = format_shape(shape) if shape is not None else ""
        self.problem = problem
        self.setToolTip(problem.message if problem else self.node.op.summary())
        self.update()

    def set_picture(self, which: str, picture: Picture | None) -> None:
        """Show another picture: "value", "gradient", "weights" or "weights_gradient"."""
        setattr(self, which, picture)
        self._images.clear()
        self.update()

    def port_at(self, point: QPointF, reach: float) -> tuple[str, str] | None:
        """("input" or "output", name) of the port within reach of a point, in own coordinates."""
        best, found = reach, None
        for side, ports in (("output", self.ports.outputs), ("input", self.ports.inputs)):
            for name, centre in ports.items():
                distance = (point - centre).manhattanLength()
                if distance <= best:
                    best, found = distance, (side, name)
        return found

    def boundingRect(self) -> QRectF:
        return geo.BODY.adjusted(-8, -4, 8, 4)

    def shape(self) -> QPainterPath:
        path = QPainterPath()
        path.addRect(geo.BODY.adjusted(-7, 0, 7, 0))
        return path

    # -- painting -----------------------------------------------------------------------------

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        self.paints += 1
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        p = palette.current()
        color = palette.category_color(self.node.op.category)
        if zoom < FAR:
            self._paint_far(painter, p, color)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.lit is not None and not self.lit:
            painter.setOpacity(0.35)
        self._paint_card(painter, p, color)
        self._paint_header(painter, p, color, zoom)
        if zoom >= MIDDLE:
            self._paint_picture(painter, p)
            self._paint_footer(painter, p)
        elif self.value is not None or self.gradient is not None:
            self._paint_picture(painter, p)
        self._paint_ports(painter, p)

    def _paint_far(self, painter: QPainter, p: palette.Palette, color: QColor) -> None:
        outline = p.accent if self.isSelected() else p.error if self._at_fault else None
        painter.fillRect(geo.BODY, color)
        if outline:
            painter.setPen(QPen(QColor(outline), 6))
            painter.drawRect(geo.BODY)

    @property
    def _at_fault(self) -> bool:
        return self.problem is not None and self.problem.kind == "error"

    def _paint_card(self, painter: QPainter, p: palette.Palette, color: QColor) -> None:
        painter.setPen(self._outline(p))
        painter.setBrush(p.color("card"))
        painter.drawRoundedRect(geo.BODY, palette.RADIUS, palette.RADIUS)
        header = QPainterPath()
        header.addRoundedRect(
            geo.BODY.adjusted(1, 1, -1, -1), palette.RADIUS - 1, palette.RADIUS - 1
        )
        painter.save()
        painter.setClipRect(geo.HEADER_RECT)
        tint = QColor(color)
        tint.setAlpha(70 if p.name == "dark" else 55)
        painter.fillPath(header, tint)
        painter.restore()
        painter.setPen(QPen(color, 2.5))
        painter.drawLine(QPointF(9, 9), QPointF(9, geo.HEADER - 8))

    def _outline(self, p: palette.Palette) -> QPen:
        if self.isSelected():
            return QPen(p.color("accent"), 2.2)
        if self._at_fault:
            return QPen(p.color("error"), 2.0)
        if self.step_state == "current":
            return QPen(p.color("warning"), 3.0)
        pen = QPen(p.color("line"), 1.2)
        if self.problem is not None:
            pen.setStyle(Qt.PenStyle.DashLine)
            pen.setColor(p.color("edge"))
        return pen

    def _paint_header(
        self, painter: QPainter, p: palette.Palette, color: QColor, zoom: float
    ) -> None:
        font = QFont(painter.font())
        font.setPixelSize(13 if zoom >= MIDDLE else 20)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(p.color("text"))
        room = geo.HEADER_RECT.adjusted(16, 0, -28, 0)
        metrics = QFontMetricsF(font)
        name = metrics.elidedText(self.node.name, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), name)
        used = metrics.horizontalAdvance(name) + 8
        if zoom >= MIDDLE and self.node.operator.lower() != self.node.name.replace("_", ""):
            font.setPixelSize(10)
            font.setWeight(QFont.Weight.Normal)
            painter.setFont(font)
            painter.setPen(p.color("muted"))
            rest = room.adjusted(used, 1, 0, 0)
            if rest.width() > 26:
                text = QFontMetricsF(font).elidedText(
                    self.node.operator, Qt.TextElideMode.ElideRight, rest.width()
                )
                painter.drawText(rest, int(Qt.AlignmentFlag.AlignVCenter), text)
        if zoom >= MIDDLE:
            self._paint_flip(painter, p)

    def _paint_flip(self, painter: QPainter, p: palette.Palette) -> None:
        """A small arrow: right for the value, left for the gradient; a click turns it."""
        if self.value is None and self.gradient is None:
            return
        c = geo.FLIP_RECT.center()
        d = -5.0 if self.show_gradient else 5.0
        painter.setPen(QPen(p.color("warning" if self.show_gradient else "accent"), 1.8))
        painter.drawLine(QPointF(c.x() - d, c.y()), QPointF(c.x() + d, c.y()))
        painter.drawLine(QPointF(c.x() + d, c.y()), QPointF(c.x() + d * 0.2, c.y() - 4))
        painter.drawLine(QPointF(c.x() + d, c.y()), QPointF(c.x() + d * 0.2, c.y() + 4))

    def _paint_picture(self, painter: QPainter, p: palette.Palette) -> None:
        main = self.gradient if self.show_gradient else self.value
        extra = self.weights_gradient if self.show_gradient else self.weights
        area = geo.PICTURE_RECT
        if main is None and extra is None:
            self._paint_summary(painter, p)
            return
        if extra is not None:
            left = QRectF(area.left(), area.top(), area.width() * 0.44, area.height())
            self._paint_one(painter, left, extra)
            area = QRectF(
                left.right() + 6, area.top(), area.right() - left.right() - 6, area.height()
            )
        if main is not None:
            self._paint_one(painter, area, main)
        elif self.show_gradient:
            painter.setPen(p.color("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, "—")

    def _paint_one(self, painter: QPainter, area: QRectF, picture: Picture) -> None:
        if picture.kind == "number":
            tiles.paint_number(painter, area, float(picture.array))
        elif picture.kind == "bars":
            tiles.paint_bars(painter, area, picture.array)
        else:
            image = self._images.get(id(picture))
            if image is None:
                array = picture.array
                if picture.kind == "tiles":
                    array = tiles.montage(array, area.width() / area.height())
                image = tiles.to_image(array, picture.low, picture.high, picture.signed)
                self._images[id(picture)] = image
            tiles.paint_image(painter, area, image)

    def _paint_summary(self, painter: QPainter, p: palette.Palette) -> None:
        """While nothing runs: the attributes that matter, or what is missing."""
        font = QFont(painter.font())
        font.setPixelSize(11)
        font.setWeight(QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(p.color("error" if self._at_fault else "muted"))
        text = self.problem.message if self.problem is not None else summary(self.node)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(geo.PICTURE_RECT.adjusted(4, 0, -4, 0), flags, text)

    def _paint_footer(self, painter: QPainter, p: palette.Palette) -> None:
        font = QFont(painter.font())
        font.setPixelSize(10)
        font.setWeight(QFont.Weight.Normal)
        painter.setFont(font)
        painter.setPen(p.color("muted"))
        area = geo.FOOTER_RECT
        painter.drawText(area, int(Qt.AlignmentFlag.AlignCenter), self.shape_text)
        picture = self.gradient if self.show_gradient else self.value
        if picture is not None and picture.kind != "number":
            painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter),
                             tiles.format_number(picture.low, 2))  # fmt: skip
            painter.drawText(area, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter),
                             tiles.format_number(picture.high, 2))  # fmt: skip

    def _paint_ports(self, painter: QPainter, p: palette.Palette) -> None:
        """Round for values; square for parameters, hollow while the node owns them."""
        for side, ports in (("input", self.ports.inputs), ("output", self.ports.outputs)):
            for name, centre in ports.items():
                lit = self.lit is not None and f"{side}:{name}" in self.lit
                color = p.color("good" if lit else "edge")
                painter.setPen(QPen(color, 1.6))
                owned = name in self.ports.parameters and side == "input"
                painter.setBrush(p.color("card") if owned else color)
                r = geo.PORT + (2.5 if lit else 0) - (1.2 if owned else 0)
                if owned:
                    painter.drawRect(QRectF(centre.x() - r, centre.y() - r, 2 * r, 2 * r))
                else:
                    painter.drawEllipse(centre, r, r)


def summary(node: Node) -> str:
    """The attributes of a node that differ from their defaults, in one line."""
    if node.subgraph is not None:
        return f"{len(node.subgraph)} nodes inside"
    told = []
    for attr in node.op.attrs:
        value = node.attributes[attr.name]
        if attr.required or value != attr.default:
            shown = "×".join(map(str, value)) if isinstance(value, tuple) and value else value
            told.append(f"{attr.name} {_short(shown)}")
    return "\n".join(told[:4])


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 22 else text[:21] + "…"
