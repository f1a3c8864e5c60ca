"""The samples of a data set to choose from, and a sample as it is fed: known, drawn or typed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from graphcore.datasets.dataset import Split
from graphcore.errors import DataError
from graphcore.late import torch
from graphcore.records.arrays import pack, unpack
from graphcore.training.trainer import Trainer
from graphcore.views.decision_map.compute import (
    centred_digit,
    class_indices,
    class_names,
    class_shares,
    sample_image,
)
from graphcore.views.samples import Sample, SamplesFrame, SamplesRequest

if TYPE_CHECKING:
    from torch import Tensor

SEARCHED, BATCH = 10_000, 200
"""Samples among which mistakes are looked for, and how many are run at a time."""
SIDE, NUMBERS, PAGE = 56, 8, 200
"""Pixels of a small picture's longer side; numbers of a row that are shown; most of a page."""


def split_of(trainer: Trainer, name: str) -> Split:
    """The split of that name."""
    return trainer.data.train if name == "train" else trainer.data.test


def fed(trainer: Trainer, sample: Sample) -> tuple[Tensor, Tensor, int]:
    """A sample as the net is fed it, its target, and its row in the split (of a known one).

    Raises:
        DataError: numbers were given that do not fill the net's input.
    """
    split = split_of(trainer, sample.split)
    i = min(max(0, sample.index), len(split) - 1)
    x, t = trainer.tensors(split.take(np.array([i])))
    if sample.given is not None:
        x = _given(trainer, sample).to(x)
    if sample.label is not None:
        t = torch.full_like(t, int(sample.label) if not t.is_floating_point() else sample.label)
    elif sample.given is not None:
        t = _own_answer(trainer, x, t)
    return x, t, i


def fed_together(trainer: Trainer, sample: Sample, count: int) -> tuple[Tensor, Tensor, int]:
    """As ``fed``, with the samples that follow it; one that was drawn or typed goes alone."""
    if count < 2 or sample.given is not None:
        return fed(trainer, sample)
    split = split_of(trainer, sample.split)
    i = min(max(0, sample.index), len(split) - 1)
    x, t = trainer.tensors(split.take(np.arange(i, min(i + count, len(split)))))
    return x, t, i


def _given(trainer: Trainer, sample: Sample) -> Tensor:
    """Numbers that were typed or drawn, normalised as the data are, shape (1, *input)."""
    assert sample.given is not None
    shape = trainer.input_shape
    numbers = np.ascontiguousarray(unpack(sample.given), np.float32)
    if sample.drawn:
        numbers = _scaled(numbers, shape)
    if numbers.size != math.prod(shape):
        raise DataError(
            f"The net takes {math.prod(shape)} numbers, of shape {shape}; {numbers.size} are given."
        )
    own = numbers.reshape(1, *trainer.data.input_shape)
    return torch.from_numpy(trainer.data.normalization.apply(own).reshape(1, *shape))


def _scaled(drawing: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A drawing in the size of the net's input, centred where that is MNIST's."""
    count = math.prod(shape)
    if count == 28 * 28:
        return centred_digit(drawing)
    side = math.isqrt(count)
    size = shape[-2:] if len(shape) > 1 else (side, side)
    image = torch.from_numpy(drawing)[None, None]
    scaled = torch.nn.functional.interpolate(image, size, mode="area")[0, 0].numpy()
    return np.broadcast_to(scaled, (count // math.prod(size), *size)).copy()


def _own_answer(trainer: Trainer, x: Tensor, t: Tensor) -> Tensor:
    """What the net takes a sample for, in the form of a target; any other target as it is."""
    b = trainer.binding
    if t.is_floating_point() or not b.target:
        return t
    plan = trainer.evaluation_plan()
    plan.forward(b.feeds(x, t))
    scores = plan.value(b.output)
    known = scores.dim() == 2 and t.shape == (1,)
    return scores.argmax(1).to(t) if known else t


def browse(trainer: Trainer, request: SamplesRequest) -> SamplesFrame:
    """A page of the data set, with what the net takes each for at this moment."""
    if not trainer.binding.input:
        return SamplesFrame(problem="This graph takes its numbers from no data set.")
    data, split = trainer.data, split_of(trainer, request.split)
    classes = data.classes
    labels = class_indices(torch.from_numpy(split.targets)) if classes else None
    chosen = np.arange(len(split))
    if labels is not None and request.label >= 0:
        chosen = chosen[labels == request.label]
    if labels is not None and request.wrong:
        chosen = chosen[chosen < SEARCHED]
        answers = _answers(trainer, split, chosen)
        chosen = chosen[answers != labels[chosen]] if answers is not None else chosen[:0]
    count = min(max(1, request.count), PAGE)
    start = min(max(0, request.start), max(0, len(chosen) - 1))
    page = chosen[start : start + count]
    said = _answers(trainer, split, page) if labels is not None and len(page) else None

    def names(numbers: np.ndarray | None) -> tuple[str, ...]:
        if numbers is None:
            return ()
        known = class_names(classes, int(numbers.max(initial=-1)) + 1)
        return tuple(known[int(i)] for i in numbers)

    pictures = [sample_image(trainer, split, int(i)) for i in page]
    images = [_small(p) for p in pictures if p is not None]
    rows = np.asarray(data.normalization.invert(split.inputs[page]), np.float32)
    return SamplesFrame(
        split=request.split, start=start, total=len(chosen),
        indices=tuple(int(i) for i in page),
        labels=names(labels[page] if labels is not None else None), answers=names(said),
        images=pack(np.stack(images)) if images else None,
        rows=pack(rows.reshape(len(page), math.prod(rows.shape[1:]))[:, :NUMBERS]), classes=classes,
    )  # fmt: skip


def _answers(trainer: Trainer, split: Split, rows: np.ndarray) -> np.ndarray | None:
    """The class that the net takes each sample for; None where it tells no classes apart."""
    b, plan, found = trainer.binding, trainer.evaluation_plan(), []
    if not b.target:
        return None
    for i in range(0, len(rows), BATCH):
        x, t = trainer.tensors(split.take(rows[i : i + BATCH]))
        plan.forward(b.feeds(x, t))
        shares = class_shares(plan.value(b.output), b.loss_kind, t)
        if shares is None or len(shares) != len(x):
            return None
        found.append(shares.argmax(1).cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _small(image: np.ndarray) -> np.ndarray:
    """A picture (H, W) from 0 to 1, its longer side at most ``SIDE``."""
    scale = SIDE / max(image.shape)
    if scale < 1:
        size = tuple(max(1, round(n * scale)) for n in image.shape)
        tensor = torch.from_numpy(np.ascontiguousarray(image, np.float32))[None, None]
        image = torch.nn.functional.interpolate(tensor, size, mode="area")[0, 0].numpy()
    low, high = float(image.min()), float(image.max())
    shown: np.ndarray = ((image - low) / max(high - low, 1e-9)).astype(np.float32)
    return shown
