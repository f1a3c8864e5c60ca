"""What goes out over the line to another machine, in an order that lets control overtake files."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from app.engine.line import Line
from app.engine.process import EngineProcess
from graphcore.errors import FileError
from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.requests import Request
from graphcore.session import messages as m
from graphcore.worker.line import BringFile

AHEAD = 1 << 18
"""Bytes of files that may be on their way at a time: what is sent next waits behind no more."""
OVERTAKES = (m.Pause, m.SetSpeed, m.CancelReading, m.NextFrame)
"""What acts on the net that is there, whatever is still to be sent for another."""


class Outbox:
    """Sends requests in their order, each behind the files that it needs, a piece at a time.

    Args:
        refuse: takes a sentence where a file cannot be read.
    """

    def __init__(self, process: EngineProcess, line: Line, refuse: Callable[[str], object]) -> None:
        self._process, self._line, self._refuse = process, line, refuse
        self._queue: deque[tuple[Request | bytes, Iterator[Request | bytes]]] = deque()
        self._unanswered: deque[tuple[str, int, int]] = deque()

    def send(self, message: Request | bytes, settings: TrainingSettings) -> None:
        """Send a request, or one that is encoded already, as soon as its turn comes.

        Args:
            settings: of the graph that is loaded, whose data are needed with it.
        """
        if self._queue and isinstance(message, OVERTAKES):
            if isinstance(message, m.Pause):  # also what was to be started behind the files
                self._queue = deque(q for q in self._queue if not isinstance(q[0], m.Run))
            self._process.send(message)
            return
        if self._queue and isinstance(message, m.SetRate):
            self._process.send(message)  # to the net that is there, and to the one that comes
        self._queue.append((message, self._with_files(message, settings)))
        self._go_on()

    def answered(self, progress: m.Progress) -> None:
        """Note that a piece has arrived, if the progress is one's, and send further ones."""
        if self._unanswered and (progress.what, progress.done) == self._unanswered[0][:2]:
            self._unanswered.popleft()
            self._go_on()

    def failed(self) -> None:
        """Send no more of the file that is on its way: a piece of it was refused."""
        if self._unanswered and self._queue:
            self._unanswered.clear()
            message, _ = self._queue.popleft()
            self._process.send(message)
            self._go_on()

    def _with_files(
        self, message: Request | bytes, settings: TrainingSettings
    ) -> Iterator[Request | bytes]:
        if not isinstance(message, bytes):
            try:
                yield from self._line.needed(message, settings)
            except FileError as error:
                self._refuse(str(error))
        yield message

    def _go_on(self) -> None:
        while self._queue and sum(size for *_, size in self._unanswered) < AHEAD:
            found = next(self._queue[0][1], None)
            if found is None:
                self._queue.popleft()
                continue
            if isinstance(found, BringFile):
                name = found.name.rpartition("/")[2]
                size = len(found.data)
                self._unanswered.append((name, found.offset + size, size))
            self._process.send(found)
