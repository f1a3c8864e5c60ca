"""Metrics against scikit-learn, and where they are undefined."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as theirs

from graphcore.training import metrics

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(200, 7))
TARGETS = RNG.integers(0, 7, 200)
FOUND = SCORES.argmax(1)


@pytest.mark.parametrize("answers", [SCORES, FOUND])
def test_classification_like_scikit_learn(answers: np.ndarray) -> None:
    assert metrics.accuracy(answers, TARGETS) == theirs.accuracy_score(TARGETS, FOUND)
    assert np.array_equal(
        metrics.confusion_matrix(answers, TARGETS), theirs.confusion_matrix(TARGETS, FOUND)
    )
    for mine, score in (
        (metrics.precision, theirs.precision_score),
        (metrics.recall, theirs.recall_score),
        (metrics.f1, theirs.f1_score),
    ):
        np.testing.assert_allclose(mine(answers, TARGETS), score(TARGETS, FOUND, average=None))
    expected = theirs.precision_recall_fscore_support(TARGETS, FOUND)[:3]
    np.testing.assert_allclose(metrics.precision_recall_f1(answers, TARGETS), expected)


def test_a_class_that_is_never_seen_or_never_answered() -> None:
    answers, targets = np.array([0, 0, 1]), np.array([0, 1, 1])
    np.testing.assert_equal(metrics.precision(answers, targets, 3), [0.5, 1, np.nan])
    np.testing.assert_equal(metrics.recall(answers, targets, 3), [1, 0.5, np.nan])
    np.testing.assert_equal(metrics.f1(answers, targets, 3), [2 / 3, 2 / 3, np.nan])
    assert metrics.confusion_matrix(answers, targets, 3).sum() == 3


def test_calibration_by_hand() -> None:
    # Four answers in two of four parts: 0.6, 0.7 (one right) and 0.9, 1.0 (both right).
    shares = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1], [0.0, 1.0]])
    bins, error = metrics.calibration(shares, np.array([0, 0, 0, 1]), bins=4)
    assert np.allclose(bins[:, 0], [0, 0, 2, 2])
    assert np.allclose(bins[2:, 1:], [[0.65, 0.5], [0.95, 1.0]])
    assert np.isnan(bins[:2, 1:]).all()
    assert error == pytest.approx(0.5 * 0.15 + 0.5 * 0.05)


def test_nothing_to_measure() -> None:
    empty = np.zeros((0, 3)), np.zeros(0, np.int64)
    assert np.isnan(metrics.accuracy(*empty))
    assert metrics.confusion_matrix(*empty).tolist() == [[0] * 3] * 3
    assert np.isnan(metrics.recall(*empty)).all()


@pytest.mark.parametrize("ties", [False, True])
def test_areas_are_those_of_scikit_learn(ties: bool) -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(500) < 0.2
    scores = rng.normal(size=500) + positive
    scores = np.round(scores, 1) if ties else scores
    curve, area = metrics.roc(scores, positive)
    assert area == pytest.approx(theirs.roc_auc_score(positive, scores), abs=1e-12)
    false, true, _ = theirs.roc_curve(positive, scores, drop_intermediate=False)
    np.testing.assert_allclose(curve, np.stack([false, true], 1), atol=1e-12)
    curve, average = metrics.precision_recall_curve(scores, positive)
    assert average == pytest.approx(theirs.average_precision_score(positive, scores), abs=1e-12)
    precise, recall, _ = theirs.precision_recall_curve(positive, scores)
    np.testing.assert_allclose(curve, np.stack([recall, precise], 1)[::-1], atol=1e-12)
    assert np.isnan(metrics.roc(scores, positive & False)[1])


def test_the_k_likeliest_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    scores, targets = rng.normal(size=(200, 6)), rng.integers(0, 6, 200)
    for k in (1, 2, 5):
        assert metrics.top_k(scores, targets, k) == theirs.top_k_accuracy_score(
            targets, scores, k=k, labels=range(6)
        )
