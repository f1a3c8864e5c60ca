"""Which values the canvas is shown: the running step's, those of a view, or of a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from graphcore.session import messages as m

if TYPE_CHECKING:
    from app.engine.engine import Engine


class CanvasValues(QObject):
    """Asks for the values of the nodes that can be seen, and of those that a panel follows.

    Signals:
        uncovered: names of nodes whose values a view showed on the canvas until now.

    Attributes:
        covered: nodes whose values a view shows on the canvas, in place of the running step's.
        drawing: whether the canvas shows what the net makes of a drawing, and of nothing else.
    """

    uncovered = Signal(object)

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._engine = engine
        self._watched = m.Watch()
        self._closely: tuple[str, ...] = ()
        self.covered: frozenset[str] = frozenset()
        self.drawing = False

    def watch(self, values: tuple[str, ...], gradients: tuple[str, ...], level: str = "") -> None:
        """Say which nodes' pictures can be seen just now, and on which level."""
        self._watched = m.Watch(values, gradients, level=level)
        self._look()

    def watch_closely(self, nodes: tuple[str, ...]) -> None:
        """Say of which nodes both values and gradients are wanted, whatever the canvas shows."""
        self._closely = nodes
        self._look()

    def _look(self) -> None:
        w = self._watched
        values = tuple(dict.fromkeys((*w.values, *self._closely)))
        gradients = tuple(dict.fromkeys((*w.gradients, *self._closely)))
        self._engine.look(m.Watch(values, gradients, level=w.level))

    def cover(self, nodes: frozenset[str]) -> None:
        """Say which nodes' values the canvas is shown by a view, and not by the running step.

        Those that a view no longer shows get the running step's again.
        """
        bare, self.covered = self.covered - nodes, nodes
        if bare:
            self.uncovered.emit(bare)
            self.watch_again()

    def show_drawing(self, on: bool) -> None:
        """Say whether the canvas is shown a drawing; behind it come the running step's values."""
        back = self.drawing and not on
        self.drawing = on
        if back:
            self.watch_again()

    def watch_again(self) -> None:
        """Have the values of the running step sent once more."""
        self._engine.send_again(m.Watch)
