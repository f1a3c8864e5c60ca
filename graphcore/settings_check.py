"""Training settings that no run can be made of: names that nobody knows, numbers that do not fit.

What one optimiser, schedule or data set takes for its options, these check themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec

from graphcore import optimizers, schedules
from graphcore.errors import AttributeRefusedError
from graphcore.settings import TrainingSettings

LARGEST = 1e30
"""Of a rate or a penalty: float32 ends at 3.4e38."""
MOST = 2**31
"""Epochs, and samples of a batch."""


def check(s: TrainingSettings) -> None:
    """Raise AttributeRefusedError for the first setting that cannot be."""
    from graphcore import datasets

    _known("data set", s.dataset, datasets.names())
    _known("normalization", s.normalization, datasets.NORMALIZATIONS)
    _known("schedule", s.schedule, schedules.names())
    for name in (s.optimizer, *(o.optimizer for o in s.objectives if o.optimizer)):
        _known("optimiser", name, optimizers.names())
    for name in s.augmentation:
        _known("augmentation", name, datasets.augmentation.names())
    _within("epochs", s.epochs, 1, MOST)
    _within("batch", s.batch, 1, MOST)
    _within("patience", s.patience, 0, MOST)
    _within("seed", s.seed, 0, 2**63 - 1)
    for name in ("lr", "l1", "l2", "clip_norm"):
        _within(name, getattr(s, name), -LARGEST, LARGEST)
    for objective in s.objectives:
        _within(f"lr of {objective.loss}", objective.lr, -LARGEST, LARGEST)
    _check_options(msgspec.structs.asdict(s))


def _known(what: str, name: str, names: Iterable[str]) -> None:
    if name not in names:
        raise AttributeRefusedError(
            f"There is no {what} called {name[:60]!r}; there are: {', '.join(names)}."
        )


def _within(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not least <= value <= most:
        raise AttributeRefusedError(f"{name} is from {least:g} to {most:g}, got {value:.6g}.")


def _check_options(options: Any) -> None:
    """Numbers at any depth are numbers that a message can carry."""
    stack = [options]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += value.values()
        elif isinstance(value, list | tuple):
            stack += value
        elif isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise AttributeRefusedError(
                f"A training setting is too large a whole number: about {_about(value)}."
            )


def _about(value: int) -> str:
    return f"10^{int(math.log10(abs(value)))}"
