"""The landscape while the net trains: a slice of work after each step, thrown away when stale."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.landscapes.planes import Plane, lowest_point
from graphcore.landscapes.surface import PathRecorder, Surface
from graphcore.records.arrays import pack
from graphcore.session.pace import rest
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest
from graphcore.views.landscape.chosen_plane import Chosen, Weights, at_hand, choose, widened
from graphcore.views.landscape.kept_weights import kept_weights
from graphcore.views.view import each_turn, view

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.05
"""Share of the worker's time while training; the bar is 10 %."""
SLICE = 0.005
"""Seconds of work at a time while nothing trains."""
PATIENCE = 2.0
"""Seconds that a finer grid may take while training; beyond that a fresh coarse one is better."""
TRAINING_SAMPLES, FEW_SAMPLES = 100, 32
"""Samples of a surface that is made while training, of a fast and of a slow net; it is made again
with all when it pauses."""
MIDDLING = 81
"""Points of the grid that is to be complete within ``PATIENCE``, with the larger number."""
START, BEST = "start of the run", "best on the test set"
PROBE = 0.5
"""Distance between the places from which the lowest point of a quadratic loss is found."""


class Landscape:
    """Computes the surface that the window asked for.

    Where an earlier step is looked at, the plane stays and the dot goes there; where the weights
    are changed without a step, the dot goes where they are.

    Attributes:
        path: weights along the run.
        held: whether the dot is dragged: the plane under it stays.
    """

    def __init__(self) -> None:
        self.path = PathRecorder()
        self.held = False
        self._sent_moved = self._entered = 0
        self._followed: int | None = None
        self._request = LandscapeRequest(visible=False)
        self._trainer: Trainer | None = None
        self._plan: Plan | None = None
        self._surface: Surface | None = None
        self._chosen: Chosen | None = None
        self._shown: Plane | None = None
        self._lowest: tuple[float, float, float] | None = None
        self._best: tuple[float, Tensor] | None = None
        self._origin_step = -1
        self._sent_level = -1
        self._samples = self._taken = 0
        self._pace = math.inf
        self._last_work = time.perf_counter()
        self._spent = 0.0

    def due(self, session: Session, request: LandscapeRequest) -> bool:
        """Whether there is something to compute, and while training, whether it is time for it."""
        trainer = session.trainer
        if trainer is None or not trainer.trains or self.held or trainer.plan.rests:
            return False
        if request is not self._request:
            return True
        if self._follows(session):
            return self._followed != trainer.step
        if self._followed is not None:
            return True
        if session.running and not self._rested():
            return False
        return (
            self._surface is None
            or not self._surface.done
            or self._stale(trainer)
            or self._sent_moved != session.weights_moved
            or self._samples < request.samples
        )

    def work(self, session: Session, request: LandscapeRequest) -> LandscapeFrame | None:
        """A slice of work; returns a frame when a level is complete."""
        trainer = session.need_trainer()
        if request is not self._request:
            self._request, self._surface = request, None
        elif self._follows(session) or self._followed is not None:
            return self._follow(session, trainer)
        begun = time.perf_counter()
        if self._surface is None or self._outdated(trainer, session.running):
            self._begin(session, trainer)
        surface = self._surface
        frame = None
        if surface is not None and not surface.done:
            surface.work(0.002 if session.running else SLICE)
            if surface.level > max(0, self._sent_level):
                self._sent_level = surface.level
                self._shown = surface.plane
                frame = self._frame(session, trainer, surface)
        moved = self._sent_moved != session.weights_moved
        if frame is None and surface is not None and surface.level > 0 and moved:
            frame = self._frame(session, trainer, surface)
        self._spent = time.perf_counter() - begun
        self._last_work = time.perf_counter()
        return frame

    def _follows(self, session: Session) -> bool:
        """Whether the dot moves over a surface that stays; random ones are made around it again."""
        stays = self._chosen is not None and self._chosen.kind != "random"
        level = 0 if self._surface is None else self._surface.level
        return session.runs.visiting and stays and level > 0

    def _follow(self, session: Session, trainer: Trainer) -> LandscapeFrame | None:
        """The same surface with the dot at the step that is looked at, or back at the newest."""
        surface, there = self._surface, trainer.step if session.runs.visiting else None
        if there is not None and there == self._followed:
            return None
        self._followed = there
        found = surface is not None and surface.level > 0
        return self._frame(session, trainer, surface) if found and surface else None

    def follow_run(self, session: Session) -> None:
        """Take note of the step that was made, of the newest test, or of another run."""
        trainer = session.trainer
        if trainer is None:
            return
        if self._entered != session.entered:
            self._entered = session.entered
            self._retrace(session)
        score, session.tested = session.tested, None
        if score is not None:
            self.note_score(trainer, score.loss)
        if trainer.trains and not session.runs.visiting and not trainer.plan.rests:
            self._notice(trainer, session.runs.jumps)

    def note_score(self, trainer: Trainer, loss: float) -> None:
        """Remember the weights if no others had so small a loss on the test set."""
        if trainer is self._trainer and (self._best is None or loss < self._best[0]):
            self._best = loss, trainer.plan.flat.clone()

    def move_to(self, trainer: Trainer, a: float, b: float) -> None:
        """Give the net the weights at a point of the shown plane."""
        if self._shown is not None and self._shown.origin.shape == trainer.plan.flat.shape:
            trainer.plan.flat.copy_(self._shown.at(a, b))

    def _rested(self) -> bool:
        """Whether enough time has passed to keep to the share of it."""
        return time.perf_counter() - self._last_work >= rest(self._spent, SHARE)

    def _retrace(self, session: Session) -> None:
        """Another run is the current one: the path is what was recorded of it."""
        trainer, run = session.trainer, session.runs.current
        if trainer is None or run is None or not run.timeline.moments:
            return
        self._meet(trainer)
        self._surface = self._best = None
        self.path.retrace(run.timeline.moments, session.runs.legs())
        self.path.weights = [flat.to(trainer.plan.flat) for flat in self.path.weights]

    def _meet(self, trainer: Trainer) -> None:
        """What was of another net is no more."""
        if trainer is self._trainer:
            return
        same = self._trainer is not None and trainer.plan.layout == self._trainer.plan.layout
        self._trainer, self._plan, self._surface = trainer, None, None
        self._shown, self._best, self._pace = None, None, math.inf
        if not same:
            self.path.clear()

    def _notice(self, trainer: Trainer, leg: int) -> None:
        """Follow the run's path; a new net or a reset starts a new one."""
        self._meet(trainer)
        if not self.path.steps or trainer.step != self.path.steps[-1]:
            if self.path.steps and trainer.step < self.path.steps[-1]:
                self._surface = self._best = None
            self.path.add(trainer.step, trainer.plan.flat, leg)

    def _stale(self, trainer: Trainer) -> bool:
        return self._origin_step != trainer.step

    def _outdated(self, trainer: Trainer, training: bool) -> bool:
        """Whether to start over: finished or too slow to refine, and the weights have moved."""
        surface = self._surface
        assert surface is not None
        if not training:
            return self._stale(trainer) or self._samples < self._request.samples
        if not self._stale(trainer) or surface.level == 0:
            return False
        return surface.done or surface.seconds_to_next_level() / SHARE > PATIENCE

    def _begin(self, session: Session, trainer: Trainer) -> None:
        if self._plan is None:
            self._plan = compile(trainer.graph, mode="train", **trainer.plan.made_for)
        self._plan.copy_state(trainer.plan)
        if self._surface is not None and self._surface.points:
            self._pace = self._surface.seconds / (self._surface.points * self._taken)
        request, b = self._request, trainer.binding
        split = trainer.data.test if request.split == "test" else trainer.data.train
        self._samples = min(self._affordable(session.running), request.samples)
        x, t = trainer.tensors(split, trainer.at_once(self._samples))
        self._taken = len(x)
        feeds = b.feeds(x, t)
        chosen = choose(request, trainer.plan, self.path.weights, self._targets(session))
        span = chosen.span
        self._lowest = _lowest(trainer, chosen.plane, feeds) if chosen.exact else None
        if self._lowest is not None:
            span = widened(span, self._lowest[:2])
        if request.line:
            span = (*span[:2], 0.0, 0.0)
        self._chosen = chosen
        self._surface = Surface(self._plan, chosen.plane, feeds, b.loss, span, request.resolution)
        self._origin_step, self._sent_level = trainer.step, -1

    def _affordable(self, training: bool) -> int:
        """Samples with which a surface comes soon while the net trains."""
        if not training:
            return self._request.samples
        seconds = self._pace * TRAINING_SAMPLES * MIDDLING
        return TRAINING_SAMPLES if seconds / SHARE <= PATIENCE else FEW_SAMPLES

    def _targets(self, session: Session) -> dict[str, Weights]:
        """Weights that a plane may go towards, fetched when they are wanted."""
        near = {START: self.path.weights[0]} if self.path.weights else {}
        if self._best is not None:
            near[BEST] = self._best[1]
        return {**{name: at_hand(flat) for name, flat in near.items()}, **kept_weights(session)}

    def _frame(self, session: Session, trainer: Trainer, surface: Surface) -> LandscapeFrame:
        chosen = self._chosen
        assert chosen is not None
        a, b, values = surface.shown()
        path = self.path.on(surface.plane)
        at_a, at_b, distance = surface.plane.project(trainer.plan.flat)
        length = float(np.linalg.norm(trainer.plan.flat.cpu().numpy())) or 1.0
        self._sent_moved = session.weights_moved
        return LandscapeFrame(
            plane=chosen.kind, exact=chosen.exact, note=chosen.note,
            labels=surface.plane.labels, shares=surface.plane.shares,
            a=pack(a.astype(np.float32)), b=pack(b.astype(np.float32)),
            values=pack(np.ascontiguousarray(values)), level=surface.level,
            levels=len(surface.levels), step=self._origin_step, samples=self._taken,
            split=self._request.split, path=pack(path.astype(np.float32).reshape(-1, 2)),
            current=(at_a, at_b), lowest=self._lowest, off_plane=distance / length,
            stale=self._stale(trainer), seconds=surface.seconds,
            targets=tuple(self._targets(session)),
            parameters={p.name: tuple(p.shape) for p in trainer.plan.layout},
        )  # fmt: skip


