"""Facts of a classifier's answers: figures per class, and how sure it is of what it never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import LessonError
from graphcore.late import torch
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State
from graphcore.training import metrics
from graphcore.training.class_shares import class_indices, class_shares

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 500


@fact
def precision(state: State, kind: int) -> float:
    """Of the test samples predicted as a class, the share that belongs to it."""
    return _per_class(metrics.precision, state, kind)


@fact
def recall(state: State, kind: int) -> float:
    """Of the test samples that belong to a class, the share that was predicted as it."""
    return _per_class(metrics.recall, state, kind)


@fact
def f1(state: State, kind: int) -> float:
    """Harmonic mean of a class's precision and recall on the test split."""
    return _per_class(metrics.f1, state, kind)


@fact
def top(state: State, count: int) -> float:
    """Share of test samples whose class is among the k answers with the largest scores."""
    shares, labels = _answers(state)
    best = np.argsort(-shares, 1)[:, :count]
    return float((best == labels[:, None]).any(1).mean())


@fact
def class_share(state: State, kind: int) -> float:
    """Share of the test samples that belong to a class: how right it is to always say that."""
    return float(np.mean(_answers(state)[1] == kind))


@fact
def sure_of_noise(state: State, samples: int = 200) -> float:
    """Mean largest probability that the net gives to inputs of pure random noise.

    The noise is uniform between the smallest and largest number of the training inputs.
    """
    x = state.trainer.tensors(state.trainer.data.train, max(1, min(samples, 1000)))[0]
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(x.shape, generator=generator)
    low, high = float(x.min()), float(x.max())
    return float(_shares(state, (low + noise * (high - low)).to(x)).max(1).values.mean())


@fact
def accuracy_shifted(state: State, right: int, down: int = 0) -> float:
    """Share of right answers on the first 1,000 test images, each moved by some pixels."""
    trainer = state.trainer
    x, t = trainer.tensors(trainer.data.test, 1000)
    side = round(float(np.prod(x.shape[1:])) ** 0.5)
    if side * side != int(np.prod(x.shape[1:])):
        raise LessonError("The samples are no square pictures: they cannot be moved.")
    pictures = x.reshape(len(x), side, side)
    empty = float(pictures.min())
    moved = torch.roll(pictures, (down, right), (1, 2))
    moved[:, : max(0, down), :] = empty
    moved[:, :, : max(0, right)] = empty
    moved[:, side + min(0, down) :, :] = empty
    moved[:, :, side + min(0, right) :] = empty
    shares = _shares(state, moved.reshape(x.shape)).cpu().numpy()
    return metrics.accuracy(shares, class_indices(t))


@fact
def probability(state: State, inputs: tuple, kind: int = -1) -> float:  # type: ignore[type-arg]
    """Probability of a class, the last by default, for an input that is written out.

    The numbers are scaled as the training inputs are. Example: probability([4, 5]) > 0.5
    """
    shares = _shares(state, _fed(state, inputs))[0]
    if not -len(shares) <= kind < len(shares):
        raise LessonError(f"The net knows {len(shares)} classes; {kind} is none of them.")
    return float(shares[kind])


@fact
def answer(state: State, inputs: tuple, place: int = 0) -> float:  # type: ignore[type-arg]
    """What the net answers to an input that is written out: one number of it.

    The numbers are scaled as the training inputs are. Example: answer([0.5]) > 0.4
    """
    said = _scores(state, _fed(state, inputs)).reshape(-1)
    if not 0 <= place < len(said):
        raise LessonError(f"The net answers with {len(said)} numbers; {place} is none of them.")
    return float(said[place])


@fact
def looks_like(state: State, parameter: str, unit: int) -> float:
    """The class whose mean training picture a unit's weights resemble most.

    Both are compared without their own mean; the mean of all pictures is taken off first.
    """
    fits = _resemblance(state, parameter)
    if not 0 <= unit < len(fits):
        raise LessonError(f"{parameter} has {len(fits)} units; {unit} is none of them.")
    return float(fits[unit].argmax())


@fact
def templates_fit(state: State, parameter: str) -> float:
    """Share of units that resemble the mean picture of the class of their own place most."""
    fits = _resemblance(state, parameter)
    return float((fits.argmax(1) == np.arange(len(fits))).mean())


def _resemblance(state: State, parameter: str) -> np.ndarray:
    """Correlation of each unit's weights with each class's mean picture, shape (units, C)."""
    weights = state.parameter(parameter).detach().cpu().double().numpy()
    data = state.trainer.data
    x = data.train.inputs[:10_000].reshape(len(data.train.inputs[:10_000]), -1).astype(np.float64)
    labels = data.train.targets[: len(x)].reshape(-1)
    if weights.ndim != 2 or weights.shape[1] != x.shape[1] or not data.classes:
        raise LessonError(f"{parameter} does not weigh the pixels of the pictures.")
    means = np.stack([x[labels == k].mean(0) for k in range(len(data.classes))]) - x.mean(0)
    both = []
    for rows in (weights, means):
        centred = rows - rows.mean(1, keepdims=True)
        both.append(centred / np.maximum(1e-12, np.linalg.norm(centred, axis=1, keepdims=True)))
    return np.asarray(both[0] @ both[1].T)


def _per_class(figure: object, state: State, kind: int) -> float:
    shares, labels = _answers(state)
    if not 0 <= kind < shares.shape[1]:
        raise LessonError(f"The net knows {shares.shape[1]} classes; {kind} is none of them.")
    found = float(figure(shares, labels)[kind])  # type: ignore[operator]
    return found if np.isfinite(found) else 0.0


def _answers(state: State) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (n, C) and classes (n,) of the test split."""
    trainer = state.trainer
    x, t = trainer.tensors(trainer.data.test)
    return _shares(state, x).cpu().numpy(), class_indices(t)


def _fed(state: State, inputs: tuple) -> Tensor:  # type: ignore[type-arg]
    """Numbers that are written out, as one sample that the net is fed."""
    trainer = state.trainer
    shape = trainer.input_shape
    if len(inputs) != int(np.prod(shape)) or any(isinstance(v, str) for v in inputs):
        raise LessonError(f"The net takes {int(np.prod(shape))} numbers, not {len(inputs)}.")
    raw = np.array([inputs], np.float32).reshape(1, *trainer.data.input_shape)
    x = torch.from_numpy(trainer.data.normalization.apply(raw).astype(np.float32))
    return x.reshape(1, *shape)


def _scores(state: State, x: Tensor) -> Tensor:
    """What the net answers to inputs, batch by batch."""
    trainer = state.trainer
    plan, b = trainer.evaluation_plan(), trainer.binding
    t = trainer.tensors(trainer.data.test, 1)[1]
    parts = []
    for i in range(0, len(x), BATCH):
        part = x[i : i + BATCH]
        plan.forward(b.feeds(part, t.expand(len(part), *t.shape[1:]).contiguous()))
        parts.append(plan.value(b.output))
    return torch.cat(parts)


def _shares(state: State, x: Tensor) -> Tensor:
    trainer = state.trainer
    target = trainer.tensors(trainer.data.test)[1]
    found = class_shares(_scores(state, x), trainer.binding.loss_kind, target)
    if found is None:
        raise LessonError("This net answers with values, not classes.")
    return found
