"""The whole graph in a corner, and what of it can be seen; press to go elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QTransform
from PySide6.QtWidgets import QWidget

from app.canvas.camera import Camera
from app.canvas.scene import Scene
from app.style import painting, palette

WIDTH, HEIGHT, MARGIN = 190, 120, 12


class Minimap(QWidget):
    """Shown while a part of the graph lies outside the view, unless it is switched off.

    Attributes:
        wanted: whether it may be shown at all.
    """

    def __init__(self, over: QWidget, scene: Scene, camera: Camera) -> None:
        super().__init__(over)
        self._over, self._scene, self._camera = over, scene, camera
        self.wanted = True
        self._graph = QPixmap()
        self._drawn: object = None
        self.resize(WIDTH, HEIGHT)
        self.setAccessibleName(self.tr("Map of the graph"))
        self.setToolTip(self.tr("Map of the graph: press to go there"))
        self.hide()
        camera.moved.connect(self.refresh)

    def toggle(self) -> None:
        """Show or hide the map."""
        self.wanted = not self.wanted
        self.refresh()

    def refresh(self) -> None:
        """Appear or go, at the lower right, and paint."""
        over = self._over.size()
        self.move(over.width() - WIDTH - MARGIN, over.height() - HEIGHT - MARGIN)
        contents = self._scene.contents()
        roomy = over.width() > 3 * WIDTH and over.height() > 3 * HEIGHT
        self.setVisible(
            self.wanted and roomy and not contents.isEmpty()
            and not self._camera.seen_area().contains(contents)
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
            seen = transform.mapRect(self._camera.seen_area())
            painter.drawRoundedRect(
                seen.intersected(QRectF(self.rect()).adjusted(2, 2, -2, -2)), 3, 3
            )

    def _picture(self, transform: QTransform) -> QPixmap:
        """The graph, redrawn only when it has changed: the view below is painted more often."""
        scene, sharp = self._scene, self.devicePixelRatio()
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
        area = self._scene.contents()
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
        self._camera.centre_on(self._transform().inverted()[0].map(at))
