"""Lines of equal height on a grid: marching squares over all cells at once."""

from __future__ import annotations

import math

import numpy as np

# Which edges of a cell a line joins, by which of its corners are above the level. Corners count
# 1, 2, 4, 8 from the upper left around; edges are 0 top, 1 right, 2 bottom, 3 left.
_JOINED = np.array(
    [(0, 0), (3, 0), (0, 1), (3, 1), (1, 2), (3, 0), (0, 2), (3, 2),
     (2, 3), (2, 0), (0, 1), (2, 1), (1, 3), (1, 0), (0, 3), (0, 0)]
)  # fmt: skip
_SADDLES = {5: (1, 2), 10: (2, 3)}
"""Where two lines cross a cell: the second one."""


def segments(heights: np.ndarray, level: float) -> np.ndarray:
    """The line at a level as straight pieces, shape (n, 2, 2): two ends, each (column, row).

    Cells with a corner that is not finite are left out. Source: Lorensen & Cline, "Marching
    cubes" (1987), in two dimensions; saddles are cut the same way everywhere.
    """
    above = (heights > level).astype(np.uint8)
    cases = above[:-1, :-1] | above[:-1, 1:] << 1 | above[1:, 1:] << 2 | above[1:, :-1] << 3
    rows, columns = np.nonzero((cases != 0) & (cases != 15))
    corners = np.stack([
        heights[rows, columns], heights[rows, columns + 1],
        heights[rows + 1, columns + 1], heights[rows + 1, columns],
    ])  # fmt: skip
    finite = np.isfinite(corners).all(0)
    corners, rows, columns = corners[:, finite], rows[finite], columns[finite]
    with np.errstate(divide="ignore", invalid="ignore"):  # edges that the line does not cross
        top, right, bottom, left = (level - corners) / (np.roll(corners, -1, 0) - corners)
    edges = np.empty((4, len(rows), 2))
    edges[..., 0] = columns + top, columns + 1, columns + 1 - bottom, columns
    edges[..., 1] = rows, rows + right, rows + 1, rows + 1 - left
    found = cases[rows, columns]
    at = np.arange(len(rows))
    pieces = [np.stack([edges[_JOINED[found, end], at] for end in (0, 1)], 1)]
    for case, (a, b) in _SADDLES.items():
        pieces.append(np.stack([edges[a], edges[b]], 1)[found == case])
    line: np.ndarray = np.concatenate(pieces)
    return line


def nice_levels(low: float, high: float, count: int) -> np.ndarray:
    """About ``count`` round numbers between two values: multiples of 1, 2 or 5 times 10^k."""
    if not high > low or count < 1:
        return np.empty(0)
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / rough)))
    first = math.floor(low / step) + 1
    levels: np.ndarray = np.arange(first, math.ceil(high / step)) * step
    return levels


def nice_powers(low: float, high: float, count: int) -> np.ndarray:
    """About ``count`` round numbers between two positive values, even in logarithms."""
    if not 0 < low < high or count < 1:
        return np.empty(0)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    choices = [list(nice_levels(low, high, count))] if high < 10 * low else []
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        levels = [m * 10.0**k for k in decades for m in steps]
        choices.insert(0, [v for v in levels if low < v < high])
    return np.array(min(choices, key=lambda c: abs(len(c) - count)))


def label_places(lines: list[np.ndarray], size: tuple[float, float]) -> list[np.ndarray | None]:
    """Where each line's number goes, (column, row): away from the rim and from the others.

    A line without a free place has none.
    """
    width, height = size
    placed: list[np.ndarray] = []
    result: list[np.ndarray | None] = []
    for line in lines:
        middles = line.mean(1)
        inside = (
            (middles[:, 0] > 0.08 * width) & (middles[:, 0] < 0.92 * width)
            & (middles[:, 1] > 0.06 * height) & (middles[:, 1] < 0.94 * height)
        )  # fmt: skip
        middles = middles[inside]
        if not len(middles):
            result.append(None)
            continue
        if placed:
            away = np.linalg.norm(
                (middles[:, None] - np.array(placed)[None]) / (width, height), axis=-1
            ).min(1)
        else:
            away = middles[:, 0] / width
        best = int(away.argmax())
        taken = placed and away[best] < 0.12
        result.append(None if taken else middles[best])
        if not taken:
            placed.append(middles[best])
    return result
