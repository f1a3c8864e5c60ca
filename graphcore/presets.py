"""Graphs that ship with the app: ``resources/presets/NAME.graph.json``, or made by rule.

``index.json`` beside them gives each a title and a description, in the order of the gallery. To
add one, put a file there and a row in the index. Famous nets are made when they are asked for,
by ``graphcore.graph.famous``; their rows have no files.
"""

from __future__ import annotations

import os
from functools import lru_cache
from importlib import resources

import msgspec

from graphcore.errors import FileError, short
from graphcore.files import graph_file
from graphcore.graph.famous import NETS
from graphcore.graph.graph import Graph

GROUPS = ("start", "hand", "regression", "plane", "digits", "sequences", "generative", "wrong",
          "famous")  # fmt: skip
"""Groups of the gallery, in order: where to start, by hand, regression, points in a plane, digits,
sequences, generative nets, what goes wrong, famous nets."""


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A row of the gallery; it may be in several of the ``GROUPS``."""

    name: str
    title: str
    description: str
    groups: tuple[str, ...]


def names() -> tuple[str, ...]:
    """Names of all presets, in the order of the gallery."""
    return tuple(_index())


def small() -> tuple[str, ...]:
    """Names of the presets that lie in files: each trains within a minute on a laptop."""
    return tuple(name for name in _index() if name not in NETS)


def title(name: str) -> str:
    """Title of a preset, a few words; raises FileError."""
    return _row(name).title


def description(name: str) -> str:
    """What a preset shows, a sentence or two; raises FileError."""
    return _row(name).description


def groups(name: str) -> tuple[str, ...]:
    """Groups of a preset in the gallery; raises FileError."""
    return _row(name).groups


def load(name: str) -> Graph:
    """A fresh graph of a preset; raises FileError."""
    row = _row(name)
    if row.name in NETS:
        return NETS[row.name]()
    file = resources.files("resources") / "presets" / f"{row.name}.graph.json"
    return graph_file.loads(file.read_bytes())


def resolve(file_or_name: str | os.PathLike[str]) -> Graph:
    """The graph in a file, or the preset of that name; a file comes first.

    Raises:
        FileError: there is neither, or the file is damaged.
    """
    name = os.fspath(file_or_name)
    if name in _index() and not os.path.isfile(name):
        return load(name)
    if os.sep in name or "." in name or os.path.exists(name):
        return graph_file.load(name)
    raise FileError(
        f"There is no file {short(name)} and no preset of that name; presets: {_listed()}."
    )


@lru_cache(maxsize=1)
def _index() -> dict[str, Preset]:
    data = (resources.files("resources") / "presets" / "index.json").read_bytes()
    return {p.name: p for p in msgspec.json.decode(data, type=list[Preset])}


def _row(name: str) -> Preset:
    found = _index().get(name)
    if found is None:
        raise FileError(f"There is no preset called {name!r}; there are: {_listed()}.")
    return found


def _listed() -> str:
    return ", ".join(_index())
