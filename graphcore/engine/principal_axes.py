"""The directions along which points are spread most.

Source: Pearson (1901), principal component analysis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor


class PrincipalAxes(NamedTuple):
    """Two directions through the middle of some points.

    Attributes:
        middle: mean of the points, shape (k,).
        axes: unit vectors, shape (k, 2), that of the largest variance first; zeros where the
            points are not spread.
        shares: share of the whole variance along each.
    """

    middle: Tensor
    axes: Tensor
    shares: tuple[float, float]


def principal_axes(points: Tensor) -> PrincipalAxes:
    """Return the two principal axes of points, in double precision.

    Args:
        points: shape (n, k). Rows with a number that is NaN or infinite are left out.
    """
    known = points[torch.isfinite(points).all(1)].double()
    middle, axes = (
        points.new_zeros(s, dtype=torch.float64) for s in (points.shape[1:], (points.shape[1], 2))
    )
    if not known.numel():
        return PrincipalAxes(middle, axes, (0.0, 0.0))
    scale = float(known.abs().max()) or 1.0  # so that no square is too large
    known = known / scale
    centred = known - known.mean(0)
    few = len(known) <= known.shape[1]  # the smaller of two products has the same variances
    variances, vectors = torch.linalg.eigh(centred @ centred.t() if few else centred.t() @ centred)
    variances, vectors = variances.flip(0).clamp_min(0), vectors.flip(1)[:, :2]
    if few:
        vectors = centred.t() @ vectors / variances[:2].sqrt()
    spread = variances[:2] > 1e-30
    axes[:, : vectors.shape[1]] = torch.where(spread, vectors, 0.0)
    total = float(variances.sum()) or 1.0
    shares = [float(x) / total for x in variances[:2]] + [0.0]
    return PrincipalAxes(known.mean(0) * scale, axes, (shares[0], shares[1]))


def oriented(axes: Tensor, positive: Tensor) -> Tensor:
    """Return axes of which each points to where its number is positive.

    Args:
        axes: shape (k, 2).
        positive: two numbers, one per axis.
    """
    return axes * torch.where(positive < 0, -1.0, 1.0)
