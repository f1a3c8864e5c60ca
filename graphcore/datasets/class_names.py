"""Names of classes that the user brings, such as the thousand of ImageNet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from graphcore.datasets.dataset import Dataset
from graphcore.errors import DataError, short
from graphcore.system import reading

LARGEST = reading.MIB
"""Bytes of a file of names."""
LONGEST = 80
"""Characters of a name that are kept."""


def read_names(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names in a file: one on each line, or JSON; raises DataError.

    JSON holds a list of names, or a table of number -> name, or number -> [code, name].
    """
    called = short(os.path.basename(path))
    try:
        text = reading.read_bytes(path, LARGEST, DataError).decode("utf-8-sig")
        if str(path).lower().endswith(".json"):
            return _of_json(msgspec.json.decode(text))
    except UnicodeDecodeError:
        raise DataError(f"{called} is no text in UTF-8.") from None
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError):
        raise DataError(
            f'{called} is no list of names, such as ["cat", "dog"], nor a table of them, such as '
            '{"0": "cat", "1": "dog"}.'
        ) from None
    return tuple(line.strip()[:LONGEST] for line in text.splitlines() if line.strip())


def _of_json(found: Any) -> tuple[str, ...]:
    if isinstance(found, dict):
        found = [found[str(i)] for i in range(len(found))]
    names = [one[-1] if isinstance(one, list) else one for one in found]
    if not names or not all(isinstance(name, str) and name for name in names):
        raise ValueError
    return tuple(name[:LONGEST] for name in names)


def called(data: Dataset, names: Sequence[str]) -> Dataset:
    """Return the data with these names of the classes; the same data where they do not fit."""
    if not names or tuple(names) == data.classes:
        return data
    if len(names) != len(data.classes):
        note = (
            f"The graph has {len(names):,} names of classes and the data {len(data.classes):,} "
            "classes: the names of the data are used."
        )
        return replace(data, note=f"{data.note} {note}".strip())
    return replace(data, classes=tuple(names))
