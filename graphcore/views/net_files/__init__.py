"""Messages about the net as files: left for another process, or taken from another program."""

from __future__ import annotations

from graphcore.records.requests import Ask, Command, Outcome


class SaveNet(Ask, frozen=True):
    """Write the graph and the weights of this moment to a folder, as ``train --out`` does."""

    folder: str


class NetSaved(Outcome, frozen=True):
    """The files are there; or why they are not."""

    folder: str
    problem: str = ""


class LoadWeights(Command, frozen=True):
    """Fill the net from a safetensors file, by name and shape, all or nothing."""

    path: str


class WeightsLoaded(Outcome, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        loaded: names of all parameters and running statistics of the net.
        by_shape: those of them that were found by their shape, not by their name.
        unused: tensors of the file that nothing wanted.
        problem: why nothing was loaded, or "".
    """

    path: str
    loaded: tuple[str, ...] = ()
    by_shape: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    problem: str = ""
