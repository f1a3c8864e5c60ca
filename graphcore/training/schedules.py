"""Learning-rate schedules: the factor by which the learning rate is multiplied at a step.

To add one, write a function with ``@schedule``: (progress from 0 to 1, step, total steps,
options) -> factor of the peak learning rate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphcore.errors import AttributeRefusedError
from graphcore.training.options import check_all


@dataclass(frozen=True)
class Moment:
    """Where a run stands: ``step`` of ``total`` steps (the first is 0), ``epoch`` of ``epochs``.

    Attributes:
        losses: of the epochs that are over.
    """

    step: int
    total: int
    epoch: int
    epochs: int
    losses: Sequence[float] = ()


Factor = Callable[..., float]
_table: dict[str, tuple[Factor, dict[str, float]]] = {}


def schedule(name: str, **defaults: float) -> Callable[[Factor], Factor]:
    """Register a schedule and the options it takes."""

    def put(function: Factor) -> Factor:
        _table[name] = (function, defaults)
        return function

    return put


def names() -> tuple[str, ...]:
    """Names of all schedules."""
    return tuple(_table)


def options(name: str) -> dict[str, float]:
    """Options of a schedule with their defaults."""
    return dict(_entry(name)[1])


def describe(name: str) -> str:
    """First line of help."""
    return (_entry(name)[0].__doc__ or "").strip().split("\n", 1)[0]


def check(name: str, given: Mapping[str, Any]) -> None:
    """Raise AttributeRefusedError unless there is such a schedule and its options fit."""
    check_all(name, _entry(name)[1], given)


def factor(name: str, moment: Moment, given: Mapping[str, Any]) -> float:
    """Factor of the learning rate, infinite where it is too large a number.

    Args:
        given: options that ``check`` lets pass.
    """
    function, defaults = _entry(name)
    try:
        return function(moment, **{**defaults, **given})
    except ArithmeticError:
        return math.inf


def _entry(name: str) -> tuple[Factor, dict[str, float]]:
    if name not in _table:
        raise AttributeRefusedError(
            f"There is no schedule called {name!r}; there are: {', '.join(_table)}."
        )
    return _table[name]


@schedule("constant")
def constant(moment: Moment) -> float:
    """The same rate throughout."""
    return 1.0


@schedule("step", every=10, gamma=0.1)
def step(moment: Moment, *, every: float, gamma: float) -> float:
    """Multiply by gamma after each ``every`` epochs (torch's StepLR)."""
    return float(gamma ** (moment.epoch // max(1, int(every))))


@schedule("exponential", gamma=0.9)
def exponential(moment: Moment, *, gamma: float) -> float:
    """Multiply by gamma after each epoch (torch's ExponentialLR)."""
    return float(gamma**moment.epoch)


@schedule("cosine", final=0.0)
def cosine(moment: Moment, *, final: float) -> float:
    """Fall along half a cosine to ``final`` at the last step (Loshchilov & Hutter, 2017)."""
    progress = min(1.0, moment.step / max(1, moment.total - 1))
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


@schedule("warmup", share=0.1)
def warmup(moment: Moment, *, share: float) -> float:
    """Rise linearly over the first share of the run, then stay."""
    return min(1.0, (moment.step + 1) / max(1.0, share * moment.total))


@schedule("onecycle", share=0.3, start=25.0, end=1e4)
def onecycle(moment: Moment, *, share: float, start: float, end: float) -> float:
    """Rise from 1/start to the peak over ``share`` of the run, then fall to 1/(start·end).

    Source: Smith & Topin (2018); the numbers are those of torch's OneCycleLR (cosine).
    """
    peak = share * moment.total - 1
    if moment.step <= peak:
        return _anneal(1 / start, 1.0, moment.step / max(peak, 1e-9))
    last = moment.total - 1
    return _anneal(1.0, 1 / (start * end), min(1.0, (moment.step - peak) / max(last - peak, 1e-9)))


@schedule("plateau", gamma=0.1, patience=10.0, threshold=1e-4)
def plateau(moment: Moment, *, gamma: float, patience: float, threshold: float) -> float:
    """Multiply by gamma whenever the epochs' loss has stopped falling.

    Source: torch's ReduceLROnPlateau, mode "min", relative threshold.
    """
    rate, best, bad = 1.0, math.inf, 0
    for loss in moment.losses:
        better = loss < best * (1 - threshold)
        best, bad = (loss, 0) if better else (best, bad + 1)
        if bad > patience:
            rate, bad = rate * gamma, 0
    return rate


def _anneal(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * progress)) / 2
