"""One function finds the directions of largest spread, whatever numbers it is given."""

import numpy as np
import pytest
import torch

from graphcore.engine.principal_axes import principal_axes
from graphcore.landscapes.planes import Plane, principal_plane, span_of_path

BAD = (float("nan"), float("inf"), -float("inf"))


@pytest.mark.parametrize("shape", [(40, 3), (5, 30), (3, 2), (2, 7), (9, 1), (1, 4), (0, 3)])
@pytest.mark.parametrize("size", [1.0, 1e-160, 1e200])
def test_the_axes_are_those_of_the_singular_values(shape: tuple[int, int], size: float) -> None:
    points = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = principal_axes(points * size)
    if len(points):
        assert torch.allclose(found.middle / size, points.mean(0))
    if len(points) < 2:
        assert not found.axes.any()
        return
    _, s, v = np.linalg.svd((points - points.mean(0)).numpy(), full_matrices=False)
    for i in range(min(2, len(points) - 1, shape[1])):
        assert abs(float(found.axes[:, i] @ torch.from_numpy(v[i]))) == pytest.approx(1.0)
        assert found.shares[i] == pytest.approx(s[i] ** 2 / (s**2).sum())


@pytest.mark.parametrize("bad", BAD)
def test_rows_that_are_not_finite_are_left_out(bad: float) -> None:
    points = torch.randn(20, 4, generator=torch.Generator().manual_seed(2))
    spoilt = points.clone()
    spoilt[3, 1] = spoilt[7] = bad
    kept = torch.isfinite(spoilt).all(1)
    mine, wanted = principal_axes(spoilt), principal_axes(points[kept])
    assert torch.equal(mine.axes, wanted.axes)
    assert principal_axes(torch.full((5, 4), bad)).shares == (0.0, 0.0)


@pytest.mark.parametrize("bad", BAD)
def test_a_path_with_a_step_that_is_not_finite_has_a_plane_and_a_gap(bad: float) -> None:
    path = torch.randn(12, 6, generator=torch.Generator().manual_seed(3))
    path[5, 2] = bad
    plane = principal_plane(path, path[-1])
    assert plane is not None
    places = plane.places(list(path))
    assert np.isnan(places[5]).any()
    assert np.isfinite(np.delete(places, 5, 0)).all()
    assert np.isfinite(span_of_path(plane, path)).all()
    assert np.isnan(plane.project(path[5])).any()
    assert principal_plane(torch.full((8, 6), bad), path[0]) is None


def test_a_plane_whose_direction_is_not_finite_says_so_with_nan() -> None:
    u, v = torch.tensor([1.0, float("nan")]), torch.tensor([0.0, 1.0])
    plane = Plane(torch.zeros(2), u, v, ("a", "b"))
    assert np.isnan(plane.places([torch.ones(2)])).all()
    assert span_of_path(plane, [torch.ones(2)]) == (-1.0, 1.0, -1.0, 1.0)
