"""Drives a window whose engine is a real process: open a graph, train, scrub, and wait for it.

Every function takes ``qtbot`` and the window first, and comes back when the engine is at rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QApplication

PATIENCE = 60_000
"""Milliseconds after which the real engine is taken for stuck."""


def wait(qtbot: Any, holds: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    qtbot.waitUntil(holds, timeout=PATIENCE)


def rest(qtbot: Any, window: Any) -> None:
    """Wait until the engine trains no more."""
    wait(qtbot, lambda: window.engine.state in ("idle", "done"))


def open_graph(qtbot: Any, window: Any, graph: str, layout: str = "Train") -> None:
    """Open a preset or a file in a layout, ready to train."""
    window.start(graph)
    window.layouts.show(layout)
    QApplication.processEvents()
    wait(qtbot, lambda: window.engine.state == "idle")


def train(qtbot: Any, window: Any, steps: int) -> None:
    """Train so many steps on from what is shown."""
    engine = window.engine
    to = engine.step + steps
    engine.run(steps)
    wait(qtbot, lambda: engine.last_frame is not None and engine.step >= to)
    rest(qtbot, window)


def scrub(qtbot: Any, window: Any, step: int | None) -> None:
    """Show a recorded step of the run; None shows the newest."""
    engine = window.engine
    engine.scrub(step)
    if step is None:
        wait(qtbot, lambda: not engine.moment.visiting and engine.step == engine.moment.newest)
    else:
        wait(qtbot, lambda: engine.moment.shown == step == engine.step)
