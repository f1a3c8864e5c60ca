"""Pictures of a report as inline SVG; colours are the page's own variables."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 560, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 32
MOST_POINTS = 600
"""A curve with more is thinned to the smallest and largest of each stretch."""


def curves(lines: Mapping[str, Points], y_name: str, *, share: bool = False) -> str:
    """Curves over the step, one colour variable each: --train, --test, --validation.

    Args:
        lines: name -> (step, value) by step.
        share: whether values are shares from 0 to 1.
    """
    known = {k: [p for p in v if math.isfinite(p[1])] for k, v in lines.items()}
    known = {k: v for k, v in known.items() if v}
    if not known:
        return ""
    every = [p for line in known.values() for p in line]
    low_x, high_x = 0.0, max(*(p[0] for p in every), 1.0)
    low_y, high_y = min(p[1] for p in every), max(p[1] for p in every)
    if share:
        low_y, high_y = max(0.0, low_y - 0.1 * (1.0 - low_y)), 1.0
    if high_y <= low_y:
        low_y, high_y = low_y - 0.5, high_y + 0.5

    def place(point: tuple[float, float]) -> str:
        x = _LEFT + (point[0] - low_x) / (high_x - low_x) * (WIDTH - _LEFT - _RIGHT)
        y = HEIGHT - _BOTTOM - (point[1] - low_y) / (high_y - low_y) * (HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    parts = _axes((low_x, high_x), (low_y, high_y), share)
    for name, line in known.items():
        drawn = " ".join(place(p) for p in thinned(line))
        faint = ' opacity="0.75"' if name == "train" else ""
        parts.append(f'<polyline class="curve" stroke="var(--{name})" points="{drawn}"{faint}/>')
        if len(line) <= 40:
            parts += [_dot(place(p), name) for p in line]
    title = f"<title>{escape(y_name)} over the step</title>"
    return (f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{title}'
            f'{"".join(parts)}</svg>')  # fmt: skip


def _dot(place: str, name: str) -> str:
    x, y = place.split(",")
    return f'<circle cx="{x}" cy="{y}" r="3" fill="var(--{name})"/>'


def thinned(line: Points) -> list[tuple[float, float]]:
    """At most ``MOST_POINTS`` of a curve that still shows every spike."""
    if len(line) <= MOST_POINTS:
        return list(line)
    found = []
    stretch = len(line) / (MOST_POINTS // 2)
    for i in range(MOST_POINTS // 2):
        part = line[int(i * stretch) : int((i + 1) * stretch)]
        ends = sorted({min(part, key=lambda p: p[1]), max(part, key=lambda p: p[1])})
        found += ends
    return found


def _axes(x: tuple[float, float], y: tuple[float, float], share: bool) -> list[str]:
    parts = []
    for value in _ticks(*y):
        at = HEIGHT - _BOTTOM - (value - y[0]) / (y[1] - y[0]) * (HEIGHT - _TOP - _BOTTOM)
        text = f"{value * 100:.4g} %" if share else f"{value:.6g}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" '
                     f'y1="{at:.1f}" y2="{at:.1f}"/>')  # fmt: skip
        parts.append(f'<text x="{_LEFT - 7}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    for value in _ticks(*x):
        at = _LEFT + (value - x[0]) / (x[1] - x[0]) * (WIDTH - _LEFT - _RIGHT)
        anchor = "end" if at > WIDTH - 30 else "middle"
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 12}" text-anchor="{anchor}">'
                     f"{value:,.6g}</text>")  # fmt: skip
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high, about five."""
    raw = (high - low) / 5
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]


# -- pictures of numbers --------------------------------------------------------------------------


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """A PNG of pixels (H, W) or (H, W, 3) as an address that holds it."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def grey(image: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Brightness from the smallest to the largest value, shape (H, W) or (H, W, 3)."""
    low, high = float(image.min()), float(image.max())
    return np.asarray((image - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
