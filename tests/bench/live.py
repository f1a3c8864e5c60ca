"""How smooth the window is while LeNet-5 trains, and what watching costs the training.

    python tests/bench/live.py [ROUNDS]

Prints the intervals between completed paints of the canvas over 20 seconds (median, 99th
percentile, share within 33 ms); and the training speed with everything visible, and with
everything but the landscape, beside that of the same run in a process without a window. These
two take turns of a second, one halted while the other works, all on one thread: read the ratios,
which are of all turns together. The second is of steps per second of the processor that each was
given: where it is higher, others had the machine. Both runs test the net after every epoch.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from calibration import shown
from PySide6.QtCore import QEvent, QObject, QTimer
from window import lenet5, rest, until

WARM_UP, SECONDS, TURN = 5.0, 20.0, 1.0
Turns = tuple[float, float, float]
"""Steps, seconds, seconds of the processor."""
EPOCHS = 50
"""More than are run: the net must not be done before the clock is."""
ALONE = """
import sys, time
from graphcore import datasets, presets
from graphcore.engine import processor
from graphcore.training.trainer import Trainer
processor.set_up(threads=1)
graph = presets.load("lenet5")
trainer = Trainer(graph, datasets.load("mnist"))
list(trainer.steps(20))
print("ready", flush=True)
for line in sys.stdin:
    begun, steps, end = time.perf_counter(), 0, float(line)
    given = time.process_time()
    while time.perf_counter() - begun < end:
        steps += len(trainer.train_steps(10))
        if trainer.step % trainer.steps_per_epoch == 0:
            trainer.evaluate(trainer.data.test)
        if trainer.finished:
            trainer.lengthen()
    print(steps, time.perf_counter() - begun, time.process_time() - given, flush=True)
"""


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


def main(rounds: int = 15) -> None:
    with lenet5() as window:
        longer = msgspec.structs.replace(window.document.graph.training, epochs=EPOCHS)
        window.document.set_training(longer)
        rest(1.0)
        window.layouts.show("Train")
        until(lambda: window.engine.state in ("idle", "done"), 60)
        window.engine.play()
        rest(WARM_UP)
        gaps = sorted(_gaps(window))
        print(f"paints           {len(gaps)}")
        print(f"interval median  {shown(statistics.median(gaps))}")
        print(f"interval p99     {shown(gaps[int(len(gaps) * 0.99)])}")
        print(f"within 33 ms     {sum(g <= 33 for g in gaps) / len(gaps):.1%}")
        for seen in (True, False):
            window.layouts.docks["landscape"].setVisible(seen)
            watched, alone = _turns(window, rounds)
            (speed, given), (other, other_given) = (
                (steps / seconds, steps / worked) for steps, seconds, worked in (watched, alone)
            )
            print(f"{'all visible' if seen else 'no landscape':16} {speed:.0f} steps/s, "
                  f"{other:.0f} without a window: {speed / other:.1%}, "
                  f"{given / other_given:.1%} for the same processor time")  # fmt: skip


def _gaps(window: Any) -> list[float]:
    """Milliseconds from paint to paint."""
    paints = Paints()
    window.canvas.viewport().installEventFilter(paints)
    rest(SECONDS)
    window.canvas.viewport().removeEventFilter(paints)
    return [1000 * (b - a) for a, b in pairwise(paints.times)]


def _turns(window: Any, rounds: int) -> tuple[Turns, Turns]:
    """What was done with a window and without."""
    engine = window.engine
    worker = engine._process.number
    with subprocess.Popen(
        [sys.executable, "-c", ALONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        watched, alone = [], []  # a row per turn
        for _ in range(rounds):
            rest(TURN / 2)
            begun, first = _step(engine)
            before = _processor_seconds(worker)
            rest(TURN)
            ended, last = _step(engine)
            watched.append((last - first, ended - begun, _processor_seconds(worker) - before))
            os.kill(worker, signal.SIGSTOP)
            child.stdin.write(f"{TURN}\n")
            child.stdin.flush()
            alone.append(tuple(map(float, child.stdout.readline().split())))
            os.kill(worker, signal.SIGCONT)
        child.stdin.close()
    return _together(watched), _together(alone)


def _together(rows: list[tuple[float, ...]]) -> Turns:
    steps, seconds, worked = (sum(column) for column in zip(*rows, strict=True))
    return steps, seconds, worked


def _processor_seconds(process: int) -> float:
    """That a process was given so far, as Linux tells."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _step(engine: Any) -> tuple[float, int]:
    """Time and step of the next frame."""
    before = engine.last_frame
    until(lambda: engine.last_frame is not before, 10)
    return time.perf_counter(), engine.last_frame.step


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
