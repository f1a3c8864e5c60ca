"""Nodes that glide to where they belong."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QAbstractAnimation, QEasingCurve, QObject, QPointF, QVariantAnimation

from app.canvas.scene import Scene

DURATION_MS = 260
MOST = 600
"""With more nodes than that, everything jumps: a frame would take too long."""


class Glide(QObject):
    """Moves items, never the document: wherever it is stopped, the nodes are in their places.

    Attributes:
        still: motion is to be reduced, so nodes are put in their places at once.
    """

    def __init__(self, scene: Scene, parent: QObject) -> None:
        super().__init__(parent)
        self._scene = scene
        self.still = False
        self._from: dict[str, QPointF] = {}
        self._animation = QVariantAnimation(self)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setDuration(DURATION_MS)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.valueChanged.connect(self._show)

    def start(self, before: Mapping[str, QPointF]) -> None:
        """Glide from these places to the document's."""
        self.stop()
        places = {n: self._target(n) for n in before if n in self._scene.nodes}
        self._from = {n: before[n] for n, place in places.items() if place != before[n]}
        if 0 < len(self._from) <= MOST and not self.still:
            self._show(0.0)
            self._animation.start()

    def stop(self) -> None:
        """Stop the animation and place every node at its target."""
        if self._animation.state() == QAbstractAnimation.State.Running:
            self._animation.stop()
            self._show(1.0)

    def _target(self, name: str) -> QPointF:
        return QPointF(*(self._scene.nodes[name].node.position or (0.0, 0.0)))

    def _show(self, share: float) -> None:
        names = [n for n in self._from if n in self._scene.nodes]
        for name in names:
            end = self._target(name)
            self._scene.nodes[name].setPos(self._from[name] * (1 - share) + end * share)
        self._scene.moved(names)
