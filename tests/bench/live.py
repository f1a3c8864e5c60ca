"""How smooth the window is while LeNet-5 trains, and what watching costs the training.

    python tests/bench/live.py [SECONDS]

Prints the intervals between completed paints of the canvas (median, 99th percentile, share
within 33 ms); and the training speed with everything visible, with everything but the
landscape, and of the command line without a window, all on one thread. Read the ratios.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from typing import Any

import msgspec
from PySide6.QtCore import QEvent, QObject, QTimer
from window import lenet5, rest, until

WARM_UP = 5.0
EPOCHS = 50
"""More than are run: the net must not be done before the clock is."""


class Paints(QObject):
    """When the canvas finished a paint."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        self.times.append(time.perf_counter())


def main(seconds: float = 20.0) -> None:
    headless = _headless()
    with lenet5() as window:
        longer = msgspec.structs.replace(window.document.graph.training, epochs=EPOCHS)
        window.document.set_training(longer)
        rest(1.0)
        window.layouts.show("Train")
        watched, paints = _run(window, seconds)
        window.layouts.docks["landscape"].hide()
        flat, _ = _run(window, seconds / 2)
    gaps = sorted(1000 * (b - a) for a, b in pairwise(paints))
    print(f"paints           {len(gaps)}")
    print(f"interval median  {statistics.median(gaps):.1f} ms")
    print(f"interval p99     {gaps[int(len(gaps) * 0.99)]:.1f} ms")
    print(f"within 33 ms     {sum(g <= 33 for g in gaps) / len(gaps):.1%}")
    print(f"headless         {headless:.1f} steps/s, 100 %")
    print(f"no landscape     {flat:.1f} steps/s, {flat / headless:.1%}")
    print(f"all visible      {watched:.1f} steps/s, {watched / headless:.1%}")


def _headless() -> float:
    """Steps per second of the same run from the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "train", "lenet5", "--data", "mnist", "--epochs", "2",
         "--threads", "1", "--json"], capture_output=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout.splitlines()[-1])
    return float(result["steps"] / result["seconds"])


def _run(window: Any, seconds: float) -> tuple[float, list[float]]:
    """Steps per second, tests and checkpoints included, and paint times."""
    engine, canvas = window.engine, window.canvas
    paints = Paints()
    canvas.viewport().installEventFilter(paints)
    until(lambda: engine.state in ("idle", "done"), 60)
    engine.reset()
    engine.play()
    rest(WARM_UP)
    paints.times.clear()
    begun, first = time.perf_counter(), engine.last_frame
    rest(seconds)
    last, took = engine.last_frame, time.perf_counter() - begun
    engine.pause()
    until(lambda: engine.state != "running", 10)
    canvas.viewport().removeEventFilter(paints)
    return (last.step - first.step) / took, list(paints.times)


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
