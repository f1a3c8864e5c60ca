"""What goes over the pipe between the window and the engine process: requests and replies.

A request is of one of four kinds, which decides how it is served; whatever serves it registers
with ``graphcore.views.view``. Each class is found by its name, so there is no list of them.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Request(msgspec.Struct, tag=True, frozen=True):
    """What the window asks of the engine process.

    Attributes:
        reads, writes: names of the fields that are paths: of what is read, and of what is written
            for the window. They matter where window and engine are on two machines.
    """

    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[tuple[str, ...]] = ()


class Look(Request, frozen=True, kw_only=True):
    """Something that is kept up to date while it can be seen.

    Attributes:
        visible: whether it can be seen; nothing is computed for it otherwise.
    """

    visible: bool = True

    @property
    def wanted(self) -> bool:
        """Whether there is something to compute."""
        return self.visible


class Ask(Request, frozen=True):
    """A question that is answered once."""


class Job(Request, frozen=True, kw_only=True):
    """Work that takes long and is done a slice at a time; another of its type ends it.

    Attributes:
        run: whether to begin it; otherwise one that runs is ended.
    """

    run: bool = True


class Command(Request, frozen=True):
    """A change of the session: of the net, its run, or what is recorded of it."""


class Reply(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """What the engine process sends.

    The window drops it once another document, or another start, has taken the place of its net.

    Attributes:
        revision: of the ``Load`` or ``Reset`` that it comes after.
    """

    revision: int = 0


class Shown(Reply, frozen=True):
    """What a ``Look`` brings: the window drops it once the graph is another, for it comes again."""


class Outcome(Reply, frozen=True):
    """What became of a request, or of the process: always sent to the window."""
