"""The landscape while the net trains: a slice of work after each step, thrown away when stale."""

from __future__ import annotations

import time

import numpy as np

from graphcore.compiler import compile
from graphcore.landscape import PathRecorder, Plane, Surface, principal_plane, random_plane
from graphcore.landscape import span_of_path as limits_of_path
from graphcore.plan import Plan
from graphcore.training import Trainer
from graphcore.worker.arrays import pack
from graphcore.worker.landscape_messages import LandscapeFrame, LandscapeRequest

SHARE = 0.07
"""Share of the worker's time while training; the bar is 10 %."""
SLICE = 0.02
"""Seconds of work at a time while nothing trains."""
PATIENCE = 3.0
"""Seconds that a finer grid may take while training; beyond that a fresh coarse one is better."""
TRAINING_SAMPLES = 100
"""Samples of a surface that is made while training; it is made again with all when it pauses."""


class LandscapeTask:
    """Computes the surface that the window asked for."""

    def __init__(self) -> None:
        self.path = PathRecorder()
        self._request = LandscapeRequest(visible=False)
        self._trainer: Trainer | None = None
        self._plan: Plan | None = None
        self._surface: Surface | None = None
        self._origin_step = -1
        self._sent_level = -1
        self._samples = 0
        self._last_work = time.perf_counter()
        self._spent = 0.0

    def request(self, request: LandscapeRequest) -> None:
        """Show this from now on; starts anew."""
        self._request = request
        self._surface = None

    def has_work(self, trainer: Trainer | None) -> bool:
        """Whether there is something to compute while nothing trains."""
        if trainer is None or not self._request.visible:
            return False
        return (
            self._surface is None
            or not self._surface.done
            or self._stale(trainer)
            or self._samples < self._request.samples
        )

    def work(self, trainer: Trainer, *, training: bool) -> LandscapeFrame | None:
        """A slice of work; returns a frame when a level is complete."""
        self._notice(trainer)
        if not self._request.visible or not self._due(training):
            return None
        begun = time.perf_counter()
        if self._surface is None or self._outdated(trainer, training):
            self._begin(trainer, training)
        surface = self._surface
        frame = None
        if surface is not None and not surface.done:
            surface.work(0.002 if training else SLICE)
            if surface.level > max(0, self._sent_level):
                self._sent_level = surface.level
                frame = self._frame(trainer, surface)
        self._spent = time.perf_counter() - begun
        self._last_work = time.perf_counter()
        return frame

    def move_to(self, trainer: Trainer, a: float, b: float) -> None:
        """Give the net the weights at a point of the shown plane."""
        if self._surface is not None:
            trainer.plan.flat.copy_(self._surface.plane.at(a, b))

    def _due(self, training: bool) -> bool:
        """While training, rest long enough to keep to the share of the time."""
        return not training or time.perf_counter() - self._last_work >= self._spent / SHARE

    def _notice(self, trainer: Trainer) -> None:
        """Follow the run's path; a new net or a reset starts a new one."""
        if trainer is not self._trainer:
            self._trainer, self._plan, self._surface = trainer, None, None
            self.path.clear()
        if not self.path.steps or trainer.step != self.path.steps[-1]:
            if self.path.steps and trainer.step < self.path.steps[-1]:
                self._surface = None
            self.path.add(trainer.step, trainer.plan.flat)

    def _stale(self, trainer: Trainer) -> bool:
        return self._origin_step != trainer.step

    def _outdated(self, trainer: Trainer, training: bool) -> bool:
        """Whether to begin anew: finished or too slow to refine, and the weights have moved."""
        surface = self._surface
        assert surface is not None
        if not training:
            return self._stale(trainer) or self._samples < self._request.samples
        if not self._stale(trainer) or surface.level == 0:
            return False
        return surface.done or surface.seconds_to_next_level() / SHARE > PATIENCE

    def _begin(self, trainer: Trainer, training: bool) -> None:
        if self._plan is None:
            dtype = str(trainer.plan.dtype).removeprefix("torch.")
            self._plan = compile(trainer.graph, str(trainer.plan.device), dtype, "train")
        self._plan.copy_state(trainer.plan)
        request, b = self._request, trainer.binding
        split = trainer.data.test if request.split == "test" else trainer.data.train
        most = TRAINING_SAMPLES if training else request.samples
        self._samples = min(most, request.samples)
        x, t = trainer.tensors(split, self._samples)
        plane, span = self._plane(trainer)
        self._surface = Surface(self._plan, plane, b.feeds(x, t), b.loss, span, request.resolution)
        self._origin_step, self._sent_level = trainer.step, -1

    def _plane(self, trainer: Trainer) -> tuple[Plane, tuple[float, float, float, float]]:
        request = self._request
        if request.plane == "pca" and len(self.path.steps) >= 3:
            matrix = self.path.matrix()
            plane = principal_plane(matrix, trainer.plan.flat)
            if plane is not None:
                a0, a1, b0, b1 = limits_of_path(plane, matrix)
                return plane, (a0, a1, b0, b1)
        s = request.span
        return random_plane(trainer.plan, request.seed), (-s, s, -s, s)

    def _frame(self, trainer: Trainer, surface: Surface) -> LandscapeFrame:
        a, b, values = surface.shown()
        path = [surface.plane.project(w)[:2] for w in self.path.weights]
        at_a, at_b, distance = surface.plane.project(trainer.plan.flat)
        length = float(np.linalg.norm(trainer.plan.flat.cpu().numpy())) or 1.0
        return LandscapeFrame(
            plane="random" if surface.plane.shares is None else "pca",
            labels=surface.plane.labels, shares=surface.plane.shares,
            a=pack(a.astype(np.float32)), b=pack(b.astype(np.float32)),
            values=pack(np.ascontiguousarray(values)), level=surface.level,
            levels=len(surface.levels), step=self._origin_step, samples=self._samples,
            split=self._request.split, path=pack(np.array(path, np.float32).reshape(-1, 2)),
            current=(at_a, at_b), off_plane=distance / length, stale=self._stale(trainer),
            seconds=surface.seconds,
        )  # fmt: skip
