"""Messages of the engine in the banner and the status bar."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.document.document import Document
from app.document.own_data import (
    answers_otherwise,
    ask_for_net,
    make_net,
    make_net_asked_for,
    use_table,
)
from app.document.ways_to_train import ways_to_train
from app.engine.engine import Engine
from app.files.exports import JobIndicator
from app.shell.engine.dialog import describe
from graphcore import datasets
from graphcore.errors import GradscapeError, short
from graphcore.graph.elements import Change
from graphcore.session import messages as m

SETTLED_MS = 100
"""After so long the canvas has the size that panels and banners leave it."""
MISFITS = "has samples of shape", "takes targets from"
"""What a refusal of data says that another net would take."""
SAME = 1e-6
"""Difference of outputs, of the largest of them, up to which two nets compute the same."""


class EngineNews(QObject):
    """Joins an engine's signals to the window's banner and status bar.

    Args:
        window: has ``banner``, ``status``, ``canvas`` and ``document``.
    """

    def __init__(self, window: Any, engine: Engine) -> None:
        super().__init__(window)
        self._window, self._engine = window, engine
        self._failure = self._stopped = self._progress = self._report = ""
        self.reading = JobIndicator()
        window.status.insertPermanentWidget(1, self.reading)
        self.reading.hide()
        self.reading.cancelled.connect(engine.cancel_reading)
        window.document.opened.connect(window.banner.hide)
        window.files.table_given.connect(self._offer_table)
        window.document.changed.connect(self._on_change)
        self._data: m.DataRead | None = None
        self._table = ""
        self._other = ""
        self._turned: Callable[[Document, str], None] | None = None
        engine.on(m.DataRead, self._on_data)
        engine.ready.connect(self._show_engine)
        engine.line_changed.connect(self._show_engine)
        engine.loaded.connect(self._on_loaded)
        engine.frame.connect(self._on_frame)
        engine.progress.connect(self._on_progress)
        engine.failed.connect(self._on_failed)
        engine.died.connect(self._on_died)
        engine.state_changed.connect(self._on_state)

    def _show_engine(self, _ready: m.Ready | None = None) -> None:
        self._window.status.set_device(describe(self._engine))

    def _on_loaded(self, loaded: m.Loaded) -> None:
        self._end_progress()
        self._window.status.set_data(
            loaded.dataset,
            " + ".join(f"{n:,}" for n in _samples(loaded)),
            loaded.normalization,
            bool(loaded.held_back),
        )
        report = self._surgery(loaded)
        if report:
            self._window.status.say(report)
        elif self._report and self._window.status.currentMessage() == self._report:
            self._window.status.clearMessage()  # it was of the edit before
        self._report = report
        other, self._other = self._other, ""
        if other:
            self._window.banner.show_message(f"{other} {loaded.note}", "warning", self._nets())
        elif loaded.note:
            self._window.banner.show_message(loaded.note, "info")

    def _surgery(self, loaded: m.Loaded) -> str:
        """What an edit did to the weights; "" where nothing changed, or nothing was to be kept."""
        lists = (loaded.part, loaded.fresh, loaded.gone, loaded.frozen, loaded.anew)
        moved = loaded.change is not None and loaded.change > SAME
        if not loaded.kept or not (any(lists) or moved):
            return ""
        parts = [self.tr("weights and biases kept whole: {0}").format(loaded.kept)]
        for words, names in (
            (self.tr("kept in part: {0}"), loaded.part), (self.tr("new: {0}"), loaded.fresh),
            (self.tr("gone: {0}"), loaded.gone), (self.tr("frozen: {0}"), loaded.frozen),
            (self.tr("optimiser anew: {0}"), loaded.anew),
        ):  # fmt: skip
            if names:
                more = " …" if len(names) > 3 else ""
                parts.append(words.format(", ".join(names[:3]) + more))
        if loaded.copies:
            each = ", ".join(f"{name} ({count})" for name, count in loaded.copies.items())
            parts.append(self.tr("new units are copies: {0}").format(each))
        if loaded.change is not None:
            parts.append(
                self.tr("outputs changed by up to {0:.2g} times the largest").format(loaded.change)
                if moved
                else self.tr("the function is unchanged")
            )
        return "; ".join(parts) + "."

    def _on_frame(self, frame: m.Frame) -> None:
        """Say once that training has ended before its last epoch; take it away with the stop."""
        if frame.stopped == self._stopped:
            return
        if self._window.banner.text == self._stopped:
            self._window.banner.hide()
        self._stopped = frame.stopped
        if frame.stopped:
            self._window.banner.show_message(frame.stopped, "info")

    # -- tables -------------------------------------------------------------------------------

    def _offer_table(self, path: str, why: str = "") -> None:
        """Let a table or a folder be the data of the open graph, or of a net made for it."""
        window, document = self._window, self._window.document
        net = (self.tr("Make a net for it"), self._turn_to(path, ask_for_net))
        use = (self.tr("Use it as data"), self._turn_to(path, use_table))
        actions = [use, net] if len(document.root) else [net]
        folder = self.tr("{0} is a folder of images, not a graph.")
        why = why or (folder if Path(path).is_dir() else self.tr("{0} is a table, not a graph."))
        window.banner.show_message(why.format(short(Path(path).name)), "info", actions)

    def _on_change(self, change: Change) -> None:
        """Offer a net for a table that is chosen where there is none yet."""
        root = self._window.document.root
        path = str(root.training.dataset_options.get("path", ""))
        chosen = change.kind == "training_changed" and path and path != self._table
        alone = root.training.dataset == "csv" and not len(root) and self._turned is None
        if chosen and alone:
            self._offer_table(path, self.tr("There is no net yet that takes {0}."))
        self._table = path

    def _turn_to(self, path: str, turn: Callable[[Document, str], None]) -> Callable[[], None]:
        def run() -> None:
            self._turned = turn
            self._window.show_canvas()
            self._attempt(lambda: turn(self._window.document, path))()
            self._engine.start_anew()  # what was learned on other data is no start for these

        return run

    def _on_data(self, data: m.DataRead) -> None:
        """Data were read; where a table was just chosen, make the net, or say what does not fit."""
        self._data = data
        document = self._window.document
        if data.dataset != document.root.training.dataset:
            return  # these were asked for before the table was chosen
        turned, self._turned = self._turned, None
        if turned is ask_for_net:
            self._make(make_net_asked_for, data)()
        elif turned is use_table and answers_otherwise(document, data.classes):
            self._other = (
                self.tr("The targets are classes, this net answers with numbers.") if data.classes
                else self.tr("The targets are numbers, this net answers with classes.")
            )  # fmt: skip

    def _nets(self) -> list[tuple[str, Callable[[], object]]]:
        """What can be done about data that were read and do not fit the net."""
        data, document = self._data, self._window.document
        if data is None or data.dataset != document.root.training.dataset:
            return []
        return [(self.tr("Make a net for these data"), self._make(make_net, data))]

    def _make(
        self, make: Callable[[Document, tuple[int, ...], int], None], data: m.DataRead
    ) -> Callable[[], None]:
        """What puts a net in the place of the graph: it begins at its own start."""

        def edit() -> None:
            make(self._window.document, data.input_shape, data.classes)
            self._engine.start_anew()
            QTimer.singleShot(SETTLED_MS, self, self._window.canvas.camera.fit_all)

        return self._attempt(edit)

    def _on_progress(self, progress: m.Progress) -> None:
        share = f" {100 * progress.done // progress.total} %" if progress.total else ""
        self._progress = f"{progress.what}{share}"
        self._window.status.say(self._progress)
        self.reading.say(self.tr("Reading {0}").format(self._progress))
        self.reading.show()

    def _end_progress(self) -> None:
        """Take the last share away: what took a while is over, or was given up."""
        self.reading.hide()
        if self._progress and self._window.status.currentMessage() == self._progress:
            self._window.status.clearMessage()
        self._progress = ""

    def _on_failed(self, failure: m.Failure) -> None:
        self._failure = failure.message
        if failure.kind == "load":
            if self._turned is ask_for_net:  # the table cannot be read: no net waits for it
                self._window.document.undo_stack.undo()
            self._turned = None
            self._end_progress()
            self._window.status.set_data(self._window.document.root.training.dataset, "", "")
        actions: list[tuple[str, Callable[[], object]]] = []
        if failure.node and failure.node in self._window.document.root:
            actions.append((self.tr("Show {0}").format(failure.node), self._show(failure.node)))
        if failure.kind == "untrainable":
            actions += self._ways()
        if failure.kind == "load" and any(part in failure.message for part in MISFITS):
            actions += self._nets()
        no_file = failure.message.startswith(datasets.NO_FILE)
        if no_file:
            actions.append((self.tr("Choose…"), self._choose_file))
        if failure.details:
            actions.append(self._window.details(failure.details))
        level = "warning" if failure.kind in ("disk", "untrainable") else "error"
        level = "info" if no_file else level
        self._window.banner.show_message(failure.message, level, actions)

    def _ways(self) -> list[tuple[str, Callable[[], object]]]:
        """What can be done about a graph that cannot be trained."""
        window = self._window
        if not len(window.document.root):
            return [(self.tr("Open a preset"), window.show_welcome)]
        problems = window.document.levels[0].shapes.problems
        if fault := next((n for n, p in problems.items() if p.kind == "error"), ""):
            return [(self.tr("Show {0}").format(fault), self._show(fault))]
        if self._engine.state == "refused":
            return [(self.tr("Choose data"), self._show_data)]
        return [(label, self._attempt(edit)) for label, edit in ways_to_train(window.document)]

    def _show_data(self) -> None:
        self._window.show_panel("training").fill().show_data()

    def _choose_file(self) -> None:
        self._window.show_panel("training").fill().ask_for_file()

    def _attempt(self, edit: Callable[[], object]) -> Callable[[], None]:
        def attempt() -> None:
            try:
                edit()
            except GradscapeError as error:
                self._window.refuse(str(error))

        return attempt

    def _show(self, node: str) -> Any:
        def show() -> None:
            self._window.document.leave(0)
            self._window.canvas.select([node])

        return show

    def _on_died(self, sentence: str) -> None:
        self._end_progress()
        actions: list[tuple[str, Callable[[], object]]] = [
            (self.tr("Restart"), self._engine.restart)
        ]
        if self._engine.place.command:
            actions.append((self.tr("Choose another place…"), self._window.show_engine))
        self._window.banner.show_message(sentence, "error", actions)

    def _on_state(self, state: str) -> None:
        """A failure that no longer holds is taken away."""
        if state == "starting":
            place = self._engine.place.command
            wait = self.tr("waiting for {0}").format(short(place)) if place else ""
            self._window.status.set_device(wait or self.tr("starting"))
        elif state == "dead":
            self._window.status.set_device(self.tr("no engine"))
        if state in ("idle", "running") and self._failure:
            if self._window.banner.text == self._failure:
                self._window.banner.hide()
            self._failure = ""


def _samples(loaded: m.Loaded) -> tuple[int, ...]:
    """To train on, held back for validation where there are any, and to test on."""
    held_back = (loaded.held_back,) if loaded.held_back else ()
    return loaded.train_samples, *held_back, loaded.test_samples
