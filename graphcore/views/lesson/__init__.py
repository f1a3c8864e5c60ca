"""Messages by which a lesson asks for its numbers, and an author for what was done."""

from __future__ import annotations

import msgspec

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


class MarkRequest(Ask, frozen=True):
    """Note the state of now: what is done from here on is recorded.

    Attributes:
        shown: names of the panels that can be seen.
        plane: kind of the plane that the landscape shows.
    """

    shown: tuple[str, ...] = ()
    plane: str = ""


class RecordingRequest(Ask, frozen=True):
    """Return what was done since the mark; ``shown`` and ``plane`` as they are now."""

    shown: tuple[str, ...] = ()
    plane: str = ""


class Proposed(msgspec.Struct, frozen=True):
    """A check that holds now and did not hold at the mark.

    Attributes:
        otherwise: what is said while it does not hold.
        likely: whether it is what the task is about, so far as can be told.
    """

    check: str
    otherwise: str
    likely: bool = True


class RecordingFrame(Reply, frozen=True, kw_only=True):
    """What was done since the mark.

    Attributes:
        solution: actions, one a line.
        whole: whether the actions lead to the graph that is there.
        problem: why nothing can be said, or "".
    """

    proposals: tuple[Proposed, ...] = ()
    solution: tuple[str, ...] = ()
    whole: bool = True
    problem: str = ""
