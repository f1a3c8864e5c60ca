"""The engine's end of its helper process: starts it, hands tasks over, hears the results."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping

import msgspec
import numpy as np

from graphcore.errors import WorkerError
from graphcore.records.tasks import Result, Task, Up
from graphcore.session.messages import HelperChoice
from graphcore.system import start
from graphcore.system.slots import Slots
from graphcore.worker.protocol import FrameReader, decode_result, encode

FEW = 2
"""Processors that leave none to a helper unless it is chosen."""
START_S, SILENT_S = 60.0, 10.0
"""Seconds that it may take to start, and that nothing may be heard of a task: it is then given
less time than the engine would take for the work itself."""
REST_S, LONGEST_REST_S = 1.0, 120.0
"""Until another is started when one has ended; twice as long each time that one did nothing."""


def wanted(choice: HelperChoice, device: str) -> bool:
    """Return whether a helper is to work beside an engine that computes on a device."""
    if choice == "never" or os.name == "nt" or device != "cpu":
        return False
    return choice == "always" or processors() > FEW


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Background:
    """A helper process, started when it is first wanted; another one when it has ended.

    One that is silent for long, because others leave it no time, is ended, and the engine does
    the work itself for a while.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._slots: Slots | None = None
        self._news: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._found: list[Result] = []
        self._up = self._busy = False
        self._number = 0
        self._heard = 0.0
        self._rest, self._not_before = REST_S, 0.0

    @property
    def process(self) -> int | None:
        """The number of the process, None where none runs."""
        return self._child.pid if self._child is not None else None

    def ready(self) -> bool:
        """Return whether it takes tasks; it is started where it does not run."""
        self._look_after()
        if self._child is None and time.monotonic() >= self._not_before:
            self._start()
        return self._up

    def give(self, task: Task, arrays: Mapping[str, np.ndarray]) -> int | None:
        """Hand over a task and return its number; None where that is not possible."""
        if self._child is None or self._slots is None or not self._up:
            return None
        try:
            filled = self._slots.write(arrays)
        except OSError:
            return None
        try:
            assert self._child.stdin is not None
            self._child.stdin.write(encode(msgspec.structs.replace(task, filled=filled)))
        except OSError:
            self._give_up()
            return None
        self._number, self._busy, self._heard = filled.number, True, time.monotonic()
        return filled.number

    def results(self, number: int) -> list[Result]:
        """Return what has come of a task since the last call; of others nothing is kept."""
        self._hear()
        found, self._found = [r for r in self._found if r.number == number], []
        return found

    def lost(self, number: int) -> bool:
        """Return whether nothing more comes of a task."""
        self._look_after()
        return self._child is None or number != self._number

    def end(self) -> None:
        """End the process; it has nothing to lose."""
        child, self._child, self._up, self._busy = self._child, None, False, False
        if child is not None:
            assert child.stdin is not None
            child.kill()
            child.wait()
            child.stdin.close()
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    # -- the process --------------------------------------------------------------------------

    def _start(self) -> None:
        self._news, self._found, self._number = queue.SimpleQueue(), [], 0
        self._heard = time.monotonic()
        try:
            self._slots = Slots()
            self._child = subprocess.Popen(
                start.command("graphcore.worker.tasks", str(self._slots.descriptor)),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                pass_fds=(self._slots.descriptor,),
            )  # fmt: skip
        except OSError:
            self._give_up()
            return
        threading.Thread(target=_read, args=(self._child, self._news), daemon=True).start()

    def _look_after(self) -> None:
        """Note that the process has ended; end it where it has been silent for too long."""
        if self._child is None:
            return
        self._hear()
        patience = SILENT_S if self._up else START_S
        waited = self._busy or not self._up
        silent = waited and time.monotonic() > self._heard + patience
        if silent or self._child.poll() is not None:
            self._give_up()

    def _give_up(self) -> None:
        self.end()
        self._not_before = time.monotonic() + self._rest
        self._rest = min(2 * self._rest, LONGEST_REST_S)

    def _hear(self) -> None:
        """Take note of what has arrived."""
        with contextlib.suppress(queue.Empty):
            while True:
                result = self._news.get_nowait()
                self._heard = time.monotonic()
                self._up |= isinstance(result, Up)
                if result.number == self._number and result.last:
                    self._busy = False
                if result.number and not result.problem:
                    self._rest = REST_S
                self._found.append(result)


def _read(child: subprocess.Popen[bytes], news: queue.SimpleQueue[Result]) -> None:
    """Put all that a process says into a queue, until it ends."""
    assert child.stdout is not None
    reader = FrameReader()
    with child.stdout, contextlib.suppress(OSError, WorkerError):
        while data := os.read(child.stdout.fileno(), 1 << 16):
            for body in reader.feed(data):
                news.put(decode_result(body))
