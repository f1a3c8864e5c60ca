"""The samples of a data set to choose from, and a sample as it is fed: known, drawn or typed."""

from __future__ import annotations

import math

import numpy as np

from graphcore.datasets.dataset import Split
from graphcore.late import torch
from graphcore.records.arrays import pack
from graphcore.session.session import Session
from graphcore.training.class_shares import class_indices, class_names, class_shares
from graphcore.training.sample import sample_image, split_of
from graphcore.training.trainer import Trainer
from graphcore.views.samples import SamplesFrame, SamplesRequest
from graphcore.views.view import view

SEARCHED, BATCH = 10_000, 200
"""Samples among which mistakes are looked for, and how many are run at a time."""
REST = 1.0
"""Seconds between two pages while the net trains."""
SIDE, NUMBERS, PAGE = 56, 8, 200
"""Pixels of a small picture's longer side; numbers of a row that are shown; most of a page."""


class _Told:
    """The request that was answered last."""

    request: SamplesRequest | None = None


@view(SamplesRequest, rest=REST, without_run=True)
def page(session: Session, request: SamplesRequest) -> SamplesFrame | None:
    """Show a page of the data set.

    While the net trains its answers follow; mistakes stay those that were found once, as other
    samples would move in under the pointer, after a search that holds training up.
    """
    told = session.part(_Told)
    if session.running and request.wrong and told.request is request:
        return None
    told.request = request
    if session.trainer is None:
        return SamplesFrame(problem="This graph takes its numbers from no data set.")
    return browse(session.trainer, request)


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
        columns=data.columns, step=trainer.step,
    )  # fmt: skip


def _answers(trainer: Trainer, split: Split, rows: np.ndarray) -> np.ndarray | None:
    """Return the predicted class of each sample; None where the net does not classify."""
    b, plan, found = trainer.binding, trainer.evaluation_plan(), []
    if not b.target:
        return None
    batch = trainer.at_once(BATCH)
    for i in range(0, len(rows), batch):
        x, t = trainer.tensors(split.take(rows[i : i + batch]))
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
