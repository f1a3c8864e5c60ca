"""How a node looks: card, header, pictures, footer, ports and badges."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from app.canvas.items import geometry as geo
from app.canvas.items import port_kinds
from app.canvas.items.live import Picture
from app.plots import tiles
from app.style import palette
from app.widgets.numbers import counted, format_number
from graphcore.graph.elements import Node

if TYPE_CHECKING:
    from app.canvas.items.node_item import NodeItem

FEW = 4
"""Numbers of an attribute that are shown, at most; further ones are counted."""
_MIDDLE = int(Qt.AlignmentFlag.AlignVCenter)
_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_CENTRE = int(Qt.AlignmentFlag.AlignCenter)
_TINT = {"dark": 88, "light": 62}
"""Alpha of a category's colour across a header."""
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)


def paint(painter: QPainter, item: NodeItem, zoom: float, plain: bool) -> None:
    """Draw a node; below ``MIDDLE`` without its small print.

    Args:
        plain: square and flat: in a crowded graph, smooth corners cost more than all else.
    """
    p = palette.current()
    close = _begin(painter, item, zoom, plain)
    header = geo.HEADER if close else geo.compact_header(zoom)
    if plain:
        _paint_plain_card(painter, item, p, header)
    else:
        _paint_card(painter, item, p, header)
    _paint_name(painter, item, p, header, close)
    if close:
        if item.flippable:
            _paint_flip(painter, item, p)
        if not item.running:
            _paint_about(painter, item, p, geo.PICTURE_RECT)
            _paint_footer(painter, item, p)
    if plain and not close and item.lit is None:
        return
    _paint_ports(painter, item, p, close)
    _paint_badges(painter, item, p)


def paint_running(painter: QPainter, item: NodeItem, zoom: float, plain: bool) -> None:
    """Draw what a node shows of the running step, into the card."""
    if _begin(painter, item, zoom, plain):
        _paint_pictures(painter, item, geo.PICTURE_RECT)
        _paint_footer(painter, item, palette.current())
    else:
        header = geo.compact_header(zoom)
        _paint_pictures(painter, item, geo.BODY.adjusted(8, header + 4, -8, -6))


