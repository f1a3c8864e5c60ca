"""One sample as a net is fed it: out of the data set, drawn, or typed; and its picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from graphcore import ops
from graphcore.datasets import Split
from graphcore.errors import DataError
from graphcore.late import torch
from graphcore.records.arrays import Array, unpack
from graphcore.training.trainer import Trainer

if TYPE_CHECKING:
    from torch import Tensor


DIGIT, INK = 28, 20
"""Side of an MNIST picture, and of the box that its digit was scaled into (LeCun's page)."""


def sample_image(trainer: Trainer, split: Split, i: int) -> np.ndarray | None:
    """A sample as a picture (H, W), normalisation undone; None where samples are no pictures."""
    data = trainer.data
    sample = np.asarray(data.normalization.invert(split.inputs[i]), np.float32)
    shape = data.input_shape
    if len(shape) == 3 and shape[0] in (1, 3):
        grey: np.ndarray = sample.reshape(shape).mean(0)
        return grey
    return sample.reshape(shape) if len(shape) == 2 else None


def centred_digit(pixels: np.ndarray) -> np.ndarray:
    """A drawing as MNIST's digits were made: ink in a box of 20x20, its mass in the middle.

    Args:
        pixels: brightness 0 to 1, shape (H, W).

    Returns:
        Shape (28, 28); all zeros for an empty drawing.
    """
    result = np.zeros((DIGIT, DIGIT), np.float32)
    rows, columns = np.nonzero(pixels > 0.05)
    if not len(rows):
        return result
    box = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    scale = INK / max(box.shape)
    size = tuple(max(1, round(n * scale)) for n in box.shape)
    image = torch.from_numpy(np.ascontiguousarray(box, np.float32))[None, None]
    ink = torch.nn.functional.interpolate(image, size, mode="area")[0, 0].numpy()
    ys, xs = np.mgrid[: size[0], : size[1]]
    total = float(ink.sum())
    middle = (float((ys * ink).sum()) / total, float((xs * ink).sum()) / total)
    top, left = (
        min(max(0, round(DIGIT / 2 - m)), DIGIT - n) for m, n in zip(middle, size, strict=True)
    )
    result[top : top + size[0], left : left + size[1]] = ink
    return result


def drawn_input(
    trainer: Trainer, pixels: np.ndarray, centred: bool
) -> tuple[np.ndarray, Tensor] | None:
    """A drawing as a picture (28, 28), and as the net is fed it; None if its input is no such."""
    shape = trainer.input_shape
    if math.prod(shape) != DIGIT * DIGIT:
        return None
    if centred:
        seen = centred_digit(pixels)
    else:
        image = torch.from_numpy(np.ascontiguousarray(pixels, np.float32))[None, None]
        seen = torch.nn.functional.interpolate(image, (DIGIT, DIGIT), mode="area")[0, 0].numpy()
    x = torch.from_numpy(trainer.data.normalization.apply(seen.reshape(1, *shape)))
    return seen, x.to(trainer.plan.device, trainer.plan.dtype)


SplitName = Literal["train", "test"]


class Sample(msgspec.Struct, tag=True, frozen=True):
    """The sample that is looked at: of the data set, drawn, or typed.

    Attributes:
        index: its row in the split.
        given: numbers in place of those of the data set, before normalisation: a drawing of any
            size, shape (H, W), 0 to 1; or as many numbers as the net's input holds.
        drawn: whether ``given`` is a drawing, to be put in the middle as MNIST's digits were.
        label: class or value that it is to have; None: what the net says itself, or, of a sample
            of the data set, what is known.
    """

    index: int = 0
    split: SplitName = "test"
    given: Array | None = None
    drawn: bool = False
    label: float | None = None


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


def truth_unknown(trainer: Trainer, sample: Sample) -> bool:
    """Whether no true value is known of a sample that was typed or drawn.

    Of a class that is no matter: it is chosen beside the sample, or it is to be the net's own.
    """
    own = sample.given is not None and sample.label is None
    return own and bool(trainer.binding.target) and not trainer.data.classes


def _given(trainer: Trainer, sample: Sample) -> Tensor:
    """Numbers that were typed or drawn, normalised as the data are, shape (1, *input)."""
    assert sample.given is not None
    shape = trainer.input_shape
    numbers = np.array(unpack(sample.given), np.float32)  # what was sent cannot be written to
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
    """Return what the net says of a sample, in the form of a target.

    A target that has no such form stays: it is that of a sample of the data.
    """
    b = trainer.binding
    if not b.target:
        return t
    plan = trainer.evaluation_plan()
    plan.forward(b.feeds(x, t))
    scores = plan.value(b.output)
    if not t.is_floating_point():
        known = scores.dim() == 2 and t.shape == (1,)
        return scores.argmax(1).to(t) if known else t
    if scores.numel() != t.numel():
        return t
    said, kind = scores.reshape(t.shape).to(t), ops.get(b.loss_kind).answers
    if not trainer.data.classes:
        return said if kind == "number" else t
    no, yes = (float(f(trainer.data.train.targets)) for f in (np.min, np.max))
    middle = 0.0 if kind == "logit" else (no + yes) / 2
    return torch.where(said > middle, yes, no).to(t)
