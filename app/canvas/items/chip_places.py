"""Where chips stand: each as near as can be to what it tells of, over no title and no number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRectF

SIDEWAYS = (0.0, -30.0, 30.0, -60.0, 60.0, -95.0, 95.0)
UP_AND_DOWN = (0.0, -11.0, 11.0, 21.0, -21.0, 32.0, -32.0, 44.0, -44.0, 66.0, -66.0, 88.0, -88.0)
"""By how much a chip may move from the place that it wants."""
NEAR = 5
"""How many of the ways up and down there are from the other places of a wire."""
APART = 1.0
"""Room between two chips."""
BESIDE, OVER_BESIDE = 14.0, 1.0
"""Room that a chip of a wire keeps from the chips of nodes, and what a unit of less costs."""
OVER_CHIP = 4.0
"""What covering a unit of area of another chip costs."""
FAR = 4.0
"""What a unit of the canvas away from the wanted place costs, against one of area covered."""


def places(
    wanted: Sequence[QRectF], blocks: Sequence[tuple[QRectF, float]], still: Sequence[bool],
    along: Sequence[Sequence[QPointF]] = (),
) -> list[QPointF]:  # fmt: skip
    """Return the centre of each chip: the cheapest near the wanted one, one after the other.

    Args:
        wanted: where the chips would stand were they alone.
        blocks: what is to stay in view, each with the cost of a unit of its area.
        still: which chips may not move.
        along: for each chip of a wire other centres along it, as good as the wanted one; such chips
            come last and keep off those of nodes, as if they were theirs.
    """
    steps, distance = _steps()
    on_wire = [bool(along and along[i]) for i in range(len(wanted))]
    boxes = np.array([_box(r) for r, _cost in blocks]).reshape(-1, 4)
    costs = np.array([cost for _r, cost in blocks])
    found: list[QPointF | None] = [None] * len(wanted)
    beside = np.zeros((0, 4))
    for i in sorted(
        range(len(wanted)), key=lambda i: (on_wire[i], not still[i], wanted[i].width())
    ):
        box = np.array(_box(wanted[i].adjusted(-APART, -APART, APART, APART)))
        step = np.zeros(2)
        if not still[i]:
            ways, far = steps, distance
            if on_wire[i]:
                ways, far = _ways(wanted[i], along[i], steps, distance)
            cost = _covered(box + np.tile(ways, 2), boxes) @ costs + far
            if on_wire[i]:
                cost += OVER_BESIDE * _covered(box + np.tile(ways, 2), beside).sum(axis=1)
            step = ways[np.argmin(cost)]
        taken = box + np.tile(step, 2)
        boxes, costs = np.concatenate([boxes, [taken]]), np.append(costs, OVER_CHIP)
        if not on_wire[i]:
            room = np.array([-BESIDE, -BESIDE, BESIDE, BESIDE])
            beside = np.concatenate([beside, [taken + room]])
        found[i] = wanted[i].center() + QPointF(*step.tolist())
    return [at for at in found if at is not None]


def _steps() -> tuple[np.ndarray, np.ndarray]:
    """The steps that a chip may be moved by, the smallest first, and the cost of each."""
    steps = np.array([(x, y) for y in UP_AND_DOWN for x in SIDEWAYS])
    steps = np.concatenate([np.zeros((1, 2)), steps[np.argsort(np.hypot(*steps.T), kind="stable")]])
    return steps, FAR * np.hypot(*steps.T)


def _ways(
    wanted: QRectF, along: Sequence[QPointF], steps: np.ndarray, distance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ways that a chip of a wire may be moved, and what its distance from it costs."""
    at = [p - wanted.center() for p in along]
    near = np.array([(p.x(), p.y() + y) for p in at for y in UP_AND_DOWN[:NEAR]])
    off = FAR * np.abs(np.tile(UP_AND_DOWN[:NEAR], len(at)))
    return np.concatenate([steps, near]), np.concatenate([distance, off])


def _box(r: QRectF) -> tuple[float, float, float, float]:
    return r.left(), r.top(), r.right(), r.bottom()


def _covered(moved: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return the area of each box, shape (k, 4), that each moved one covers: (steps, k)."""
    low = np.maximum(moved[:, None, :2], boxes[None, :, :2])
    high = np.minimum(moved[:, None, 2:], boxes[None, :, 2:])
    covered: np.ndarray = np.clip(high - low, 0.0, None).prod(axis=2)
    return covered