def _begin(painter: QPainter, item: NodeItem, zoom: float, plain: bool) -> bool:
    """Set smoothness and opacity; returns whether there is room for small print."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not plain)
    if item.lit is not None and not item.lit:
        painter.setOpacity(0.3)
    elif item.node.bypassed or item.step_state == "pending":
        painter.setOpacity(0.55)
    return zoom >= (geo.CROWDED_MIDDLE if plain else geo.MIDDLE)


def _paint_card(painter: QPainter, item: NodeItem, p: palette.Palette, header: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(0, 0, 0, 80 if p.name == "dark" else 18))
    painter.drawRoundedRect(geo.BODY.translated(0, 2.5), palette.RADIUS, palette.RADIUS)
    outline = _outline(item, p)
    if outline.widthF() > 2.0:
        halo = QColor(outline.color())
        halo.setAlpha(60)
        painter.setPen(QPen(halo, 7.0))
    painter.setBrush(p.color("card"))
    if item.node.subgraph is not None:  # a stack of cards: there is more inside
        behind = QPen(p.color("muted"), 1.0)
        painter.setPen(behind)
        for offset in (6.0, 3.0):
            painter.drawRoundedRect(
                geo.BODY.translated(offset, offset), palette.RADIUS, palette.RADIUS
            )
        painter.setPen(Qt.PenStyle.NoPen)
    painter.drawRoundedRect(geo.BODY, palette.RADIUS, palette.RADIUS)
    color = palette.category_color(item.node.op.category)
    tint = QColor(color)
    tint.setAlpha(_TINT[p.name])
    painter.fillPath(_header_path(header), tint)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(outline)
    painter.drawRoundedRect(geo.BODY, palette.RADIUS, palette.RADIUS)
    painter.setPen(QPen(color, 3.0, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(9, header * 0.32), QPointF(9, header * 0.68))


def _paint_plain_card(painter: QPainter, item: NodeItem, p: palette.Palette, header: float) -> None:
    card, mark, tint = _plain_colors(p.name, item.node.op.category)
    painter.fillRect(geo.BODY, card)
    painter.fillRect(QRectF(0, 0, 4, header), mark)
    painter.fillRect(QRectF(4, 0, geo.WIDTH - 4, header), tint)
    painter.setPen(_outline(item, p, 0.0))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRect(geo.BODY)


@lru_cache(maxsize=64)
def _plain_colors(theme: str, category: str) -> tuple[QColor, QColor, QColor]:
    """Of a card, of the mark of its category and of its header; opaque ones are drawn faster."""
    card, mark = palette.THEMES[theme].color("card"), palette.category_color(category)
    share = _TINT[theme] / 255
    red, green, blue = (
        getattr(card, part)() * (1 - share) + getattr(mark, part)() * share
        for part in ("redF", "greenF", "blueF")
    )
    return card, mark, QColor.fromRgbF(red, green, blue)


@lru_cache(maxsize=64)
def _pen(theme: str, color: str, width: float, dashed: bool = False) -> QPen:
    line = Qt.PenStyle.DashLine if dashed else Qt.PenStyle.SolidLine
    return QPen(palette.THEMES[theme].color(color), width, line)


@lru_cache(maxsize=64)
def _header_path(height: float) -> QPainterPath:
    """Round above, straight below."""
    r = palette.RADIUS
    path = QPainterPath(QPointF(0, height))
    path.lineTo(0, r)
    path.quadTo(0, 0, r, 0)
    path.lineTo(geo.WIDTH - r, 0)
    path.quadTo(geo.WIDTH, 0, geo.WIDTH, r)
    path.lineTo(geo.WIDTH, height)
    path.closeSubpath()
    return path


def _outline(item: NodeItem, p: palette.Palette, thin: float = 1.2) -> QPen:
    if item.isSelected():
        return _pen(p.name, "accent", 2.2)
    if item.step_state == "current":
        return _pen(p.name, "warning", 2.6)
    if item.at_fault:
        return _pen(p.name, "error", 2.2)
    if item.problem is not None:
        return _pen(p.name, "edge", thin, dashed=True)
    return _pen(p.name, "edge" if item.hovered else "line", thin)


# -- words ----------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def font(pixels: int, bold: bool = False) -> QFont:
    """The app's font in a size of canvas units."""
    made = QFont()
    made.setPixelSize(pixels)
    made.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    return made


@lru_cache(maxsize=8192)
def elided(text: str, pixels: int, bold: bool, room: int) -> tuple[str, float]:
    """A text cut to fit, and its width."""
    metrics = QFontMetricsF(font(pixels, bold))
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, room)
    return shown, metrics.horizontalAdvance(shown)


def _paint_name(
    painter: QPainter, item: NodeItem, p: palette.Palette, header: float, close: bool
) -> None:
    node = item.node
    pixels = 13 if close else round(header * 0.62)
    room = QRectF(17, 0, geo.WIDTH - (45 if close else 22), header)
    name, used = elided(node.name, pixels, True, int(room.width()))
    painter.setFont(font(pixels, True))
    painter.setPen(p.color("text"))
    painter.drawText(room, _MIDDLE, name)
    rest = room.adjusted(used + 8, 1, 0, 0)
    if close and rest.width() > 26 and node.operator.lower() != node.name.replace("_", ""):
        painter.setFont(font(10))
        painter.setPen(p.color("muted"))
        painter.drawText(rest, _MIDDLE, elided(node.operator, 10, False, int(rest.width()))[0])


def _paint_flip(painter: QPainter, item: NodeItem, p: palette.Palette) -> None:
    """A small arrow: right for the value, left for the gradient; a click turns it."""
    c = geo.FLIP_RECT.center()
    d = -5.0 if item.show_gradient else 5.0
    painter.setPen(QPen(p.color("warning" if item.show_gradient else "accent"), 1.8))
    painter.drawLine(QPointF(c.x() - d, c.y()), QPointF(c.x() + d, c.y()))
    painter.drawLine(QPointF(c.x() + d, c.y()), QPointF(c.x() + d * 0.2, c.y() - 4))
    painter.drawLine(QPointF(c.x() + d, c.y()), QPointF(c.x() + d * 0.2, c.y() + 4))


