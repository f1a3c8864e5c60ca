"""Which piece of which plane the window gets to see."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import EngineError, GradscapeError
from graphcore.landscapes.planes import (
    Plane,
    Span,
    only_weights,
    plane_of_weights,
    plane_towards,
    principal_plane,
    random_plane,
    span_of_path,
)
from graphcore.late import torch
from graphcore.views.landscape import LandscapeRequest, PlaneKind

if TYPE_CHECKING:
    from torch import Tensor

    from graphcore.engine.plan import Plan

Weights = Callable[[], "Tensor"]
"""Fetches them, from a file perhaps, when they are wanted."""
TOWARDS: Span = (-0.5, 1.5, -1.0, 1.0)
"""Shown of a plane that goes from the current weights at 0 to others at 1."""


@dataclass(frozen=True)
class Chosen:
    """A plane, the piece of it that is shown, and why it is not the one that was asked for."""

    kind: PlaneKind
    plane: Plane
    span: Span
    exact: bool = False
    note: str = ""


def at_hand(flat: Tensor) -> Weights:
    """Weights that need no fetching."""
    return lambda: flat


def choose(
    request: LandscapeRequest, plan: Plan, path: Sequence[Tensor],
    targets: Mapping[str, Weights],
) -> Chosen:  # fmt: skip
    """The plane that was asked for, or a random one and the reason.

    Args:
        path: weights along the run.
        targets: weights that a plane can go towards, by name; fetched when they are wanted.
    """
    alone = only_weights(plan)
    if alone is not None:
        return _of_weights(request, plan, alone, path, exact=True)
    try:
        if request.plane == "pca":
            return _principal(plan, path)
        if request.plane == "weights":
            chosen = request.weights or _first_two(plan)
            return _of_weights(request, plan, chosen, path)
        if request.plane == "towards":
            return _towards(request, plan, targets)
    except GradscapeError as error:
        return _random(request, plan, str(error))
    return _random(request, plan)


def _random(request: LandscapeRequest, plan: Plan, note: str = "") -> Chosen:
    s = request.span
    return Chosen("random", random_plane(plan, request.seed), (-s, s, -s, s), note=note)


def _principal(plan: Plan, path: Sequence[Tensor]) -> Chosen:
    plane = principal_plane(torch.stack(list(path)), plan.flat) if len(path) >= 3 else None
    if plane is None:
        raise EngineError("The path is still too short for its principal components.")
    return Chosen("pca", plane, span_of_path(plane, path))


def _first_two(plan: Plan) -> list[tuple[str, int]]:
    if plan.flat.numel() < 2:
        raise EngineError("The net has a single weight.")
    places = [(p.name, i) for p in plan.layout[:2] for i in range(min(2, math.prod(p.shape)))]
    return places[:2]


def _of_weights(
    request: LandscapeRequest, plan: Plan, chosen: Sequence[tuple[str, int]],
    path: Sequence[Tensor], exact: bool = False,
) -> Chosen:  # fmt: skip
    """As wide as the span says around the weights, and so wide that the path is on it."""
    if len(chosen) != 2:
        raise EngineError("Two weights are needed, one for each axis.")
    plane = plane_of_weights(plan, chosen)
    a, b = plane.places([plan.flat])[0]
    s = request.span
    low, high = np.array([a - s, b - s]), np.array([a + s, b + s])
    if len(path) > 1:
        a0, a1, b0, b1 = span_of_path(plane, path)
        low, high = np.minimum(low, (a0, b0)), np.maximum(high, (a1, b1))
    limits = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return Chosen("weights", plane, limits, exact)


def _towards(request: LandscapeRequest, plan: Plan, targets: Mapping[str, Weights]) -> Chosen:
    name = request.target or next(iter(targets), "")
    if name not in targets:
        raise EngineError(f"There are no weights called {name!r} to go towards just now.")
    other = targets[name]()
    if other.shape != plan.flat.shape:
        raise EngineError(f"The weights of {name!r} are of another net.")
    if torch.equal(other, plan.flat):
        raise EngineError(f"The net has the weights of {name!r} just now.")
    return Chosen("towards", plane_towards(plan, other, name, request.seed), TOWARDS)


def widened(span: Span, place: tuple[float, float]) -> Span:
    """Limits that hold a further place, and as much room around it."""
    a0, a1, b0, b1 = span
    a, b = place
    pad_a, pad_b = 0.15 * (a1 - a0), 0.15 * (b1 - b0)
    return min(a0, a - pad_a), max(a1, a + pad_a), min(b0, b - pad_b), max(b1, b + pad_b)
