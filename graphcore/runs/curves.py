"""What a run has been measured to do: losses step by step, tests, and the seconds it took."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from graphcore.records.score import Score

MOST = 8192
"""Rows of losses kept; past twice that, each pair of neighbours becomes one."""
SMOOTHING = 0.9
"""Weight of a step's loss beside that of the next step, in a smoothed loss."""


class Curves:
    """The measurements of one run.

    Attributes:
        tests: in the order they were made.
        validations: on the samples held back, at the ends of epochs.
        accuracies: (step, share of right answers) of training batches that were recorded.
        rates: the learning rate of each row's steps, their mean; NaN where it is not known.
        seconds: of computing, so far.
        smoothing: weight of a step's loss beside that of the next step; 0 where each batch is the
            whole training set: such losses have no noise.
    """

    def __init__(self, smoothing: float = SMOOTHING) -> None:
        self.smoothing = smoothing
        self.tests: list[Score] = []
        self.validations: list[Score] = []
        self.accuracies: list[tuple[int, float]] = []
        self.rates: list[float] = []
        self.seconds = 0.0
        self._rows: list[tuple[float, ...]] = []
        self._spans: list[int] = []  # how many steps each row is the mean of
        self._means: list[tuple[float, float]] = []  # at each: smoothed first loss, its weight
        self._apart = False

    def add(
        self, step: int, losses: tuple[float, ...], seconds: float, rate: float = math.nan
    ) -> None:
        """Note a step's losses, one per objective, how long it took, and its learning rate."""
        self.seconds += seconds
        self._append((step, self.seconds, *losses), 1)
        self.rates.append(rate)
        if len(self._rows) >= 2 * MOST:
            spans = np.array(self._spans).reshape(MOST, 2)
            pairs = np.array(self._rows).reshape(MOST, 2, -1)
            pairs = (pairs * spans[..., None]).sum(1) / spans.sum(1)[:, None]
            rates = np.array(self.rates).reshape(MOST, 2)
            self.rates = ((rates * spans).sum(1) / spans.sum(1)).tolist()
            self._rows, self._spans = list(map(tuple, pairs.tolist())), spans.sum(1).tolist()
            self._means = self._means[1::2]

    def part(self) -> None:
        """Smooth what comes without what was: it is of other weights, another net or other data."""
        self._apart = True

    def _append(self, row: tuple[float, ...], span: int) -> None:
        """Add a row that is the mean of ``span`` steps; a loss that is not finite has no weight."""
        mean, weight = self._means[-1] if self._means and not self._apart else (0.0, 0.0)
        self._apart = False
        kept = self.smoothing**span
        own, rest = (1 - kept if math.isfinite(row[2]) else 0.0), weight * kept
        total = own + rest
        if own:
            mean = (rest * mean + own * row[2]) / total if rest else row[2]
        self._rows.append(row)
        self._spans.append(span)
        self._means.append((mean if total else row[2], total))

    @property
    def rows(self) -> np.ndarray:
        """Shape (n, 2 + objectives): step, seconds of computing up to it, losses."""
        return np.array(self._rows, np.float64) if self._rows else np.zeros((0, 3))

    @property
    def smoothed(self) -> np.ndarray:
        """First losses, one per row: each step counts ``smoothing`` times as much as the next."""
        return np.array([mean for mean, _ in self._means], np.float64)

    def rate_at(self, step: int) -> float | None:
        """Learning rate of the update that made a step; of the first one at step 0."""
        place = int(np.searchsorted([row[0] for row in self._rows], step))
        known = self.rates[place] if place < len(self.rates) else math.nan
        return None if math.isnan(known) else known

    @property
    def last_loss(self) -> float | None:
        """The newest smoothed loss."""
        return self._means[-1][0] if self._means else None

    @property
    def last_test(self) -> Score | None:
        """The newest test."""
        return self.tests[-1] if self.tests else None

    def until(self, step: float) -> Curves:
        """A copy of the part up to a step."""
        part = Curves(self.smoothing)
        part._rows = [row for row in self._rows if row[0] <= step]
        part._spans = self._spans[: len(part._rows)]
        part._means = self._means[: len(part._rows)]
        part.rates = self.rates[: len(part._rows)]
        part.tests = [t for t in self.tests if t.step <= step]
        part.validations = [v for v in self.validations if v.step <= step]
        part.accuracies = [a for a in self.accuracies if a[0] <= step]
        part.seconds = part._rows[-1][1] if part._rows else 0.0
        return part

    @classmethod
    def of(
        cls, rows: np.ndarray, tests: list[Score], accuracies: list[tuple[int, float]],
        smoothing: float = SMOOTHING, rates: Sequence[float] = (), parted: int = 0,
    ) -> Curves:  # fmt: skip
        """Curves from what ``rows``, ``tests``, ``accuracies``, ``smoothing``, ``rates`` gave.

        Args:
            rates: one per row; none are known if there is none.
            parted: the step from which on they are smoothed without those before.
        """
        curves = cls(smoothing)
        for row, span in zip(rows.tolist(), _spans(rows[:, 0].tolist()), strict=True):
            curves._apart = bool(curves._rows) and curves._rows[-1][0] < parted <= row[0]
            curves._append(tuple(row), span)
        curves.rates = list(rates) or [math.nan] * len(rows)
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