def _paint_footer(painter: QPainter, item: NodeItem, p: palette.Palette) -> None:
    """The output's shape, between the picture's smallest and largest number."""
    painter.setFont(font(10))
    painter.setPen(p.color("muted"))
    area = geo.FOOTER_RECT
    shape, wide = elided(item.shape_text, 10, False, int(area.width()))
    painter.drawText(area, _CENTRE, shape)
    picture = item.gradient if item.show_gradient else item.value
    if picture is not None and picture.kind != "number":
        side = (area.width() - wide) / 2 - 4
        for text, flags in (
            (format_number(picture.low, 2), _LEFT),
            (format_number(picture.high, 2), _RIGHT),
        ):
            if elided(text, 10, False, 200)[1] <= side:
                painter.drawText(area, flags, text)


def summary(node: Node) -> str:
    """The attributes of a node that differ from their defaults, a line each."""
    if node.subgraph is not None:
        title = node.attributes.get("title", "")
        inside = counted(len(node.subgraph), "{0} node inside", "{0} nodes inside")
        return f"{title}\n{inside}" if title else inside
    told = []
    for attr in node.op.attrs:
        value = node.attributes[attr.name]
        if attr.required or value != attr.default:
            told.append(f"{attr.name} {_short(_joined(value, attr.kind == 'array'))}")
    return "\n".join(told[:4])


def _joined(value: Any, numbers: bool) -> Any:
    """A size as 5×5, a few numbers as (−1, 2), and many by their count."""
    if not isinstance(value, tuple) or not value:
        return value
    if not numbers:
        return "×".join(map(str, value))
    if np.ndim(value) == 1 and len(value) <= FEW:
        return f"({', '.join(map(format_number, value))})"
    return counted(np.size(value), "{0} number", "{0} numbers")


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 22 else text[:21] + "…"


# -- pictures -------------------------------------------------------------------------------------


def _paint_about(painter: QPainter, item: NodeItem, p: palette.Palette, area: QRectF) -> None:
    """While nothing runs: the attributes that matter, or what is wrong."""
    painter.setFont(font(11))
    painter.setPen(p.color("error" if item.at_fault else "muted"))
    text = item.problem.message if item.problem is not None else summary(item.node)
    if text:
        painter.drawText(area.adjusted(4, 0, -4, 0), _WRAPPED, text)


def _paint_pictures(painter: QPainter, item: NodeItem, area: QRectF) -> None:
    """The value beside the weights, or their gradients."""
    which, beside = ("gradient", "weights_gradient") if item.show_gradient else ("value", "weights")
    if getattr(item, beside) is not None:
        left = QRectF(area.left(), area.top(), area.width() * 0.44, area.height())
        _paint_picture(painter, item, beside, left)
        area = area.adjusted(left.width() + 6, 0, 0, 0)
    if getattr(item, which) is not None:
        _paint_picture(painter, item, which, area)


def _paint_picture(painter: QPainter, item: NodeItem, which: str, area: QRectF) -> None:
    picture: Picture = getattr(item, which)
    if picture.kind == "number":
        tiles.paint_number(painter, area, float(picture.array))
    elif picture.kind == "bars":
        tiles.paint_bars(painter, area, picture.array)
    else:
        image, array = item.images.get(which), picture.array
        if picture.kind == "tiles" and (image is None or array.size <= tiles.MOST_NUMBERS):
            array = tiles.montage(array, area.width() / area.height())
        if image is None:
            of_weights = which.startswith("weights")
            limits = _contrast(array) if of_weights else (picture.low, picture.high)
            image = tiles.to_image(array, *limits, picture.signed)
            item.images[which] = image
        place = tiles.paint_image(painter, area, image)
        if picture.array.size <= tiles.MOST_NUMBERS:
            tiles.paint_numbers(painter, place, image, array)


def _contrast(array: np.ndarray) -> tuple[float, float]:
    """Limits of the colours of weights: a few large ones leave the others to be seen."""
    finite = array[np.isfinite(array)]
    low, high = np.percentile(finite, (1, 99)) if len(finite) else (0.0, 0.0)
    return float(low), float(high)


# -- ports and badges -----------------------------------------------------------------------------


