"""The line between a window and an engine on another machine: its messages, what it carries."""

from __future__ import annotations

import time
from collections import deque

from graphcore.records.requests import Command, Outcome

SILENCE_S = 60.0
"""A window pings every second; one that is not heard for so long has lost its line."""


class Ping(Command, frozen=True):
    """Answered at once by ``Pong``, whatever the engine is at.

    Attributes:
        received: bytes of the engine's that have arrived so far.
        at: the window's clock, which the answer returns.
    """

    received: int
    at: float


class Pong(Outcome, frozen=True):
    """Answers a ``Ping``."""

    at: float


class BringFile(Command, frozen=True):
    """A piece of a file of the window's.

    Attributes:
        name: relative to the folder of brought files, with "/" between its parts.
        dataset: the data set that the file belongs to, whose own folder it goes to; or "".
        data: the bytes from ``offset`` on; the file is complete once ``size`` are there.
    """

    name: str
    data: bytes
    offset: int
    size: int
    dataset: str = ""


class NameFile(Command, frozen=True):
    """From now on the window's path means this brought file or folder; "" leaves it alone."""

    path: str
    name: str


class FileMade(Outcome, frozen=True):
    """A file that the window has asked for, under the path that it has given.

    Attributes:
        files: content by name inside the path; the name "" is the path itself.
    """

    path: str
    files: dict[str, bytes] = {}
    problem: str = ""


class Line:
    """How much may be on its way to the window, so that newer messages need not wait behind it.

    The bytes that may be on their way grow while they arrive without delay and shrink when they
    are late by more than ``LATE_S``. Nothing is held back unless ``far`` is set.
    """

    LEAST, MOST, LATE_S = 1 << 15, 1 << 23, 0.2

    def __init__(self) -> None:
        self.far = False
        self._sent = self._received = 0
        self._room = float(4 * self.LEAST)
        self._marks: deque[tuple[int, float]] = deque()
        self._quickest = float("inf")
        self._full = False
        self._changed_at = 0.0

    def sent(self, count: int) -> None:
        """Note bytes that were written."""
        self._sent += count
        if self.far:
            self._marks.append((self._sent, time.monotonic()))

    @property
    def clogged(self) -> bool:
        """Whether more is on its way than the line carries."""
        if not self.far:
            return False
        full = self._sent - self._received > self._room
        self._full |= full
        return full

    def arrived(self, received: int) -> None:
        """Note how many bytes have arrived at the window."""
        took, now = 0.0, time.monotonic()
        while self._marks and self._marks[0][0] <= received:
            took = now - self._marks.popleft()[1]
        self._received = received
        if not took:
            return
        self._quickest = min(self._quickest, took)
        if now - self._changed_at < took:  # what is seen now was sent before the last change
            return
        self._changed_at = now
        if took > self._quickest + self.LATE_S:
            self._room = max(self.LEAST, 0.7 * self._room)
        elif self._full:
            self._room = min(self.MOST, 1.25 * self._room)
        self._full = False
