"""What a net's scores say of samples, by the names of the classes or as quantities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from graphcore.datasets.learned import Learned
from graphcore.graph.binding import Binding
from graphcore.late import torch
from graphcore.training.class_shares import as_shares, class_names, class_shares

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Answer:
    """What a net says of one sample.

    Attributes:
        answer: name of the likeliest class; or the number that it predicts, or several.
        probability: of that class; None for numbers.
        probabilities: name of each class -> its probability; empty for numbers.
        sample: what was asked: "row 1", or the name of a picture's file.
    """

    answer: str | float | list[float]
    probability: float | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    sample: str = ""

    def top(self, count: int) -> list[tuple[str, float]]:
        """Return the likeliest classes with their probabilities, the likeliest first."""
        return sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:count]


def answers_of(
    scores: np.ndarray, known: Learned, binding: Binding, names: Sequence[str]
) -> list[Answer]:
    """Return an answer for each row of scores, shape (n, *)."""
    shares = _shares(torch.from_numpy(scores), known, binding)
    if shares is None:
        scale = known.target_scale.normalization
        values = scale.invert(scores.reshape(len(scores), -1)).astype(np.float64)
        return [
            Answer(float(v[0]) if len(v) == 1 else v.tolist(), sample=name)
            for v, name in zip(values, names, strict=True)
        ]
    classes = class_list(known, shares.shape[1])
    found = []
    for row, name in zip(shares.double().tolist(), names, strict=True):
        best = max(range(len(row)), key=row.__getitem__)
        found.append(Answer(classes[best], row[best], dict(zip(classes, row, strict=True)), name))
    return found


def class_list(known: Learned, count: int) -> tuple[str, ...]:
    """Return a name for each class; numbers where they have none."""
    return class_names(known.classes, count) or tuple(map(str, range(count)))


def _shares(scores: Tensor, known: Learned, binding: Binding) -> Tensor | None:
    """Probability of each class, shape (n, C); None where the net answers with numbers."""
    examples = EXAMPLES[known.coding]
    if examples is None:
        return None
    if not binding.loss:  # it was not exported with the net, which may end in a softmax
        several = scores.dim() == 2 and scores.shape[1] > 1
        return as_shares(scores) if several else None
    if not binding.target:
        return None
    return class_shares(scores, binding.loss_kind, torch.tensor(examples))


EXAMPLES: dict[str, list[float] | None] = {
    "classes": [0, 1], "signs": [-1.0, 1.0], "zero-one": [0.0, 1.0], "numbers": None,
}  # fmt: skip
"""Targets of each kind, as ``class_shares`` looks at them."""