@view(LandscapeRequest, due=lambda session, request: session.part(Landscape).due(session, request))
def landscape(session: Session, request: LandscapeRequest) -> LandscapeFrame | None:
    """Work on the surface around the weights of the net that is trained."""
    return session.part(Landscape).work(session, request)


@each_turn
def follow(session: Session) -> None:
    """Record the path of the weights, whether or not the view is visible."""
    session.part(Landscape).follow_run(session)


def _lowest(
    trainer: Trainer, plane: Plane, feeds: Mapping[str, Any]
) -> tuple[float, float, float] | None:
    """Place and value of the smallest loss where it is quadratic, found in float64."""
    plan = compile(trainer.graph, mode="train", **{**trainer.plan.made_for, "dtype": "float64"})
    origin, u, v = (t.double() for t in (plane.origin, plane.u, plane.v))
    wide = Plane(origin, u, v, plane.labels)

    def loss_at(a: float, b: float) -> float:
        plan.flat.copy_(wide.at(a, b))
        plan.forward(feeds)
        return float(plan.value(trainer.binding.loss).mean())

    h = PROBE
    places = ((0, 0), (h, 0), (-h, 0), (0, h), (0, -h), (h, h), (-h, -h), (2 * h, -h))
    found = lowest_point([loss_at(a, b) for a, b in places], h)
    return None if found is None else (*found, loss_at(*found))
