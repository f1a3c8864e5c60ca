"""Where samples lie for a layer: its values in the plane that spreads them most.

Source: Pearson (1901); the plane of the two largest principal components.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from graphcore.engine.principal_axes import oriented, principal_axes
from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.records.arrays import Array, pack
from graphcore.session.session import Session
from graphcore.training.class_shares import class_indices, class_names, class_shares
from graphcore.training.trainer import Trainer
from graphcore.views.embedding import EmbeddingFrame, EmbeddingRequest
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

SAMPLES, TSNE_SAMPLES = 300, 1000
"""Test samples that are shown at every step, and on demand."""


@view(EmbeddingRequest)
def embedding(session: Session, request: EmbeddingRequest) -> EmbeddingFrame:
    """Place the samples by what the net that is trained makes of them."""
    return embed(session.need_trainer(), request.node)


def principal_components(values: Tensor) -> tuple[Tensor, tuple[float, float]]:
    """Samples in the plane of their two principal components, and the variance these hold.

    Args:
        values: shape (n, k), a row per sample.

    Returns:
        Points, shape (n, 2); along each axis the sample furthest out is on the positive side.
    """
    found = principal_axes(values)
    points = (values.double() - found.middle) @ found.axes
    furthest = points.abs().argmax(0)
    return oriented(points, points[furthest, torch.arange(2)]).to(values), found.shares


def embed(trainer: Trainer, node: str = "") -> EmbeddingFrame:
    """The first test samples in the plane of the two principal components of a node's values."""
    frame, values = measured(trainer, node, SAMPLES)
    if values is None:
        return frame
    points, shares = principal_components(values)
    return msgspec.structs.replace(frame, points=pack(points.float().numpy()), shares=shares)


def measured(trainer: Trainer, node: str, samples: int) -> tuple[EmbeddingFrame, Tensor | None]:
    """What a node makes of the first test samples, in evaluation mode.

    Returns:
        The samples, not yet placed, and values (n, k); None, and a frame that says why.
    """
    b, data = trainer.binding, trainer.data
    name = node or b.output
    x, t = trainer.tensors(data.test, max(3, trainer.at_once(samples)))
    plan = trainer.looking_plan()
    try:
        plan.forward(b.feeds(x, t))
        values = plan.value(name)
    except GradscapeError as error:
        return EmbeddingFrame(node=name, step=trainer.step, problem=str(error)), None
    if values.dim() < 1 or len(values) != len(x) or len(x) < 3:
        problem = f"{name} has no values for each sample: choose a layer before the loss."
        return EmbeddingFrame(node=name, step=trainer.step, problem=problem), None
    rows = values.reshape(len(x), -1)
    bad = int((~torch.isfinite(rows)).any(1).sum())
    if bad:
        problem = (
            f"{name} has NaN or infinite values for {bad} of {len(x)} samples, which have no "
            "place: begin again with a smaller learning rate."
        )
        return EmbeddingFrame(node=name, step=trainer.step, problem=problem), None
    classes = class_shares(plan.value(b.output), b.loss_kind, t) if b.target else None
    none = np.full(len(x), -1, np.int64)
    labels = none if classes is None else class_indices(t)
    answers = none if classes is None else classes.argmax(1).cpu().numpy().astype(np.int64)
    frame = EmbeddingFrame(
        node=name, size=values[0].numel(), step=trainer.step, labels=pack(labels),
        answers=pack(answers), images=_images(x),
        classes=class_names(data.classes, int(answers.max(initial=-1)) + 1),
    )  # fmt: skip
    return frame, rows.double().cpu()


def _images(x: Tensor) -> Array | None:
    """Grey pictures (n, H, W), if that is what the samples are."""
    if x.dim() != 4 or x.shape[1] != 1:
        return None
    return pack(x[:, 0].float().cpu().contiguous().numpy())
