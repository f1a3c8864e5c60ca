"""Messages about the net as files: left for another process, or taken from another program."""

from __future__ import annotations

from graphcore.records.requests import Ask, Command, Outcome


class SaveNet(Ask, frozen=True):
    """Write the graph and the weights of this moment to a folder, as ``train --out`` does."""

    writes = ("folder",)
    folder: str


class NetSaved(Outcome, frozen=True):
    """The files are there; or why they are not."""

    folder: str
    problem: str = ""


class LoadWeights(Command, frozen=True):
    """Fill the net from a file of weights, by name, shape and order.

    Attributes:
        partly: whether what fits is taken where not all does; else it is all or nothing.
        again: whether the net of another engine started with them: it does so again, and a net
            that has trained goes back there by a reset alone.
    """

    reads = ("path",)
    path: str
    partly: bool = False
    again: bool = False


class WeightsLoaded(Outcome, frozen=True, kw_only=True):
    """What became of it.

    Attributes:
        loaded: names of the parameters and running statistics of the net that were filled.
        by_shape: those of them that were found by their shape, not by their name.
        by_order: those that were found by their place among others of their shape.
        unused: tensors of the file that nothing wanted.
        left_out: why others of the net were left as they were, a sentence each.
        kinds: types of the file's numbers that were converted, such as "float16".
        fitting, wanted: where nothing was loaded: how many would fit, of how many.
        problem: why nothing was loaded, or "".
        start: whether the net starts with them. again: as in the request.
    """

    path: str
    start: bool = False
    again: bool = False
    loaded: tuple[str, ...] = ()
    by_shape: tuple[str, ...] = ()
    by_order: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    fitting: int = 0
    wanted: int = 0
    problem: str = ""
