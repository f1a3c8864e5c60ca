"""What a graph is trained on and how: saved with the graph, shown in the training panel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Objective(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """One of several losses, and the parameters that it alone changes.

    Attributes:
        loss: name of the node to minimise.
        nodes: names of the nodes and composites whose parameters it trains; empty: all that no
            other objective names.
        optimizer: name of a registered optimiser and its keywords; "" for the run's.
        lr: its learning rate, under the run's schedule; None for the run's.
    """

    loss: str
    nodes: tuple[str, ...] = ()
    optimizer: str = ""
    optimizer_options: dict[str, Any] = {}
    lr: float | None = None


class TrainingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training run, described completely: same settings and machine, same numbers.

    Attributes:
        dataset: name of a registered data set.
        dataset_options: its options, such as the noise of a playground set.
        class_names: what the classes are called in place of the names that the data have, in
            the order of the answers; empty: as in the data.
        normalization: "none", "standardize", "min-max" or "imagenet"; applied to inputs and
            always shown.
        epochs: passes over the training split.
        batch: samples per step.
        optimizer: name of a registered optimiser; ``optimizer_options`` are its keywords.
        lr: learning rate (peak rate of a one-cycle schedule).
        schedule: name of a registered learning-rate schedule and its keywords.
        clip_norm: largest allowed norm of the whole gradient, or None.
        l1, l2: penalties added to the loss, λ·Σ|w| and ½·λ·Σw², over unfrozen parameters.
        patience: stop when the loss has not fallen for this many epochs, and go back to the best
            weights; None runs all epochs.
        augmentation: name of a registered augmentation -> its strength, done to every training
            batch of images in this order.
        objectives: where a graph has several losses: each is gone back from in turn, and changes
            its own parameters. Empty: one loss changes them all.
        rates: path of a node or composite -> what its updates are multiplied by: its learning rate
            as a multiple of the run's. Of several around a node the innermost counts.
        seed: of the initial weights, the data order, augmentation and dropout.
    """

    dataset: str = "mnist"
    dataset_options: dict[str, Any] = {}
    class_names: tuple[str, ...] = ()
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
    augmentation: dict[str, float] = {}
    objectives: tuple[Objective, ...] = ()
    rates: dict[str, float] = {}
    seed: int = 0

    def renamed(self, old: str, new: str) -> TrainingSettings:
        """The same settings after a node got another name or path, such as "block/conv"."""

        def now(name: str) -> str:
            inside = name.startswith(f"{old}/")
            return new + name[len(old) :] if name == old or inside else name

        objectives = tuple(
            msgspec.structs.replace(o, loss=now(o.loss), nodes=tuple(map(now, o.nodes)))
            for o in self.objectives
        )
        rates = {now(name): factor for name, factor in self.rates.items()}
        return msgspec.structs.replace(self, objectives=objectives, rates=rates)

    def rate_at(self, path: str) -> float:
        """Return what the updates of a node are multiplied by."""
        while path:
            if path in self.rates:
                return self.rates[path]
            path = path.rpartition("/")[0]
        return 1.0


def owner(name: str, objectives: Sequence[Objective]) -> int:
    """Place of the objective that trains the parameters of a node; -1 if none does.

    Args:
        name: of the node in the flattened graph, ``composite/node`` inside composites.
    """
    if not objectives:
        return 0
    for i, objective in enumerate(objectives):
        if any(name == n or name.startswith(f"{n}/") for n in objective.nodes):
            return i
    return next((i for i, o in enumerate(objectives) if not o.nodes), -1)
