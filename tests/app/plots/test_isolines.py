"""Lines of equal height against surfaces whose lines are known."""

import numpy as np
import pytest

from app.plots import isolines


def cone(points=41):
    at = np.linspace(-1, 1, points)
    return np.hypot(*np.meshgrid(at, at))


@pytest.mark.parametrize("radius", [0.2, 0.5, 0.9])
def test_the_lines_of_a_cone_are_circles(radius):
    pieces = isolines.segments(cone(), radius)
    ends = pieces.reshape(-1, 2) / 20 - 1
    assert np.allclose(np.hypot(ends[:, 0], ends[:, 1]), radius, atol=2e-3)
    length = np.linalg.norm(np.diff(pieces / 20, axis=1), axis=-1).sum()
    assert length == pytest.approx(2 * np.pi * radius, rel=5e-3)


def test_lines_are_closed():
    pieces = isolines.segments(cone(), 0.473)  # through no corner
    ends, counts = np.unique(pieces.reshape(-1, 2).round(9), axis=0, return_counts=True)
    assert len(ends) == len(pieces)
    assert (counts == 2).all()


def test_a_saddle_has_two_pieces():
    assert len(isolines.segments(np.array([[1.0, 0.0], [0.0, 1.0]]), 0.5)) == 2
    assert len(isolines.segments(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.5)) == 2


def test_flat_and_broken_surfaces_have_no_line_there():
    assert isolines.segments(np.ones((5, 5)), 1.0).shape == (0, 2, 2)
    heights = cone(11)
    heights[5, 8] = np.nan
    whole, broken = isolines.segments(cone(11), 0.5), isolines.segments(heights, 0.5)
    assert 0 < len(broken) < len(whole)
    assert np.isfinite(broken).all()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.013, 0.0177), (-3e5, 8e5)])
def test_levels_are_round_and_about_as_many_as_wanted(low, high):
    levels = isolines.nice_levels(low, high, 9)
    assert 5 <= len(levels) <= 14
    assert low < levels[0]
    assert levels[-1] < high
    step = levels[1] - levels[0]
    assert round(step / 10 ** np.floor(np.log10(step * 1.000001)), 6) in (1, 2, 5)


@pytest.mark.parametrize(("low", "high"), [(0.02, 3.0), (1e-6, 2.3), (0.31, 0.36), (2.0, 2.4)])
def test_powers_lie_between(low, high):
    levels = isolines.nice_powers(low, high, 9)
    assert ((levels > low) & (levels < high)).all()
    assert 5 <= len(levels) <= 14


def test_nothing_between_equal_ends():
    assert len(isolines.nice_levels(1.0, 1.0, 9)) == 0
    assert len(isolines.nice_powers(0.0, 1.0, 9)) == 0


@pytest.mark.parametrize(("low", "high"), [(1.4e-5, 5.0), (1e-3, 5.0), (0.02, 0.5)])
def test_levels_over_decades_are_even_in_logarithms(low, high):
    levels = isolines.nice_powers(low, high, 9)
    assert 5 <= len(levels) <= 14
    steps = np.diff(np.log10(levels))
    assert steps.max() < 3 * steps.min()
    assert np.log10(levels[0] / low) <= 1  # the low end has its lines too
