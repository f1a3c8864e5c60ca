"""Colours that mean the same on the canvas, in the plots and in a report."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CATEGORY_COLORS = {
    "source": "#3870de",
    "elementwise": "#977bdf",
    "linear": "#079b88",
    "convolution": "#c87609",
    "pooling": "#8d7103",
    "activation": "#c54966",
    "normalization": "#4c9a30",
    "reduction": "#8b9164",
    "shape": "#7f8dad",
    "attention": "#b650bd",
    "recurrent": "#007fa0",
    "loss": "#f65357",
    "composite": "#747474",
}
"""Found by a search for the largest distance in OKLab, with and without red or green cones."""

SEQUENTIAL = ("#0b0f2e", "#173a74", "#12698a", "#2a9779", "#8cbf4e", "#fbe96a")
"""Dark navy over teal to yellow: lightness only rises, so it reads without any colour."""


def colored(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return shares from 0 (dark) to 1 (yellow) as colours, shape (H, W, 3)."""
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in SEQUENTIAL])
    at = np.clip(np.nan_to_num(values), 0, 1) * (len(stops) - 1)
    return np.stack(
        [np.interp(at, np.arange(len(stops)), stops[:, i]) for i in range(3)], -1
    ).astype(np.uint8)
