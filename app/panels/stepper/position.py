"""Where one stands in the two passes of a sample: forward node by node, then backward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QObject, QTimer, Signal

from app.document.document import Document
from app.engine.engine import Engine
from graphcore.errors import GradscapeError
from graphcore.views.stepper import Term, WalkFrame, WalkRequest

Phase = Literal["forward", "backward", "update"]


@dataclass(frozen=True)
class Event:
    """One step: a node computes its value, or gets its gradient; the update ends it all."""

    phase: Phase
    node: str = ""


class Walk(QObject):
    """Steps through what the engine has sent; every step is there at once.

    A step goes on by one node of the level that is shown: over a composite as a whole, or node
    by node inside it once it is entered. Names are those of the whole net, "composite/node".

    Signals:
        moved: another step is shown, or the numbers are new.
        marked: ``errors`` are others.

    Attributes:
        frame: both passes, or None before the engine has sent them.
        events: all steps, in order.
        done: how many of them have been taken.
        overtaken: whether the net trains, or has since the last frame: there is nothing to show.
        batch: how many samples go through together.
        training: whether the passes are those of training.
        breakpoints: nodes that slow motion stops at, in either pass.
        errors: node -> largest relative error of its gradients against finite differences, and
            whether they are right; of this sample with these weights.
    """

    moved = Signal()
    marked = Signal()

    def __init__(self, document: Document, engine: Engine) -> None:
        super().__init__()
        self._document, self._engine = document, engine
        self.frame: WalkFrame | None = None
        self.events: tuple[Event, ...] = ()
        self.done = 0
        self.breakpoints: set[str] = set()
        self.errors: dict[str, tuple[float, bool]] = {}
        self._visible, self._refresh, self.batch, self.training = False, 0, 1, False
        self._clock = QTimer(self, interval=700)
        self._clock.timeout.connect(self._tick)
        self._stay: Event | None = None
        self.overtaken = False
        engine.on(WalkFrame, self._on_frame)
        engine.state_changed.connect(self._on_state)
        engine.sample_chosen.connect(lambda _sample: self.ask())
        document.opened.connect(self.clear)
        document.level_changed.connect(self.moved)

    # -- the engine ---------------------------------------------------------------------------

    def show(self, visible: bool) -> None:
        """Set whether the panel is visible: nothing is computed for a hidden one."""
        self._visible = visible
        if not visible:
            self.pause()
        self.ask()

    def ask(self) -> None:
        """Have both passes computed, with the weights as they are now."""
        self._refresh += 1
        sample, seen = self._engine.chosen_sample, self._visible
        self._engine.look(
            WalkRequest(sample, self._refresh, self.batch, self.training, visible=seen)
        )

    def set_training(self, on: bool) -> None:
        """Go through as in training: dropout drops, batch norm takes the batch's statistics."""
        if on != self.training:
            self.training = on
            self.ask()

    def set_batch(self, count: int) -> None:
        """Pass ``count`` samples through together, the chosen one first."""
        if count != self.batch:
            self.batch = count
            self.ask()

    def clear(self) -> None:
        """Another graph."""
        self.pause()
        self.frame, self.events, self.done = None, (), 0
        self._stay, self.overtaken = None, False
        self.breakpoints.clear()
        self.errors = {}
        self.moved.emit()

    def set_errors(self, errors: dict[str, tuple[float, bool]]) -> None:
        """What a check of the gradients found."""
        self.errors = errors
        self.marked.emit()

    def _on_state(self, state: str) -> None:
        """While the net trains what was sent is of an earlier step, and without a net of none."""
        if state == "running" and not self.overtaken:
            self.overtaken = True
            self._drop()
        elif state == "refused":
            self._drop()
        elif state != "running" and self.overtaken and self._visible:
            self.ask()

    def _drop(self) -> None:
        """Forget the passes; those that come next are entered at the same node."""
        self.pause()
        self._stay = self.current or self._stay
        self.frame, self.events, self.done, self.errors = None, (), 0, {}
        self.moved.emit()

    def _on_frame(self, frame: WalkFrame) -> None:
        if frame == self.frame or self._engine.state == "running":
            return  # asked for twice, or overtaken by training
        before, self._stay, self.overtaken = self.current or self._stay, None, False
        self.frame, self.errors = frame, {}
        self.events = (
            *(Event("forward", n) for n in frame.forward),
            *(Event("backward", n) for n in frame.backward),
            *((Event("update"),) if frame.updates else ()),
        )
        # After an edit one stays at the node one was looking at.
        place = self.events.index(before) + 1 if before in self.events else self.done
        self.done = min(place, len(self.events))
        self.moved.emit()

    # -- where one stands ---------------------------------------------------------------------

    @property
    def current(self) -> Event | None:
        """The step that was taken last."""
        return self.events[self.done - 1] if self.done else None

    @property
    def valued(self) -> set[str]:
        """Nodes that have their value."""
        return self._reached("forward")

    @property
    def sloped(self) -> set[str]:
        """Nodes that have their gradient."""
        return self._reached("backward")

    def _reached(self, phase: Phase) -> set[str]:
        """Nodes that the pass has done; a composite when all inside it is, a port as its source."""
        taken = {e.node for e in self.events[: self.done] if e.phase == phase}
        stands_for = self.frame.aliases if self.frame else {}
        rest = {e.node for e in self.events[self.done :] if e.phase == phase}
        open_ = {above for name in rest for above in _composites(name)}
        return taken | {a for a, n in stands_for.items() if n in taken and a not in open_}

    def inside(self, composite: str) -> tuple[int, int]:
        """How many of a composite's steps are taken in the pass one is in, and how many it has."""
        phase = self.current.phase if self.current else "forward"
        steps = [
            i < self.done
            for i, e in enumerate(self.events)
            if e.phase == phase and e.node.startswith(f"{composite}/")
        ]
        return sum(steps), len(steps)

    def part(self, node: str) -> str:
        """The node of the level that is shown in which a node is; outside it, of the whole net."""
        prefix = self._document.prefix
        if not node.startswith(prefix):
            prefix = ""
        return prefix + node[len(prefix) :].split("/", maxsplit=1)[0]

    @property
    def shown(self) -> Event | None:
        """The step that was taken last, as the level that is shown has it."""
        current = self.current
        return None if current is None else Event(current.phase, self.part(current.node))

    def place(self) -> tuple[int, int]:
        """Which node of its pass, on the level that is shown, one is at, and how many it has."""
        shown = self.shown
        nodes = dict.fromkeys(
            self.part(e.node) for e in self.events if shown and e.phase == shown.phase
        )
        return (list(nodes).index(shown.node) + 1 if shown else 0), len(nodes)

    def arrived(self, node: str) -> tuple[Term, ...]:
        """What has come back to a node along its outgoing edges."""
        terms = self.frame.terms if self.frame else ()
        return tuple(t for t in terms if t.source == node)

    def handed_on(self, node: str) -> tuple[Term, ...]:
        """What a node hands back along its incoming edges."""
        terms = self.frame.terms if self.frame else ()
        return tuple(t for t in terms if t.target == node)

    # -- stepping -----------------------------------------------------------------------------

    def go_to(self, done: int) -> None:
        """Go to the state after a number of steps."""
        done = min(max(0, done), len(self.events))
        if done != self.done:
            self.done = done
            self.moved.emit()

    def step(self) -> None:
        """One node on."""
        stop = self.done + 1
        while 0 < stop < len(self.events) and self._same(stop - 1, stop):
            stop += 1
        self.go_to(stop)

    def back(self) -> None:
        """Undo one step."""
        start = self.done - 1
        while start > 0 and self._same(start - 1, start):
            start -= 1
        self.go_to(start)

    def _same(self, one: int, other: int) -> bool:
        """Whether two events are in one node of the level that is shown."""
        a, b = self.events[one], self.events[other]
        return a.phase == b.phase and self.part(a.node) == self.part(b.node)

    def restart(self) -> None:
        """Before the first step."""
        self.pause()
        self.go_to(0)

    def finish_pass(self) -> None:
        """To the end of the pass that comes next."""
        if self.done < len(self.events):
            phase = self.events[self.done].phase
            self.go_to(next((i for i in range(self.done, len(self.events))
                             if self.events[i].phase != phase), len(self.events)))  # fmt: skip

    def next_layer(self) -> None:
        """To the next node that has weights of its own, or to the end of the pass."""
        start = self.done
        stop = start
        while stop < len(self.events) and self.events[stop].phase == self.events[start].phase:
            stop += 1
            whole = stop >= len(self.events) or not self._same(stop - 1, stop)
            if whole and self._has_weights(self.events[stop - 1].node):
                break
        self.go_to(stop)

    def _has_weights(self, node: str) -> bool:
        try:
            found = self._document.root.at(self.part(node))
        except GradscapeError:
            return False
        return found.subgraph is not None or bool(found.parameter_inputs)

    # -- slow motion --------------------------------------------------------------------------

    @property
    def playing(self) -> bool:
        """Whether it goes on by itself."""
        return self._clock.isActive()

    def play(self) -> None:
        """Go on by itself, from the start if it is at its end."""
        if self.done >= len(self.events):
            self.go_to(0)
        self._clock.start()
        self.moved.emit()

    def toggle_play(self) -> None:
        """Go on by itself, or stand still."""
        if self.playing:
            self.pause()
        else:
            self.play()

    def pause(self) -> None:
        """Stand still."""
        if self._clock.isActive():
            self._clock.stop()
            self.moved.emit()

    @property
    def interval_ms(self) -> int:
        """How long a step of the slow motion lasts."""
        return self._clock.interval()

    def set_pace(self, steps_per_second: float) -> None:
        """How fast it goes on by itself."""
        self._clock.setInterval(round(1000 / steps_per_second))

    def toggle_breakpoint(self, node: str) -> None:
        """Stop at a node, or no longer."""
        self.breakpoints ^= {node}
        self.moved.emit()

    def _tick(self) -> None:
        self.step()
        shown = self.shown
        if self.done >= len(self.events) or (shown and shown.node in self.breakpoints):
            self.pause()


def _composites(name: str) -> list[str]:
    """The composites that a node is in: a/b/c is in a and a/b."""
    return [name[:i] for i, letter in enumerate(name) if letter == "/"]
