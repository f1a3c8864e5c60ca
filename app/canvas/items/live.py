"""What a node shows of the running net: records made from the engine's frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """One tensor, downscaled.

    Attributes:
        kind: "tiles" (C, H, W), "matrix" (H, W), "bars" (n,) or "number" ().
        low, high: smallest and largest number of the whole tensor.
        shape: of the whole tensor, as text.
    """

    kind: Literal["tiles", "bars", "number", "matrix"]
    array: np.ndarray
    low: float
    high: float
    shape: str = ""

    @property
    def signed(self) -> bool:
        """Whether 0 lies inside the range, so that colours should part there."""
        return self.low < 0
