"""A curve's points: as many as come, kept in bounded memory."""

from __future__ import annotations

import numpy as np

MOST = 20_000
"""Points kept; past that, each pair of neighbours becomes one and new ones are averaged alike."""


SMOOTHING = 0.9
"""How much of a smoothed loss stays at each step, if nothing else is chosen."""


class Series:
    """Points in the order they came, each the mean of ``stride`` of those that were given.

    The start of a run keeps the same resolution as its end.
    """

    def __init__(self) -> None:
        self.stride = 1
        self.last = float("nan")
        self._count = 0
        self._x, self._y = np.empty(256), np.empty(256)
        self._smooth = np.empty(256)
        self._waiting = np.empty((2, 0))
        self._share, self._smoothed, self._held, self._weight = 0.0, 0, 0.0, 0.0

    def __len__(self) -> int:
        return self._count

    @property
    def x(self) -> np.ndarray:
        """Places of the points."""
        return self._x[: self._count]

    @property
    def y(self) -> np.ndarray:
        """Values of the points."""
        return self._y[: self._count]

    def append(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add points, two arrays of equal length."""
        if len(y) == 0:
            return
        self.last = float(y[-1])
        points = np.stack([np.asarray(x, float), np.asarray(y, float)])
        if self.stride > 1:
            points = np.concatenate([self._waiting, points], 1)
            whole = points.shape[1] // self.stride * self.stride
            self._waiting = points[:, whole:]
            points = points[:, :whole].reshape(2, -1, self.stride).mean(2)
        self._store(points)
        while self._count > MOST:
            self._halve()

    def take(self, x: np.ndarray, y: np.ndarray, stride: int, smooth: np.ndarray) -> None:
        """Begin with points that are means of ``stride`` others each, smoothed by SMOOTHING."""
        if not len(y):
            return
        self.stride, self.last = stride, float(y[-1])
        self._store(np.stack([np.asarray(x, float), np.asarray(y, float)]))
        self._smooth[: self._count] = smooth
        self._share, self._smoothed = SMOOTHING, self._count
        self._held, self._weight = float(smooth[-1]), 1.0

    def part(self) -> None:
        """Smooth what comes without what was."""
        self._held = self._weight = 0.0

    def _store(self, points: np.ndarray) -> None:
        needed = self._count + points.shape[1]
        if needed > len(self._x):
            room = max(needed, 2 * len(self._x))
            self._x, self._y, self._smooth = (
                np.concatenate([a[: self._count], np.empty(room - self._count)])
                for a in (self._x, self._y, self._smooth)
            )
        self._x[self._count : needed], self._y[self._count : needed] = points
        self._count = needed

    def _halve(self) -> None:
        even = self._count // 2 * 2
        odd = self._count - even
        if odd:  # half of a pair: it waits for the other half, at the new stride
            last = np.array([[self._x[even]], [self._y[even]]]).repeat(self.stride, 1)
            self._waiting = np.concatenate([last, self._waiting], 1)
        for array in (self._x, self._y):
            array[: even // 2] = array[:even].reshape(-1, 2).mean(1)
        self._count = even // 2
        self.stride *= 2
        self._smoothed = 0

    def smoothed(self, share: float) -> np.ndarray:
        """Exponential moving average with the start's bias taken out (Kingma & Ba, 2015, §3).

        Only points that came since the last call are gone through.

        Args:
            share: how much of the old value stays over one step of x, 0 to under 1.
        """
        if not share:
            return self.y
        if share != self._share or not self._smoothed:
            self._share, self._smoothed, self._held, self._weight = share, 0, 0.0, 0.0
        held, weight = self._held, self._weight
        begin, out = self._smoothed, list[float]()
        before = self._x[begin - 1] if begin else self._x[0] - self.stride
        x, y = self._x[begin : self._count], self._y[begin : self._count]
        keeps = share ** np.maximum(0.0, np.diff(x, prepend=before))
        for value, keep in zip(y.tolist(), keeps.tolist(), strict=True):
            if abs(value) < float("inf"):
                held = keep * held + (1 - keep) * value
                weight = keep * weight + (1 - keep)
            out.append(held / weight if weight else value)
        self._smooth[self._smoothed : self._count] = out
        self._held, self._weight, self._smoothed = held, weight, self._count
        return self._smooth[: self._count]
