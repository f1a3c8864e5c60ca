"""A race in the engine process: a slice at a time, so nothing waits for it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.views.race import RaceFrame, RaceRequest, RaceSurface
from graphcore.views.race.compute import Runner, runners
from graphcore.views.race.surface import SharedSurface

if TYPE_CHECKING:
    from torch import Tensor

SLICE = 0.1
"""Seconds of work between two looks at the requests."""
SURFACE = 0.03
"""Of them for the surface under the paths."""


class RaceTask:
    """At most one race; the run that trains is not touched."""

    def __init__(self) -> None:
        self._runners: list[Runner] = []
        self._number = 0
        self._ends: dict[str, Tensor] = {}
        self._surface: SharedSurface | None = None
        self._sent: list[int] = []
        self._samples = 0

    def request(self, request: RaceRequest, session: Session) -> RaceFrame | None:
        """Begin or end."""
        self._end()
        self._number = request.number
        trainer = session.trainer
        if not request.what:
            return None
        if trainer is None:
            return RaceFrame(done=1.0, problem="There is no net to race with.", number=self._number)
        try:
            self._runners = runners(
                trainer.graph, trainer.data, trainer.settings, request.what, session.device
            )
        except GradscapeError as error:
            return RaceFrame(done=1.0, problem=str(error), number=self._number)
        self._surface = SharedSurface(self._runners)
        self._sent = [0] * len(self._runners)
        self._samples = request.steps * min(trainer.settings.batch, len(trainer.train_x))
        return None

    def forget(self) -> None:
        """Another document: no race, and nothing is kept of the last one."""
        self._runners, self._surface, self._ends = [], None, {}

    def ends(self) -> dict[str, Tensor]:
        """The weights that the runners of the last race have come to, by name."""
        return self._ends

    def _end(self) -> None:
        """No race any more; where the runners have come to is kept."""
        if self._runners:
            flats = {r.name: r.trainer.plan.flat for r in self._runners if not r.fallen}
            self._ends = {f"race: {name}": flat.clone() for name, flat in flats.items()}
        self._runners, self._surface = [], None

    def drop(self, problem: str) -> RaceFrame:
        """End the race because of a problem."""
        self._runners, self._surface = [], None
        return RaceFrame(done=1.0, problem=problem, number=self._number)

    @property
    def has_work(self) -> bool:
        """Whether a race is on."""
        return bool(self._runners)

    def work(self) -> RaceFrame | None:
        """Some steps of all runners, and what they gave; all have seen as many samples."""
        if not self._runners:
            return None
        assert self._surface is not None
        end = time.perf_counter() + SLICE - SURFACE
        while time.perf_counter() < end and not self._over():
            least = min((r for r in self._runners if not self._home(r)), key=_seen)
            least.step()
        surface = self._surface.work(SURFACE, self._over())
        frame = self._frame(surface)
        if self._over() and self._surface.done():
            self._end()
        return frame

    def _home(self, runner: Runner) -> bool:
        return runner.fallen or _seen(runner) >= self._samples

    def _over(self) -> bool:
        return all(self._home(r) for r in self._runners)

    def _frame(self, surface: RaceSurface | None) -> RaceFrame:
        samples, losses = [], []
        for i, runner in enumerate(self._runners):
            fresh = np.array(runner.points[self._sent[i] :], np.float64).reshape(-1, 2)
            self._sent[i] = len(runner.points)
            samples.append(pack(fresh[:, 0]))
            losses.append(pack(fresh[:, 1]))
        done = sum(1.0 if self._home(r) else _seen(r) / self._samples for r in self._runners)
        return RaceFrame(
            names=tuple(r.name for r in self._runners),
            rates=tuple(r.trainer.lr for r in self._runners), samples=tuple(samples),
            losses=tuple(losses), fallen=tuple(r.name for r in self._runners if r.fallen),
            done=1.0 if self._over() else done / len(self._runners),
            surface=surface, number=self._number,
        )  # fmt: skip


def _seen(runner: Runner) -> int:
    return runner.points[-1][0] if runner.points else 0
