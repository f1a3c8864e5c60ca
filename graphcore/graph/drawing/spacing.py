"""Free places: where something can stand that would lie on something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Area = tuple[float, float, float, float]
"""Left, top, width, height."""
Point = tuple[float, float]
STEP, GAP, REACH = 20.0, 20.0, 2000.0


def overlap(a: Area, b: Area, gap: float = 0.0) -> bool:
    """Return whether two areas lie on each other, or nearer than ``gap``."""
    return (
        a[0] < b[0] + b[2] + gap and b[0] < a[0] + a[2] + gap
        and a[1] < b[1] + b[3] + gap and b[1] < a[1] + a[3] + gap
    )  # fmt: skip


def nearest_free(area: Area, taken: Iterable[Area]) -> Point:
    """Return the corner nearest to an area's own at which it lies on none of those taken."""
    x, y, width, height = area
    near = [other for other in taken if overlap(area, other, REACH)]
    for dx, dy in _ways():
        moved = (x + dx, y + dy, width, height)
        if not any(overlap(moved, other, GAP) for other in near):
            return moved[0], moved[1]
    return x, y + REACH


def moved_apart(moving: Sequence[tuple[str, Area]], fixed: Sequence[Area]) -> dict[str, Point]:
    """Return new corners for those of ``moving`` that lie on what is fixed.

    What does not is left where it is, and nothing is moved onto it.
    """
    stay = [area for _, area in moving if not any(overlap(area, f) for f in fixed)]
    taken, found = [*fixed, *stay], dict[str, Point]()
    for name, area in moving:
        if any(overlap(area, f) for f in fixed):
            found[name] = nearest_free(area, taken)
            taken.append((*found[name], area[2], area[3]))
    return found


def _ways() -> Iterator[Point]:
    """Ways to go, the shortest first."""
    count = int(REACH / STEP)
    for ring in range(1, count):
        around = [(i, j) for i in range(-ring, ring + 1) for j in (-ring, ring)]
        around += [(i, j) for i in (-ring, ring) for j in range(1 - ring, ring)]
        for i, j in sorted(around, key=lambda way: way[0] ** 2 + way[1] ** 2):
            yield i * STEP, j * STEP
