"""Precisions that products can be computed in, by name."""

from __future__ import annotations

from typing import Literal, get_args

Precision = Literal["float32", "tf32", "bfloat16", "float64"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)[:3]
"""What one chooses from; float64 is for checks."""
