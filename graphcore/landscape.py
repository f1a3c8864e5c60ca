"""The loss around the current weights, on a plane through the space of all weights.

A plane is an origin and two directions. Random directions are normalised filter by filter (Li
et al., NeurIPS 2018): each neuron's or channel's weights get a random direction as long as they
are themselves, so that the picture does not depend on how the layers are scaled. The plane of
the first two principal components of the path shows where training went; the share of the
path's variance that it holds is part of the answer, since most random planes hold almost none.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lazy_loader
import numpy as np

from graphcore.landscape_batch import ManyPoints
from graphcore.parameters import seed_of
from graphcore.plan import Plan

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy_loader.load("torch")


@dataclass(frozen=True)
class Plane:
    """Weights origin + a·u + b·v.

    Attributes:
        origin, u, v: flat tensors of all parameters.
        labels: names of the two axes.
        shares: share of the path's variance along u and v, or None for a random plane.
    """

    origin: Tensor
    u: Tensor
    v: Tensor
    labels: tuple[str, str]
    shares: tuple[float, float] | None = None

    def at(self, a: float, b: float) -> Tensor:
        """The weights at a point of the plane."""
        return self.origin + a * self.u + b * self.v

    def project(self, flat: Tensor) -> tuple[float, float, float]:
        """Coordinates of the nearest point of the plane, and the distance from it."""
        basis = torch.stack([self.u, self.v], 1).double()
        offset = (flat - self.origin).double()
        gram = basis.t() @ basis
        found = torch.linalg.lstsq(gram, basis.t() @ offset).solution
        rest = offset - basis @ found
        return float(found[0]), float(found[1]), float(torch.linalg.vector_norm(rest))


def random_plane(plan: Plan, seed: int = 0) -> Plane:
    """Two random filter-normalised directions around the current weights."""
    u, v = (filter_normalised(plan, seed_of(seed, f"direction {i}")) for i in (0, 1))
    labels = ("random direction 1 (filter-normalised)", "random direction 2 (filter-normalised)")
    return Plane(plan.flat.clone(), u, v, labels)


def filter_normalised(plan: Plan, seed: int) -> Tensor:
    """A random direction with the length of the weights, neuron by neuron.

    Biases and other one-dimensional parameters stay where they are, as do frozen ones.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.zeros_like(plan.flat)
    for info in plan.layout:
        if len(info.shape) < 2 or info.frozen:
            continue
        n = math.prod(info.shape)
        weights = plan.parameters[info.name].reshape(info.shape[0], -1)
        noise = torch.randn(weights.shape, generator=generator).to(weights)
        lengths = torch.linalg.vector_norm(weights, dim=1, keepdim=True)
        noise *= lengths / torch.linalg.vector_norm(noise, dim=1, keepdim=True).clamp_min(1e-12)
        direction[info.offset : info.offset + n] = noise.reshape(-1)
    if not bool(direction.any()):  # a net of single numbers has no filters
        direction[: plan.trainable] = torch.randn(plan.trainable, generator=generator).to(direction)
    return direction


def principal_plane(path: Tensor, origin: Tensor) -> Plane | None:
    """The plane of the path's first two principal components through ``origin``.

    Args:
        path: weights along the run, shape (steps, numbers).

    Returns:
        None while the path is too short to span a plane. The directions are orthonormal.
    """
    centred = (path - path.mean(0)).double()
    gram = centred @ centred.t()
    variances, vectors = torch.linalg.eigh(gram)
    total = float(variances.clamp_min(0).sum())
    if len(path) < 3 or total <= 0 or float(variances[-2]) <= 1e-12 * float(variances[-1]):
        return None
    u, v = (
        (centred.t() @ vectors[:, -i] / math.sqrt(float(variances[-i]))).to(path) for i in (1, 2)
    )
    shares = (float(variances[-1]) / total, float(variances[-2]) / total)
    labels = tuple(f"PC{i + 1}: {share:.1%} of the path" for i, share in enumerate(shares))
    return Plane(origin.clone(), u, v, (labels[0], labels[1]), shares)


