"""How soon the window shows a recorded step, and what recording costs the training.

    python tests/bench/scrub.py [PLACES]

Trains LeNet-5 for its three epochs on MNIST in the real window, then goes to so many of the
recorded steps in a random order and waits for each until the thumbnails of that step are there.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from typing import Any

from calibration import shown
from window import lenet5, until

from graphcore import datasets, files, presets
from graphcore.runs.runs import Runs
from graphcore.training.trainer import Trainer


def main(places: int = 200) -> None:
    with lenet5() as window:
        window.layouts.show("Train")
        _train(window)
        taken = [_seconds(window, step) for step in _chosen(window, places)]
        print(f"recorded steps   {len(window.time.steps)}, {window.time.room.text()}")
    taken.sort()
    print(f"scrubbed to      {len(taken)}")
    print(f"median           {shown(1000 * statistics.median(taken))}")
    print(f"99th percentile  {shown(1000 * taken[int(len(taken) * 0.99)])}")
    print(f"worst            {shown(1000 * taken[-1])}")
    print(f"within 100 ms    {sum(t <= 0.1 for t in taken) / len(taken):.1%}")
    _print_cost()


def _train(window: Any) -> None:
    engine = window.engine
    until(lambda: engine.state == "idle", 60)
    engine.play()
    until(lambda: engine.state == "done", 600)
    until(lambda: len(window.time.steps) > 100, 10)


def _chosen(window: Any, places: int) -> list[int]:
    steps = window.time.steps.tolist()[:-1]
    order = random.Random(0).sample(steps, min(places, len(steps)))
    return [int(s) for s in order]


def _seconds(window: Any, step: int) -> float:
    """From the gesture to the frame with that step's thumbnails, painted."""
    came: list[float] = []

    def note(frame: Any) -> None:
        if frame.step == step and frame.values and not came:
            window.canvas.viewport().repaint()
            came.append(time.perf_counter())

    window.engine.frame.connect(note)
    begun = time.perf_counter()
    window.time.slider.setValue(window.time.steps.tolist().index(step))
    until(lambda: bool(came), 20)
    window.engine.frame.disconnect(note)
    return came[0] - begun


def _print_cost() -> None:
    """Seconds that recording takes of 600 steps from the start, where it is done most often."""
    graph = presets.load("lenet5")
    trainer, runs = Trainer(graph, datasets.load("mnist")), Runs()
    runs.begin(trainer, files.dumps(graph))
    spent = 0.0
    begun = time.perf_counter()
    for _ in range(600):
        record = trainer.train_step()
        at = time.perf_counter()
        runs.note([record], trainer, 0.0)
        spent += time.perf_counter() - at
    print(f"recording takes  {spent / (time.perf_counter() - begun):.2%} of the first 600 steps")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
