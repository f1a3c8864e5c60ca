"""The running net on the canvas: pictures in nodes, brightness of edges, pulses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QPixmapCache
from PySide6.QtWidgets import QWidget

from app.canvas.camera import Camera
from app.canvas.items.live import Picture
from app.canvas.items.overlay import PulseOverlay
from app.canvas.items.picture_item import keep_painted
from app.canvas.scene import Scene
from graphcore.graph.elements import Edge

PULSE_MS, PULSE_SECONDS = 21, 1.6
"""Pulses move with the pictures, in one paint; so late without new pictures, they go on alone."""
MOST_PULSES = 400
KEPT_KB = 64 * 1024
"""Room for what cards keep painted, ``NodeItem.keep_painted``: those of a screen of fine pixels,
which at Qt's own 10 MB push each other out and are painted at every frame."""


class Pictures(QObject):
    """Shows what the engine sends; says what can be seen.

    Signals:
        wanted_changed: other nodes can be seen, or other pictures of them are wanted.
        hidden_changed: numbers are hidden now, or are no longer.
        running_wanted: the running step's pictures are to be sent once more.

    Attributes:
        hidden: whether no numbers are shown, since they would answer an open question.
        stepping: whether nodes show how far a stepper is, and not the running step.
    """

    wanted_changed = Signal()
    hidden_changed = Signal()
    running_wanted = Signal()

    def __init__(self, view: QWidget, scene: Scene, camera: Camera) -> None:
        super().__init__(view)
        self._view, self._scene, self._camera = view, scene, camera
        self.reduced_motion = self.hidden = self.stepping = False
        QPixmapCache.setCacheLimit(max(QPixmapCache.cacheLimit(), KEPT_KB))
        self.overlay = PulseOverlay()
        scene.addItem(self.overlay)
        self._pulse = QTimer(self, interval=PULSE_MS, timerType=Qt.TimerType.PreciseTimer)
        self._pulse.timeout.connect(self._advance_pulses)
        self._advanced = QElapsedTimer()
        camera.moved.connect(self._on_view_moved)

    def shown(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names of visible nodes that show their value, and of those that show their gradient."""
        seen = self._camera.visible_nodes() if self._view.isVisible() else []
        flipped = {n for n in seen if self._scene.nodes[n].show_gradient}
        return tuple(n for n in seen if n not in flipped), tuple(n for n in seen if n in flipped)

    def show(self, values: Mapping[str, Picture], gradients: Mapping[str, Picture]) -> None:
        """Show pictures by node name; "node.weight" goes into the node beside its value."""
        if self.hidden:
            return
        for pictures, main, extra in (
            (values, "value", "weights"),
            (gradients, "gradient", "weights_gradient"),
        ):
            for key, picture in pictures.items():
                name, _, parameter = key.rpartition(".")
                if key in self._scene.nodes:
                    self._scene.nodes[key].set_picture(main, picture)
                elif name in self._scene.nodes and parameter == "weight":
                    self._scene.nodes[name].set_picture(extra, picture)
        if self.pulsing:
            self._advance_pulses()

    def show_values_alone(self, values: Mapping[str, Picture]) -> None:
        """Show these values, and none where there is none: they are of another pass."""
        self.show(values, {})
        for name, item in self._scene.nodes.items():
            if name not in values:
                item.set_picture("value", None)

    def hide(self, on: bool) -> None:
        """Show no numbers while this is on, whoever sends them."""
        if on != self.hidden:
            self.hidden = on
            if on:
                self.clear()
            self.hidden_changed.emit()

    def clear(self) -> None:
        """Show a graph that nothing runs through."""
        for item in self._scene.nodes.values():
            for which in ("value", "gradient", "weights", "weights_gradient"):
                item.set_picture(which, None)
        for edge in self._scene.edges.values():
            edge.set_flow(None, None)
        self._on_flow()

    def _on_flow(self) -> None:
        if self._camera.far:
            self._scene.repaint_far()

    def set_flow(self, forward: Mapping[Edge, float], backward: Mapping[Edge, float]) -> None:
        """Brightness 0 to 1 along each edge; a gradient of zero is dark."""
        for edge, item in self._scene.edges.items():
            item.set_flow(forward.get(edge), backward.get(edge))
        self._on_flow()

    def set_pulsing(self, on: bool) -> None:
        """Let pulses run along the edges, unless motion is to be reduced."""
        pulsing = on and not self.reduced_motion
        for item in self._scene.nodes.values():
            item.keep_painted(pulsing)
        for edge in self._scene.edges.values():
            keep_painted(edge, pulsing)
        if pulsing:
            self._collect_pulse_edges()
            self.overlay.show()
            self._advanced.start()
            self._pulse.start()
        else:
            self._pulse.stop()
            self.overlay.hide()

    @property
    def pulsing(self) -> bool:
        """Whether pulses run."""
        return self._pulse.isActive()

    def set_show(self, which: str) -> None:
        """Show every node's "value" or "gradient"."""
        for item in self._scene.nodes.values():
            item.set_state(show_gradient=which == "gradient")
        self.wanted_changed.emit()

    def set_ailing(self, names: Iterable[str]) -> None:
        """Mark nodes at which training goes wrong."""
        wanted = set(names)
        for name, item in self._scene.nodes.items():
            item.set_state(ailing=name in wanted)

    def set_step_state(self, done: set[str], current: str | None) -> None:
        """Mark what a stepper has done, where it is and what is to come; nothing clears it."""
        self.stepping = bool(done) or current is not None
        for name, item in self._scene.nodes.items():
            to_come = "pending" if self.stepping else ""
            state = "current" if name == current else "done" if name in done else to_come
            item.set_state(step_state=state)

    def flip(self, name: str) -> None:
        """Show the other one of a node's value and gradient."""
        item = self._scene.nodes[name]
        item.set_state(show_gradient=not item.show_gradient)
        self.wanted_changed.emit()

    def forget_images(self) -> None:
        """Paint every node again: the theme changed."""
        for item in self._scene.nodes.values():
            item.forget_images()

    def stop_pulses(self) -> None:
        """Let no pulse run along an edge: the graph is another."""
        self.overlay.set_edges([])

    def _on_view_moved(self) -> None:
        if self.pulsing:
            self._collect_pulse_edges()
        self.wanted_changed.emit()

    def _advance_pulses(self) -> None:
        self._pulse.start()
        self.overlay.advance_by(self._advanced.restart() / 1000 / PULSE_SECONDS)

    def _collect_pulse_edges(self) -> None:
        area = self._camera.seen_area()
        edges = self._scene.edges.values()
        self.overlay.set_edges(
            [e for e in edges if area.intersects(e.boundingRect())][:MOST_PULSES]
        )
