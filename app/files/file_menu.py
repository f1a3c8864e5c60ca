"""New, open, save, recent files and pictures: what the File menu does, errors as a sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.document.document import CancelledError
from app.document.facts import bytes_text
from app.files.waiting import Waiting
from app.settings import Settings
from app.widgets import file_dialogs
from graphcore import presets
from graphcore.errors import GradscapeError, short
from graphcore.exchange import ENDINGS
from graphcore.files.state_dict import ENDINGS as WEIGHTS
from graphcore.session.messages import RunsOpened
from graphcore.views.timeline import OpenRuns, RunsSaved, SaveRuns

MAX_RECENT = 15
SUFFIX = ".graph.json"
RUN_SUFFIX = ".gradrun"
TABLES = (".csv", ".tsv", ".txt", ".dat", ".data")
"""Endings of what is data to train on."""
WORKBOOKS = (".xlsx", ".xls", ".ods", ".numbers")
"""Endings of what spreadsheet programs keep for themselves."""
WORTH = 10.0
"""Seconds of training from which on runs are not dropped without a word."""


class Files(QObject):
    """Asks, checks and lets the document read or write. A refused file leaves it untouched.

    Attributes:
        unnamed: files of runs that the app keeps for itself, of which nothing is said.

    Signals:
        table_given: path of a table, or of a folder of images, that was to be opened.
        net_given: path of another program's net that is to be opened.
        weights_given: path of weights that are to go onto the open graph.
        refused: the sentence that says why something could not be read or written.
        recent_changed: the list of recent files is another.
        opened: a graph was opened or begun.
        run_at_stake: opening another graph would drop a long run that is in no file: the
            sentence that says so, and what opens it all the same.
        own_wanted: the document that a lesson has put aside is to be saved: it has to be back.
        wrote: path of a picture of the canvas.
    """

    refused = Signal(str)
    table_given = Signal(str)
    net_given = Signal(str)
    weights_given = Signal(str)
    recent_changed = Signal()
    opened = Signal()
    own_wanted = Signal()
    run_at_stake = Signal(str, object)
    wrote = Signal(str)

    def __init__(self, document: Any, canvas: Any, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._document, self._canvas = document, canvas
        self.engine: Any = None
        self._settings, self._window = settings, window
        self._preset = ""
        self.unnamed: set[str] = set()
        self._kept: tuple[tuple[int, int], ...] = ()
        document.opened.connect(self._on_document)

    # -- recent files -------------------------------------------------------------------------

    @property
    def recent(self) -> list[str]:
        """Paths of the files that were open last, newest first."""
        return self._settings.strings("files/recent")

    def call(self, name: str) -> None:
        """Let a graph that has no file be called by a name, as a preset is."""
        self._preset = name
        self.recent_changed.emit()

    def _remember(self, path: str) -> None:
        full = str(Path(path).resolve())
        kept = [full, *(p for p in self.recent if p != full)][:MAX_RECENT]
        self._settings.store.setValue("files/recent", kept)
        self._settings.store.setValue("files/folder", str(Path(full).parent))
        self.recent_changed.emit()

    def _forget(self, path: str) -> None:
        self._settings.store.setValue("files/recent", [p for p in self.recent if p != path])
        self.recent_changed.emit()

    def clear_recent(self) -> None:
        """Forget the files that were open."""
        self._settings.store.remove("files/recent")
        self.recent_changed.emit()

    # -- asking -------------------------------------------------------------------------------

    @property
    def folder(self) -> str:
        """Where file dialogs begin: where the last file was."""
        last = str(self._settings.store.value("files/folder") or "")
        return last if os.path.isdir(last) else os.path.expanduser("~")

    def ask(self, question: file_dialogs.Question, ending: str = "") -> str:
        """Path of a file, or "" where none was chosen; the next question begins beside it.

        Args:
            question: one of ``file_dialogs``.
            ending: of the name that is offered; "" offers the folder alone.
        """
        path = question(self._window, self.start(ending) if ending else self.folder)
        if path:
            folder = Path(path) if os.path.isdir(path) else Path(path).parent
            self._settings.store.setValue("files/folder", str(folder.resolve()))
        return path

    def ask_new(self, question: file_dialogs.Question, ending: str, always: bool = False) -> str:
        """Path of a file to write, with an ending, or "" where none was chosen.

        The dialog has asked about a file that is there under the name that was typed; where the
        ending makes it another's name, that is asked here.

        Args:
            always: add the ending even to a name that has another.
        """
        typed = self.ask(question, ending)
        bare = not typed.endswith(ending) if always else not Path(typed).suffix
        path = typed + ending if typed and bare else typed
        return path if path == typed or self.may_replace([Path(path)]) else ""

    def may_replace(self, paths: Iterable[Path]) -> bool:
        """Whether these may be written: none is there, or the user says so."""
        names = [path.name for path in paths if os.path.lexists(path)]
        return not names or file_dialogs.ask_replace(self._window, names)

    # -- opening ------------------------------------------------------------------------------

    def may_leave(self) -> bool:
        """Ask what to do with unsaved changes; False means the user wants to stay.

        In a lesson they are those of the document that the lesson has put aside.
        """
        aside = self._document.aside
        if not (self._document.modified if aside is None else aside.modified):
            return True
        answer = file_dialogs.ask_unsaved(self._window, self.name if aside is None else aside.name)
        if answer == "save" and aside is not None:
            self.own_wanted.emit()
        return answer == "discard" or (answer == "save" and self.save())

    def _may_drop_runs(self, again: Callable[[], object]) -> bool:
        """Whether the runs are short, or in a file, or may go; else that is asked, once.

        Args:
            again: what opens the other graph.
        """
        runs = () if self.engine is None else self.engine.moment.runs
        seconds, now = sum(run.seconds for run in runs if not run.of_script), self._runs_now
        if seconds < WORTH or now == self._kept or self._document.aside is not None:
            return True

        def let_go() -> None:
            self._kept = now
            again()

        text = self.tr("{0} has trained for {1:.0f} s. Its run is not saved: it would be lost.")
        self.run_at_stake.emit(text.format(self.name, seconds), let_go)
        return False

    @property
    def _runs_now(self) -> tuple[tuple[int, int], ...]:
        """Number and steps of every run."""
        return tuple((run.run, run.steps) for run in self.engine.moment.runs) if self.engine else ()

    @property
    def name(self) -> str:
        """What the title calls the graph: its file, or what it was begun with."""
        path = self._document.path
        if path:
            return Path(path).name.removesuffix(SUFFIX)
        return self._preset or self.tr("Untitled")

    def _on_document(self) -> None:
        self._preset = ""

    def new(self) -> None:
        """Begin an empty graph."""
        if self._may_drop_runs(self.new) and self.may_leave():
            self._document.new()
            self.opened.emit()

    def ask_open(self) -> None:
        """Ask for a file and open it."""
        if path := self.ask(lambda w, at: file_dialogs.ask_open(w, at, ENDINGS)):
            self.open(path)

    def open(self, path: str) -> bool:
        """Open a graph file, after asking about unsaved changes; so with recorded runs and nets."""
        if path.endswith(RUN_SUFFIX):
            self.open_run(path)
            return True
        if path.lower().endswith(ENDINGS):
            self.net_given.emit(path)
            return True
        if path.lower().endswith(WEIGHTS):
            self.weights_given.emit(path)
            return False
        if path.lower().endswith(WORKBOOKS):
            sentence = self.tr("{0} is a workbook: save its sheet as CSV, and open that.")
            self.refused.emit(sentence.format(short(Path(path).name)))
            return False
        if path.lower().endswith(TABLES) or os.path.isdir(path):
            if self.engine is None:
                sentence = self.tr("{0} is data, not a graph.")
                self.refused.emit(sentence.format(short(Path(path).name)))
            self.table_given.emit(path)
            return False
        if not self._may_drop_runs(partial(self.open, path)):
            return False
        if not self._read(path, Path(path).name):
            return False
        self._remember(path)
        self.opened.emit()
        return True

    def open_import(self, graph: str, source: str) -> bool:
        """Open the graph that was made of another program's file, called as that one."""
        if not self._read(graph, Path(source).name, imported=True):
            return False
        self._preset = Path(source).stem
        self._remember(source)
        self.opened.emit()
        return True

    def _read(self, path: str, called: str, imported: bool = False) -> bool:
        """Let the document open a graph file, after asking about unsaved changes."""
        if not self.may_leave():
            return False
        try:
            with Waiting(self._window, self.tr("Opening {0} …").format(called)) as progress:
                self._document.open(path, progress, imported)
        except CancelledError as cancelled:
            self._document.message.emit(str(cancelled))
            return False
        except GradscapeError as error:
            if not os.path.exists(path):
                self._forget(path)
            self.refused.emit(str(error))
            return False
        return True

    def open_preset(self, name: str) -> bool:
        """Open a graph that ships, as a new document."""
        again = partial(self.open_preset, name)
        if not (self._may_drop_runs(again) and self.may_leave()):
            return False
        try:
            self._document.open_graph(presets.load(name))
        except GradscapeError as error:
            self.refused.emit(str(error))
            return False
        self._preset = name
        self.opened.emit()
        return True

    def open_any(self, file_or_preset: str) -> bool:
        """Open a file, or the preset of that name."""
        known = file_or_preset in presets.names() and not os.path.exists(file_or_preset)
        return self.open_preset(file_or_preset) if known else self.open(file_or_preset)

    # -- saving -------------------------------------------------------------------------------

    def start(self, ending: str) -> str:
        """The path that a dialog offers first for a file about this document."""
        return str(Path(self.folder) / f"{self.name.lower()}{ending}")

    def save(self) -> bool:
        """Write to the document's file, or ask for one."""
        if self._document.path is None:
            return self.save_as()
        return self._write(None)

    def save_run(self) -> None:
        """Ask for a file and have the recorded runs written to it."""
        if path := self.ask_new(file_dialogs.ask_save_run, RUN_SUFFIX, always=True):
            self.engine.ask(SaveRuns(path))

    def ask_open_run(self) -> None:
        """Ask for a file of recorded runs and go on from it."""
        if path := self.ask(file_dialogs.ask_open_run):
            self.open_run(path)

    def open_run(self, path: str) -> None:
        """Go on from a file of recorded runs, after asking about unsaved changes."""
        if self.engine is None or not self._may_drop_runs(partial(self.open_run, path)):
            return
        if self.may_leave():
            self.engine.ask(OpenRuns(path))

    def follow(self, engine: Any) -> None:
        """Have the engine keep runs in files, and tell how that went."""
        self.engine = engine
        engine.on(RunsSaved, self._on_run_file)
        engine.on(RunsOpened, self._on_run_file)

    def _on_run_file(self, told: Any) -> None:
        if told.path in self.unnamed:
            return
        if told.problem:
            self.refused.emit(told.problem)
            return
        opened = hasattr(told, "graph")
        if not told.path:  # the run of a script, which comes from no file
            self.opened.emit()
            return
        if not opened:
            self._kept = self._runs_now
        text = self.tr("Opened {0} ({1}).") if opened else self.tr("Saved {0} ({1}).")
        size = bytes_text(Path(told.path).stat().st_size)
        self._document.message.emit(text.format(told.path, size))
        if opened:
            self.opened.emit()

    def save_as(self) -> bool:
        """Ask for a file and write to it."""
        path = self.ask_new(file_dialogs.ask_save, SUFFIX)
        if not path or not self.may_replace(self._document.origin.in_the_way(Path(path))):
            return False
        return self._write(path)

    def _write(self, path: str | None) -> bool:
        try:
            self._document.save(path)
        except GradscapeError as error:
            self.refused.emit(str(error))
            return False
        self._remember(str(self._document.path))
        text = self.tr("Saved {0}.")
        if self.engine is not None and (self.engine.step or self.engine.moment.by_hand):
            text = self.tr("Saved {0}, without weights: Save Run keeps them.")
        self._document.message.emit(text.format(self._document.path))
        return True

    def export(self) -> None:
        """Ask for a file and draw the canvas into it; its ending says the format."""
        path = self.ask_new(file_dialogs.ask_export, ".svg")
        if not path:
            return
        try:
            self._canvas.editor.export(path)
        except (GradscapeError, OSError) as error:
            self.refused.emit(str(error))
        else:
            self.wrote.emit(path)
