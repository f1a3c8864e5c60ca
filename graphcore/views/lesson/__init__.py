"""Messages by which a lesson asks for the numbers in its texts and for its checks."""

from __future__ import annotations

from graphcore.records.requests import Ask, Reply


class FactsRequest(Ask, frozen=True):
    """Compute expressions of the language of checks, with the net of this moment.

    Attributes:
        number: of the question; the reply bears it.
        begins: whether a step begins here: what moves is measured from these weights.
        shown: names of the panels that can be seen.
        plane: kind of the plane that the landscape shows.
    """

    expressions: tuple[str, ...]
    number: int = 0
    begins: bool = False
    shown: tuple[str, ...] = ()
    plane: str = ""


class FactsFrame(Reply, frozen=True, kw_only=True):
    """What the expressions of a request came to.

    Attributes:
        values: expression -> number, text, or True or False.
        problems: expression -> why it has no value.
    """

    number: int
    values: dict[str, float | str | bool] = {}
    problems: dict[str, str] = {}
