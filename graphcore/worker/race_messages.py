"""Messages of a race: the same net from the same start on the same batches, in several ways."""

from __future__ import annotations

from typing import Literal

import msgspec

from graphcore.worker.arrays import Array

What = Literal["optimizer", "lr", "batch"]


class RaceRequest(msgspec.Struct, tag=True, frozen=True):
    """Begin a race, or end the one that runs.

    Attributes:
        what: what differs from runner to runner; "" ends the race.
        steps: of each runner.
    """

    what: What | Literal[""] = ""
    steps: int = 300


class RaceFrame(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """How far the runners are.

    Attributes:
        names: of the runners.
        samples: seen by each runner at its steps since the last frame, shape (n,) each.
        losses: smoothed, at the same places.
        fallen: runners whose loss became NaN or infinite.
        done: share of the race.
        problem: why there is none, or "".
    """

    names: tuple[str, ...] = ()
    samples: tuple[Array, ...] = ()
    losses: tuple[Array, ...] = ()
    fallen: tuple[str, ...] = ()
    done: float = 0.0
    problem: str = ""
