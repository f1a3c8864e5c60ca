"""How a net does on the test split, made piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.session import Session
from graphcore.training import metrics
from graphcore.training.class_shares import NO_CLASSES, class_indices, class_names, class_shares
from graphcore.training.sample import sample_image
from graphcore.training.trainer import Trainer
from graphcore.views.results import MOST_CURVES, ClassCurves, Mistake, ResultsFrame, ResultsRequest
from graphcore.views.results.quantities import answers_fit, quantities
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 200
MISTAKES_PER_CELL = 12
TOP, POINTS = (2, 3, 5), 200
"""Numbers of likeliest classes that are told of; points of a curve that are sent, at most."""
NUMBERS = 3
"""Numbers shown of a sample that is no picture."""
NO_SAMPLES = "The data set has no test samples."


@view(ResultsRequest)
def results_of(session: Session, _: ResultsRequest) -> Iterator[ResultsFrame | None]:
    """Test the net that is trained, a batch at a time."""
    return results_in_pieces(session.need_trainer())


def results(trainer: Trainer) -> ResultsFrame:
    """Confusion matrix, figures per class, calibration and the worst mistakes on the test split."""
    return next(frame for frame in results_in_pieces(trainer) if frame is not None)


def results_in_pieces(trainer: Trainer) -> Iterator[ResultsFrame | None]:
    """``results`` of the weights of the first piece, whatever is trained between the pieces.

    Yields:
        None after each piece but the last.
    """
    step, b = trainer.step, trainer.binding
    if not b.target:
        yield ResultsFrame(step=step, problem=NO_CLASSES)
        return
    weights = trainer.plan.state()
    x, t = trainer.tensors(trainer.data.test)
    parts = []
    batch = trainer.at_once(BATCH)
    for i in range(0, len(x), batch):
        plan = trainer.evaluation_plan()  # others have used it since the last piece
        plan.load_state(weights)
        plan.forward(b.feeds(x[i : i + batch], t[i : i + batch]))
        said, numbers = plan.value(b.output), not trainer.data.classes
        part = said if numbers else class_shares(said, b.loss_kind, t)
        single = t.shape[1:].numel() <= 1
        if part is None or not (answers_fit(part, t) if numbers else single):
            yield ResultsFrame(step=step, problem=NO_CLASSES)
            return
        parts.append(part.clone())
        yield None
    if parts and not trainer.data.classes:
        plan = trainer.evaluation_plan()
        plan.load_state(weights)
        yield ResultsFrame(step=step, quantities=quantities(trainer, parts, t, plan))
        return
    yield _figures(trainer, step, parts, t)


def _figures(trainer: Trainer, step: int, parts: list[Tensor], t: Tensor) -> ResultsFrame:
    """What the answers come to, given the probabilities of the classes batch by batch."""
    if not parts:
        return ResultsFrame(step=step, problem=NO_SAMPLES)
    shares = torch.cat(parts).cpu().numpy()
    labels = class_indices(t)
    counts = metrics.confusion_matrix(shares, labels)
    precision, recall, f1 = metrics.precision_recall_f1(shares, labels)
    bins, error = metrics.calibration(shares, labels)
    return ResultsFrame(
        step=step, classes=class_names(trainer.data.classes or ("0",), len(counts)),
        counts=pack(counts.astype(np.int64)), precision=pack(precision.astype(np.float32)),
        recall=pack(recall.astype(np.float32)), f1=pack(f1.astype(np.float32)),
        accuracy=metrics.accuracy(shares, labels), mistakes=_mistakes(trainer, shares, labels),
        calibration=pack(bins.astype(np.float32)), calibration_error=error,
        curves=tuple(_curves(shares[:, k], labels == k) for k in range(len(counts))[:MOST_CURVES]),
        top={k: metrics.top_k(shares, labels, k) for k in TOP if k < shares.shape[1]},
    )  # fmt: skip


def _curves(scores: np.ndarray, positive: np.ndarray) -> ClassCurves:
    """Both curves of a class, thinned to what is seen; the areas are of all their points."""
    found, area = metrics.roc(scores, positive)
    recall, average = metrics.precision_recall_curve(scores, positive)
    return ClassCurves(_thinned(found), area, _thinned(recall), average)


def _thinned(points: np.ndarray) -> Array:
    """At most ``POINTS`` of a curve, as far apart along it as one can have them."""
    way = np.append(0.0, np.cumsum(np.abs(np.diff(np.nan_to_num(points), axis=0)).sum(1)))
    wanted = np.searchsorted(way, np.linspace(0, way[-1], POINTS))
    kept = np.unique(np.append(wanted, len(points) - 1).clip(0, len(points) - 1))
    return pack(np.ascontiguousarray(points[kept], np.float32))


def _mistakes(trainer: Trainer, shares: np.ndarray, labels: np.ndarray) -> tuple[Mistake, ...]:
    """The surest wrong answers of every cell of the matrix."""
    answers = shares.argmax(1)
    wrong = np.flatnonzero(answers != labels)
    order = wrong[np.argsort(-shares[wrong, answers[wrong]])]
    taken: dict[tuple[int, int], int] = {}
    found = []
    for i in order.tolist():
        cell = int(labels[i]), int(answers[i])
        taken[cell] = taken.get(cell, 0) + 1
        if taken[cell] <= MISTAKES_PER_CELL:
            found.append(_mistake(trainer, i, *cell, float(shares[i, cell[1]])))
    return tuple(found)


def _mistake(trainer: Trainer, i: int, label: int, answer: int, share: float) -> Mistake:
    """With its picture, or with its first numbers."""
    data = trainer.data
    image = sample_image(trainer, data.test, i)
    if image is not None:
        return Mistake(i, label, answer, share, pack(image))
    sample = np.asarray(data.normalization.invert(data.test.inputs[i]), np.float64).ravel()
    return Mistake(i, label, answer, share, None, tuple(sample[:NUMBERS].tolist()))
