"""Where chips stand: each as near as can be to what it tells of, over no title and no number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF

SIDEWAYS = (0.0, -30.0, 30.0, -60.0, 60.0, -95.0, 95.0)
UP_AND_DOWN = (0.0, -11.0, 11.0, 21.0, -21.0, 32.0, -32.0, 44.0, -44.0, 66.0, -66.0, 88.0, -88.0)
"""By how much a chip may move from the place that it wants."""
APART = 1.0
"""Room between two chips."""
OVER_CHIP = 4.0
"""What covering a unit of area of another chip costs."""
FAR = 4.0
"""What a unit of the canvas away from the wanted place costs, against one of area covered."""


def places(
    wanted: Sequence[QRectF], blocks: Sequence[tuple[QRectF, float]], still: Sequence[bool]
) -> list[QPointF]:
    """Return the centre of each chip: the cheapest near the wanted one, one after the other.

    Args:
        wanted: where the chips would stand were they alone.
        blocks: what is to stay in view, each with the cost of a unit of its area.
        still: which chips may not move.
    """
    steps = np.array([(x, y) for y in UP_AND_DOWN for x in SIDEWAYS])
    steps = np.concatenate([np.zeros((1, 2)), steps[np.argsort(np.hypot(*steps.T), kind="stable")]])
    distance = FAR * np.hypot(*steps.T)
    boxes = np.array([_box(r) for r, _cost in blocks]).reshape(-1, 4)
    costs = np.array([cost for _r, cost in blocks])
    found: list[QPointF | None] = [None] * len(wanted)
    for i in sorted(range(len(wanted)), key=lambda i: (not still[i], wanted[i].width())):
        box = np.array(_box(wanted[i].adjusted(-APART, -APART, APART, APART)))
        step = np.zeros(2)
        if not still[i]:
            moved = box + np.tile(steps, 2)
            step = steps[np.argmin(_covered(moved, boxes) @ costs + distance)]
        boxes = np.concatenate([boxes, [box + np.tile(step, 2)]])
        costs = np.append(costs, OVER_CHIP)
        found[i] = wanted[i].center() + QPointF(*step.tolist())
    return [at for at in found if at is not None]


def _box(r: QRectF) -> tuple[float, float, float, float]:
    return r.left(), r.top(), r.right(), r.bottom()


def _covered(moved: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the area of each box, shape (k, 4), that each moved one covers: (steps, k)."""
    low = np.maximum(moved[:, None, :2], boxes[None, :, :2])
    high = np.minimum(moved[:, None, 2:], boxes[None, :, 2:])
    covered: np.ndarray = np.clip(high - low, 0.0, None).prod(axis=2)
    return covered
