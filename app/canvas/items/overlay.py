"""What moves above the graph, in one item: pulses along the edges."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.canvas.items.edge_item import EdgeItem, glow
from app.style import painting, palette

DARKEST = 0.02
HALO = 10.0


class PulseOverlay(QGraphicsItem):
    """Dots that run right with the forward pass and left with the gradient.

    One period is a forward pass followed by a backward pass. A dot's brightness is that of its
    edge; where the gradient is zero there is no dot.

    Attributes:
        phase: 0 to 1 through the period.
    """

    def __init__(self) -> None:
        super().__init__()
        self.phase = 0.0
        self._edges: list[EdgeItem] = []
        self._dots: list[tuple[QPointF, float]] = []
        self._area = QRectF()
        self.setZValue(0.5)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)

    def set_edges(self, edges: list[EdgeItem]) -> None:
        """The edges along which pulses run: those that can be seen."""
        self.prepareGeometryChange()
        self._edges, self._dots = edges, []
        self._area = QRectF()
        for edge in edges:
            self._area = self._area.united(edge.boundingRect())

    def advance_by(self, share: float) -> None:
        """Move on by a share of the period; only where dots were and are is painted again."""
        before = self._dots
        self.phase = (self.phase + share) % 1.0
        self._dots = self._found()
        for centre, _brightness in (*before, *self._dots):
            self.update(QRectF(centre.x() - HALO, centre.y() - HALO, 2 * HALO, 2 * HALO))

    @property
    def _forward(self) -> bool:
        return self.phase < 0.5

    def _found(self) -> list[tuple[QPointF, float]]:
        """Centre and brightness of every dot."""
        along = self.phase * 2 if self._forward else 2 - self.phase * 2
        below = QPointF(0, 0 if self._forward else 4)
        found = []
        for edge in self._edges:
            brightness = edge.value if self._forward else edge.gradient
            if brightness is not None and brightness >= DARKEST:
                found.append((edge.path.pointAtPercent(along) + below, brightness))
        return found

    def boundingRect(self) -> QRectF:
        return self._area

    @painting.guarded
    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        p = palette.current()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        direction = "forward" if self._forward else "backward"
        for centre, brightness in self._dots:
            color = glow(p, direction, 0.25 + 0.75 * brightness)
            painter.setBrush(color)
            painter.drawEllipse(centre, 4.5, 4.5)
            color.setAlpha(60)
            painter.setBrush(color)
            painter.drawEllipse(centre, 9.0, 9.0)
