"""Where points in space are on the screen, and which of them the pointer is at."""

from __future__ import annotations

import math

import numpy as np

Size = tuple[int, int]
DEEP = 0.05
"""Points so much farther than the foremost are of the same fold of a surface of side 1."""


def on_screen(
    points: np.ndarray, view: np.ndarray, fov: float, size: Size
) -> tuple[np.ndarray, np.ndarray]:
    """Project points as a camera sees them.

    Args:
        points: shape (n, 3).
        view: from the world to the camera, which looks along -z, shape (4, 4).
        fov: degrees that are seen from left to right.
        size: width and height of the picture, in pixels.

    Returns:
        Pixels from the upper left, shape (n, 2), and distances from the eye, shape (n,).
    """
    wide, high = size
    seen = points @ view[:3, :3].T + view[:3, 3]
    depth = -seen[:, 2]
    scale = wide / 2 / math.tan(math.radians(fov) / 2) / np.maximum(depth, 1e-9)
    return np.stack([wide / 2 + seen[:, 0] * scale, high / 2 - seen[:, 1] * scale], 1), depth


def under(pointer: tuple[float, float], pixels: np.ndarray, depth: np.ndarray, reach: float) -> int:
    """The point under the pointer: of those within reach the one in front, else the nearest."""
    away = np.hypot(*(pixels - np.asarray(pointer)).T)
    near = np.flatnonzero(away <= reach)
    if not len(near):
        return int(away.argmin())
    front = near[depth[near] <= depth[near].min() + DEEP]
    return int(front[away[front].argmin()])
