"""The document and the net of the engine process, kept the same: edits go out, runs come back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QObject, QTimer

from graphcore import files
from graphcore.graph.elements import Change
from graphcore.records.requests import Outcome, Reply, Shown
from graphcore.session import messages as m
from graphcore.session.messages import RunEntered, RunsOpened
from graphcore.views.timeline import TimelineFrame

if TYPE_CHECKING:
    from app.engine.engine import Engine

EDIT_MS = 250
_STRUCTURE = {"node_added", "node_removed", "node_renamed", "edge_added", "edge_removed",
              "training_changed"}  # fmt: skip
_FIELDS = {"attributes", "initializers", "frozen", "bypassed"}


class Agreement(QObject):
    """Has an edited graph loaded, and lets the document follow the run that one goes to.

    Every ``Load`` and ``Reset`` has a number of its own, its revision, which replies carry: by
    it a reply is told from one about another net.

    Attributes:
        settings: of the net that the process was given.
        adopting: whether the document is just becoming the graph of a file of runs.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._engine, self._document = engine, engine.document
        self.settings = self._document.root.training
        self.adopting = False
        self._run = 0
        self._renamed: list[tuple[str, str]] = []
        self._emptied_at: int | None = None  # edits made when everything was deleted or undone
        self._timer = QTimer(self, singleShot=True, interval=EDIT_MS)
        self._timer.timeout.connect(lambda: self.load(keep=True))
        self.begin()

    def begin(self) -> None:
        """Count from 0: another process was given nothing yet."""
        self._revision = self._loaded_at = 0  # of the last Load or Reset, and of the last Load
        self._opened_at = self._begun_at = 0  # of the last Load of another net, or Reset
        self._answered = 0  # the newest that a reply was about

    # -- what goes out ------------------------------------------------------------------------

    def load(self, keep: bool, resume: str = "", forget: bool = False) -> None:
        """Give the process the graph as it is now.

        Args:
            keep: whether weights that still fit go on.
            resume: folder of a checkpoint to go on from.
            forget: whether nothing is kept, not the runs either.
        """
        self._timer.stop()
        if keep and self._is_rebuilt():
            keep, forget = False, True
        document, engine = self._document, self._engine
        self.settings = document.root.training
        engine.set_state("loading")
        self._loaded_at = self._next_revision()
        if not keep:
            self._opened_at = self._begun_at = self._revision
        engine.send(
            m.Load(files.dumps(document.root), keep, resume, str(engine.checkpoints.folder),
                   engine.data_dir, engine.growth, forget, document.origin.weights,
                   tuple(self._renamed), self._revision)
        )  # fmt: skip
        self._renamed.clear()

    def load_edits(self) -> None:
        """Give the process an edit of this moment now, where it waits to be sent."""
        if self._timer.isActive():
            self.load(keep=True)

    def load_soon(self) -> None:
        """Give the process the document once no further edit has come for a moment."""
        self._timer.start()

    def stop(self) -> None:
        """Send no edit: the process has the document already, or is given it anyway."""
        self._timer.stop()

    def reset(self) -> m.Reset:
        """Return the request that goes back to the start."""
        self._begun_at = self._next_revision()
        return m.Reset(self._revision)

    def _next_revision(self) -> int:
        self._revision += 1
        return self._revision

    def _is_rebuilt(self) -> bool:
        """Whether another net is being built where everything was deleted, and not undone again."""
        steps = self._document.steps_made
        if not len(self._document.root):
            self._emptied_at = steps if self._emptied_at is None else self._emptied_at
            return False
        rebuilt = self._emptied_at is not None and steps != self._emptied_at
        if rebuilt:
            self._emptied_at = None
        return rebuilt

    def follow(self, change: Change) -> None:
        """Send what has changed in the document: a rate at once, an edit a moment later."""
        if change.kind == "training_changed" and self._is_rate_alone():
            self.settings = self._document.root.training
            self._engine.send(m.SetRate(self.settings.lr))
        elif change.kind in _STRUCTURE or (
            change.kind == "node_changed" and change.what in _FIELDS
        ):
            if change.kind == "node_renamed":
                prefix = self._document.prefix
                self._renamed.append((prefix + change.old, prefix + change.name))
            self._timer.start()

    def _is_rate_alone(self) -> bool:
        """Whether the engine's settings are those of the document but for the learning rate."""
        now = self._document.root.training
        return msgspec.structs.replace(now, lr=self.settings.lr) == self.settings

    def opened(self) -> None:
        """Note that another document was opened."""
        self._emptied_at = None

    # -- what comes back ----------------------------------------------------------------------

    def note(self, reply: Reply) -> None:
        """Note of which revision a reply is."""
        self._answered = max(self._answered, reply.revision)

    def refused(self) -> None:
        """Note that the last graph was refused: nothing will be said of it."""
        self._answered = self._loaded_at

    def loaded(self, problem: str) -> None:
        """Note that the graph was taken; a problem says why it cannot be trained."""
        if not problem:
            self._emptied_at = None

    def is_old(self, reply: Reply) -> bool:
        """Whether a reply is of another document, or what it shows comes again of a newer net."""
        if isinstance(reply, Outcome):
            return False
        if isinstance(reply, Shown):
            return self.is_of_another_graph(reply)
        return reply.revision < self._opened_at

    def is_of_another_graph(self, reply: Reply) -> bool:
        """Whether a reply is of the graph before the last edit."""
        return reply.revision < self._loaded_at or self._timer.isActive()

    def is_of_another_start(self, reply: Reply) -> bool:
        """Whether a reply is of what was before the last reset, or of another net."""
        return reply.revision < self._begun_at

    @property
    def ahead(self) -> bool:
        """Whether the engine will be given, or has not answered, what the document is now."""
        return self._timer.isActive() or self._answered < self._loaded_at

    def go_to_run(self, frame: TimelineFrame) -> None:
        """Let the settings of the document be those of the run that one goes to."""
        another, self._run = frame.run != self._run, frame.run
        settings = next((r.settings for r in frame.runs if r.run == frame.run), None)
        root = self._document.root
        settled = not self.ahead and self._engine.has_net
        if another and settled and settings is not None and settings != root.training:
            self.settings = settings  # the engine has them already
            self._document.set_training(settings)
            self._timer.stop()

    def open_runs(self, opened: RunsOpened) -> None:
        """Let the document be the graph of a file's run, which the engine has already."""
        if not opened.problem:
            ahead = self.ahead
            self.adopting, self._run = True, 0
            self._document.open_graph(files.loads(opened.graph))
            self.adopting, self.settings = False, self._document.root.training
            if ahead:  # behind the file the engine takes an edit that came before it
                self._timer.start()
            else:
                self._timer.stop()

    def enter_run(self, entered: RunEntered) -> None:
        """Let the document be the graph of the run that was gone to, as one step of its history.

        One that was edited since goes its own way, and the engine with it.
        """
        if self.ahead:
            self._timer.start()
            return
        document = self._document
        document.become(files.loads(entered.graph), self.tr("Go to {0}").format(entered.name))
        self._timer.stop()
        self.settings = document.root.training
        document.message.emit(
            self.tr("This is {0}, on a graph of its own; undo brings the other graph back.").format(
                entered.name
            )
        )
