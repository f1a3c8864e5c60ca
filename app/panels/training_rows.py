"""Rows of the training panel's forms, made from what the engine's registries describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.panels.options_form import OptionRow
from graphcore import datasets
from graphcore.datasets import augmentation


def plain(options: Mapping[str, Any]) -> list[OptionRow]:
    """Of an optimiser or a schedule: names and defaults."""
    return [OptionRow(name, default) for name, default in options.items()]


def of_data(dataset: str) -> list[OptionRow]:
    """Of a data set, with limits, choices and help."""
    return [
        OptionRow(o.name, o.default, o.help, o.minimum, o.maximum, o.choices, o.path)
        for o in datasets.describe(dataset).options
    ]


def of_augmentation() -> list[OptionRow]:
    """How far each augmentation goes; 0 is not at all."""
    described = {name: augmentation.describe(name)[0] for name in augmentation.names()}
    return [OptionRow(name, 0.0, help_, minimum=0.0) for name, help_ in described.items()]
