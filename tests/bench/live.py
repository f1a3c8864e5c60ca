"""How smooth the window is while LeNet-5 trains, and what watching costs the training.

    python tests/bench/live.py [ROUNDS]

Prints the intervals between completed paints of the canvas (median, 99th percentile, share
within 33 ms); and the training speed of the command line without a window, with everything
visible, and with everything but the landscape. They take turns, all on one thread; read the
ratios.
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

WARM_UP, SECONDS = 5.0, 10.0
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


def main(rounds: int = 3) -> None:
    speeds: dict[str, list[float]] = {"headless": [], "all visible": [], "no landscape": []}
    gaps: list[float] = []
    with lenet5() as window:
        longer = msgspec.structs.replace(window.document.graph.training, epochs=EPOCHS)
        window.document.set_training(longer)
        rest(1.0)
        window.layouts.show("Train")
        landscape = window.layouts.docks["landscape"]
        for _ in range(rounds):
            speeds["headless"].append(_headless())
            for seen, name in ((True, "all visible"), (False, "no landscape")):
                landscape.setVisible(seen)
                speed, paints = _run(window, SECONDS)
                speeds[name].append(speed)
                if seen:
                    gaps += [1000 * (b - a) for a, b in pairwise(paints)]
            print(*(f"{name} {times[-1]:.0f} steps/s" for name, times in speeds.items()), sep=", ")
    gaps.sort()
    print(f"paints           {len(gaps)}")
    print(f"interval median  {statistics.median(gaps):.1f} ms")
    print(f"interval p99     {gaps[int(len(gaps) * 0.99)]:.1f} ms")
    print(f"within 33 ms     {sum(g <= 33 for g in gaps) / len(gaps):.1%}")
    for name, found in speeds.items():
        shares = [v / headless for v, headless in zip(found, speeds["headless"], strict=True)]
        print(f"{name:16} {statistics.median(shares):.1%} of the speed of the command line")


def _headless() -> float:
    """Steps per second of the same run from the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "app", "train", "lenet5", "--data", "mnist", "--epochs", "1",
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
    main(*map(int, sys.argv[1:]))
