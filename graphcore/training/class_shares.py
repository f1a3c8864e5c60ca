"""What a net answers as shares of the classes, and the names and numbers of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore import ops
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


NO_CLASSES = "This net answers with values, not classes."


def class_shares(scores: Tensor, loss_kind: str, target: Tensor) -> Tensor | None:
    """Probability of each class, shape (n, C); None where the net answers with a value.

    Args:
        scores: what the net says, shape (n, C), (n, 1) or (n,).
        target: some targets: a net with one output has two classes if they take two values.
    """
    if scores.dim() == 2 and scores.shape[1] > 1:
        return torch.softmax(scores, 1)
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


def class_names(known: tuple[str, ...], count: int) -> tuple[str, ...]:
    """Return a name for each of a net's answers: the data's, then numbers; none without any."""
    return known + tuple(str(i) for i in range(len(known), count)) if known else ()


def class_indices(target: Tensor) -> np.ndarray:
    """Class of each sample, shape (n,): a target above 0 is the second of two classes."""
    found = target.cpu().reshape(len(target), -1)[:, 0].numpy()
    return (found > 0).astype(np.int64) if found.dtype.kind == "f" else found.astype(np.int64)
