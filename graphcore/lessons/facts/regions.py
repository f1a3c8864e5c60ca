"""Facts of answers that are places in a picture: boxes, and a class for each pixel."""

from __future__ import annotations

from graphcore.errors import LessonError
from graphcore.late import torch
from graphcore.lessons.facts.classes import _scores
from graphcore.lessons.functions import fact
from graphcore.lessons.state import State


@fact
def overlap(state: State) -> float:
    """What answer and truth have in common, as a share of their union, on the test split: IoU.

    Of boxes, where a target is left, top, right and bottom, the mean over the samples; where it is
    a class for each pixel, the mean over the classes but 0, the background.
    Example: overlap() > 0.5
    """
    trainer = state.trainer
    x, t = trainer.tensors(trainer.data.test)
    said = _scores(state, x)
    if t.is_floating_point() and t.shape[1:] == (4,) and said.shape == t.shape:
        return float(_of_boxes(said, t).mean())
    if not t.is_floating_point() and t.dim() == 3 and said.dim() == 4:
        answers, kinds = said.argmax(1), range(1, said.shape[1])
        shared = [((answers == k) & (t == k)).sum() for k in kinds]
        either = [((answers == k) | (t == k)).sum().clamp_min(1) for k in kinds]
        return float(torch.stack([s / e for s, e in zip(shared, either, strict=True)]).mean())
    raise LessonError("This net answers neither with boxes nor with a class for each pixel.")


def _of_boxes(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes (n, 4), shape (n,)."""
    corners = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (corners[1] - corners[0]).clamp_min(0).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).clamp_min(0).prod(1) for box in (a, b)]
    return both / (areas[0] + areas[1] - both).clamp_min(1e-12)


@fact
def pixels_right(state: State) -> float:
    """Share of the test pictures' pixels that get the right class, where each pixel has one."""
    trainer = state.trainer
    x, t = trainer.tensors(trainer.data.test)
    said = _scores(state, x)
    if t.is_floating_point() or t.dim() != 3 or said.dim() != 4:
        raise LessonError("This net does not answer with a class for each pixel.")
    return float((said.argmax(1) == t).double().mean())
