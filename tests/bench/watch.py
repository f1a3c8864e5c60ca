"""What ``gc.watch`` costs a training loop of plain PyTorch, and how often it looks.

    python tests/bench/watch.py [SECONDS]

Trains LeNet-5 (batches of 64) and a ResNet-18 for 32 x 32 pictures (batches of 8), each twice, in
turns of a second: plain, and watched with ``out=``; then both with a window, which has the other
core where there are two. Every state that can be kept is kept, not only those that are due.

Prints steps per second of both, the median over the turns of their ratio, and the ratio of steps
per second of the loop's own processor time, which other programs do not disturb; the share of the
watched loop's time and processor time that was spent in ``step``; the processor time that was
spent beside the loop, in this process and in the window's; and how many states were kept, or how
many different steps the window painted, per second. Ends with 1 where the share of processor time
is above 2 %, fewer states arrived than one a second (of the ResNet: one in two seconds; every third
step where steps are slower), or the loop kept less than 90 % of its speed (with ``out=``: 98 % of
its speed per processor time).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

import graphcore as gc
from app.engine.script_link import SETTLED
from graphcore.watching.process import launch
from graphcore.watching.source import Source
from graphcore.watching.watch import Watch
from graphcore.watching.window import Window

TURN = 1.0
MOST, LEAST, LEAST_BESIDE_WINDOW = 0.02, 0.98, 0.9
START = 120.0
"""Seconds that a window may take to paint its first steps."""


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
    """A loop on random pictures that is run for a while at a time.

    Attributes:
        turns: steps, seconds and seconds of this thread's processor time, per turn.
        inside: seconds of processor time that were spent in ``step``.
    """

    def __init__(self, model: nn.Module, shape: tuple[int, ...], batch: int) -> None:
        self.model, self.batch = model, batch
        self.x, self.y = torch.randn(16 * batch, *shape), torch.randint(0, 10, (16 * batch,))
        self.optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
        self.steps, self.turns, self.inside = 0, list[tuple[int, float, float]](), 0.0
        self.watch: Watch | None = None

    def turn(self) -> None:
        first, begun, given = self.steps, time.perf_counter(), time.thread_time()
        while time.perf_counter() - begun < TURN:
            at = self.steps % 16 * self.batch
            x, y = self.x[at : at + self.batch], self.y[at : at + self.batch]
            self.optimizer.zero_grad()
            loss = functional.cross_entropy(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            self.steps += 1
            if self.watch is not None:
                before = time.thread_time()
                self.watch.step(loss)
                self.inside += time.thread_time() - before
        self.turns.append((self.steps - first, time.perf_counter() - begun,
                           time.thread_time() - given))  # fmt: skip

    def total(self) -> tuple[float, ...]:
        return tuple(map(sum, zip(*self.turns, strict=True)))


class Kept:
    """States that a record has kept."""

    def __init__(self, loop: Loop, out: Path) -> None:
        source = (loop.x[: loop.batch], loop.y[: loop.batch])
        self.watch = gc.watch(loop.model, source, out=out)
        self._run = self.watch._sink.run
        self._run.timeline.per_fold = 1 << 30

    def arrived(self) -> int:
        return len(self._run.timeline.moments)

    def beside(self) -> float:
        """Seconds of processor time of all but this thread."""
        return time.process_time() - time.thread_time()

    def end(self) -> None:
        self.watch.close()


class Painted(Kept):
    """Steps that a window has painted."""

    def __init__(self, loop: Loop, told: Path) -> None:
        source = Source(loop.model, (loop.x[: loop.batch], loop.y[: loop.batch]), None)
        command = [sys.executable, __file__, "--window", str(told)]
        self.watch, self._told = Watch(source.graph, Window(source, launch(command))), told
        self._process = self.watch._sink._process.pid
        loop.watch, until = self.watch, time.monotonic() + START
        while self.arrived() < SETTLED:
            assert time.monotonic() < until, "the window does not come up"
            loop.turn()

    def arrived(self) -> int:
        return len(self._told.read_text().split()) if self._told.exists() else 0

    def beside(self) -> float:
        pids = [self._process, *map(int, _children(self._process))]
        ticks = [Path(f"/proc/{p}/stat").read_text().rpartition(")")[2].split() for p in pids]
        seconds = sum(int(f[11]) + int(f[12]) for f in ticks) / os.sysconf("SC_CLK_TCK")
        return super().beside() + seconds

    def end(self) -> None:
        self.watch._sink._process.terminate()
        self.watch.close()


def _children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()


def show_window(told: Path) -> None:
    """Be the window of a watched loop, and note each step once it has been painted."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    from app.__main__ import open_window
    from app.shell.main_window import MainWindow

    class Paints(QObject):
        def __init__(self, window: Any) -> None:
            super().__init__(window)
            self.engine, self.last, self.file = window.engine, 0, told.open("w")
            window.canvas.viewport().installEventFilter(self)

        def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and self.engine.step > self.last:
                QTimer.singleShot(0, self.note)
            return False

        def note(self) -> None:
            if self.engine.step > self.last:
                self.last = self.engine.step
                print(self.last, file=self.file, flush=True)

    start = MainWindow.start_watching

    def watching(window: Any, link: Any) -> None:
        start(window, link)
        Paints(window)

    MainWindow.start_watching = watching
    open_window(watched=True)


