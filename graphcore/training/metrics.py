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


def top_k(answers: Array, targets: Array, k: int) -> float:
    """Share of samples whose class is among the ``k`` with the largest scores, 0 to 1.

    Args:
        answers: scores, shape (n, C). A class that ties with the k-th counts as below it.
    """
    own = answers[np.arange(len(targets)), targets][:, None]
    return float(np.mean((answers >= own).sum(1) <= k)) if len(targets) else np.nan


def roc(scores: Array, positive: Array) -> tuple[Array, float]:
    """How the share of hits grows with that of false alarms as the threshold falls.

    Args:
        scores: of one class, shape (n,). positive: whether each sample belongs to it, (n,).

    Returns:
        False positive rate and true positive rate at every threshold from (0, 0) to (1, 1),
        shape (m, 2), and the area under them; NaN where all samples are of one kind.

    Source: Fawcett, An introduction to ROC analysis, Pattern Recognition Letters 27 (2006).
    """
    hits, alarms = _ranked(scores, positive)
    found = np.stack([_share(alarms, alarms[-1:]), _share(hits, hits[-1:])], 1)
    return found, float(np.trapezoid(found[:, 1], found[:, 0]))


def precision_recall_curve(scores: Array, positive: Array) -> tuple[Array, float]:
    """How precision falls as recall grows with a falling threshold.

    Returns:
        Recall and precision at every threshold from recall 0, where precision is 1 by convention,
        shape (m, 2), and the average precision Σ (Rₙ − Rₙ₋₁) Pₙ; NaN without positive samples.
    """
    hits, alarms = _ranked(scores, positive)
    recall, precise = _share(hits, hits[-1:]), _share(hits, hits + alarms)
    precise[0] = 1.0
    area = float(np.sum(np.diff(recall) * precise[1:]))
    return np.stack([recall, precise], 1), area


def _ranked(scores: Array, positive: Array) -> tuple[Array, Array]:
    """Hits and false alarms at every threshold from above all scores on, shape (m,) each."""
    order = np.argsort(-scores.astype(np.float64), kind="stable")
    ranked, right = scores[order], positive[order].astype(np.float64)
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of equal scores
    hits = np.append(0.0, np.cumsum(right)[last])
    return hits, np.append(0.0, 1.0 + last) - hits


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
