"""Cutting samples into splits, and making a train split smaller, uneven or wrong on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphcore.datasets.dataset import Array, Split


def split(
    whole: Split, share: float, rng: np.random.Generator, stratify: bool
) -> tuple[Split, Split]:
    """Two shuffled parts, neither empty; the first has ``share`` of the (at least 2) samples.

    Args:
        stratify: keep that share within each class, as far as whole samples allow.
    """
    order = rng.permutation(len(whole))
    first = np.zeros(len(whole), bool)
    if stratify:
        labels = whole.targets[order]
        for label in np.unique(labels):
            places = np.flatnonzero(labels == label)
            # Rounded up: a class of one sample is learned rather than only asked for.
            kept = int(np.ceil(share * len(places) - 1e-9))
            first[places[: min(kept, len(places) - 1) if len(places) > 2 else kept]] = True
    else:
        first[: round(share * len(whole))] = True
    if first.all() or not first.any():
        first[:] = np.arange(len(whole)) < np.clip(first.sum(), 1, len(whole) - 1)
    return whole.take(order[first]), whole.take(order[~first])


def reduce(
    train: Split, options: Mapping[str, Any], n_classes: int, rng: np.random.Generator
) -> tuple[Split, Split | None]:
    """Apply the options train_samples, validation, imbalance and label_noise, in this order."""
    count, share = options["train_samples"], options["validation"]
    if 0 < count < len(train):
        train = train.take(np.sort(rng.choice(len(train), count, replace=False)))
    validation = None
    if share > 0 and len(train) > 1:
        train, validation = split(train, 1 - share, rng, n_classes > 0)
    if n_classes > 1 and options.get("imbalance", 1.0) > 1:
        train = train.take(uneven(train.targets, options["imbalance"], n_classes, rng))
    if n_classes > 1 and options.get("label_noise", 0.0) > 0:
        labels = randomize(train.targets, options["label_noise"], n_classes, rng)
        train = Split(train.inputs, labels)
    return train, validation


def uneven(targets: Array, ratio: float, n_classes: int, rng: np.random.Generator) -> Array:
    """Rows to keep so that class i keeps the share ratio^(-i / (C - 1)), one sample at least.

    Source: the long-tailed sets of Cui et al., Class-Balanced Loss (2019), §5.1.
    """
    kept = []
    for i in range(n_classes):
        rows = rng.permutation(np.flatnonzero(targets == i))
        share = ratio ** (-i / (n_classes - 1))
        kept.append(rows[: max(1, round(share * len(rows)))])
    return np.sort(np.concatenate(kept))


def randomize(targets: Array, share: float, n_classes: int, rng: np.random.Generator) -> Array:
    """Redraw a share of the labels, evenly over the classes (the old one included).

    Source: Zhang et al., Understanding deep learning requires rethinking generalization (2017).
    """
    labels = targets.copy()
    rows = rng.choice(len(labels), round(share * len(labels)), replace=False)
    labels[rows] = rng.integers(0, n_classes, len(rows))
    return labels
