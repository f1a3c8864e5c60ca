"""One surface for all runners of a race: the plane that holds their paths best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphcore.engine.compiler import compile
from graphcore.landscapes.planes import (
    only_weights,
    plane_of_weights,
    principal_plane,
    span_of_path,
)
from graphcore.landscapes.surface import Surface
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.views.race import RaceSurface
from graphcore.views.race.runners import Runner

RESOLUTION, SAMPLES = 25, 200
POINTS = 12
"""Of each path, from which the plane is made."""
GROWTH = 1.5
"""How much longer the paths are before a fresh surface is begun."""
ASTRAY = 1.5
"""A runner whose loss has grown by this factor is left out when the plane is fitted."""


class SharedSurface:
    """Computed slice by slice, again as the paths grow; the last one when the race is over.

    Args:
        runners: of one net, with the weights that they have been through.
    """

    def __init__(self, runners: Sequence[Runner]) -> None:
        self._runners = runners
        first = runners[0].trainer
        x, t = first.tensors(first.data.test, first.at_once(SAMPLES))
        self._feeds, self._loss = first.binding.feeds(x, t), first.binding.loss
        self._plan = compile(first.graph, mode="train", **first.plan.made_for)
        self._plan.copy_state(first.plan)
        self._samples = len(x)
        self._surface: Surface | None = None
        self._sent_level = 0
        self._begun_at = 0

    def done(self) -> bool:
        """Whether the surface under the paths as they are is complete."""
        length = self._length()
        if self._surface is None:
            return length < 3 or self._begun_at == length
        return self._surface.done and self._begun_at == length

    def work(self, seconds: float, over: bool) -> RaceSurface | None:
        """Compute for about so long; returns the surface when a level is complete.

        Args:
            over: whether the paths grow no more.
        """
        length = self._length()
        complete = self._surface is None or self._surface.done
        grown = length >= 3 and length >= GROWTH * self._begun_at
        if complete and (grown or (over and self._begun_at != length)):
            self._begin(length)
        surface = self._surface
        if surface is None or surface.done:
            return None
        surface.work(seconds)
        if surface.level <= self._sent_level:
            return None
        self._sent_level = surface.level
        return self._message(surface)

    def _length(self) -> int:
        return max(r.trainer.step for r in self._runners)

    def _begin(self, length: int) -> None:
        self._begun_at = length
        steady = [r for r in self._runners if not self._astray(r)]
        together = torch.stack([w for r in steady or self._runners for w in r.way(POINTS)])
        alone = only_weights(self._plan)
        plane = (
            principal_plane(together, together.mean(0))
            if alone is None
            else plane_of_weights(self._plan, alone)
        )
        if plane is None:  # the runners hardly moved: there is no plane to speak of
            self._surface = None
            return
        span = span_of_path(plane, together)
        self._sent_level = 0
        self._surface = Surface(self._plan, plane, self._feeds, self._loss, span, RESOLUTION)

    def _astray(self, runner: Runner) -> bool:
        points = runner.points
        return runner.fallen or bool(points and points[-1][1] > ASTRAY * points[0][1])

    def _message(self, surface: Surface) -> RaceSurface:
        a, b, values = surface.shown()
        plane = surface.plane
        return RaceSurface(
            labels=plane.labels, shares=plane.shares,
            a=pack(a.astype(np.float32)), b=pack(b.astype(np.float32)),
            values=pack(np.ascontiguousarray(values)), samples=self._samples,
            level=surface.level, levels=len(surface.levels),
            paths=tuple(pack(plane.places(r.way()).astype(np.float32)) for r in self._runners),
        )  # fmt: skip
