"""Colour maps of 256 entries, and the arithmetic of colour that they are checked with."""

from __future__ import annotations

from functools import cache

import numpy as np

from graphcore.colors import SEQUENTIAL

DIVERGING = {
    "dark": ("#7cc7ff", "#2f7fc4", "#1d3b5c", "#22262d", "#5a3313", "#c06a1c", "#ffb765"),
    "light": ("#0a3f86", "#2e79c0", "#a9cdec", "#f7f8fa", "#f6c898", "#cc6b1b", "#843104"),
}
"""Blue for negative, orange for positive, and the panel's own grey for zero."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Björn Ottosson, "A perceptual color space for image processing" (2020)."""


def lut(kind: str, theme: str) -> np.ndarray:
    """Colour table (256, 4) uint8 RGBA, read-only.

    Args:
        kind: "diverging", entry 0 the most negative and 127/128 zero, or "sequential".
        theme: "dark" or "light"; the diverging map's zero is near the theme's background.
    """
    if kind == "sequential":
        return _ramp(SEQUENTIAL)
    if kind == "diverging":
        return _ramp(DIVERGING[theme])
    raise ValueError(f'There is no colour map "{kind}"; there are "diverging" and "sequential".')


@cache
def _ramp(points: tuple[str, ...]) -> np.ndarray:
    """Control points, evenly spaced, joined by straight lines in OKLab."""
    colors = oklab(np.array([rgb(p) for p in points]))
    places, wanted = np.linspace(0, 1, len(points)), np.linspace(0, 1, 256)
    lab = np.stack([np.interp(wanted, places, colors[:, i]) for i in range(3)], 1)
    table = np.full((256, 4), 255, np.uint8)
    table[:, :3] = (from_oklab(lab) * 255).round()
    table.flags.writeable = False
    return table


def rgb(color: str) -> tuple[float, float, float]:
    """Red, green and blue of "#rrggbb", 0 to 1."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def oklab(colors: np.ndarray) -> np.ndarray:
    """sRGB (*, 3) from 0 to 1 -> lightness, green-red, blue-yellow of OKLab."""
    lab: np.ndarray = np.cbrt(_linear(colors) @ _TO_LMS.T) @ _TO_OKLAB.T
    return lab


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """OKLab (*, 3) -> sRGB from 0 to 1; what no screen can show is clipped."""
    light = ((lab @ np.linalg.inv(_TO_OKLAB).T) ** 3) @ np.linalg.inv(_TO_LMS).T
    light = np.clip(light, 0, 1)
    colors: np.ndarray = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    )
    return colors


def contrast(a: str, b: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.1, 1.4.3)."""
    bright, dim = sorted((luminance(a), luminance(b)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(color: str) -> float:
    """Relative luminance, 0 for black to 1 for white (WCAG 2.1)."""
    return float(_linear(np.array(rgb(color))) @ (0.2126, 0.7152, 0.0722))


def _linear(colors: np.ndarray) -> np.ndarray:
    linear: np.ndarray = np.where(
        colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4
    )
    return linear
