"""Planes through the space of all weights, on which the loss is looked at.

Random directions are normalised filter by filter (Li et al., NeurIPS 2018): each neuron's or
channel's weights get a random direction as long as they are themselves, so that the picture does
not depend on how the layers are scaled. The plane of the first two principal components of the
path shows where training went; the share of the path's variance that it holds is part of the
answer, since most random planes hold almost none. Two weights alone span a plane whose axes are
their values; a net that has no others has its whole space on it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphcore.engine.parameters import seed_of
from graphcore.engine.plan import Plan
from graphcore.engine.principal_axes import oriented, principal_axes
from graphcore.errors import EngineError
from graphcore.late import torch

if TYPE_CHECKING:
    from torch import Tensor

Span = tuple[float, float, float, float]
"""Limits of a piece of a plane: low a, high a, low b, high b."""


@dataclass(frozen=True)
class Plane:
    """Weights origin + a·u + b·v.

    Attributes:
        origin, u, v: flat tensors of all parameters.
        labels: names of the two axes.
        shares: share of the path's variance along u and v, or None for a random plane.
    """

    origin: Tensor
    u: Tensor
    v: Tensor
    labels: tuple[str, str]
    shares: tuple[float, float] | None = None

    def at(self, a: float, b: float) -> Tensor:
        """The weights at a point of the plane."""
        return self.origin + a * self.u + b * self.v

    def project(self, flat: Tensor) -> tuple[float, float, float]:
        """Coordinates of the nearest point of the plane, and the distance from it."""
        basis = torch.stack([self.u, self.v], 1).double()
        offset = (flat - self.origin).double()
        gram = basis.t() @ basis
        found = _inverse(gram) @ (basis.t() @ offset)
        rest = offset - basis @ found
        return float(found[0]), float(found[1]), float(torch.linalg.vector_norm(rest))

    def places(self, flats: Sequence[Tensor]) -> np.ndarray:
        """Coordinates of the nearest points of the plane, shape (k, 2).

        NaN for weights that are not finite: such a place is a gap in a path.
        """
        basis = torch.stack([self.u, self.v], 1)
        inner = [basis.t() @ (flat.to(basis) - self.origin) for flat in flats]
        gram = (basis.t() @ basis).double()
        columns = torch.stack(inner, 1).double() if inner else gram.new_zeros(2, 0)
        found: np.ndarray = (_inverse(gram) @ columns).t().cpu().numpy()
        return found


def _inverse(gram: Tensor) -> Tensor:
    """The pseudo-inverse of two directions' products; NaN where one of them is not finite."""
    if not bool(torch.isfinite(gram).all()):
        return torch.full_like(gram, math.nan)
    found: Tensor = torch.linalg.pinv(gram, hermitian=True)
    return found


def random_plane(plan: Plan, seed: int = 0) -> Plane:
    """Two random filter-normalised directions around the current weights."""
    u, v = (filter_normalised(plan, seed_of(seed, f"direction {i}")) for i in (0, 1))
    labels = ("random direction 1 (filter-normalised)", "random direction 2 (filter-normalised)")
    return Plane(plan.flat.clone(), u, v, labels)


def filter_normalised(plan: Plan, seed: int) -> Tensor:
    """A random direction with the length of the weights, neuron by neuron.

    Biases and other one-dimensional parameters stay where they are, as do frozen ones.
    """
    generator = torch.Generator().manual_seed(seed)
    direction = torch.zeros_like(plan.flat)
    for info in plan.layout:
        if len(info.shape) < 2 or info.frozen:
            continue
        weights = plan.parameters[info.name].reshape(info.shape[0], -1)
        noise = torch.randn(weights.shape, generator=generator).to(weights)
        lengths = torch.linalg.vector_norm(weights, dim=1, keepdim=True)
        noise *= lengths / torch.linalg.vector_norm(noise, dim=1, keepdim=True).clamp_min(1e-12)
        info.within(direction).copy_(noise.view(info.shape))
    if not bool(direction.any()):  # a net of single numbers has no filters
        direction[: plan.trainable] = torch.randn(plan.trainable, generator=generator).to(direction)
    return direction


def principal_plane(path: Tensor, origin: Tensor) -> Plane | None:
    """The plane of the path's first two principal components through ``origin``.

    Args:
        path: weights along the run, shape (steps, numbers); steps with a number that is not
            finite are left out.

    Returns:
        None while the path is too short to span a plane. The directions are orthonormal; the
        path begins on the left and above its middle, so that a later plane is not mirrored.
    """
    known = path[torch.isfinite(path).all(1)]
    if len(known) < 3:
        return None
    found = principal_axes(known)
    shares = found.shares
    if shares[0] <= 0 or shares[1] <= 1e-12 * shares[0]:
        return None
    begins = (known[0].double() - found.middle) @ found.axes
    axes = oriented(found.axes, begins * begins.new_tensor([-1.0, 1.0])).to(path)
    labels = tuple(f"PC{i + 1}: {share:.1%} of the path" for i, share in enumerate(shares))
    return Plane(origin.clone(), axes[:, 0], axes[:, 1], (labels[0], labels[1]), shares)


