"""Numbers as a plot can draw them, whatever a net gives: every plot takes its data through here."""

from __future__ import annotations

from typing import Any

import numpy as np

LARGEST = 1e150
"""Its square is finite."""


def bounded(values: Any) -> np.ndarray:
    """Return values as float64, none beyond ±LARGEST; those that are not finite are NaN."""
    array = np.asarray(values, float)
    if array.size and not np.abs(array).max() <= LARGEST:
        array = np.where(np.isfinite(array), np.clip(array, -LARGEST, LARGEST), np.nan)
    return array


def filled(values: Any) -> np.ndarray:
    """Return values as float64, none beyond ±LARGEST; those that are not finite are 0."""
    array = bounded(values)
    return np.where(np.isnan(array), 0.0, array)


def ends(values: Any) -> tuple[float, float]:
    """Return the first and the last of the places of a grid, apart from each other."""
    first, last = filled(values)[[0, -1]].tolist()
    apart = 1e-9 * max(1e-9, abs(first), abs(last))
    return (first, last) if abs(last - first) > apart else (first, first + max(1.0, 10 * apart))
