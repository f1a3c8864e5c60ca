"""Messages about the net as files: left for another process, or taken from another program."""

from __future__ import annotations

import msgspec


class SaveNet(msgspec.Struct, tag=True, frozen=True):
    """Write the graph and the weights of this moment to a folder, as ``train --out`` does."""

    folder: str


class NetSaved(msgspec.Struct, tag=True, frozen=True):
    """The files are there; or why they are not."""

    folder: str
    problem: str = ""


class LoadWeights(msgspec.Struct, tag=True, frozen=True):
    """Take what fits from a safetensors file, by name and shape."""

    path: str


class WeightsLoaded(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        loaded: names of what was taken, of ``wanted`` parameters and running statistics.
        other_shape, missing: names of what the file has in another shape, or not at all.
        unused: tensors of the file that nothing wanted.
        problem: why the file could not be read, or "".
    """

    path: str
    wanted: int = 0
    loaded: tuple[str, ...] = ()
    other_shape: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    problem: str = ""
