"""Training settings that no run can be made of: unknown names, and numbers that do not fit."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from graphcore import datasets
from graphcore.errors import AttributeRefusedError
from graphcore.graph.training_settings import Objective, TrainingSettings
from graphcore.training import optimizers, options, schedules

OF_RUN: dict[str, Any] = {"epochs": 1, "batch": 1, "lr": 1.0, "l1": 0.0, "l2": 0.0, "seed": 0}
OPTIONAL: dict[str, Any] = {"clip_norm": 1.0, "patience": 1}
"""Settings that are numbers, with one of their kind; those that may be None."""


def check(settings: TrainingSettings) -> None:
    """Raise AttributeRefusedError for the first setting that is of no known name or range.

    Names of nodes are checked where they are looked up, options of a data set by the data set.
    """
    _known("data set", settings.dataset, datasets.names())
    _known("normalization", settings.normalization, datasets.NORMALIZATIONS)
    for name, default in {**OF_RUN, **OPTIONAL}.items():
        value = getattr(settings, name)
        if value is not None or name in OF_RUN:
            options.check(name, value, default)
    optimizers.check(settings.optimizer, settings.optimizer_options)
    schedules.check(settings.schedule, settings.schedule_options)
    for objective in settings.objectives:
        _check_objective(objective)
    for path, factor in settings.rates.items():
        options.check("rates", factor, 1.0, shown=f"The learning rate factor of {path[:60]}")
    for name, strength in settings.augmentation.items():
        datasets.augmentation.check(name, strength)
    _check_whole_numbers(msgspec.structs.asdict(settings))


def _check_objective(objective: Objective) -> None:
    if objective.optimizer:
        optimizers.check(objective.optimizer, objective.optimizer_options)
    if objective.lr is not None:
        options.check("lr", objective.lr, 1.0, shown=f"The lr of {objective.loss[:60]}")


def _known(what: str, name: str, names: Iterable[str]) -> None:
    if name not in names:
        raise AttributeRefusedError(
            f"There is no {what} called {name[:60]!r}; there are: {', '.join(names)}."
        )


def _check_whole_numbers(settings: Any) -> None:
    """Refuse whole numbers, at any depth, that a message cannot carry."""
    stack = [settings]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            about = int(math.log10(abs(value)))
            raise AttributeRefusedError(
                f"A training setting is too large a whole number: about 10^{about}."
            )
