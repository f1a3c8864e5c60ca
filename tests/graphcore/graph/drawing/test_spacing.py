"""What lies on something else finds the nearest free place."""

from __future__ import annotations

import numpy as np
import pytest

from graphcore.graph.drawing.spacing import moved_apart, nearest_free, overlap


@pytest.mark.parametrize("seed", range(5))
def test_nothing_lies_on_anything_afterwards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    areas = [(f"n{i}", (200.0 * i, 0.0, 180.0, 120.0)) for i in range(12)]
    dropped = [(*rng.uniform(0, 2400, 1), *rng.uniform(-100, 100, 1), 180.0, 120.0)]
    found = moved_apart(areas, dropped)
    after = [(*found.get(name, area[:2]), 180.0, 120.0) for name, area in areas]
    every = [*after, *dropped]
    assert not any(overlap(a, b) for i, a in enumerate(every) for b in every[:i])
    covered = {name for name, area in areas if overlap(area, dropped[0])}
    assert set(found) == covered


def test_the_nearest_place_is_near() -> None:
    x, y = nearest_free((0.0, 0.0, 100.0, 50.0), [(0.0, 0.0, 100.0, 50.0)])
    assert (x, abs(y)) == (0.0, 80.0)
