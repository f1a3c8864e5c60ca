"""Joins the stepper to the canvas: pictures of what is done, chips with the numbers."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, QPointF, QRectF, QTimer

from app.canvas import Canvas
from app.canvas.items import geometry as geo
from app.canvas.items.live import Picture
from app.canvas.items.overlay import PulseOverlay
from app.canvas.items.stepper_overlay import Chip, WalkOverlay, size_at
from app.panels.stepper.position import Walk
from app.panels.stepper.words import quantity_name
from app.shell.live_view import shown_pictures
from app.style import palette
from app.widgets.numbers import at_least, format_number, told_apart
from graphcore.views.stepper import Term, Update, WalkFrame

FRAME_MS = 16
TITLE, NUMBER, PICTURE, CARD = 6.0, 6.0, 0.6, 0.3
"""What it costs that a chip covers a unit of area of a card."""
ALONG, ABOVE = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8), QPointF(0, 16)
"""Where the chip of a wire may stand, as shares of its length; how far above it."""
CHIP_LINE = 22.0
"""Height of a line of chips."""


class WalkView(QObject):
    """Shows on the canvas where a ``Walk`` stands, while it is looked at."""

    def __init__(self, canvas: Canvas, walk: Walk) -> None:
        super().__init__(canvas)
        self._canvas, self._walk = canvas, walk
        self.overlay = WalkOverlay()
        canvas.graph_scene.addItem(self.overlay)
        self._seen = self._shown = False
        self._of: tuple[WalkFrame | None, str] = (None, "")
        self._values: dict[str, Picture] = {}
        self._gradients: dict[str, Picture] = {}
        self.pulses = PulseOverlay()
        canvas.graph_scene.addItem(self.pulses)
        self._pulse = QTimer(self, interval=FRAME_MS)
        self._pulse.timeout.connect(self._advance)
        self._began = QElapsedTimer()
        walk.moved.connect(self._show)
        walk.marked.connect(self._show)
        canvas.camera.moved.connect(self._on_camera)
        canvas.pictures.hidden_changed.connect(self._show)
        palette.notifier.changed.connect(self._show)

    def set_visible(self, visible: bool) -> None:
        """Whether the stepper is looked at; else the canvas shows no trace of it."""
        self._seen = visible
        self._show()

    def _turn(self) -> None:
        """Show the stepper's numbers or the running step's, whichever is to be seen."""
        visible = self._seen and not self._walk.overtaken
        if visible == self._shown:
            return
        self._shown = visible
        if visible:
            self._canvas.pictures.clear()
        else:
            self._pulse.stop()
            self.pulses.hide()
            self.overlay.set_chips(())
            self._canvas.pictures.set_step_state(set(), None)
            self._canvas.pictures.set_show("value")
            self._canvas.pictures.running_wanted.emit()

    def _on_camera(self) -> None:
        """At another zoom chips have another size."""
        if self.overlay.chips and size_at(self._canvas.zoom) != self.overlay.size:
            self._show()

    def _show(self) -> None:
        self._turn()
        walk, canvas = self._walk, self._canvas
        if not self._shown or walk.frame is None:
            self.overlay.set_chips(())
            return
        prefix, shown = canvas.document.prefix, walk.shown
        valued, sloped = walk.valued, walk.sloped
        current = _below(shown.node, prefix) if shown and shown.node else None
        canvas.pictures.set_step_state({_below(n, prefix) for n in valued}, current)
        self._show_pictures(walk.frame, valued, sloped)
        self._show_pulses()
        for name, item in canvas.items_by_name.items():
            path = prefix + name
            item.set_state(show_gradient=path in sloped and path not in walk.frame.slopes)
        chips = (
            *self._node_chips(sloped),
            *self._edge_chips(sloped),
            *self._update_chips(),
            *self._marks(),
        )
        self.overlay.set_chips(
            () if canvas.pictures.hidden else chips, self._blocks(), size_at(canvas.zoom)
        )

    def _blocks(self) -> list[tuple[QRectF, float]]:
        """What chips are not to cover: titles and numbers first, then pictures, cards and notes."""
        scene, zoom = self._canvas.graph_scene, self._canvas.zoom
        header = geo.HEADER if zoom >= geo.MIDDLE else geo.compact_header(zoom)
        title = QRectF(8, 2, geo.WIDTH - 16, header - 4)
        inner = geo.PICTURE_RECT if zoom >= geo.MIDDLE else geo.BODY.adjusted(8, header, -8, -6)
        found: list[tuple[QRectF, float]] = []
        for item in scene.nodes.values():
            picture = item.gradient if item.show_gradient else item.value
            number = picture is not None and picture.kind == "number"
            about = inner.adjusted(0, 8, 0, -8) if number else inner
            for area, cost in ((title, TITLE), (about, NUMBER if number else PICTURE)):
                found.append((area.translated(item.pos()), cost))
            found.append((geo.BODY.translated(item.pos()), CARD))
        return found

    def _show_pictures(self, frame: WalkFrame, valued: set[str], sloped: set[str]) -> None:
        """Pictures of what is done, and of what is given: weights and inputs. Kept ones stay."""
        prefix = self._canvas.document.prefix
        if self._of[0] is not frame or self._of[1] != prefix:
            self._of = (frame, prefix)
            self._values = shown_pictures(prefix, frame.values)
            self._gradients = shown_pictures(prefix, frame.gradients)
        hidden = self._canvas.pictures.hidden
        graph = self._canvas.document.graph
        for name, item in self._canvas.items_by_name.items():
            for pictures, done, main, extra in (
                (self._values, valued, "value", "weights"),
                (self._gradients, sloped, "gradient", "weights_gradient"),
            ):
                for which, key in ((main, name), (extra, f"{name}.weight")):
                    given = which == "weights" or (which == "value" and not graph.edges_into(name))
                    seen = (given or prefix + name in done) and not hidden
                    picture = pictures.get(key) if seen else None
                    if getattr(item, which) is not picture:
                        item.set_picture(which, picture)

    def _show_pulses(self) -> None:
        """In slow motion dots run along the edges of the step: to the node, or back from it."""
        walk, prefix, shown = self._walk, self._canvas.document.prefix, self._walk.shown
        moving = walk.playing and shown is not None and not self._canvas.reduced_motion
        edges = []
        for edge, item in self._canvas.graph_scene.edges.items():
            used = moving and shown is not None and prefix + edge.target == shown.node
            forward = shown is not None and shown.phase == "forward"
            item.set_flow(1.0 if used and forward else None, 1.0 if used and not forward else None)
            edges += [item] if used else []
        self.pulses.set_edges(edges)
        self.pulses.setVisible(moving)
        self._began.start()
        if moving and not self._pulse.isActive():
            self._pulse.start()
        elif not moving:
            self._pulse.stop()

    def _advance(self) -> None:
        """A frame of the slow motion: the dots are as far as the step's time has gone by."""
        shown = self._walk.shown
        share = min(0.999, self._began.elapsed() / self._walk.interval_ms)
        start = 0.5 if shown is not None and shown.phase == "backward" else 0.0
        self.pulses.advance_by(start + share / 2 - self.pulses.phase)

    def _node_chips(self, sloped: set[str]) -> list[Chip]:
        """∂J/∂x under every node that has its gradient."""
        walk, frame, prefix = self._walk, self._walk.frame, self._canvas.document.prefix
        assert frame is not None
        found = []
        for name, item in self._canvas.items_by_name.items():
            path = prefix + name
            if path not in sloped:
                continue
            slope = frame.slopes.get(path)
            text = f"∂{frame.end}/∂{name} = {format_number(slope)}" if slope is not None else "∇"
            if slope is None:
                sizes = [t.size for t in walk.arrived(path)]
                text = f"∇ {format_number(max(sizes), at_least(3))}" if sizes else "∇ 1"
            strong = walk.shown is not None and walk.shown.node == path
            found.append(Chip(text, _under(item.pos()), "warning", strong))
        return found

    def _edge_chips(self, sloped: set[str]) -> list[Chip]:
        """upstream × local = downstream on every edge that has handed a gradient back."""
        walk, prefix = self._walk, self._canvas.document.prefix
        found = []
        for edge, item in self._canvas.graph_scene.edges.items():
            source, target = prefix + edge.source, prefix + edge.target
            if target not in sloped:
                continue
            for term in walk.handed_on(target):
                if (term.source, term.input) == (source, edge.input):
                    strong = walk.shown is not None and walk.shown.node == target
                    if term.local is None and not strong:
                        continue  # the node's own chip says the same of many numbers
                    middle, *rest = (item.path.pointAtPercent(p) - ABOVE for p in ALONG)
                    text = term_text(term)
                    found.append(Chip(text, middle, "accent", strong, along=tuple(rest)))
        return found

    def _update_chips(self) -> list[Chip]:
        """At the update: what every parameter becomes, below its node."""
        walk, prefix, found = self._walk, self._canvas.document.prefix, []
        if walk.frame is None or walk.shown is None or walk.shown.phase != "update":
            return []
        below: dict[str, int] = {}
        for update in walk.frame.updates:
            owner, _, parameter = update.name.rpartition(".")
            item = self._canvas.items_by_name.get(_below(owner, prefix))
            if item is not None:
                below[owner] = below.get(owner, 0) + 1
                line = CHIP_LINE * size_at(self._canvas.zoom)
                place = _under(item.pos()) + QPointF(0, line * below[owner])
                found.append(Chip(update_text(update, parameter), place, "good", strong=True))
        return found

    def _marks(self) -> list[Chip]:
        """How far one is inside a composite, where one stops, and how far gradients are off."""
        walk, prefix, found = self._walk, self._canvas.document.prefix, []
        for name, item in self._canvas.items_by_name.items():
            path, corner = prefix + name, item.pos()
            done, steps = walk.inside(path) if item.node.subgraph is not None else (0, 0)
            if 0 < done < steps:
                found.append(Chip(f"{done} / {steps}", _under(corner), "accent", strong=True))
            if path in walk.breakpoints:
                found.append(Chip("⏸", corner, "error", strong=True, still=True))
            if path in walk.errors:
                error, right = walk.errors[path]
                above = corner + QPointF(geo.WIDTH / 2, -12)
                text = f"✓ {format_number(error, 2)}" if right else f"✗ {format_number(error, 2)}"
                found.append(Chip(text, above, "good" if right else "error", strong=not right))
        return found


def term_text(term: Term) -> str:
    """A term as one writes it: "3 × 2 = 6", or the size of a gradient of many numbers."""
    if term.upstream is not None and term.local is not None and term.downstream is not None:
        numbers = (term.upstream, term.local, term.downstream)
        return "{} × {} = {}".format(*(format_number(x) for x in numbers))
    return f"∇ {format_number(term.size, at_least(3))}"


def update_text(u: Update, parameter: str) -> str:
    """What the optimiser does: "weight 0.5 → 0.4, m −0.1", or the sizes of many numbers."""
    moments = "".join(
        f",  {quantity_name(k)} {format_number(v, at_least(3))}" for k, v in u.moments.items()
    )
    if u.before is not None and u.after is not None:
        before, after = told_apart((u.before, u.after))
        return f"{parameter} {before} → {after}{moments}"
    return f"Δ{parameter} {format_number(u.change_size, at_least(3))}{moments}"


def _under(corner: QPointF) -> QPointF:
    return corner + QPointF(geo.WIDTH / 2, geo.HEIGHT + 14)


def _below(path: str, prefix: str) -> str:
    """A node's name on a level; "" for one that is not on it."""
    return path.removeprefix(prefix) if path.startswith(prefix) else ""
