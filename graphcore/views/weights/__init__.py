"""Messages for the numbers of one parameter: looked at as a table, changed by hand."""

from __future__ import annotations

from graphcore.records.arrays import Array
from graphcore.records.requests import Ask, Command, Reply


class TensorRequest(Ask, frozen=True):
    """Send the numbers of a parameter, "conv1.weight", and their gradient."""

    name: str


class SetNumbers(Command, frozen=True):
    """Change single numbers of a parameter.

    Attributes:
        places: positions in the parameter as one row.
    """

    name: str
    places: tuple[int, ...]
    values: tuple[float, ...]


class TensorFrame(Reply, frozen=True, kw_only=True):
    """A parameter at a step; ``gradient`` is None before the first backward pass."""

    name: str
    step: int = 0
    values: Array | None = None
    gradient: Array | None = None
    problem: str = ""
