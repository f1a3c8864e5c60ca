"""The whole graph in a corner, and what of it can be seen; press to go elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QWidget

from app.style import painting, palette

if TYPE_CHECKING:
    from app.canvas.view import Canvas

WIDTH, HEIGHT, MARGIN = 190, 120, 12


class Minimap(QWidget):
    """Shown while a part of the graph lies outside the view, unless it is switched off.

    Attributes:
        wanted: whether it may be shown at all.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.wanted = True
        self._graph = QPixmap()
        self._drawn: object = None
        self.resize(WIDTH, HEIGHT)
        self.setAccessibleName(self.tr("Map of the graph"))
        self.setToolTip(self.tr("Map of the graph: press to go there"))
        self.hide()

    def refresh(self) -> None:
        """Appear or go, at the lower right, and paint."""
        canvas = self._canvas
        self.move(canvas.width() - WIDTH - MARGIN, canvas.height() - HEIGHT - MARGIN)
        contents = canvas.graph_scene.contents()
        roomy = canvas.width() > 3 * WIDTH and canvas.height() > 3 * HEIGHT
        self.setVisible(
            self.wanted and roomy and not contents.isEmpty()
            and not canvas.seen_area().contains(contents)
        )  # fmt: skip
        self.update()

    @painting.guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        p = palette.current()
        with painting.on(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(p.color("line"), 1))
            painter.setBrush(p.color("panel", 235))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            transform = self._transform()
            painter.drawPixmap(0, 0, self._picture(transform))
            painter.setPen(QPen(p.color("accent"), 1.5))
            painter.setBrush(p.color("accent", 28))
            seen = transform.mapRect(self._canvas.seen_area())
            painter.drawRoundedRect(
                seen.intersected(QRectF(self.rect()).adjusted(2, 2, -2, -2)), 3, 3
            )

    def _picture(self, transform: QTransform) -> QPixmap:
        """The graph, drawn anew only when it is another: the view below is painted more often."""
        scene, sharp = self._canvas.graph_scene, self.devicePixelRatio()
        chosen = [id(i) for i in scene.selectedItems()]
        drawn = scene.far.version, palette.current().name, sharp, chosen
        if drawn != self._drawn:
            self._drawn = drawn
            self._graph = QPixmap(self.size() * sharp)
            self._graph.setDevicePixelRatio(sharp)
            self._graph.fill(Qt.GlobalColor.transparent)
            with painting.on(self._graph) as painter:
                painter.setTransform(transform)
                scene.far.paint(painter, transform.m11())
        return self._graph

    def _transform(self) -> QTransform:
        area = self._canvas.graph_scene.contents()
        across, down = max(1.0, area.width()), max(1.0, area.height())
        scale = min((WIDTH - 20) / across, (HEIGHT - 20) / down)
        made = QTransform.fromTranslate(WIDTH / 2, HEIGHT / 2)
        made.scale(scale, scale)
        return made.translate(-area.center().x(), -area.center().y())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def _go(self, at: QPointF) -> None:
        self._canvas.centerOn(self._transform().inverted()[0].map(at))
        self._canvas.note_moved()
