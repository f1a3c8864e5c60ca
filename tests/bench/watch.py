"""What ``gc.watch`` costs a training loop of plain PyTorch, and how often it looks.

    python tests/bench/watch.py [SECONDS]

Trains LeNet-5 (batches of 64) and a ResNet-18 for 32 x 32 pictures (batches of 32), each twice, in
turns of a second: plain, and watched with ``out=``; then LeNet-5 with a window, which takes a core
of its own where there is one. Prints steps per second of both, the share of the watched loop's
time that was spent in ``step``, and how many snapshots arrived in a second. Ends with 1 where the
share is above 2 %, or fewer arrived than one a second (of the ResNet: two in five seconds).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

import graphcore as gc
from graphcore.watching.watch import Watch

TURN = 1.0
MOST = 0.02


def lenet5() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84),
        nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class Block(nn.Module):
    def __init__(self, given: int, width: int) -> None:
        super().__init__()
        stride = 1 if given == width else 2
        self.conv1 = nn.Conv2d(given, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        short = [nn.Conv2d(given, width, 1, stride, bias=False), nn.BatchNorm2d(width)]
        self.short = nn.Sequential(*short) if stride == 2 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.short(x))


def resnet18() -> nn.Module:
    widths = (64, 64, 64, 128, 128, 256, 256, 512, 512)
    blocks = [Block(a, b) for a, b in pairwise(widths)]
    stem = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


class Loop:
    """A loop on random pictures that is run for a while at a time."""

    def __init__(self, model: nn.Module, shape: tuple[int, ...], batch: int) -> None:
        self.model, self.batch = model, batch
        self.x, self.y = torch.randn(16 * batch, *shape), torch.randint(0, 10, (16 * batch,))
        self.optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
        self.steps, self.seconds = 0, 0.0
        self.watch: Watch | None = None

    def turn(self) -> None:
        begun = time.perf_counter()
        while time.perf_counter() - begun < TURN:
            at = self.steps % 16 * self.batch
            x, y = self.x[at : at + self.batch], self.y[at : at + self.batch]
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            self.steps += 1
            if self.watch is not None:
                self.watch.step(loss)
        self.seconds += time.perf_counter() - begun


def measure(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], batch: int, seconds: float,
    least: float, out: Path | None,
) -> bool:  # fmt: skip
    """Run both loops in turns; print, and return whether the watched one is within the bar."""
    plain, watched = Loop(make(), shape, batch), Loop(make(), shape, batch)
    w = watched.watch = gc.watch(watched.model, (watched.x[:batch], watched.y[:batch]), out=out)
    kept: list[int] = []
    sink = w._sink
    take = sink.take

    def counted(first: int, losses: list[float], each: float, weights: bool) -> None:
        kept.append(weights)
        take(first, losses, each, weights)

    sink.take = counted
    if out is None:
        while not sink._heard_of:  # its engine has the net
            time.sleep(0.1)
    for loop in (plain, watched):
        loop.turn()
        loop.steps, loop.seconds = 0, 0.0
    w.seconds, kept[:] = 0.0, []
    before = 0 if out else sink._heard_of
    while watched.seconds < seconds:
        begun = time.perf_counter()
        plain.turn()
        w._look_at += time.perf_counter() - begun  # the watched loop did not run meanwhile
        watched.turn()
    rates = [loop.steps / loop.seconds for loop in (plain, watched)]
    share, snapshots = w.seconds / watched.seconds, sum(kept) / watched.seconds
    arrived = snapshots if out else (sink._heard_of - before) / watched.seconds
    print(
        f"{name:24} plain {rates[0]:7.1f} steps/s   watched {rates[1]:7.1f} "
        f"({rates[1] / rates[0]:.1%})   in step() {share:.2%}   "
        f"snapshots {snapshots:.2f}/s, arrived {arrived:.2f}/s"
    )
    if out is None:
        sink._process.terminate()
    w.close()
    return share <= MOST and arrived >= least


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    torch.set_num_threads(1)
    grey, rgb = (1, 28, 28), (3, 32, 32)
    with tempfile.TemporaryDirectory() as folder:
        a, b = Path(folder) / "a.gradrun", Path(folder) / "b.gradrun"
        good = [
            measure("LeNet-5, out=", lenet5, grey, 64, seconds, 1.0, a),
            measure("ResNet-18, out=", resnet18, rgb, 32, seconds, 0.4, b),
            measure("LeNet-5, window", lenet5, grey, 64, seconds, 1.0, None),
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
