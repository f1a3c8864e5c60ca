"""What a net answers as shares of the classes, and the names and numbers of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from graphcore import ops
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


TOLERANCE, LEAST = 1e-3, 1e-6
"""Of a sum of shares; the share of the likeliest class where all scores are below 0."""
NO_CLASSES = "This net answers with values, not classes."


SharesOf = Literal["softmax", "sigmoid", "held"]
"""How scores of several classes become shares: by a softmax, each by itself, or as they are."""


def class_shares(scores: Tensor, loss_kind: str, target: Tensor) -> Tensor | None:
    """Probability of each class, shape (n, C); None where the net answers with a value.

    The largest share is always that of the largest score.

    Args:
        scores: what the net says, shape (n, C), (n, 1) or (n,).
        target: some targets: a net with one output has two classes if they take two values, one
            with several if they are class indices or shares of classes.
    """
    if scores.dim() == 2 and scores.shape[1] > 1:
        if target.is_floating_point() and not _are_shares(target):
            return None
        made = shares_of(scores, loss_kind)
        if made == "held":
            return _held(scores)
        return torch.softmax(scores, 1) if made == "softmax" else torch.sigmoid(scores)
    if scores.numel() != len(scores):  # a picture of scores
        return None
    known = set(torch.unique(target).tolist())
    if not known <= {0.0, 1.0} and not known <= {-1.0, 1.0}:
        return None
    y = scores.reshape(-1)
    if ops.get(loss_kind).answers == "logit":
        p = torch.sigmoid(y)
    elif -1.0 in known:
        p = ((y + 1) / 2).clamp(0, 1)
    else:
        p = y.clamp(0, 1)
    return torch.stack([1 - p, p], 1)


def shares_of(scores: Tensor, loss_kind: str) -> SharesOf:
    """How scores of several classes, shape (n, C), become shares, by the loss that reads them.

    A loss of class scores, and one of logarithms of probabilities, has a softmax in it; one of
    logits a sigmoid for each class. Others read probabilities as they are.
    """
    answers = ops.get(loss_kind).answers
    if answers == "logit":
        return "sigmoid"
    as_they_are = answers in ("number", "share") or (not answers and _are_shares(scores))
    return "held" if as_they_are else "softmax"


def as_shares(scores: Tensor) -> Tensor:
    """Scores of several classes, shape (n, C), whose loss is not known, as shares."""
    return scores if _are_shares(scores) else torch.softmax(scores, 1)


def _are_shares(numbers: Tensor) -> bool:
    """Whether each row, shape (n, C), is a distribution over several classes."""
    if numbers.dim() != 2 or numbers.shape[1] < 2:
        return False
    return bool((numbers >= 0).all()) and bool(((numbers.sum(1) - 1).abs() < TOLERANCE).all())


def _held(scores: Tensor) -> Tensor:
    """Scores as shares from 0 to 1; in a row with larger ones they are divided by the largest."""
    top = scores.max(1, keepdim=True).values
    shares = (scores / top.clamp(min=1)).clamp(min=0)
    return torch.where(top > 0, shares, (scores == top) * LEAST)


def class_names(known: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return a name for each of a net's answers: the data's, then numbers; none without any."""
    return known + tuple(str(i) for i in range(len(known), count)) if known else ()


def class_indices(target: Tensor) -> np.ndarray:
    """Class of each sample, shape (n,): a target above 0 is the second of two classes.

    Of shares of classes, shape (n, C), it is the largest.
    """
    if target.is_floating_point() and target.dim() == 2 and target.shape[1] > 1:
        return np.asarray(target.argmax(1).cpu().numpy(), np.int64)
    found = target.cpu().reshape(len(target), -1)[:, 0].numpy()
    return (found > 0).astype(np.int64) if found.dtype.kind == "f" else found.astype(np.int64)
