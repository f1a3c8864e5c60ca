"""The numbers of the two passes, where they belong: chips at nodes and edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items.chip_places import places
from app.style import fonts, painting, palette

_HEIGHT, _PAD, _POINTS = 19.0, 7.0, 9.0
MOST = 1.4
"""How much larger than at full size the chips of nodes are drawn where the canvas is small; between
two nodes there is no room for more."""


def size_at(zoom: float) -> float:
    """How large chips are in the scene, so that they can be read at this zoom; in few steps."""
    return min(MOST, max(1.0, round(5 / max(zoom, 0.1)) / 5))


@dataclass(frozen=True)
class Chip:
    """A few words at a place of the canvas.

    Attributes:
        centre: where it stands, in the scene.
        role: colour of the theme that frames it.
        strong: whether it belongs to the step that is shown.
        still: whether it stays there, whatever it covers.
        along: other centres that are as good: of the wire that it belongs to.
    """

    text: str
    centre: QPointF
    role: str
    strong: bool = False
    still: bool = False
    along: tuple[QPointF, ...] = ()


class WalkOverlay(QGraphicsItem):
    """All chips in one item; it is painted only when a step is taken.

    Attributes:
        size: of the chips, 1 at full size.
    """

    def __init__(self) -> None:
        super().__init__()
        self.chips: tuple[Chip, ...] = ()
        self.size = 1.0
        self._area = QRectF()
        self.setZValue(3)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def set_chips(
        self, chips: Sequence[Chip], blocks: Sequence[tuple[QRectF, float]] = (), size: float = 1.0
    ) -> None:
        """Show these and no others, near their places.

        Args:
            blocks: what they are not to cover, each with the cost of a unit of its area.
            size: of the chips, 1 at full size.
        """
        at = places(
            [_rect(c, size) for c in chips],
            blocks,
            [c.still for c in chips],
            [c.along for c in chips],
        )
        placed = tuple(replace(c, centre=p) for c, p in zip(chips, at, strict=True))
        if placed != self.chips or size != self.size:
            self.prepareGeometryChange()
            self.chips, self.size = placed, size
            self._area = QRectF()
            for chip in self.chips:
                self._area = self._area.united(_rect(chip, size))
            self.update()

    def boundingRect(self) -> QRectF:
        return self._area.adjusted(-2, -2, 2, 2)

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for chip in sorted(self.chips, key=lambda c: c.strong):
            area = _rect(chip, self.size)
            painter.setPen(QPen(p.color(chip.role), 2.0 if chip.strong else 1.0))
            painter.setBrush(p.color("raised" if chip.strong else "panel"))
            painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
            painter.setFont(_font(chip.strong, 1.0 if chip.along else self.size))
            painter.setPen(p.color("text" if chip.strong else "muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter, chip.text)


def _font(strong: bool, size: float) -> QFont:
    return fonts.figure_font(_POINTS * size, strong)


def _rect(chip: Chip, size: float) -> QRectF:
    size = 1.0 if chip.along else size
    wide = QFontMetricsF(_font(True, size)).horizontalAdvance(chip.text) + 2 * _PAD * size
    high = _HEIGHT * size
    return QRectF(chip.centre.x() - wide / 2, chip.centre.y() - high / 2, wide, high)
