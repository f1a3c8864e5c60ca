"""The data of a graph that takes none: one sample without a number."""

from __future__ import annotations

import numpy as np

from graphcore.datasets.dataset import Dataset, Split
from graphcore.datasets.normalization import Normalization

_NO_NUMBER = np.zeros(0, np.float32)
_SAMPLE = Split(np.zeros((1, 0), np.float32), np.zeros((1, 0), np.float32))
NOTHING = Dataset(
    "",
    "regression",
    _SAMPLE,
    _SAMPLE,
    None,
    (0,),
    (),
    Normalization("none", _NO_NUMBER, _NO_NUMBER),
)
"""Stands in for a data set where a graph is a function of its own parameters."""
