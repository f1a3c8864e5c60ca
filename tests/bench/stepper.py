"""How soon a step of the stepper can be seen on LeNet-5, and how evenly its slow motion is painted.

    python tests/bench/stepper.py [SECONDS]

Presses Right until both passes of a digit are through, three times, and measures from the key to
the moment when canvas and panel are painted. Then lets the slow motion run at its highest pace.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from calibration import shown
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window import lenet5, rest, until

from app.shell.stepper_view import WalkView


class Paints(QObject):
    """Notes when the canvas was painted, and whether dots were moving on it."""

    def __init__(self, dots: Any) -> None:
        super().__init__()
        self._dots = dots
        self.times: list[tuple[float, bool]] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            moving = not self._dots.boundingRect().isEmpty()
            self.times.append((time.perf_counter(), moving))
        return False


def main(seconds: float = 10.0) -> None:
    with lenet5() as window:
        window.layouts.show("Explain")
        panel: Any = window.show_panel("walk").fill()
        until(lambda: bool(panel.walk.events), 60)
        rest(2.0)
        panel.setFocus()  # elsewhere, Home fits the graph into its view
        both = [t for _ in range(3) for t in _steps(window, panel)]
        taken, busy = sorted(t for t, _ in both), sorted(t for _, t in both)
        print(f"steps             {len(taken)}")
        print(f"median            {shown(1000 * statistics.median(taken))}")
        print(f"99th percentile   {shown(1000 * taken[int(len(taken) * 0.99)])}")
        print(f"worst             {shown(1000 * taken[-1])}")
        print(f"within 50 ms      {sum(t <= 0.05 for t in taken) / len(taken):.1%}")
        print(f"processor time    median {shown(1000 * statistics.median(busy), True)}, "
              f"worst {shown(1000 * busy[-1], True)}")  # fmt: skip
        _slow_motion(window, panel, seconds)


def _steps(window: Any, panel: Any) -> list[tuple[float, float]]:
    """Seconds from each key to both being painted, and the window's processor time in them."""
    QTest.keyClick(panel, Qt.Key.Key_Home)
    rest(0.1)
    taken = []
    while panel.walk.done < len(panel.walk.events):
        begun, busy = time.perf_counter(), time.process_time()
        painted = window.canvas.paints
        QTest.keyClick(panel, Qt.Key.Key_Right)
        QApplication.processEvents()
        assert window.canvas.paints > painted, "the step is seen on the canvas"
        taken.append((time.perf_counter() - begun, time.process_time() - busy))
    return taken


def _slow_motion(window: Any, panel: Any, seconds: float) -> None:
    paints = Paints(window.canvas.findChild(WalkView).pulses)
    window.canvas.viewport().installEventFilter(paints)
    QTest.keyClick(panel, Qt.Key.Key_Home)
    panel.pace.setValue(panel.pace.maximum())
    panel.walk.play()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        if not panel.walk.playing:
            panel.walk.play()
        time.sleep(0.0005)
    pairs = zip(paints.times, paints.times[1:], strict=False)
    gaps = sorted(b - a for (a, was), (b, moving) in pairs if was and moving)
    if not gaps:
        print("slow motion       was not painted")
        return
    print(f"slow motion       {len(gaps) / sum(gaps):.1f} frames per second while dots move")
    print(f"median interval   {shown(1000 * statistics.median(gaps))}")
    print(f"99th percentile   {shown(1000 * gaps[int(len(gaps) * 0.99)])}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