@dataclass
class PathRecorder:
    """Weights along a run, never more than ``most``: when full, every other one is dropped."""

    most: int = 64
    every: int = 1
    steps: list[int] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)

    def add(self, step: int, flat: Tensor) -> None:
        """Keep the weights of this step, if it is one that is kept."""
        if self.steps and step <= self.steps[-1]:
            self.clear()
        if self.steps and step - self.steps[-1] < self.every:
            return
        self.steps.append(step)
        self.weights.append(flat.detach().clone())
        if len(self.steps) > self.most:
            self.steps, self.weights = self.steps[::2], self.weights[::2]
            self.every *= 2

    def clear(self) -> None:
        """Forget the path."""
        self.steps, self.weights, self.every = [], [], 1

    def matrix(self) -> Tensor:
        """Shape (steps, numbers)."""
        return torch.stack(self.weights)


class Surface:
    """Loss on a grid of a plane, coarse first, then finer; computed slice by slice.

    Args:
        plan: a plan of its own (``Trainer.evaluation_plan`` of another trainer, or compiled for
            the purpose); its weights are overwritten.
        feeds: the samples that the loss is taken over.
        span: the grid reaches from −span to span along both directions.
        resolution: points per side at the finest level.
        part: (rank, world): only every world-th row is computed, the others stay NaN.
    """

    def __init__(
        self, plan: Plan, plane: Plane, feeds: dict[str, Any], loss: str,
        span: tuple[float, float, float, float], resolution: int,
        part: tuple[int, int] = (0, 1),
    ) -> None:  # fmt: skip
        self._rank, self._world = part
        self.plan, self.plane, self.feeds, self.loss = plan, plane, feeds, loss
        low_a, high_a, low_b, high_b = span
        self.a = np.linspace(low_a, high_a, resolution)
        self.b = np.linspace(low_b, high_b, resolution)
        self.values = np.full((resolution, resolution), np.nan, np.float32)
        self.levels = _levels(resolution)
        self.level = 0
        self.seconds = 0.0
        many = ManyPoints(plan, plane, feeds, loss)
        self._many = many if many.helps else None
        self._work = self._points()

    @property
    def done(self) -> bool:
        return self.level == len(self.levels)

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
        known = int(np.count_nonzero(~np.isnan(self.values)))
        if self.done or not known:
            return 0.0
        stride = self.levels[self.level]
        wanted = len(range(0, len(self.a), stride)) * len(range(0, len(self.b), stride))
        return (wanted - known) * self.seconds / known

    def _points(self) -> Iterator[None]:
        for stride in self.levels:
            for i in range(0, len(self.b), stride):
                if i % self._world != self._rank:
                    continue
                missing = [j for j in range(0, len(self.a), stride) if np.isnan(self.values[i, j])]
                most = self._many.most if self._many else 1
                for first in range(0, len(missing), most):
                    part = missing[first : first + most]
                    self.values[i, part] = self._losses_at(self.a[part], self.b[i])
                    yield
            self.level += 1

    def _losses_at(self, a: np.ndarray, b: float) -> np.ndarray:
        """Losses at points of one row; where they are not finite, the largest number there is."""
        found: np.ndarray | None = None
        if self._many is not None:
            row = torch.from_numpy(a)
            try:
                found = self._many.losses(row, torch.full_like(row, b)).cpu().numpy()
            except RuntimeError:  # an operator that torch.func.vmap cannot run
                self._many = None
        if found is None:
            found = np.array([self._loss_at(float(x), b) for x in a])
        largest = float(np.finfo(np.float32).max)
        return np.where(np.isfinite(found), found, largest)

    def _loss_at(self, a: float, b: float) -> float:
        with torch.inference_mode():
            torch.add(self.plane.origin, self.plane.u, alpha=a, out=self.plan.flat)
            self.plan.flat.add_(self.plane.v, alpha=b)
        self.plan.forward(self.feeds)
        return float(self.plan.value(self.loss).mean())

    def shown(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coordinates and values of the finest level that is complete."""
        stride = self.levels[max(0, self.level - 1)]
        return self.a[::stride], self.b[::stride], self.values[::stride, ::stride]


def _levels(resolution: int) -> list[int]:
    """Strides from coarse to fine; each grid contains the one before."""
    strides = [s for s in (8, 4, 2, 1) if (resolution - 1) % s == 0 and (resolution - 1) // s >= 4]
    return strides or [1]


def span_of_path(plane: Plane, path: Tensor, margin: float = 0.25) -> tuple[float, ...]:
    """Limits (low a, high a, low b, high b) that hold the whole path and a margin."""
    points = np.array([plane.project(flat)[:2] for flat in path])
    low, high = points.min(0), points.max(0)
    pad = np.maximum((high - low).max() * margin, 1e-3)
    return (low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad)