def _paint_ports(painter: QPainter, item: NodeItem, p: palette.Palette, close: bool) -> None:
    """Filled where an edge is; parameters that the node owns are small and only up close."""
    for side, ports in (("output", item.ports.outputs), ("input", item.ports.inputs)):
        for name, centre in ports.items():
            lit = item.lit is not None and (side, name) in item.lit
            joined = side == "output" or name in item.connected
            owned = side == "input" and name in item.ports.parameters and not joined
            if owned and not close and not lit:
                continue
            kind = item.kinds.get((side, name), "unknown")
            color = p.color("good") if lit else port_kinds.color_of(kind)
            painter.setPen(QPen(color, 1.6))
            painter.setBrush(color if joined else p.color("card"))
            radius = geo.PORT + (3.0 if lit else 0.0) - (1.6 if owned else 0.0)
            port_kinds.paint(painter, kind, centre, radius)
            if lit and side == "input" and close:
                _paint_port_name(painter, p, name, centre)


def _paint_port_name(painter: QPainter, p: palette.Palette, name: str, centre: QPointF) -> None:
    text, wide = elided(name, 10, True, 90)
    area = QRectF(centre.x() + 11, centre.y() - 8, wide + 10, 16)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(p.color("raised"))
    painter.drawRoundedRect(area, 4, 4)
    painter.setFont(font(10, True))
    painter.setPen(p.color("text"))
    painter.drawText(area, _CENTRE, text)


def _paint_badges(painter: QPainter, item: NodeItem, p: palette.Palette) -> None:
    """Wrong: a red mark. Ailing: orange. Bypassed: a line through. Pinned: a pin. Done: a tick.
    Frozen: a lock.
    """
    if item.at_fault:
        _badge(painter, p.color("error"), p.color("window"), "!")
    elif item.ailing:
        _badge(painter, p.color("warning"), p.color("window"), "!")
    elif item.step_state == "done":
        _badge(painter, p.color("good"), p.color("window"), "✓")
    if item.node.bypassed:
        painter.setPen(QPen(p.color("muted"), 2.0, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(0, geo.HEIGHT / 2), QPointF(geo.WIDTH, geo.HEIGHT / 2))
    if item.lock:
        _paint_lock(painter, p, whole=item.lock == "all")
    if item.rate != 1.0 and item.lock != "all":
        _paint_rate(painter, p, item.rate, 20.0 if item.lock else 4.0)
    if item.node.pinned:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(p.color("muted"))
        painter.drawEllipse(QPointF(geo.WIDTH / 2, 0), 4.0, 4.0)


def _paint_lock(painter: QPainter, p: palette.Palette, whole: bool) -> None:
    """A closed lock on the upper left corner: all is frozen; an outline: some of it."""
    centre, color = QPointF(6, 0), p.color("accent")
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(p.color("card"))
    painter.drawEllipse(centre, 11.0, 11.0)
    painter.setPen(QPen(color, 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawArc(QRectF(centre.x() - 3.2, centre.y() - 7.5, 6.4, 8.5), 0, 180 * 16)
    painter.setBrush(color if whole else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(centre.x() - 5, centre.y() - 2.5, 10, 8), 1.5, 1.5)


def _paint_rate(painter: QPainter, p: palette.Palette, rate: float, left: float) -> None:
    """By what the updates are multiplied, on the upper edge."""
    text, wide = elided(f"×{rate:g}", 10, True, 60)
    area = QRectF(left, -8, wide + 10, 15)
    painter.setPen(QPen(p.color("accent"), 1.0))
    painter.setBrush(p.color("card"))
    painter.drawRoundedRect(area, 5, 5)
    painter.setFont(font(10, True))
    painter.setPen(p.color("text"))
    painter.drawText(area, _CENTRE, text)


def _badge(painter: QPainter, fill: QColor, ink: QColor, sign: str) -> None:
    centre = QPointF(geo.WIDTH - 2, 2)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawEllipse(centre, 7.5, 7.5)
    painter.setFont(font(11, True))
    painter.setPen(ink)
    painter.drawText(QRectF(centre.x() - 8, centre.y() - 8, 16, 16), _CENTRE, sign)
