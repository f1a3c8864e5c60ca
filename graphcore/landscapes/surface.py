"""The loss on a plane through the space of all weights, and the path of a run over it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.engine.plan import Plan
from graphcore.errors import FileError
from graphcore.landscapes.first_layers import FirstLayers, PointByPoint
from graphcore.landscapes.many_points import ManyPoints
from graphcore.landscapes.planes import Plane, Span
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.runs.snapshots import Moment


@dataclass
class PathRecorder:
    """Weights along a run, never more than ``most``: when full, every other one is dropped.

    Attributes:
        legs: of each, which unbroken part of the path it belongs to.
    """

    most: int = 64
    every: int = 1
    steps: list[int] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    legs: list[int] = field(default_factory=list)

    def add(self, step: int, flat: Tensor, leg: int = 0) -> None:
        """Keep the weights of this step, if it is one that is kept."""
        while self.steps and self.steps[-1] >= step:  # back in time: what came after is no more
            self.steps.pop()
            self.weights.pop()
            self.legs.pop()
        if not self.steps:
            self.every = 1
        if self.steps and step - self.steps[-1] < self.every:
            return
        self.steps.append(step)
        self.weights.append(flat.detach().clone())
        self.legs.append(leg)
        if len(self.steps) > self.most:
            self.steps, self.weights = self.steps[::2], self.weights[::2]
            self.legs = self.legs[::2]
            self.every *= 2

    def retrace(self, moments: Sequence[Moment], legs: Sequence[int]) -> None:
        """Be the path of a run that was recorded; a moment that cannot be read is left out."""
        self.clear()
        apart = max(1, moments[-1].step // self.most)
        for moment, leg in zip(moments, legs, strict=True):
            if self.steps and moment.step - self.steps[-1] < apart:
                continue
            with contextlib.suppress(FileError):
                self.add(moment.step, moment.tensors()["flat"], leg)
        self.every = max(self.every, apart)

    def clear(self) -> None:
        """Forget the path."""
        self.steps, self.weights, self.legs, self.every = [], [], [], 1

    def on(self, plane: Plane) -> np.ndarray:
        """Nearest points of the plane, shape (k, 2), with a row of NaN between two legs."""
        breaks = np.flatnonzero(np.diff(self.legs)) + 1
        return np.insert(plane.places(self.weights), breaks, np.nan, axis=0)

    def matrix(self) -> Tensor:
        """Shape (steps, numbers)."""
        return torch.stack(self.weights)


class Grid:
    """Loss on a grid of a plane, coarse first, then finer.

    Args:
        span: limits of the grid; where both limits of b are the same, it is one row, a slice.
        resolution: points per side at the finest level.

    Attributes:
        a, b: coordinates of the columns and rows.
        values: shape (rows, columns), NaN where the loss is not computed yet.
        levels: strides of the levels; ``level`` of them are complete.
        seconds: work that went into it.
    """

    def __init__(self, plane: Plane, span: Span, resolution: int) -> None:
        self.plane = plane
        low_a, high_a, low_b, high_b = span
        self.a = np.linspace(low_a, high_a, resolution)
        self.b = np.linspace(low_b, high_b, resolution if high_b > low_b else 1)
        self.values = np.full((len(self.b), resolution), np.nan, np.float32)
        self.levels = _levels(resolution)
        self.level = 0
        self.seconds = 0.0

    @property
    def done(self) -> bool:
        return self.level == len(self.levels)

    @property
    def points(self) -> int:
        """How many are computed."""
        return int(np.count_nonzero(~np.isnan(self.values)))

    def shown(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates and values of the finest level that is complete."""
        stride = self.levels[max(0, self.level - 1)]
        return self.a[::stride], self.b[::stride], self.values[::stride, ::stride]


class Surface(Grid):
    """A grid that is computed slice by slice.

    Args:
        plan: a plan of its own (``Trainer.evaluation_plan`` of another trainer, or compiled for
            the purpose); its weights are overwritten.
        feeds: the samples that the loss is taken over.
        part: (rank, world): only every world-th row is computed, the others stay NaN.
    """

    def __init__(
        self, plan: Plan, plane: Plane, feeds: dict[str, Any], loss: str,
        span: Span, resolution: int,
        part: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        super().__init__(plane, span, resolution)
        self._rank, self._world = part
        self.plan, self.feeds, self.loss = plan, feeds, loss
        plan.draw_alike()  # all points see the same noise
        first = FirstLayers(plan, plane, feeds)
        many = ManyPoints(first, loss)
        self._many = many if many.helps else None
        self._single = PointByPoint(first, loss) if first.convolve else None
        self._work = self._points()

    def work(self, seconds: float) -> bool:
        """Compute for about so long; returns whether the surface is complete."""
        end = time.perf_counter() + seconds
        begun = time.perf_counter()
        for _ in self._work:
            if time.perf_counter() >= end:
                break
        self.seconds += time.perf_counter() - begun
        return self.done

    def seconds_to_next_level(self) -> float:
        """How much work the next finer grid is, from the time that a point took so far."""
        known = self.points
        if self.done or not known:
            return 0.0
        stride = self.levels[self.level]
        wanted = len(range(0, len(self.a), stride)) * len(range(0, len(self.b), stride))
        return (wanted - known) * self.seconds / known

    def _points(self) -> Iterator[None]:
        for stride in self.levels:
            rows = [i for i in range(0, len(self.b), stride) if i % self._world == self._rank]
            missing = [
                (i, j)
                for i in rows
                for j in range(0, len(self.a), stride)
                if np.isnan(self.values[i, j])
            ]
            while missing:
                most = self._many.most(len(self.a)) if self._many else 1
                i, j = np.transpose(missing[:most])
                self.values[i, j] = self._losses_at(self.a[j], self.b[i])
                del missing[:most]
                yield
            self.level += 1

    def _losses_at(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Losses at points; where they are not finite, the largest number there is."""
        found: np.ndarray | None = None
        if self._many is not None:
            try:
                found = self._many.losses(*map(torch.from_numpy, (a, b))).cpu().numpy()
            except RuntimeError:  # an operator that torch.func.vmap cannot run
                self._many = None
        if found is None:
            found = np.array([self._loss_at(float(x), float(y)) for x, y in zip(a, b, strict=True)])
        largest = float(np.finfo(np.float32).max)
        return np.where(np.isfinite(found), found, largest)

    def _loss_at(self, a: float, b: float) -> float:
        with torch.inference_mode():
            torch.add(self.plane.origin, self.plane.u, alpha=a, out=self.plan.flat)
            self.plan.flat.add_(self.plane.v, alpha=b)
        self.plan.draw_alike()
        if self._single is not None:
            return self._single.loss_at(a, b)
        self.plan.forward(self.feeds)
        return float(self.plan.value(self.loss).mean())


def _levels(resolution: int) -> list[int]:
    """Strides from coarse to fine: about 5 points per side, then each grid holds the one before."""
    last = resolution - 1
    stride = next((s for s in range(max(1, last // 4), 0, -1) if last % s == 0), 1)
    strides = [stride]
    while stride > 1:
        stride = next(s for s in range(stride // 2, 0, -1) if stride % s == 0)
        strides.append(stride)
    return strides