def measure(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...], batch: int, seconds: float,
    least: float, kind: type[Kept], place: Path,
) -> bool:  # fmt: skip
    """Run both loops in turns; print, and return whether the watched one is within the bar."""
    plain, watched = Loop(make(), shape, batch), Loop(make(), shape, batch)
    sink = kind(watched, place)
    w = watched.watch = sink.watch
    for loop in (plain, watched):
        loop.turn()
        loop.turns, loop.inside = [], 0.0
    w.seconds, first, beside = 0.0, sink.arrived(), 0.0
    while not watched.turns or watched.total()[1] < seconds:
        begun = time.perf_counter()
        plain.turn()
        w._look_at += time.perf_counter() - begun  # the watched loop did not run meanwhile
        before = sink.beside()
        watched.turn()
        beside += sink.beside() - before
    arrived = sink.arrived() - first
    sink.end()
    return tell(name, plain, watched, beside, arrived, least, kind is Painted)


def tell(
    name: str, plain: Loop, watched: Loop, beside: float, arrived: int, least: float, window: bool
) -> bool:
    """Print what was measured; whether it is within the bar."""
    (n, t, given), (m, u, taken) = plain.total(), watched.total()
    pairs = zip(plain.turns, watched.turns, strict=True)
    speed = statistics.median(b[0] / b[1] / (a[0] / a[1]) for a, b in pairs)
    same = m / taken / (n / given)
    share = watched.inside / taken
    print(
        f"{name:20} plain {n / t:6.1f} steps/s, watched {m / u:6.1f}: {speed:.1%} "
        f"({same:.1%} per processor time)   in step() {watched.watch.seconds / u:.2%} "
        f"({share:.2%} of processor)   beside it {beside / u:.1%} of a core   "
        f"{'painted' if window else 'kept'} {arrived / u:.2f}/s", flush=True,
    )  # fmt: skip
    kept = speed >= LEAST_BESIDE_WINDOW if window else same >= LEAST
    return share <= MOST and arrived >= min(least * u, m / 3) and kept


def main() -> int:
    if sys.argv[1:2] == ["--window"]:
        show_window(Path(sys.argv[2]))
        return 0
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    torch.set_num_threads(1)
    grey, rgb = (1, 28, 28), (3, 32, 32)
    with tempfile.TemporaryDirectory() as folder:
        a, b, c, d = (Path(folder) / name for name in ("a.gradrun", "b.gradrun", "c", "d"))
        good = [
            measure("LeNet-5, out=", lenet5, grey, 64, seconds, 1.0, Kept, a),
            measure("ResNet-18, out=", resnet18, rgb, 8, seconds, 0.5, Kept, b),
            measure("LeNet-5, window", lenet5, grey, 64, seconds, 1.0, Painted, c),
            measure("ResNet-18, window", resnet18, rgb, 8, seconds, 0.0, Painted, d),
        ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
