"""A data set limited to some of its classes."""

from __future__ import annotations

import re

import numpy as np

from graphcore.datasets.dataset import Split
from graphcore.errors import DataError, short

_RANGE = re.compile(r"(\d{1,6})\s*(?:-|–|\.\.)\s*(\d{1,6})")


def only(
    text: str, splits: tuple[Split, ...], classes: tuple[str, ...], name: str
) -> tuple[tuple[Split, ...], tuple[str, ...]]:
    """Keep the samples of the chosen classes, which are numbered from 0 on in their old order.

    Args:
        text: names of classes separated by commas; 0-4 means all of them from 0 to 4.

    Raises:
        DataError: the data have no classes, there is no such class, or fewer than two are chosen.
    """
    chosen = chosen_classes(text, classes, name)
    place = np.full(len(classes), -1)
    place[chosen] = np.arange(len(chosen))
    kept = []
    for split, what in zip(splits, ("train", "test", "validation"), strict=False):
        rows = np.flatnonzero(place[split.targets] >= 0)
        if not len(rows):
            raise DataError(f"{name} has no samples of these classes in its {what} split.")
        part = split.take(rows)
        kept.append(Split(part.inputs, place[part.targets]))
    return tuple(kept), tuple(classes[k] for k in chosen)


def chosen_classes(text: str, classes: tuple[str, ...], name: str) -> list[int]:
    """Return the places of the classes that a text names, as ``only`` takes it."""
    if not classes:
        raise DataError(f"{name} has no classes to choose from: its targets are numbers.")
    wanted: set[str] = set()
    for part in (p.strip() for p in text.split(",") if p.strip()):
        between = _RANGE.fullmatch(part)
        if part in classes or between is None:
            wanted.add(part)
        else:
            low, high = int(between[1]), int(between[2])
            wanted |= {c for c in classes if c.isdecimal() and low <= int(c) <= high}
    unknown = sorted(wanted - set(classes))
    if unknown:
        listed = ", ".join(map(short, classes[:20]))
        raise DataError(f"{name} has no class {short(unknown[0])!r}; it has: {listed}.")
    chosen = [k for k, c in enumerate(classes) if c in wanted]
    if len(chosen) < 2:
        raise DataError(
            f"{short(text)!r} leaves {len(chosen)} of the classes of {name}: two are needed."
        )
    return chosen
