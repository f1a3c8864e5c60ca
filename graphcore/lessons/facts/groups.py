"""Facts of where a layer puts samples: which are together, and whether classes are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import LessonError
from graphcore.late import torch
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State
from graphcore.training import metrics
from graphcore.training.class_shares import class_indices

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES = 500
"""Of the test split; fewer where it has fewer."""


@fact
def grouped(state: State, node: str) -> float:
    """Share of test samples in the commonest class of their group: the node's largest unit.

    Classes are only looked at here: nothing is trained on them. Example: grouped("shares") > 0.9
    """
    values, labels = _put(state, node)
    groups = values.argmax(1).cpu().numpy()
    counts = np.zeros((values.shape[1], int(labels.max()) + 1), np.int64)
    np.add.at(counts, (groups, labels), 1)
    return float(counts.max(1).sum() / len(labels))


@fact
def told_apart(state: State, node: str) -> float:
    """How well the distance at a node tells pairs of one class from pairs of two, 0.5 to 1.

    The area under the ROC curve of all pairs of 500 test samples: 0.5 is by guessing.
    Example: told_apart("hidden") > 0.8
    """
    values, labels = _put(state, node)
    first, second = np.triu_indices(len(labels), 1)
    apart = torch.cdist(values, values).cpu().numpy()[first, second]
    return metrics.roc(-apart, labels[first] == labels[second])[1]


@fact
def rows_apart(state: State, parameter: str, first: int, second: int) -> float:
    """Distance between two rows of a parameter, such as the vectors of two words.

    Example: rows_apart("words.weight", 3, 4) < 0.5
    """
    table = state.parameter(parameter).detach()
    if table.dim() != 2 or not 0 <= min(first, second) <= max(first, second) < len(table):
        raise LessonError(f"{parameter} has no rows {first} and {second}.")
    return float(torch.linalg.vector_norm((table[first] - table[second]).double()))


def _put(state: State, node: str) -> tuple[Tensor, np.ndarray]:
    """What a node gives for the first test samples, shape (n, k), and their classes (n,)."""
    state.node(node)
    trainer = state.trainer
    if not trainer.data.classes:
        raise LessonError("These samples have no classes to be compared with.")
    x, t = trainer.tensors(trainer.data.test, SAMPLES)
    plan = trainer.looking_plan()
    plan.forward(trainer.binding.feeds(x, t))
    return plan.value(node).reshape(len(x), -1).double(), class_indices(t)
