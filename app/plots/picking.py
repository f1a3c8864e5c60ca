"""Where points in space are on the screen, and which of them the pointer is at."""

from __future__ import annotations

import math

import numpy as np

Size = tuple[int, int]


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


def under(
    pointer: tuple[float, float], pixels: np.ndarray, depth: np.ndarray
) -> tuple[float, float]:
    """The place of a surface that is seen under the pointer: on its foremost fold.

    Args:
        pixels, depth: of the surface's points, shapes (n, m, 2) and (n, m).

    Returns:
        Row and column between the points; beside the surface, those of the nearest point.
    """
    found = _halves_under(pointer, pixels, depth)
    last = len(depth) - 1, len(depth[0]) - 1
    for far, row, column in _halves_under(pointer, pixels[::-1, ::-1], depth[::-1, ::-1]):
        found.append((far, last[0] - row, last[1] - column))
    if found:
        return min(found)[1:]
    away = np.hypot(*(pixels - np.asarray(pointer)).reshape(-1, 2).T)
    nearest = np.unravel_index(int(away.argmin()), depth.shape)
    return float(nearest[0]), float(nearest[1])


def _halves_under(
    pointer: tuple[float, float], pixels: np.ndarray, depth: np.ndarray
) -> list[tuple[float, float, float]]:
    """Depth, row and column where the pointer meets a triangle.

    They are the halves at the first corners of the squares that four points make.
    """
    corner = pixels[:-1, :-1]
    down, right = pixels[1:, :-1] - corner, pixels[:-1, 1:] - corner
    to = np.asarray(pointer) - corner
    with np.errstate(divide="ignore", invalid="ignore"):
        whole = _cross(down, right)
        s, t = _cross(to, right) / whole, _cross(down, to) / whole
    found = []
    for i, j in zip(*np.nonzero((s >= 0) & (t >= 0) & (s + t <= 1)), strict=True):
        far = depth[i, j]
        far += s[i, j] * (depth[i + 1, j] - far) + t[i, j] * (depth[i, j + 1] - far)
        found.append((float(far), float(i + s[i, j]), float(j + t[i, j])))
    return found


def _cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Of vectors in the plane, shape (n, m, 2) each."""
    found: np.ndarray = p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]
    return found
