"""Messages of a race: the same net from the same start on the same batches, in several ways."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.records.arrays import Array
from graphcore.records.requests import Job, Reply

What = Literal["optimizer", "lr", "batch"]


class RaceRequest(Job, frozen=True):
    """A race.

    Attributes:
        what: what differs from runner to runner.
        steps: of each runner.
        number: which race it is; its frames bear it.
    """

    what: What = "optimizer"
    steps: int = 300
    number: int = 0


class RaceSurface(msgspec.Struct, frozen=True, kw_only=True):
    """The loss under the paths of all runners.

    Attributes:
        labels, a, b, values, level, levels, samples: as in ``LandscapeFrame``; loss on the test
            set, in evaluation mode.
        shares: of the variance of all paths together that both axes hold; None where the axes
            are all the numbers that the net has.
        paths: of each runner, shape (k, 2).
    """

    labels: tuple[str, str]
    shares: tuple[float, float] | None
    a: Array
    b: Array
    values: Array
    level: int
    levels: int
    samples: int
    paths: tuple[Array, ...]


class RaceFrame(Reply, frozen=True, kw_only=True):
    """How far the runners are.

    Attributes:
        names: of the runners.
        rates: their learning rates.
        samples: seen by each runner at its steps since the last frame, shape (n,) each.
        losses: smoothed, at the same places.
        fallen: runners whose loss became NaN or infinite.
        done: share of the race.
        surface: under the paths, whenever it became finer; also after the race is done.
        problem: why there is none, or "".
        number: of the request.
    """

    names: tuple[str, ...] = ()
    rates: tuple[float, ...] = ()
    samples: tuple[Array, ...] = ()
    losses: tuple[Array, ...] = ()
    fallen: tuple[str, ...] = ()
    done: float = 0.0
    surface: RaceSurface | None = None
    problem: str = ""
    number: int = 0
