"""Losses on a logarithmic scale."""

from __future__ import annotations

import numpy as np

FLOOR = 1e-5
"""Share of the largest value below which values are drawn alike."""


def loggable(values: np.ndarray) -> np.ndarray | None:
    """The values, none of which is 0: those that are count as the smallest that is not.

    None where some are below zero or none is above it; what is not finite stays.
    """
    finite = values[np.isfinite(values)]
    above = finite[finite > 0]
    if not above.size or finite.min() < 0:
        return None
    raised: np.ndarray = np.maximum(values, max(float(above.min()), FLOOR * float(above.max())))
    return raised