def span_of_path(plane: Plane, path: Iterable[Tensor], margin: float = 0.25) -> Span:
    """Limits (low a, high a, low b, high b) that hold the whole path and a margin.

    Weights that are not finite are left out.
    """
    points = plane.places(list(path))
    points = points[np.isfinite(points).all(1)]
    if not len(points):
        return (-1.0, 1.0, -1.0, 1.0)
    low, high = points.min(0), points.max(0)
    pad = np.maximum((high - low).max() * margin, 1e-3)
    return (low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad)


def plane_of_weights(plan: Plan, chosen: Sequence[tuple[str, int]]) -> Plane:
    """The plane of two single weights; its coordinates are their values.

    Args:
        chosen: (parameter, place in it counted row by row), twice.

    Raises:
        EngineError: there is no such number, or it is the same one twice.
    """
    places = [_place(plan, name, index) for name, index in chosen]
    if places[0] == places[1]:
        raise EngineError("Both axes are the same weight: choose another for one of them.")
    origin = plan.flat.clone()
    origin[places] = 0.0
    u, v = (torch.zeros_like(origin) for _ in range(2))
    u[places[0]] = v[places[1]] = 1.0
    labels = [name_of_weight(plan, name, index) for name, index in chosen]
    return Plane(origin, u, v, (labels[0], labels[1]))


def _place(plan: Plan, name: str, index: int) -> int:
    """Where a number lies among all."""
    info = next((p for p in plan.layout if p.name == name), None)
    if info is None:
        raise EngineError(f"The net has no parameter {name}.")
    size = math.prod(info.shape)
    if not 0 <= index < size:
        raise EngineError(f"{name} has {size} numbers, from 0 to {size - 1}; {index} is not one.")
    return info.place(index)


def name_of_weight(plan: Plan, name: str, index: int) -> str:
    """Such as "fc1.weight[3, 14]"."""
    shape = next(p.shape for p in plan.layout if p.name == name)
    places = ", ".join(str(i) for i in np.unravel_index(index, shape)) if shape else ""
    return f"{name}[{places}]" if places else name


def only_weights(plan: Plan) -> list[tuple[str, int]] | None:
    """The two numbers of a net that has no others, or None."""
    found = [(p.name, i) for p in plan.layout for i in range(min(3, math.prod(p.shape)))]
    return found if len(found) == 2 and not any(p.frozen for p in plan.layout) else None


def plane_towards(plan: Plan, other: Tensor, name: str, seed: int = 0) -> Plane:
    """From the current weights at 0 straight to others at 1; across it a random direction.

    The second direction is filter-normalised, at right angles to the first and as long.
    """
    u = other - plan.flat
    v = filter_normalised(plan, seed_of(seed, "direction 1"))
    length = torch.linalg.vector_norm(u)
    v = v - u * (torch.dot(u, v) / length.square().clamp_min(1e-30))
    v *= (length / torch.linalg.vector_norm(v).clamp_min(1e-30)).clamp_min(1e-12)
    return Plane(plan.flat.clone(), u, v, (f"0 now, 1 {name}", "random direction"))


def lowest_point(losses: Sequence[float], step: float) -> tuple[float, float] | None:
    """Where a loss that is quadratic on a plane is smallest, in closed form; None if it is not.

    Args:
        losses: at (0, 0), (h, 0), (-h, 0), (0, h), (0, -h), (h, h), (-h, -h) and (2h, -h), where h
            is ``step``. Seven of them overdetermine the quadratic; the last is the proof.
    """
    o, r, l, t, b, d, e, proof = losses
    h = step
    g = np.array([r - l, t - b]) / (2 * h)
    xx, yy = (r - 2 * o + l) / h**2, (t - 2 * o + b) / h**2
    xy = (d + e - r - l - t - b + 2 * o) / (2 * h**2)
    hessian = np.array([[xx, xy], [xy, yy]])
    at = np.array([2 * h, -h])
    foretold = o + g @ at + 0.5 * at @ hessian @ at
    if abs(foretold - proof) > 1e-3 * max(abs(proof), abs(o), 1e-12):
        return None
    if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian)[0] <= 1e-9 * abs(xx + yy):
        return None
    a, best = np.linalg.solve(hessian, -g)
    return float(a), float(best)
