"""How old the landscape is while LeNet-5 trains, and what it costs, with the helper and without.

    python tests/bench/helper.py [ROUNDS]

Three engine processes without a window, each on one thread, take turns of some seconds: one shows
no landscape, one computes it between the steps, one has a helper process beside it. The surface
is of 21 x 21 points over 100 samples. Prints the age of the newest complete surface when the next
one takes its place (median, largest, share within 2 s) and the training speed, as a ratio to that
without a landscape in the same run; for the engine's time on the processor too, which others on
the machine change less. The helper needs a processor that is free: how much of one it was given
is printed beside it, and the age that it would have with all of it.
"""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import msgspec
from needed_data import need_mnist

from graphcore import files, presets
from graphcore.records.requests import Reply
from graphcore.session import messages as m
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest
from graphcore.worker.protocol import FrameReader, decode_reply, encode

TURN, SETTLING, WARM_UP = 8.0, 2.0, 8.0
POINTS, SAMPLES, OLDEST = 21, 100, 2.0
EPOCHS = 500
"""More than are run."""
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Turns:
    """What was measured in all turns of an engine: sums, and the ages of its surfaces."""

    seconds: float = 0.0
    steps: int = 0
    processor: float = 0.0
    helper: float = 0.0
    surfaces: int = 0
    ages: list[float] = field(default_factory=list)


class Engine:
    """An engine process that trains LeNet-5."""

    def __init__(self, helper: m.HelperChoice, looks: bool) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "graphcore.worker.serve"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._reader, self._looks = FrameReader(), looks
        self.loaded = False
        self.steps: list[tuple[float, int]] = []
        self.surfaces: list[tuple[float, int]] = []
        self.turns = Turns()
        graph = presets.load("lenet5")
        graph.training = msgspec.structs.replace(graph.training, epochs=EPOCHS)
        self._send(m.Hello(threads=1, helper=helper), m.Load(files.dumps(graph)), m.NextFrame())
        while not self.loaded:
            self.listen(0.1)

    def _send(self, *requests: msgspec.Struct) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"".join(map(encode, requests)))
        self._process.stdin.flush()

    def go(self, on: bool) -> None:
        """Train and look, or rest."""
        look = LandscapeRequest(visible=on and self._looks, resolution=POINTS, samples=SAMPLES)
        self._send(look, m.Run(None) if on else m.Pause())

    def listen(self, seconds: float) -> None:
        """Take note of what it says."""
        assert self._process.stdout is not None
        stdout, end = self._process.stdout.fileno(), time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([stdout], [], [], left)[0]:
                for body in self._reader.feed(os.read(stdout, 1 << 16)):
                    self._hear(decode_reply(body))

    def _hear(self, reply: Reply | None) -> None:
        now = time.perf_counter()
        if isinstance(reply, m.Loaded):
            self.loaded = True
        elif isinstance(reply, m.Frame):
            self.steps.append((now, reply.step))
            self._send(m.NextFrame())
        elif isinstance(reply, LandscapeFrame):
            complete = reply.level == reply.levels and reply.samples >= SAMPLES
            self.surfaces += [(now, reply.step)] if complete else []

    def turn(self) -> None:
        """Train for a while."""
        self.go(True)
        self.listen(SETTLING)
        self.steps, self.surfaces = self.steps[-1:], []
        begun, step, used = time.perf_counter(), self.steps[-1][1], self._used()
        self.listen(TURN)
        t, now = self.turns, self._used()
        t.seconds += time.perf_counter() - begun
        t.steps += self.steps[-1][1] - step
        t.processor += now[0] - used[0]
        t.helper += now[1] - used[1]
        t.surfaces += len(self.surfaces)
        for (_, shown), (replaced, _) in pairwise(self.surfaces):
            t.ages.append(replaced - self._time_of(shown))
        self.go(False)
        self.listen(0.5)

    def _time_of(self, step: int) -> float:
        """When a step was made, or a moment earlier."""
        return max((at for at, made in self.steps if made <= step), default=self.steps[0][0])

    def _used(self) -> tuple[float, float]:
        """Seconds of the processor that the engine, and its helper, were given so far."""
        engine = self._process.pid
        children = Path(f"/proc/{engine}/task/{engine}/children").read_text().split()
        return _processor_seconds(engine), sum(_processor_seconds(int(c)) for c in children)

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def _processor_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def main(rounds: int = 4) -> None:
    need_mnist()
    ways: dict[str, tuple[m.HelperChoice, bool]] = {
        "no landscape": ("never", False), "between steps": ("never", True),
        "helper": ("always", True),
    }  # fmt: skip
    engines = {name: Engine(*way) for name, way in ways.items()}
    for engine in engines.values():
        engine.go(True)
        engine.listen(WARM_UP)
        engine.go(False)
    for _ in range(rounds):
        for engine in engines.values():
            engine.turn()
    for name, engine in engines.items():
        _tell(name, engine.turns, engines["no landscape"].turns)
        engine.end()


def _tell(name: str, t: Turns, plain: Turns) -> None:
    speed = (t.steps / t.seconds) / (plain.steps / plain.seconds)
    given = (t.steps / t.processor) / (plain.steps / plain.processor)
    print(f"{name:14} {t.steps / t.seconds:6.0f} steps/s: {speed:.1%} of that without a landscape, "
          f"{given:.1%} for the same processor time")  # fmt: skip
    if t.ages:
        within = sum(age <= OLDEST for age in t.ages) / len(t.ages)
        print(f"{'':14} {t.surfaces} surfaces; age when replaced: median "
              f"{statistics.median(t.ages):.2f} s, largest {max(t.ages):.2f} s, "
              f"{within:.0%} within {OLDEST:.0f} s")  # fmt: skip
    elif name != "no landscape":
        print(f"{'':14} {t.surfaces} complete surfaces, too few for an age")
    if t.helper:
        each = t.helper / max(1, t.surfaces)
        print(f"{'':14} the helper was given {t.helper / t.seconds:.0%} of a processor, "
              f"{each:.2f} s for each surface: {2 * each:.2f} s old on a free one")  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
