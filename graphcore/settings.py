"""What a graph is trained on and how: saved with the graph, shown in the training panel."""

from __future__ import annotations

from typing import Any

import msgspec


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training run, described completely: same settings and machine, same numbers.

    Attributes:
        dataset: name of a registered data set.
        dataset_options: its options, such as the noise of a playground set.
        normalization: "none", "standardize" or "min-max"; applied to inputs and always shown.
        epochs: passes over the training split.
        batch: samples per step.
        optimizer: name of a registered optimiser; ``optimizer_options`` are its keywords.
        lr: learning rate (peak rate of a one-cycle schedule).
        schedule: name of a registered learning-rate schedule and its keywords.
        clip_norm: largest allowed norm of the whole gradient, or None.
        l1, l2: penalties added to the loss, λ·Σ|w| and ½·λ·Σw², over unfrozen parameters.
        patience: stop when the loss has not fallen for so many epochs, and go back to the best
            weights; None runs all epochs.
        seed: of the initial weights, the data order and dropout.
    """

    dataset: str = "mnist"
    dataset_options: dict[str, Any] = {}
    normalization: str = "none"
    epochs: int = 3
    batch: int = 64
    optimizer: str = "Adam"
    optimizer_options: dict[str, Any] = {}
    lr: float = 1e-3
    schedule: str = "constant"
    schedule_options: dict[str, Any] = {}
    clip_norm: float | None = None
    l1: float = 0.0
    l2: float = 0.0
    patience: int | None = None
    seed: int = 0
