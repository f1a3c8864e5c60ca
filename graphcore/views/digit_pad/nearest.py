"""Which training samples are most like a drawing: by pixels, or by what a layer makes of them.

The distance is Euclidean, over the inputs as they are fed or over the values of one node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphcore.errors import GradscapeError
from graphcore.late import torch
from graphcore.records.arrays import pack, unpack
from graphcore.session.session import Session
from graphcore.training.class_shares import class_indices
from graphcore.training.sample import drawn_input, sample_image
from graphcore.training.trainer import Trainer
from graphcore.views.digit_pad import NearestFrame, NearestRequest, Neighbour
from graphcore.views.view import view

if TYPE_CHECKING:
    from torch import Tensor

WANTED = 6
BY_LAYER = 1000
"""Training samples that are run through the net to compare the values of a node."""


@view(NearestRequest)
def neighbours(session: Session, request: NearestRequest) -> NearestFrame:
    """Find the training samples that are most like a drawing."""
    if session.trainer is None:
        return NearestFrame(node=request.node)
    return nearest(session.trainer, unpack(request.pixels), request.centred, request.node)


def nearest(trainer: Trainer, pixels: np.ndarray, centred: bool, node: str = "") -> NearestFrame:
    """The nearest training samples to a drawing.

    Args:
        pixels: brightness 0 to 1, shape (H, W).
        centred: whether it is put in the middle as MNIST's digits were.
        node: whose values are compared, with the weights of the moment in evaluation mode; "" for
            the inputs.
    """
    drawn = drawn_input(trainer, pixels, centred)
    data = trainer.data
    if drawn is None or not len(data.train):
        return NearestFrame(node=node)
    x, t = trainer.tensors(data.train, BY_LAYER if node else None)
    try:
        others, own = _values(trainer, node, x, t, drawn[1]) if node else (x, drawn[1])
    except GradscapeError as error:
        return NearestFrame(node=node, problem=str(error))
    if len(others) != len(x) or not others.is_floating_point():
        return NearestFrame(
            node=node, problem=f"{node} has no values for each sample: choose a layer before it."
        )
    distance = _distances(others.reshape(len(x), -1), own.reshape(-1))
    best = torch.topk(distance, min(WANTED, len(x)), largest=False)
    labels = class_indices(t[best.indices])
    found = []
    for k, i in enumerate(best.indices.tolist()):
        image = sample_image(trainer, trainer.data.train, i)
        if image is not None:
            found.append(Neighbour(i, int(labels[k]), float(best.values[k]), pack(image)))
    return NearestFrame(node=node, searched=len(x), classes=data.classes, found=tuple(found))


def _values(
    trainer: Trainer, node: str, x: Tensor, t: Tensor, drawn: Tensor
) -> tuple[Tensor, Tensor]:
    """What a node makes of the samples, and of the drawing."""
    plan = trainer.looking_plan()
    plan.forward(trainer.binding.feeds(torch.cat([x, drawn]), torch.cat([t, t[:1]])))
    values = plan.value(node)
    return values[:-1], values[-1:]


def _distances(others: Tensor, own: Tensor) -> Tensor:
    """Euclidean distance of each row from ``own``: no copy of the rows is made."""
    lengths = torch.linalg.vector_norm(others, dim=1)
    squares: Tensor = lengths**2 - 2 * (others @ own) + own @ own
    return squares.clamp(min=0).sqrt()
