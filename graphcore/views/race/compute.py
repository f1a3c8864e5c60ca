"""A race in the engine process: a slice at a time, so nothing waits for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.views.race import RaceFrame, RaceRequest, RaceSurface, entrants
from graphcore.views.race.runners import Runner, runners, samples_seen
from graphcore.views.race.surface import SharedSurface
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

SLICE = 0.1
"""Seconds of work between two looks at the requests."""
SURFACE = 0.03
"""Of them for the surface under the paths."""


def _lost(request: RaceRequest, problem: str) -> RaceFrame:
    return RaceFrame(done=1.0, problem=problem, number=request.number)


@view(RaceRequest, lost=_lost)
def race(session: Session, request: RaceRequest) -> Iterator[RaceFrame]:
    """Some steps of all runners at a time; the run that trains is not touched."""
    trainer = session.trainer
    if trainer is None:
        yield _lost(request, "There is no net to race with.")
        return
    try:
        chosen = request.runners or entrants(trainer.settings, request.what)
        running = runners(trainer.graph, trainer.data, trainer.settings, chosen, session.device)
    except GradscapeError as error:
        yield _lost(request, str(error))
        return
    samples = samples_seen(trainer, request.steps)
    racing = _Race(running, request.number, samples)
    try:
        while not racing.done:
            yield racing.work()
    except GeneratorExit:  # the race was ended: it is known how far the runners have come
        pass
    session.named_weights = racing.ends()


class _Race:
    """All runners, which have seen as many samples at any time, and the surface under them."""

    def __init__(self, running: list[Runner], number: int, samples: int) -> None:
        self._runners, self._number, self._samples = running, number, samples
        self._surface = SharedSurface(running)
        self._sent = [0] * len(running)

    def ends(self) -> dict[str, Tensor]:
        """The weights that the runners have come to, by name."""
        flats = {r.name: r.trainer.plan.flat for r in self._runners if not r.fallen}
        return {f"race: {name}": flat.clone() for name, flat in flats.items()}

    @property
    def done(self) -> bool:
        """Whether all have arrived and the surface is as fine as it gets."""
        return self._over() and self._surface.done()

    def work(self) -> RaceFrame:
        """Some steps, and what they gave."""
        end = time.perf_counter() + SLICE - SURFACE
        while time.perf_counter() < end and not self._over():
            least = min((r for r in self._runners if not self._home(r)), key=_seen)
            least.step()
        return self._frame(self._surface.work(SURFACE, self._over()))

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
