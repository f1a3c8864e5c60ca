"""How fast a run goes, how seldom it is interrupted, and its curve in points to be drawn."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

LONGEST_REST = 20.0
"""Seconds. A computer that slept in the midst of some work makes it seem to have taken hours."""


def rest(worked: float, share: float) -> float:
    """Seconds without work of a kind that may take such a share of the time."""
    return min(worked / share, LONGEST_REST)


class Attention:
    """How long steps are made without looking for requests: briefly, while some arrive.

    A frame is asked for all the time; whoever draws or scrubs waits for every answer.
    """

    LONG, BRIEF, LASTS = 0.02, 0.003, 1.0
    """Seconds of steps, as long as ``stride.LONGEST``, and for how long a request is remembered."""

    def __init__(self) -> None:
        self._until = 0.0

    def asked(self) -> None:
        """There was a request other than for a frame."""
        self._until = time.perf_counter() + self.LASTS

    @property
    def seconds(self) -> float:
        """How long steps may be made just now."""
        return self.BRIEF if time.perf_counter() < self._until else self.LONG


class TrainingClock:
    """Samples per second over the last second or two of training."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()
        self._total, self._pauses = 0, 0.0
        self.rate = 0.0

    def start(self) -> None:
        self._marks.clear()
        self._total, self._pauses = 0, 0.0

    def leave_out(self, seconds: float) -> None:
        """Time that was not training."""
        self._pauses += seconds

    def count(self, samples: int) -> None:
        now = time.perf_counter() - self._pauses
        self._total += samples
        self._marks.append((now, self._total))
        while len(self._marks) > 2 and now - self._marks[0][0] > 2.0:
            self._marks.popleft()
        begun, before = self._marks[0]
        if now > begun:
            self.rate = (self._total - before) / (now - begun)


def thinned(
    points: list[tuple[int, tuple[float, ...]]], most: int = 400
) -> tuple[np.ndarray, np.ndarray]:
    """Thin points to at most ``most``, steps (n,) and numbers (k, n), by averaging neighbours.

    Args:
        points: (step, the rate and losses of it).
    """
    if not points:
        return np.zeros(0, np.int64), np.zeros((2, 0))
    array = np.array([(step, *numbers) for step, numbers in points], np.float64)
    if len(array) > most:
        array = np.array([part.mean(0) for part in np.array_split(array, most)])
    return array[:, 0].astype(np.int64), np.ascontiguousarray(array[:, 1:].T)
