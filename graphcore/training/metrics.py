"""How good a classifier's answers are: functions of answers and targets, numpy only.

``answers`` are scores (n, C) or class indices (n,), ``targets`` class indices (n,). What is
undefined, such as the recall of a class that does not occur, is NaN.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def predicted(answers: Array) -> Array:
    """Class indices (n,): the largest score of each row, or the indices as they are."""
    return answers.argmax(1) if answers.ndim == 2 else answers.astype(np.int64)


def accuracy(answers: Array, targets: Array) -> float:
    """Share of answers that are right, 0 to 1."""
    return float(np.mean(predicted(answers) == targets)) if len(targets) else np.nan


def confusion_matrix(answers: Array, targets: Array, classes: int | None = None) -> Array:
    """Counts (C, C): how many samples of class i (row) were predicted as class j (column)."""
    found = predicted(answers)
    known = answers.shape[1] if answers.ndim == 2 else 0
    c = classes or max(known, *(int(a.max(initial=-1)) + 1 for a in (found, targets)))
    return np.bincount(targets * c + found, minlength=c * c).reshape(c, c)


def precision_recall_f1(
    answers: Array, targets: Array, classes: int | None = None
) -> tuple[Array, Array, Array]:
    """Per class (C,) each: ``precision``, ``recall`` and ``f1`` from one confusion matrix."""
    m = confusion_matrix(answers, targets, classes)
    right, taken, belonging = m.diagonal(), m.sum(0), m.sum(1)
    return _share(right, taken), _share(right, belonging), _share(2 * right, taken + belonging)


def precision(answers: Array, targets: Array, classes: int | None = None) -> Array:
    """Per class (C,): of the samples predicted as it, the share that belongs to it."""
    return precision_recall_f1(answers, targets, classes)[0]


def recall(answers: Array, targets: Array, classes: int | None = None) -> Array:
    """Per class (C,): of the samples that belong to it, the share that was predicted as it."""
    return precision_recall_f1(answers, targets, classes)[1]


def f1(answers: Array, targets: Array, classes: int | None = None) -> Array:
    """Per class (C,): harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN)."""
    return precision_recall_f1(answers, targets, classes)[2]


def calibration(answers: Array, targets: Array, bins: int = 15) -> tuple[Array, float]:
    """Whether a net is right as often as it says it is.

    Args:
        answers: probabilities, shape (n, C).
        bins: parts of equal width that the confidence, the largest probability, is sorted into.

    Returns:
        Shape (bins, 3): answers in each part, their mean confidence and the share that is right;
        and the expected calibration error Σ (answers / n) · |share right − confidence|.

    Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017, eq. 3; 15 bins there.
    """
    confidence = answers.max(1).astype(np.float64)
    right = (answers.argmax(1) == targets).astype(np.float64)
    part = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(part, minlength=bins).astype(np.float64)
    sure, share = (_share(np.bincount(part, w, bins), count) for w in (confidence, right))
    error = np.nansum(count * np.abs(share - sure)) / max(1, len(targets))
    return np.stack([count, sure, share], 1), float(error)


def _share(part: Array, whole: Array) -> Array:
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
