"""What a run has been measured to do: losses step by step, tests, and the seconds it took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST = 8192
"""Rows of losses kept; past twice that, each pair of neighbours becomes one."""
SMOOTHING, TAIL = 0.9, 400
"""Weight of a step's loss beside that of the next step; number of last rows that are averaged."""


@dataclass(frozen=True)
class Evaluation:
    """Loss and accuracy on so many test samples after a step; ``whole`` if on all there are."""

    step: int
    loss: float
    accuracy: float | None
    samples: int
    whole: bool


class Curves:
    """The measurements of one run.

    Attributes:
        tests: in the order they were made.
        validations: on the samples held back, at the ends of epochs.
        accuracies: (step, share of right answers) of training batches that were recorded.
        seconds: of computing, so far.
    """

    def __init__(self) -> None:
        self.tests: list[Evaluation] = []
        self.validations: list[Evaluation] = []
        self.accuracies: list[tuple[int, float]] = []
        self.seconds = 0.0
        self._rows: list[tuple[float, ...]] = []
        self._spans: list[int] = []  # how many steps each row is the mean of

    def add(self, step: int, losses: tuple[float, ...], seconds: float) -> None:
        """Note a step's losses, one per objective, and how long it took."""
        self.seconds += seconds
        self._rows.append((step, self.seconds, *losses))
        self._spans.append(1)
        if len(self._rows) >= 2 * MOST:
            spans = np.array(self._spans).reshape(MOST, 2)
            pairs = np.array(self._rows).reshape(MOST, 2, -1)
            pairs = (pairs * spans[..., None]).sum(1) / spans.sum(1)[:, None]
            self._rows, self._spans = list(map(tuple, pairs.tolist())), spans.sum(1).tolist()

    @property
    def rows(self) -> np.ndarray:
        """Shape (n, 2 + objectives): step, seconds of computing up to it, losses."""
        return np.array(self._rows, np.float64) if self._rows else np.zeros((0, 3))

    @property
    def last_loss(self) -> float | None:
        """Smoothed first loss: each step counts ``SMOOTHING`` times as much as the next."""
        losses = np.array([row[2] for row in self._rows[-TAIL:]])
        spans = np.array(self._spans[-TAIL:])
        known = np.isfinite(losses)
        if not known.any():
            return float(losses[-1]) if len(losses) else None
        behind = spans[::-1].cumsum()[::-1] - spans
        counts = SMOOTHING**behind * (1 - SMOOTHING**spans)
        return float(np.average(losses[known], weights=counts[known]))

    @property
    def last_test(self) -> Evaluation | None:
        """The newest test."""
        return self.tests[-1] if self.tests else None

    def until(self, step: int) -> Curves:
        """A copy of the part up to a step."""
        part = Curves()
        part._rows = [row for row in self._rows if row[0] <= step]
        part._spans = self._spans[: len(part._rows)]
        part.tests = [t for t in self.tests if t.step <= step]
        part.validations = [v for v in self.validations if v.step <= step]
        part.accuracies = [a for a in self.accuracies if a[0] <= step]
        part.seconds = part._rows[-1][1] if part._rows else 0.0
        return part

    @classmethod
    def of(
        cls, rows: np.ndarray, tests: list[Evaluation], accuracies: list[tuple[int, float]]
    ) -> Curves:
        """Curves from what ``rows``, ``tests`` and ``accuracies`` gave."""
        curves = cls()
        curves._rows = [tuple(row) for row in rows.tolist()]
        curves._spans = _spans(rows[:, 0].tolist())
        curves.tests, curves.accuracies = list(tests), list(accuracies)
        curves.seconds = curves._rows[-1][1] if curves._rows else 0.0
        return curves


def _spans(steps: list[float]) -> list[int]:
    """How many steps each row is the mean of, from their means: no step was left out."""
    spans, end = [], 0.0 if not steps or steps[0] % 1 else steps[0] - 1
    for middle in steps:
        spans.append(max(1, round(2 * (middle - end) - 1)))
        end += spans[-1]
    return spans
