"""Messages for keeping the recorded runs in a file, and for going on from one."""

from __future__ import annotations

import msgspec


class SaveRuns(msgspec.Struct, tag=True, frozen=True):
    """Write all runs to a file."""

    path: str


class OpenRuns(msgspec.Struct, tag=True, frozen=True):
    """Take up the runs of a file in place of those that are there."""

    path: str


class RunsSaved(msgspec.Struct, tag=True, frozen=True):
    """The runs are in the file, or ``problem`` says why not."""

    path: str
    problem: str = ""
