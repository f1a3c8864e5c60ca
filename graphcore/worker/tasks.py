"""The helper process: does heavy tasks for the engine, at the lowest priority and on one thread.

    tasks.py DESCRIPTOR

Tasks come by standard input, results go to standard output, and the arrays of a task lie in a
slot of the file with the inherited descriptor. It ends when its input closes, as it does when the
engine ends, however that may be.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from graphcore.engine import processor
from graphcore.errors import WorkerError
from graphcore.records.tasks import AtWork, Failed, Result, Task, Up
from graphcore.system import start
from graphcore.system.slots import Slots
from graphcore.views import view
from graphcore.worker.protocol import FrameReader, decode_task, encode

NEWS_S = 0.5
"""Seconds after which the engine hears that the process is given time."""


def main() -> int:
    """Work until the input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the engine
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    inbox: queue.SimpleQueue[Task] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(inbox,), daemon=True).start()
    processor.set_up(threads=1)
    view.find()
    start.lowest_priority()  # not before, or it might not be up for minutes
    _Helper(Slots(int(sys.argv[1])), outgoing).loop(inbox)
    return 0


def _read(inbox: queue.SimpleQueue[Task]) -> None:
    """Put every task into the queue; the process ends with the engine, whatever it is at."""
    reader = FrameReader()
    try:
        while data := os.read(0, 1 << 16):
            for body in reader.feed(data):
                inbox.put(decode_task(body))
    except (OSError, WorkerError) as error:
        print(error, file=sys.stderr, flush=True)
    os._exit(0)


class _Helper:
    """Does the newest task of every type, a piece of each in turn."""

    def __init__(self, slots: Slots, outgoing: Any) -> None:
        self._slots, self._outgoing = slots, outgoing
        self._tasks: dict[type[Task], tuple[Task, Iterator[Result | None]]] = {}
        self._writing = threading.Lock()

    def loop(self, inbox: queue.SimpleQueue[Task]) -> None:
        """Take tasks and work on them."""
        self._tell(Up())
        threading.Thread(target=self._tell_of_work, daemon=True).start()
        while True:
            while not (self._tasks and inbox.empty()):
                self._take(inbox.get())
            for task, pieces in list(self._tasks.values()):
                self._work(task, pieces)

    def _take(self, task: Task) -> None:
        """Begin a task in place of one of its type; without its arrays it is out of date."""
        arrays = self._slots.read(task.filled)
        self._tasks.pop(type(task), None)
        if arrays is not None:
            self._tasks[type(task)] = task, view.TASKS[type(task)](task, arrays)

    def _work(self, task: Task, pieces: Iterator[Result | None]) -> None:
        """Compute the next piece of a task; an error ends it, and nothing else."""
        try:
            found = next(pieces, _OVER)
        except Exception as error:
            found = _failed(task, error)
        if found is _OVER or getattr(found, "last", False):
            del self._tasks[type(task)]
        if isinstance(found, Result):
            self._tell(found)

    def _tell_of_work(self) -> None:
        """Say that the process is given time, whatever it is at."""
        told = time.process_time()
        while True:
            time.sleep(NEWS_S)
            if time.process_time() > told + NEWS_S:
                told = time.process_time()
                self._tell(AtWork())

    def _tell(self, result: Result) -> None:
        try:
            with self._writing:
                self._outgoing.write(encode(result))
                self._outgoing.flush()
        except OSError:
            os._exit(0)


_OVER: Any = object()


def _failed(task: Task, error: Exception) -> Failed:
    problem = f"{type(error).__name__}: {error}"
    return Failed(number=task.filled.number, problem=problem, last=True)


if __name__ == "__main__":
    sys.exit(main())
