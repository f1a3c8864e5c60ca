"""Rows of the training panel's forms, made from what the engine's registries describe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.widgets.options_form import OptionRow
from graphcore import datasets
from graphcore.datasets import augmentation
from graphcore.errors import GradscapeError
from graphcore.graph.training_settings import TrainingSettings
from graphcore.training import optimizers, schedules
from graphcore.training.options import LARGEST, Range, fitting

STEP = 1e-4
"""How close a field comes to a bound that does not fit itself."""


def of(settings: TrainingSettings) -> dict[str, list[OptionRow]]:
    """Return the rows of each form; none for what a file names and is not known here."""
    makers = {
        "dataset_options": lambda: _of_data(settings.dataset),
        "augmentation": _of_augmentation,
        "optimizer_options": lambda: _plain(
            settings.optimizer, optimizers.get(settings.optimizer).options
        ),
        "schedule_options": lambda: _plain(settings.schedule, schedules.options(settings.schedule)),
    }
    return {name: _known(rows) for name, rows in makers.items()}


def _known(rows: Callable[[], list[OptionRow]]) -> list[OptionRow]:
    try:
        return rows()
    except GradscapeError:
        return []  # the engine says what it does not know


def _plain(owner: str, options: Mapping[str, Any]) -> list[OptionRow]:
    """Of the optimiser or schedule ``owner``: names, defaults and bounds."""
    return [_row(name, default, fitting(name, owner)) for name, default in options.items()]


def _row(name: str, default: Any, fits: Range) -> OptionRow:
    low, high = (
        None if abs(bound) >= LARGEST else bound + (way * STEP if bound in fits.open else 0)
        for bound, way in ((fits.minimum, 1), (fits.maximum, -1))
    )
    return OptionRow(name, default, minimum=low, maximum=high)


def _of_data(dataset: str) -> list[OptionRow]:
    """Of a data set, with limits, choices and help."""
    return [
        OptionRow(o.name, o.default, o.help, o.minimum, o.maximum, o.choices, o.path, o.names)
        for o in datasets.describe(dataset).options
    ]


def _of_augmentation() -> list[OptionRow]:
    """How far each augmentation goes; 0 is not at all."""
    described = {name: augmentation.describe(name)[0] for name in augmentation.names()}
    return [OptionRow(name, 0.0, help_, minimum=0.0) for name, help_ in described.items()]
