"""A net's answers to raw data, by the names of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from graphcore.datasets.learned import Learned
from graphcore.datasets.raw import read_raw
from graphcore.errors import GraphError
from graphcore.graph.runnable import runnable_part
from graphcore.late import torch
from graphcore.scripting.batches import values_of
from graphcore.scripting.net import AskedNet, net_of
from graphcore.training.class_shares import class_names, class_shares

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


def predict(run_or_graph: Any, raw: Any) -> list[Answer]:
    """Answer raw samples with what was learned, data preparation included.

        gc.predict("run", "flowers.csv")[0].answer
        gc.predict("run", {"petal length": 1.4, "colour": "red"})
        gc.predict(trainer, "digit.png")

    Args:
        run_or_graph: a Trainer, the folder of a run, saved runs (.gradrun), a graph file with
            weights beside it, a preset's name, a Graph, or an imported net.
        raw: the path of a table, a picture, a folder of pictures or a .npy file; a row as a
            dictionary or a list of rows; a picture of Pillow's; numbers of one sample or of
            several as an array, before normalisation.

    Returns:
        One Answer per sample, in their order.

    Raises:
        FileError: the net cannot be read. DataError: the samples cannot, or do not fit the net.
    """
    net = net_of(run_or_graph)
    known = net.known_data()
    samples = read_raw(raw, known)
    binding = net.binding
    part = runnable_part(net.graph)
    if binding.output not in part and "/" not in binding.output:
        raise GraphError(f"{binding.output} has no value without a target: there is no answer.")
    scores = values_of(net, part, {binding.input: samples.inputs}, binding.output)
    return _answers(scores, known, net, samples.names)


def _answers(
    scores: np.ndarray, known: Learned, net: AskedNet, names: Sequence[str]
) -> list[Answer]:
    shares = shares_of(torch.from_numpy(scores), known, net)
    if shares is None:
        scale = known.target_scale.normalization
        values = scale.invert(scores.reshape(len(scores), -1)).astype(np.float64)
        return [
            Answer(float(v[0]) if len(v) == 1 else v.tolist(), sample=name)
            for v, name in zip(values, names, strict=True)
        ]
    count = shares.shape[1]
    classes = class_names(known.classes, count) or tuple(map(str, range(count)))
    found = []
    for row, name in zip(shares.double().tolist(), names, strict=True):
        best = max(range(count), key=row.__getitem__)
        probabilities = dict(zip(classes, row, strict=True))
        found.append(Answer(classes[best], row[best], probabilities, name))
    return found


def shares_of(scores: Tensor, known: Learned, net: AskedNet) -> Tensor | None:
    """Probability of each class, shape (n, C); None where the net answers with numbers."""
    binding, examples = net.binding, _EXAMPLES[known.coding]
    if not binding.target or examples is None:
        return None
    return class_shares(scores, binding.loss_kind, torch.tensor(examples))


_EXAMPLES: dict[str, list[float] | None] = {
    "classes": [0, 1], "signs": [-1.0, 1.0], "zero-one": [0.0, 1.0], "numbers": None,
}  # fmt: skip
"""Targets of each kind, as ``class_shares`` looks at them."""
