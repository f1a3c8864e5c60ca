"""Messages of a race: the same net from the same start on the same batches, in several ways."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from graphcore.graph.training_settings import TrainingSettings
from graphcore.records.arrays import Array
from graphcore.records.requests import Job, Reply
from graphcore.training import optimizers

What = Literal["optimizer", "lr", "batch"]
RATES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Learning rates as multiples of the run's."""
BATCHES = (1, 8, 32, 128, 512)
USUAL = {"SGD": 0.1, "Adam": 1e-3, "AdamW": 1e-3, "RMSprop": 1e-3, "Adagrad": 1e-2,
         "Adadelta": 1.0}  # fmt: skip
"""A learning rate with which each optimiser usually learns."""


class Entrant(msgspec.Struct, frozen=True):
    """A runner as it is sent into a race; all else it has in common with the run.

    Attributes:
        options: keywords of the optimiser.
        lr: learning rate, the same at every step.
        batch: samples per step.
    """

    name: str
    optimizer: str
    options: dict[str, Any]
    lr: float
    batch: int


def entrants(settings: TrainingSettings, what: What) -> tuple[Entrant, ...]:
    """Return the default runners of a race; they differ in one setting only.

    An optimiser runs with the learning rate with which it usually learns, that of the run with the
    run's own rate and options.
    """
    own = (settings.optimizer, settings.optimizer_options)
    if what == "lr":
        rates = [float(f"{settings.lr * factor:.3g}") for factor in RATES]
        return tuple(Entrant(f"{rate:g}", *own, rate, settings.batch) for rate in rates)
    if what == "batch":
        return tuple(Entrant(str(n), *own, settings.lr, n) for n in BATCHES)
    found = []
    for name in optimizers.names():
        runs = name == settings.optimizer
        lr = settings.lr if runs else USUAL.get(name, 1e-3)
        found.append(Entrant(name, name, own[1] if runs else {}, lr, settings.batch))
    momentum = Entrant("SGD, momentum", "SGD", {"momentum": 0.9}, 0.1 * USUAL["SGD"],
                       settings.batch)  # fmt: skip
    return (*found, momentum)


class RaceRequest(Job, frozen=True):
    """A race.

    Attributes:
        what: what differs from runner to runner.
        steps: of a runner with the run's batch size; all see as many samples.
        number: which race it is; its frames bear it.
        runners: who runs; none for those of ``entrants``.
    """

    what: What = "optimizer"
    steps: int = 300
    number: int = 0
    runners: tuple[Entrant, ...] = ()


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
