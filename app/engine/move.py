"""Going on at another place: the runs are carried there as a file."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from app.engine.place import Place
from graphcore import files
from graphcore.records.requests import Reply
from graphcore.session import messages as m
from graphcore.session.messages import RunsOpened
from graphcore.views.timeline import OpenRuns, RunsSaved, SaveRuns
from graphcore.worker.line import FileMade

if TYPE_CHECKING:
    from app.engine.engine import Engine


class Move:
    """Takes the runs from one process to the next.

    Args:
        folder: for the file that they are carried in.

    Attributes:
        to: the place that is gone to once the runs are in their file; None: nowhere.
        train_on: whether training goes on there.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine, self._folder = engine, folder
        self.to: Place | None = None
        self.train_on = False
        self._file, self._graph = "", b""

    def begin(self, place: Place) -> None:
        """Let a process at another place go on; one that is dead has no runs to give."""
        engine = self._engine
        self.train_on |= engine.state == "running"
        if self.to is not None:
            self.to = place
        elif self._file:  # the runs are still on their way to the place before
            engine.go_to(place)
        elif engine.alive and engine.has_net and engine.moment.runs and not engine.script:
            engine.pause()
            self.to = place
            self._file = str(self._folder / f"moved-{secrets.token_hex(4)}.runs")
            self._graph = files.dumps(engine.document.root)
            with contextlib.suppress(OSError):
                self._folder.mkdir(parents=True, exist_ok=True)
            engine.send(SaveRuns(self._file))
        else:
            engine.go_to(place)

    def bring(self) -> None:
        """Let the process that has started take up the runs, if any are carried."""
        if self._file:
            self._engine.send(OpenRuns(self._file, own=True))

    def drop(self) -> None:
        """Carry nothing: the runs are of a document that is closed."""
        self._file = ""

    def takes(self, reply: Reply) -> bool:
        """Whether a reply is about the file that runs are carried in; it is taken then."""
        if not self._file or getattr(reply, "path", "") != self._file:
            return False
        if isinstance(reply, FileMade):
            self._engine.write(reply)
        elif isinstance(reply, RunsSaved):
            self._saved(reply)
        elif isinstance(reply, RunsOpened):
            self._opened(reply)
        return True

    def _saved(self, saved: RunsSaved) -> None:
        """The runs are in the file that they are carried in; without any there is nothing to."""
        if saved.problem:
            self._file = ""
        if self.to is not None:
            self._engine.go_to(self.to)

    def _opened(self, opened: RunsOpened) -> None:
        """The runs are at the new place; the document is theirs, unless it was edited since."""
        engine = self._engine
        with contextlib.suppress(OSError):
            os.unlink(self._file)
        self._file = ""
        if opened.problem:
            engine.failed.emit(m.Failure("request", opened.problem))
        elif files.dumps(engine.document.root) != self._graph:
            engine.agreement.load_soon()
        if self.train_on:
            engine.run(None)
        self.train_on = False
