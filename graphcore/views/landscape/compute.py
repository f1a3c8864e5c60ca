"""The landscape while the net trains: a slice of work after each step, thrown away when stale."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore import files
from graphcore.engine.compiler import compile
from graphcore.engine.plan import Plan
from graphcore.landscapes.planes import Plane, lowest_point
from graphcore.landscapes.surface import Grid, PathRecorder, Surface
from graphcore.records.arrays import pack
from graphcore.records.tasks import Helper
from graphcore.session.pace import rest
from graphcore.session.session import Session
from graphcore.training.trainer import Trainer
from graphcore.views.landscape import LandscapeFrame, LandscapeRequest, beside
from graphcore.views.landscape.beside import SurfaceBeside, SurfaceTask
from graphcore.views.landscape.chosen_plane import Chosen, Weights, at_hand, choose, widened
from graphcore.views.landscape.kept_weights import kept_weights
from graphcore.views.view import each_turn, view

if TYPE_CHECKING:
    from torch import Tensor

SHARE = 0.05
"""Share of the worker's time while training; the bar is 10 %."""
SHARE_BESIDE = 0.3
"""The same while a script trains, whose loop is not the worker's."""
SLICE = 0.005
"""Seconds of work at a time while nothing trains."""
TRAINING_SLICE = 0.002
"""The same while it trains."""
FIRST_SLICE = 0.5
"""The same for the first grid beside a script's loop, which is shown as soon as it is complete."""
PATIENCE = 2.0
"""Seconds that a finer grid may take while training; beyond that a fresh coarse one is better."""
TRAINING_SAMPLES, FEW_SAMPLES = 100, 32
"""Samples of a surface that is made while training, of a fast and of a slow net; it is made again
with all when it pauses."""
FRESH = 0.8
"""Seconds that the helper may take for a surface with all samples: shown for as long, it is at
most twice as old."""
MIDDLING = 81
"""Points of the grid that is to be complete within ``PATIENCE``, with the larger number; of the
helper's, all are."""
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
        self._surface: Surface | SurfaceBeside | None = None
        self._graph: bytes = b""
        self._alone = False
        self._chosen: Chosen | None = None
        self._shown: Plane | None = None
        self._lowest: tuple[float, float, float] | None = None
        self._best: tuple[float, Tensor] | None = None
        self._origin_step = -1
        self._sent_level = -1
        self._samples = self._taken = 0
        self._pace = math.inf
        self._last_work = time.perf_counter()
        self._spent, self._share = 0.0, SHARE

    def due(self, session: Session, request: LandscapeRequest) -> bool:
        """Whether there is something to compute, and while training, whether it is time for it."""
        trainer = session.trainer
        if trainer is None or not trainer.trains or self.held or trainer.plan.rests:
            return False
        self._share = SHARE_BESIDE if session.script.at_work else SHARE
        if self._is_first(session):
            self._share = 1.0
        if request is not self._request:
            return True
        if self._follows(session):
            return self._followed != trainer.step
        if self._followed is not None:
            return True
        if session.running and (self._waits(session) or not self._rested()):
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
        helped = isinstance(self._surface, SurfaceBeside)  # others' time is not to delay it
        clock = time.thread_time if helped else time.perf_counter
        begun = clock()
        if self._surface is None or self._outdated(session, trainer):
            self._begin(session, trainer)
        surface = self._surface
        frame = None
        if surface is not None and not surface.done:
            self._go_on(surface, session)
            if surface.level > max(0, self._sent_level):
                self._sent_level = surface.level
                self._shown = surface.plane
                frame = self._frame(session, trainer, surface)
                if isinstance(surface, SurfaceBeside) and surface.over and session.running:
                    self._begin(session, trainer)  # the helper is not to wait for a rest
        moved = self._sent_moved != session.weights_moved
        if frame is None and surface is not None and surface.level > 0 and moved:
            frame = self._frame(session, trainer, surface)
        self._spent = clock() - begun
        self._last_work = time.perf_counter()
        return frame

    def _waits(self, session: Session) -> bool:
        """Whether the helper is at work and has sent nothing yet that could be shown."""
        surface = self._surface
        shown = self._sent_moved == session.weights_moved
        return (
            isinstance(surface, SurfaceBeside) and not surface.over and shown and not surface.news
        )

    def _is_first(self, session: Session) -> bool:
        """Whether a script's loop, which is not delayed, waits for its first surface."""
        return session.script.at_work and self._shown is None

    def _go_on(self, surface: Surface | SurfaceBeside, session: Session) -> None:
        """Compute a slice of the surface, or take what the helper has computed."""
        if isinstance(surface, Surface):
            end = time.perf_counter() + FIRST_SLICE
            surface.work(TRAINING_SLICE if session.running else SLICE)
            while self._is_first(session) and surface.level == 0 and time.perf_counter() < end:
                surface.work(TRAINING_SLICE)
        elif surface.news:
            surface.take()
            self._alone |= surface.refused

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
        return time.perf_counter() - self._last_work >= rest(self._spent, self._share)

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
        self._graph, self._alone = b"", False
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

    def _outdated(self, session: Session, trainer: Trainer) -> bool:
        """Whether to start over: finished or too slow to refine, and the weights have moved."""
        surface, stale = self._surface, self._stale(trainer)
        assert surface is not None
        if not session.running:
            unfinished = isinstance(surface, SurfaceBeside) and not surface.done
            return unfinished or stale or self._samples < self._request.samples
        if isinstance(surface, SurfaceBeside):
            return surface.over and (stale or not surface.done)
        if self._helper(session, trainer) is not None:
            return True
        if not stale or surface.level == 0:
            return False
        return surface.done or surface.seconds_to_next_level() / self._share > PATIENCE

    def _helper(self, session: Session, trainer: Trainer) -> Helper | None:
        """The helper process, where it takes a surface of the net just now."""
        helper = session.helper
        if helper is None or self._alone or trainer.plan.device.type != "cpu":
            return None
        return helper if session.running and helper.ready() else None

    def _begin(self, session: Session, trainer: Trainer) -> None:
        before, coarsest = self._surface, self._sent_level
        if before is not None and before.points:
            self._pace = before.seconds / (before.points * self._taken)
        request, b, helper = self._request, trainer.binding, self._helper(session, trainer)
        split = trainer.data.test if request.split == "test" else trainer.data.train
        affordable = self._affordable(session.running, helper is not None)
        self._samples = min(affordable, request.samples)
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
        asked = SurfaceTask(
            loss=b.loss, span=span, resolution=request.resolution, patience=PATIENCE,
            made_for=trainer.plan.made_for, coarsest=0 if before is None else coarsest,
        )  # fmt: skip
        self._surface = self._made(trainer, asked, chosen.plane, feeds, helper)
        self._origin_step, self._sent_level = trainer.step, -1

    def _made(
        self, trainer: Trainer, asked: SurfaceTask, plane: Plane, feeds: dict[str, Any],
        helper: Helper | None,
    ) -> Surface | SurfaceBeside:  # fmt: skip
        """A surface that the helper computes, or one that is computed here."""
        if helper is not None:
            self._graph = self._graph or files.dumps(trainer.graph)
            made = beside.begin(helper, asked, self._graph, trainer.plan, plane, feeds)
            if made is not None:
                return made
            self._alone = helper.ready()
        if self._plan is None:
            self._plan = compile(trainer.graph, mode="train", **trainer.plan.made_for)
        self._plan.copy_state(trainer.plan)
        return Surface(self._plan, plane, feeds, asked.loss, asked.span, asked.resolution)

    def _affordable(self, training: bool, helped: bool) -> int:
        """Samples with which a surface comes soon while the net trains."""
        request = self._request
        if not training or (helped and self._pace * request.samples * request.points <= FRESH):
            return request.samples
        seconds = self._pace * TRAINING_SAMPLES
        seconds *= request.points if helped else MIDDLING / self._share
        return TRAINING_SAMPLES if seconds <= PATIENCE else FEW_SAMPLES

    def _targets(self, session: Session) -> dict[str, Weights]:
        """Weights that a plane may go towards, fetched when they are wanted."""
        near = {START: self.path.weights[0]} if self.path.weights else {}
        if self._best is not None:
            near[BEST] = self._best[1]
        return {**{name: at_hand(flat) for name, flat in near.items()}, **kept_weights(session)}

    def _frame(self, session: Session, trainer: Trainer, surface: Grid) -> LandscapeFrame:
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
