"""Weights of another program put into one of our nets."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from graphcore.engine.plan import Plan
from graphcore.files.weights import Fit, fill, match_weights, state


def fit_weights(plan: Plan, tensors: Mapping[str, Tensor]) -> Fit:
    """Fill a net from a state dict, all or nothing; raises FileError."""
    fit = match_weights(state(plan), tensors)
    fill(plan, fit, tensors)
    return fit
