"""The decision map of a report: what a net of two inputs says at every place of its plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphcore.colors import colored
from graphcore.records.arrays import unpack
from graphcore.report import svg
from graphcore.views.decision_map import DecisionFrame

CLASS_COLORS = (
    "#3b82f6", "#f08c2e", "#12a37f", "#d9489f", "#b59b00", "#7c5cf0", "#06a3b7", "#c2413c",
    "#6b8e23", "#8a7f8d",
)  # fmt: skip
SIDE = 460
MOST_POINTS = 400


def picture(frame: DecisionFrame) -> str:
    """Classes as colours, the stronger the surer; samples as dots, those of the test set ringed."""
    if frame.shares is None or frame.points is None or frame.labels is None:
        return ""
    shares = unpack(frame.shares)
    source = svg.data_uri(_mixed(shares) if frame.classes else _raw(shares[0]))
    dots = _dots(frame)
    if frame.generated is not None:
        dots += [f'<path class="made" d="M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6"/>'
                 for x, y in _places(frame, unpack(frame.generated)[:MOST_POINTS])]  # fmt: skip
    return (
        f'<svg class="plane" viewBox="0 0 {SIDE} {SIDE}" role="img" '
        f'style="max-width: {SIDE}px"><title>Decision map</title>'
        f'<image href="{source}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none"/>'
        f"{''.join(dots)}</svg>"
    )


def _places(frame: DecisionFrame, points: NDArray[np.floating]) -> list[tuple[float, float]]:
    low, high = np.array(frame.low), np.array(frame.high)
    shares = (points - low) / (high - low)
    return [(float(x) * SIDE, (1 - float(y)) * SIDE) for x, y in shares]


def _dots(frame: DecisionFrame) -> list[str]:
    assert frame.points is not None
    assert frame.labels is not None
    points, labels = unpack(frame.points), unpack(frame.labels).reshape(-1)
    tested = len(points) - frame.tests
    every = len(points) // MOST_POINTS + 1
    values = sorted(set(labels.tolist())) if frame.classes else []
    found = []
    for i, (x, y) in list(enumerate(_places(frame, points)))[::every]:
        color = CLASS_COLORS[values.index(labels[i]) % 10] if values else "#ffffff"
        ring = ' class="test"' if i >= tested else ""
        found.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{color}"{ring}/>')
    return found


def _mixed(shares: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colour of the likeliest class, transparent where the net is not sure; rows from above."""
    winner, best = shares.argmax(0), shares.max(0)
    colors = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASS_COLORS])
    sure = np.clip((best - 1 / len(shares)) / (1 - 1 / len(shares)), 0, 1)
    alpha = (sure * 0.6 * 255)[..., None]
    return np.concatenate([colors[winner % 10], alpha], -1).astype(np.uint8)[::-1]


def _raw(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    low, high = float(values.min()), float(values.max())
    return colored((values - low) / max(high - low, 1e-12))[::-1]
